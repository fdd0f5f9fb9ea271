package polling

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	errTransient = errors.New("down for a moment")
	errPermanent = errors.New("not found")
)

// busy is a transient failure that asks for a pause.
type busy struct{ retryAfter time.Duration }

func (b busy) Error() string { return "busy, come back after " + b.retryAfter.String() }

// condition is what is waited for: observe says what the n-th poll sees, from 1. It is
// done in the state DONE, unless done says otherwise.
type condition struct {
	observe  func(n int) (string, error)
	done     func(state string) (bool, error)
	attended time.Duration
	polls    []time.Time
}

func (th *condition) wait(ctx context.Context, opts Options[string]) (Result[string], error) {
	return Wait(ctx, opts, Condition[string]{
		Poll: func(context.Context) (*string, error) {
			th.polls = append(th.polls, time.Now())
			state, err := th.observe(len(th.polls))
			if err != nil {
				return nil, err
			}
			return &state, nil
		},
		State: func(s *string) string { return *s },
		Done: func(_ context.Context, s *string) (bool, error) {
			if th.done != nil {
				return th.done(*s)
			}
			return *s == "DONE", nil
		},
		Transient: func(err error) bool { return !errors.Is(err, errPermanent) },
		RetryAfter: func(err error) time.Duration {
			b, _ := errors.AsType[busy](err)
			return b.retryAfter
		},
		Attended: th.attended,
	})
}

// plays gives one event after the other, a state or a failure; the last one stays.
func plays(events ...any) func(int) (string, error) {
	return func(n int) (string, error) {
		switch event := events[min(n, len(events))-1].(type) {
		case error:
			return "", event
		default:
			return fmt.Sprint(event), nil
		}
	}
}

// times repeats an event.
func times(n int, event any) []any {
	events := make([]any, n)
	for i := range events {
		events[i] = event
	}
	return events
}

// after is in the state A until the time is over, and DONE from then on.
func after(change time.Duration) func(int) (string, error) {
	start := time.Now()
	return func(int) (string, error) {
		if time.Since(start) < change {
			return "A", nil
		}
		return "DONE", nil
	}
}

// gaps are the pauses between the polls.
func (th *condition) gaps() []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(th.polls); i++ {
		gaps = append(gaps, th.polls[i].Sub(th.polls[i-1]))
	}
	return gaps
}

// requireGap says that a pause was the wanted one, or up to a fifth shorter.
func requireGap(t *testing.T, want, gap time.Duration, i int) {
	t.Helper()
	require.LessOrEqual(t, gap, want, "pause %d", i)
	require.GreaterOrEqual(t, gap, want-want/5, "pause %d", i)
}

// requireGaps says what the pauses between the polls were.
func (th *condition) requireGaps(t *testing.T, want ...time.Duration) {
	t.Helper()
	gaps := th.gaps()
	require.Len(t, gaps, len(want))
	for i, pause := range want {
		requireGap(t, pause, gaps[i], i)
	}
}

func TestTheFirstPollIsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, th := time.Now(), condition{observe: plays("DONE")}

		got, err := th.wait(t.Context(), Options[string]{Interval: time.Hour})

		require.NoError(t, err)
		require.Equal(t, Result[string]{Last: new("DONE"), State: "DONE", Polls: 1}, got)
		require.Equal(t, []time.Time{start}, th.polls)
		require.Equal(t, start, time.Now())
	})
}

func TestPausesAreATwentiethOfTheWaitWithinTheirBounds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const s = time.Second
	for name, tt := range map[string]struct {
		opts              Options[string]
		shortest, longest time.Duration
	}{
		"by default":                     {Options[string]{}, 2 * s, 900 * s},
		"as given":                       {Options[string]{Interval: 10 * s, MaxInterval: 20 * s}, 10 * s, 20 * s},
		"the longest is the shortest":    {Options[string]{Interval: 10 * s, MaxInterval: 10 * s}, 10 * s, 10 * s},
		"the longest is shorter":         {Options[string]{Interval: 10 * s, MaxInterval: s}, 10 * s, 10 * s},
		"the shortest above the default": {Options[string]{Interval: 1000 * s}, 1000 * s, 1000 * s},
		"the longest below the default":  {Options[string]{MaxInterval: s}, s, s},
		"below 0, so by default":         {Options[string]{Interval: -s, MaxInterval: -s}, 2 * s, 900 * s},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, th := time.Now(), condition{observe: after(10 * time.Hour)}

				_, err := th.wait(t.Context(), tt.opts)

				require.NoError(t, err)
				for i, gap := range th.gaps() {
					requireGap(t, min(max(th.polls[i].Sub(start)/20, tt.shortest), tt.longest), gap, i)
				}
				requireGap(t, tt.longest, th.gaps()[len(th.polls)-2], len(th.polls))
			})
		})
	}
}

func TestTheShortestIntervalsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for interval := time.Duration(1); interval <= 11; interval++ {
			th := condition{observe: plays("A", errTransient, errTransient, "A", "DONE")}
			_, err := th.wait(t.Context(), Options[string]{Interval: interval, MaxInterval: interval})
			require.NoError(t, err)
			for _, gap := range th.gaps() {
				require.Positive(t, gap)
				require.LessOrEqual(t, gap, interval)
			}
		}
	})
}

// A wait of days costs little, and a change in its first minutes is seen soon.
func TestHowLateAChangeIsSeenAndWhatItCosts(t *testing.T) {
	for _, tt := range []struct{ change, late, attended time.Duration }{
		{10 * time.Second, 2 * time.Second, 0},
		{time.Minute, 3 * time.Second, 0},
		{5 * time.Minute, 15 * time.Second, 0},
		{time.Hour, 3 * time.Minute, 0},
		{48 * time.Hour, 15 * time.Minute, 0},
		{5 * time.Minute, 2 * time.Second, 15 * time.Minute},
		{15 * time.Minute, 2 * time.Second, 15 * time.Minute},
		{16 * time.Minute, 3 * time.Second, 15 * time.Minute},
		{48 * time.Hour, 15 * time.Minute, 15 * time.Minute},
	} {
		t.Run(fmt.Sprintf("after %v, attended for %v", tt.change, tt.attended), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for range 20 { // the jitter differs
					start, th := time.Now(), condition{observe: after(tt.change), attended: tt.attended}

					got, err := th.wait(t.Context(), Options[string]{})

					require.NoError(t, err)
					require.LessOrEqual(t, time.Since(start)-tt.change, tt.late)
					attended := int(min(tt.attended, tt.change)/(2*time.Second)) * 10 / 8
					require.Less(t, got.Polls, 400+attended)
				}
			})
		})
	}
}

// Many waiters that start together do not stay together, and no pause is shorter
// than four fifths.
func TestPausesSpreadWithinAFifth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 10 * time.Second
		shortest, longest := interval, time.Duration(0)
		for range 1000 {
			th := condition{observe: plays("PENDING", "DONE")}
			_, err := th.wait(t.Context(), Options[string]{Interval: interval})
			require.NoError(t, err)
			th.requireGaps(t, interval)
			gap := th.polls[1].Sub(th.polls[0])
			shortest, longest = min(shortest, gap), max(longest, gap)
		}
		require.Greater(t, longest-shortest, interval/10)
	})
}

func TestANewStateStartsThePausesAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		th := condition{observe: func(int) (string, error) {
			switch waited := time.Since(start); {
			case waited < 2*time.Hour:
				return "A", nil
			case waited < 4*time.Hour:
				return "B", nil
			default:
				return "DONE", nil
			}
		}}
		changed := 0
		_, err := th.wait(t.Context(), Options[string]{OnChange: func(s *string) {
			if *s == "B" {
				changed = len(th.polls) - 1
			}
		}})

		require.NoError(t, err)
		requireGap(t, th.polls[changed-1].Sub(start)/20, th.gaps()[changed-1], changed-1)
		for i := range 10 {
			requireGap(t, 2*time.Second, th.gaps()[changed+i], changed+i)
		}
	})
}

// Ten failures that are tolerated last for minutes, also at the beginning of a wait.
func TestFailuresInARowLengthenThePauses(t *testing.T) {
	const s = time.Second
	synctest.Test(t, func(t *testing.T) {
		th := condition{observe: plays("A", errTransient, errTransient, errTransient, "A", "DONE")}
		_, err := th.wait(t.Context(), Options[string]{})
		require.NoError(t, err)
		th.requireGaps(t, 2*s, 3*s, s*45/10, s*675/100, 2*s)
	})
	synctest.Test(t, func(t *testing.T) {
		th := condition{observe: plays(append(times(10, errTransient), "DONE")...)}
		_, err := th.wait(t.Context(), Options[string]{MaxInterval: 20 * s})
		require.NoError(t, err)
		th.requireGaps(t, 3*s, s*45/10, s*675/100, s*10125/1000, 15187500*time.Microsecond, 20*s, 20*s, 20*s, 20*s, 20*s)
	})
}

func TestOnChangeIsCalledForChangesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := condition{observe: plays("A", "A", errTransient, "A", "B", "B", "A", "", "DONE")}
		var seen []string

		got, err := th.wait(t.Context(), Options[string]{OnChange: func(s *string) { seen = append(seen, *s) }})

		require.NoError(t, err)
		require.Equal(t, []string{"A", "B", "A", "", "DONE"}, seen)
		require.Equal(t, 9, got.Polls)
	})
	t.Run("the first state, also when it is empty", func(t *testing.T) {
		th := condition{observe: plays(""), done: func(string) (bool, error) { return true, nil }}
		var seen []string

		_, err := th.wait(t.Context(), Options[string]{OnChange: func(s *string) { seen = append(seen, *s) }})

		require.NoError(t, err)
		require.Equal(t, []string{""}, seen)
	})
}

func TestAFailureMayAskForALongerPause(t *testing.T) {
	const s = time.Second
	for name, tt := range map[string]struct{ asked, least, most time.Duration }{
		"longer than the interval":  {45 * s, 45 * s, 45 * s},
		"shorter than the interval": {s, 12*s + 1, 15 * s},
		"none":                      {0, 12*s + 1, 15 * s},
		"below 0":                   {-time.Hour, 12*s + 1, 15 * s},
		"an hour":                   {time.Hour, time.Hour, time.Hour},
		"a year":                    {365 * 24 * time.Hour, time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th := condition{observe: plays(fmt.Errorf("poll: %w", busy{tt.asked}), "DONE")}

				_, err := th.wait(t.Context(), Options[string]{Interval: 10 * s})

				require.NoError(t, err)
				gap := th.polls[1].Sub(th.polls[0])
				require.GreaterOrEqual(t, gap, tt.least)
				require.LessOrEqual(t, gap, tt.most)
			})
		})
	}
}

func TestFailuresInARowAreTolerated(t *testing.T) {
	in := func(events ...any) []any { return events }
	for name, tt := range map[string]struct {
		tolerate  int
		events    []any
		tolerated int
		want      error
	}{
		"ten by default":                {0, append(times(10, errTransient), "DONE"), 10, nil},
		"not eleven by default":         {0, append(times(11, errTransient), "DONE"), 10, errTransient},
		"as many as given":              {2, in(errTransient, errTransient, "DONE"), 2, nil},
		"not one more":                  {2, in(errTransient, errTransient, errTransient, "DONE"), 2, errTransient},
		"none":                          {-1, in(errTransient, "DONE"), 0, errTransient},
		"a success between starts anew": {2, in(errTransient, errTransient, "PENDING", errTransient, errTransient, "DONE"), 4, nil},
		"a change between starts anew":  {2, in(errTransient, errTransient, ErrStateChanged, errTransient, errTransient, "DONE"), 4, nil},
		"a change is no failure":        {-1, append(times(30, fmt.Errorf("list: %w", ErrStateChanged)), "DONE"), 0, nil},
		"a failure for good ends it":    {0, in("PENDING", errTransient, errPermanent, "DONE"), 1, errPermanent},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th := condition{observe: plays(tt.events...)}
				var tolerated []error

				got, err := th.wait(t.Context(), Options[string]{TolerateErrors: tt.tolerate, OnError: func(err error) { tolerated = append(tolerated, err) }})

				require.ErrorIs(t, err, tt.want)
				require.Len(t, tolerated, tt.tolerated)
				for _, one := range tolerated {
					require.ErrorIs(t, one, errTransient)
				}
				require.Equal(t, tt.want == nil, got.State == "DONE")
				for _, gap := range th.gaps() {
					require.Positive(t, gap, "it is not read again at once")
				}
			})
		})
	}
	t.Run("though nobody wants to know", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			th := condition{observe: plays(errTransient, "PENDING", errTransient, "DONE")}
			_, err := th.wait(t.Context(), Options[string]{TolerateErrors: 1})
			require.NoError(t, err)
		})
	})
}

// Deciding whether it is done may take a request of its own, which can fail like
// a poll.
func TestWhatDecidesMayFailToo(t *testing.T) {
	for name, tt := range map[string]struct {
		failures []error
		want     error
	}{
		"for a moment":              {[]error{errTransient, errTransient}, nil},
		"for longer than tolerated": {[]error{errTransient, errTransient, errTransient}, errTransient},
		"because the state changed": {[]error{ErrStateChanged, ErrStateChanged, ErrStateChanged}, nil},
		"for good":                  {[]error{errPermanent}, errPermanent},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				decided := 0
				th := condition{observe: plays("A"), done: func(string) (bool, error) {
					decided++
					if decided <= len(tt.failures) {
						return false, tt.failures[decided-1]
					}
					return true, nil
				}}

				got, err := th.wait(t.Context(), Options[string]{TolerateErrors: 2})

				require.ErrorIs(t, err, tt.want)
				require.Equal(t, "A", got.State)
				require.Equal(t, decided, got.Polls)
			})
		})
	}
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	t.Run("before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		th := condition{observe: plays("DONE")}

		got, err := th.wait(ctx, Options[string]{})

		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, got)
		require.Empty(t, th.polls)
	})
	t.Run("in a pause, and the last state is returned", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			th := condition{observe: plays("A", "A", errTransient, "B")}

			got, err := th.wait(ctx, Options[string]{Interval: time.Second, MaxInterval: time.Hour})

			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, 10*time.Minute, time.Since(start))
			require.Equal(t, new("B"), got.Last)
			require.Equal(t, "B", got.State)
			require.Equal(t, len(th.polls), got.Polls)
		})
	})
	t.Run("in a poll, whose failure is not tolerated", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := fmt.Errorf("poll: %w", context.Canceled)
		th := condition{observe: func(int) (string, error) {
			cancel()
			return "", ended
		}}
		tolerated := 0

		got, err := th.wait(ctx, Options[string]{OnError: func(error) { tolerated++ }})

		require.Equal(t, ended, err, "the poll's own error says more")
		require.Zero(t, tolerated)
		require.Nil(t, got.Last)
		require.Equal(t, 1, got.Polls)
	})
	t.Run("in a poll that found what was awaited", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		th := condition{observe: func(int) (string, error) {
			cancel()
			return "DONE", nil
		}}

		got, err := th.wait(ctx, Options[string]{})

		require.NoError(t, err)
		require.Equal(t, "DONE", got.State)
	})
}

// Whatever a poll comes to in the moment in which the context ends, the error says that the context ended.
func TestAContextThatEndsDuringAPoll(t *testing.T) {
	for name, answer := range map[string]func(ended error) (string, error){
		"nothing new":                         func(error) (string, error) { return "A", nil },
		"a transient failure":                 func(error) (string, error) { return "", errTransient },
		"the context's error":                 func(ended error) (string, error) { return "", ended },
		"the context's error, from a retry":   func(ended error) (string, error) { return "", errors.Join(errTransient, ended) },
		"the context's error, from a refusal": func(ended error) (string, error) { return "", errors.Join(errPermanent, ended) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				start := time.Now()
				th := condition{observe: func(n int) (string, error) {
					if n < 3 {
						return "A", nil
					}
					cancel()
					return answer(ctx.Err())
				}}

				got, err := th.wait(ctx, Options[string]{Interval: time.Minute})

				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, Result[string]{Last: new("A"), State: "A", Polls: 3}, got)
				require.Less(t, time.Since(start), 4*time.Minute)
			})
		})
	}
}

// A limit of time that is not the wait's own is a failure like any other.
func TestATimedOutPollIsTolerated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := condition{observe: plays(fmt.Errorf("poll: %w", context.DeadlineExceeded), "DONE")}

		_, err := th.wait(t.Context(), Options[string]{})

		require.NoError(t, err)
	})
}

func TestSleep(t *testing.T) {
	for name, tt := range map[string]struct{ pause, limit, want time.Duration }{
		"as long as asked":                   {time.Minute, time.Hour, time.Minute},
		"not longer than the context lasts":  {time.Hour, time.Minute, time.Minute},
		"not at all":                         {0, time.Minute, 0},
		"below 0 is not at all":              {-time.Minute, time.Minute, 0},
		"not when the context ended already": {time.Minute, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), tt.limit)
				defer cancel()

				Sleep(ctx, tt.pause)

				require.Equal(t, tt.want, time.Since(start))
			})
		})
	}
}
