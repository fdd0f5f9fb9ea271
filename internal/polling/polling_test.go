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
	errPassing = errors.New("down for a moment")
	errForGood = errors.New("no such thing")
)

// asked is a passing failure that asks for a pause.
type asked struct{ pause time.Duration }

func (a asked) Error() string { return "busy, come back after " + a.pause.String() }

// thing is what is waited for: look says what the n-th poll sees, from 1. It is
// done in the state DONE.
type thing struct {
	look  func(n int) (string, error)
	judge func(state string) (bool, error)
	polls []time.Time
}

func (th *thing) wait(ctx context.Context, opts Options[string]) (Result[string], error) {
	return Wait(ctx, opts, Thing[string]{
		Poll: func(context.Context) (*string, error) {
			th.polls = append(th.polls, time.Now())
			state, err := th.look(len(th.polls))
			if err != nil {
				return nil, err
			}
			return &state, nil
		},
		State: func(s *string) string { return *s },
		Done: func(_ context.Context, s *string) (bool, error) {
			if th.judge != nil {
				return th.judge(*s)
			}
			return *s == "DONE", nil
		},
		Passing: func(err error) bool { return !errors.Is(err, errForGood) },
		RetryAfter: func(err error) time.Duration {
			a, _ := errors.AsType[asked](err)
			return a.pause
		},
	})
}

// plays looks at one event after the other, a state or a failure; the last one stays.
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

// requireGaps says that the pauses between the polls were the given ones, or up
// to a fifth shorter.
func (th *thing) requireGaps(t *testing.T, want ...time.Duration) {
	t.Helper()
	require.Len(t, th.polls, len(want)+1)
	for i, pause := range want {
		gap := th.polls[i+1].Sub(th.polls[i])
		require.LessOrEqual(t, gap, pause, "pause %d", i)
		require.GreaterOrEqual(t, gap, pause-pause/5, "pause %d", i)
	}
}

func TestTheFirstPollIsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, th := time.Now(), thing{look: plays("DONE")}

		got, err := th.wait(t.Context(), Options[string]{Interval: time.Hour})

		require.NoError(t, err)
		require.Equal(t, Result[string]{Last: new("DONE"), State: "DONE", Polls: 1}, got)
		require.Equal(t, []time.Time{start}, th.polls)
		require.Equal(t, start, time.Now())
	})
}

func TestPausesGrowByHalfUpToTheLongest(t *testing.T) {
	const s = time.Second
	for name, tt := range map[string]struct {
		opts Options[string]
		want []time.Duration
	}{
		"by default": {Options[string]{}, []time.Duration{
			2 * s, 3 * s, s * 45 / 10, s * 675 / 100, s * 10125 / 1000, 15187500 * time.Microsecond, 22781250 * time.Microsecond,
			34171875 * time.Microsecond, 51257812500, 60 * s, 60 * s,
		}},
		"as told":                    {Options[string]{Interval: 10 * s, MaxInterval: 20 * s}, []time.Duration{10 * s, 15 * s, 20 * s, 20 * s}},
		"the longest is the first":   {Options[string]{Interval: 10 * s, MaxInterval: 10 * s}, []time.Duration{10 * s, 10 * s}},
		"the longest is shorter":     {Options[string]{Interval: 10 * s, MaxInterval: s}, []time.Duration{10 * s, 10 * s}},
		"the first above a minute":   {Options[string]{Interval: 90 * s}, []time.Duration{90 * s, 90 * s}},
		"below 0, so by default":     {Options[string]{Interval: -s, MaxInterval: -s}, []time.Duration{2 * s, 3 * s}},
		"too small to have a fifth":  {Options[string]{Interval: 4, MaxInterval: 4}, []time.Duration{4, 4}},
		"the smallest one grows too": {Options[string]{Interval: 1}, []time.Duration{1, 2, 3, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th := thing{look: plays(append(times(len(tt.want), "PENDING"), "DONE")...)}

				_, err := th.wait(t.Context(), tt.opts)

				require.NoError(t, err)
				th.requireGaps(t, tt.want...)
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
			th := thing{look: plays("PENDING", "DONE")}
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
	const s = time.Second
	synctest.Test(t, func(t *testing.T) {
		th := thing{look: plays("A", "A", "A", "B", "B", "DONE")}

		_, err := th.wait(t.Context(), Options[string]{Interval: 2 * s})

		require.NoError(t, err)
		th.requireGaps(t, 2*s, 3*s, s*45/10, 2*s, 3*s)
	})
}

func TestChangesAreToldAndOnlyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := thing{look: plays("A", "A", errPassing, "A", "B", "B", "A", "", "DONE")}
		var told []string

		got, err := th.wait(t.Context(), Options[string]{OnChange: func(s *string) { told = append(told, *s) }})

		require.NoError(t, err)
		require.Equal(t, []string{"A", "B", "A", "", "DONE"}, told)
		require.Equal(t, 9, got.Polls)
	})
	t.Run("the first state, also when it is empty", func(t *testing.T) {
		th := thing{look: plays(""), judge: func(string) (bool, error) { return true, nil }}
		var told []string

		_, err := th.wait(t.Context(), Options[string]{OnChange: func(s *string) { told = append(told, *s) }})

		require.NoError(t, err)
		require.Equal(t, []string{""}, told)
	})
}

func TestAFailureMayAskForALongerPause(t *testing.T) {
	const s = time.Second
	for name, tt := range map[string]struct{ asked, least, most time.Duration }{
		"longer than the interval":  {45 * s, 45 * s, 45 * s},
		"shorter than the interval": {s, 8*s + 1, 10 * s},
		"none":                      {0, 8*s + 1, 10 * s},
		"below 0":                   {-time.Hour, 8*s + 1, 10 * s},
		"an hour":                   {time.Hour, time.Hour, time.Hour},
		"a year":                    {365 * 24 * time.Hour, time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th := thing{look: plays(fmt.Errorf("poll: %w", asked{tt.asked}), "DONE")}

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
		"ten by default":                {0, append(times(10, errPassing), "DONE"), 10, nil},
		"not eleven by default":         {0, append(times(11, errPassing), "DONE"), 10, errPassing},
		"as many as told":               {2, in(errPassing, errPassing, "DONE"), 2, nil},
		"not one more":                  {2, in(errPassing, errPassing, errPassing, "DONE"), 2, errPassing},
		"none":                          {-1, in(errPassing, "DONE"), 0, errPassing},
		"a success between starts anew": {2, in(errPassing, errPassing, "PENDING", errPassing, errPassing, "DONE"), 4, nil},
		"a change between starts anew":  {2, in(errPassing, errPassing, ErrMoved, errPassing, errPassing, "DONE"), 4, nil},
		"a change is no failure":        {-1, append(times(30, fmt.Errorf("list: %w", ErrMoved)), "DONE"), 0, nil},
		"a failure for good ends it":    {0, in("PENDING", errPassing, errForGood, "DONE"), 1, errForGood},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				th := thing{look: plays(tt.events...)}
				var told []error

				got, err := th.wait(t.Context(), Options[string]{TolerateErrors: tt.tolerate, OnError: func(err error) { told = append(told, err) }})

				require.ErrorIs(t, err, tt.want)
				require.Len(t, told, tt.tolerated)
				for _, one := range told {
					require.ErrorIs(t, one, errPassing)
				}
				require.Equal(t, tt.want == nil, got.State == "DONE")
			})
		})
	}
	t.Run("though nobody wants to know", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			th := thing{look: plays(errPassing, "PENDING", errPassing, "DONE")}
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
		"for a moment":               {[]error{errPassing, errPassing}, nil},
		"for longer than tolerated":  {[]error{errPassing, errPassing, errPassing}, errPassing},
		"because the state moved on": {[]error{ErrMoved, ErrMoved, ErrMoved}, nil},
		"for good":                   {[]error{errForGood}, errForGood},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				judged := 0
				th := thing{look: plays("A"), judge: func(string) (bool, error) {
					judged++
					if judged <= len(tt.failures) {
						return false, tt.failures[judged-1]
					}
					return true, nil
				}}

				got, err := th.wait(t.Context(), Options[string]{TolerateErrors: 2})

				require.ErrorIs(t, err, tt.want)
				require.Equal(t, "A", got.State)
				require.Equal(t, judged, got.Polls)
			})
		})
	}
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	t.Run("before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		th := thing{look: plays("DONE")}

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
			th := thing{look: plays("A", "A", errPassing, "B")}

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
		th := thing{look: func(int) (string, error) {
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
		th := thing{look: func(int) (string, error) {
			cancel()
			return "DONE", nil
		}}

		got, err := th.wait(ctx, Options[string]{})

		require.NoError(t, err)
		require.Equal(t, "DONE", got.State)
	})
}

// A limit of time that is not the wait's own is a failure like any other.
func TestATimedOutPollIsTolerated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		th := thing{look: plays(fmt.Errorf("poll: %w", context.DeadlineExceeded), "DONE")}

		_, err := th.wait(t.Context(), Options[string]{})

		require.NoError(t, err)
	})
}

func TestSleep(t *testing.T) {
	for name, tt := range map[string]struct{ pause, limit, want time.Duration }{
		"as long as told":                    {time.Minute, time.Hour, time.Minute},
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
