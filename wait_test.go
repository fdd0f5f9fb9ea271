package alipayplus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// thing is what these tests wait for.
type thing struct{ state string }

// watched is a thing that is polled in virtual time: look says what the n-th poll sees, from 1.
type watched struct {
	look  func(n int) (string, error)
	judge func(state string) (bool, error)
	polls []time.Time
}

func (w *watched) poll(ctx context.Context, id string) (*thing, error) {
	if id != "thing_1" {
		return nil, fmt.Errorf("asked for %q", id)
	}
	if err := ctx.Err(); err != nil {
		return nil, &Error{Operation: "things.get", Message: err.Error(), cause: err}
	}
	w.polls = append(w.polls, time.Now())
	state, err := w.look(len(w.polls))
	if err != nil {
		return nil, err
	}
	return &thing{state}, nil
}

func (w *watched) wait(ctx context.Context, opts WaitOptions[thing]) (*thing, error) {
	return wait(ctx, "things.wait", "thing_1", opts, waiter[thing]{
		poll:  w.poll,
		state: func(s *thing) string { return s.state },
		done: func(_ context.Context, s *thing) (bool, error) {
			if w.judge != nil {
				return w.judge(s.state)
			}
			return s.state == "DONE", nil
		},
	})
}

// gaps are the times between polls.
func (w *watched) gaps() []time.Duration {
	var gaps []time.Duration
	for i := 1; i < len(w.polls); i++ {
		gaps = append(gaps, w.polls[i].Sub(w.polls[i-1]))
	}
	return gaps
}

// within says that a gap is the interval, or up to a fifth shorter.
func within(t *testing.T, interval, gap time.Duration) {
	t.Helper()
	require.LessOrEqual(t, gap, interval)
	require.Greater(t, gap, interval-interval/5)
}

// states plays the given states; the last one stays.
func states(all ...string) func(int) (string, error) {
	return func(n int) (string, error) { return all[min(n, len(all))-1], nil }
}

// pendingUntil is DONE from the n-th poll on.
func pendingUntil(done int) func(int) (string, error) {
	return func(n int) (string, error) {
		if n >= done {
			return "DONE", nil
		}
		return "PENDING", nil
	}
}

func transient(retryAfter time.Duration) error {
	return &Error{Operation: "things.get", Code: CodeUnavailable, Message: "down", Retryable: true, RetryAfter: retryAfter}
}

func waitError(t *testing.T, err error) *WaitError {
	t.Helper()
	failed, ok := errors.AsType[*WaitError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "things.wait", failed.Operation)
	require.Equal(t, "thing_1", failed.ID)
	return failed
}

func TestWhatIsDoneAlreadyIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, w := time.Now(), watched{look: states("DONE")}
		got, err := w.wait(t.Context(), WaitOptions[thing]{})
		require.NoError(t, err)
		require.Equal(t, &thing{"DONE"}, got)
		require.Equal(t, []time.Time{start}, w.polls)
		require.Equal(t, start, time.Now())
	})
}

func TestTheIntervalGrowsByHalfUpToItsLimit(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts WaitOptions[thing]
		want []time.Duration
	}{
		{"by default", WaitOptions[thing]{}, []time.Duration{
			2 * time.Second, 3 * time.Second, 4500 * time.Millisecond, 6750 * time.Millisecond, 10125 * time.Millisecond,
			15187500 * time.Microsecond, 22781250 * time.Microsecond, 34171875 * time.Microsecond, 51257812500, time.Minute, time.Minute,
		}},
		{"as told", WaitOptions[thing]{Interval: time.Minute, MaxInterval: 2 * time.Minute}, []time.Duration{
			time.Minute, 90 * time.Second, 2 * time.Minute, 2 * time.Minute,
		}},
		{"a limit below the beginning is no limit", WaitOptions[thing]{Interval: time.Hour, MaxInterval: time.Second}, []time.Duration{time.Hour, time.Hour}},
		{"the default limit below the beginning", WaitOptions[thing]{Interval: time.Hour}, []time.Duration{time.Hour, time.Hour}},
		{"negative is the default", WaitOptions[thing]{Interval: -1, MaxInterval: -1}, []time.Duration{2 * time.Second, 3 * time.Second}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watched{look: pendingUntil(len(tt.want) + 1)}
				_, err := w.wait(t.Context(), tt.opts)
				require.NoError(t, err)
				gaps := w.gaps()
				require.Len(t, gaps, len(tt.want))
				for i, interval := range tt.want {
					within(t, interval, gaps[i])
				}
			})
		})
	}
}

func TestManyWaitersSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watched{look: pendingUntil(100)}
		_, err := w.wait(t.Context(), WaitOptions[thing]{Interval: time.Minute, MaxInterval: time.Minute})
		require.NoError(t, err)
		gaps := w.gaps()
		for _, gap := range gaps {
			within(t, time.Minute, gap)
		}
		slices.Sort(gaps)
		require.Greater(t, len(slices.Compact(gaps)), 90, "hardly two pauses are equal")
	})
}

func TestTheShortestIntervalsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for interval := time.Duration(1); interval <= 11; interval++ {
			w := watched{look: pendingUntil(5)}
			_, err := w.wait(t.Context(), WaitOptions[thing]{Interval: interval, MaxInterval: interval})
			require.NoError(t, err)
			for _, gap := range w.gaps() {
				require.Positive(t, gap)
				require.LessOrEqual(t, gap, interval)
			}
		}
	})
}

func TestAChangeMakesTheIntervalShortAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watched{look: states("A", "A", "A", "B", "B", "DONE")}
		_, err := w.wait(t.Context(), WaitOptions[thing]{Interval: time.Minute, MaxInterval: time.Hour})
		require.NoError(t, err)
		gaps := w.gaps()
		require.Len(t, gaps, 5)
		for i, interval := range []time.Duration{
			time.Minute, 90 * time.Second, 135 * time.Second,
			time.Minute, 90 * time.Second,
		} {
			within(t, interval, gaps[i])
		}
	})
}

func TestOnChangeIsCalledOnlyForChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watched{look: func(n int) (string, error) {
			if n == 3 {
				return "", transient(0)
			}
			return states("A", "A", "A", "A", "B", "B", "A", "DONE")(n)
		}}
		var seen []string
		got, err := w.wait(t.Context(), WaitOptions[thing]{OnChange: func(s *thing) { seen = append(seen, s.state) }})
		require.NoError(t, err)
		require.Equal(t, "DONE", got.state)
		require.Equal(t, []string{"A", "B", "A", "DONE"}, seen, "a failure between is no change")
	})
}

// A first state that is empty is a state too.
func TestOnChangeIsCalledForTheFirstStateWhateverItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watched{look: states("", "", "DONE")}
		calls := 0
		_, err := w.wait(t.Context(), WaitOptions[thing]{OnChange: func(*thing) { calls++ }})
		require.NoError(t, err)
		require.Equal(t, 2, calls)
	})
}

func TestUnknownStatesKeepWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watched{look: states("PENDING", "ESCALATED", "", "DONE")}
		got, err := w.wait(t.Context(), WaitOptions[thing]{})
		require.NoError(t, err)
		require.Equal(t, "DONE", got.state)
		require.Len(t, w.polls, 4)
	})
}

func TestAReviewThatTakesThreeDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		w := watched{look: func(int) (string, error) {
			if time.Since(start) >= 72*time.Hour {
				return "DONE", nil
			}
			return "PENDING", nil
		}}
		_, err := w.wait(t.Context(), WaitOptions[thing]{MaxInterval: 15 * time.Minute})
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(start), 72*time.Hour)
		require.Less(t, time.Since(start), 72*time.Hour+15*time.Minute, "it is seen by the next poll")
		require.Less(t, len(w.polls), 400)
	})
}

func TestTransientFailuresInARowAreTolerated(t *testing.T) {
	for _, tt := range []struct {
		name               string
		tolerate, failures int
		survives           bool
	}{
		{"none happens", 3, 0, true},
		{"as many as tolerated", 3, 3, true},
		{"one more", 3, 4, false},
		{"ten by default", 0, 10, true},
		{"eleven", 0, 11, false},
		{"none tolerated", -1, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// given a thing that was seen once and then cannot be read for a while
				down := transient(0)
				w := watched{look: func(n int) (string, error) {
					if n > 1 && n <= 1+tt.failures {
						return "", down
					}
					return pendingUntil(2)(n)
				}}
				var passedOver []error
				got, err := w.wait(t.Context(), WaitOptions[thing]{
					TolerateErrors: tt.tolerate,
					OnError:        func(err error) { passedOver = append(passedOver, err) },
				})
				if tt.survives {
					require.NoError(t, err)
					require.Equal(t, "DONE", got.state)
					require.Len(t, passedOver, tt.failures)
					return
				}
				require.ErrorIs(t, err, down)
				require.Len(t, passedOver, tt.failures-1, "the last is returned, not passed over")
				require.Equal(t, &thing{"PENDING"}, got, "the last state seen is returned all the same")
				failed := waitError(t, err)
				require.Equal(t, "PENDING", failed.LastState)
				require.Equal(t, 1+tt.failures, failed.Polls)
				require.False(t, failed.Timeout())
			})
		})
	}
}

// A platform that fails every other time is not down.
func TestOnlyFailuresInARowCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watched{look: func(n int) (string, error) {
			if n%2 == 1 {
				return "", transient(0)
			}
			return pendingUntil(20)(n)
		}}
		_, err := w.wait(t.Context(), WaitOptions[thing]{TolerateErrors: 1})
		require.NoError(t, err)
		require.Len(t, w.polls, 20)
	})
}

// The thing can be read, but what its end means cannot: that is a failure in a row as well.
func TestReasonsThatCannotBeReadCountAsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watched{look: states("ENDED"), judge: func(string) (bool, error) {
			return false, fmt.Errorf("the reasons could not be read: %w", transient(0))
		}}
		got, err := w.wait(t.Context(), WaitOptions[thing]{TolerateErrors: 4})
		require.Equal(t, "ENDED", got.state)
		require.Equal(t, 5, waitError(t, err).Polls)
		require.ErrorContains(t, err, "the reasons could not be read: ")
	})
}

func TestAThingThatMovedBetweenTwoReadsIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		w := watched{look: states("ENDED"), judge: func(string) (bool, error) {
			if n++; n <= 30 {
				return false, errMoved
			}
			return true, nil
		}}
		_, err := w.wait(t.Context(), WaitOptions[thing]{TolerateErrors: -1, OnError: func(err error) { t.Error(err) }})
		require.NoError(t, err)
		require.Len(t, w.polls, 31)
		for _, gap := range w.gaps() {
			require.Positive(t, gap, "it is not read again at once")
		}
	})
}

func TestAMoveBetweenFailuresBreaksTheRow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		w := watched{look: states("ENDED"), judge: func(string) (bool, error) {
			switch n++; {
			case n == 20:
				return true, nil
			case n%2 == 0:
				return false, errMoved
			default:
				return false, transient(0)
			}
		}}
		_, err := w.wait(t.Context(), WaitOptions[thing]{TolerateErrors: 1})
		require.NoError(t, err)
	})
}

func TestOtherFailuresEndTheWaitAtOnce(t *testing.T) {
	for name, cause := range map[string]error{
		"refused":         &Error{Operation: "things.get", Code: CodeNotFound, Message: "no such thing"},
		"not of a call":   errors.New("no such thing"),
		"a review's end":  &ReviewError{Outcome: RequestRejected, Subject: "thing thing_1"},
		"not trustworthy": &Error{Operation: "things.get", Message: "unsigned", cause: &SignatureError{Reason: "unsigned"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				w := watched{look: func(int) (string, error) { return "", cause }}
				got, err := w.wait(t.Context(), WaitOptions[thing]{OnError: func(err error) { t.Error(err) }})
				require.Nil(t, got)
				require.ErrorIs(t, err, cause)
				require.Equal(t, &WaitError{Operation: "things.wait", ID: "thing_1", Polls: 1, Err: cause}, waitError(t, err))
				require.Equal(t, start, time.Now())
			})
		})
	}
}

func TestWhatTheEndMeansIsReturnedWithTheThing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rejected := &ReviewError{Outcome: RequestRejected, Subject: "thing thing_1", Reviews: []Review{
			{Party: PartyAlipayCN, Status: ReviewRejected, Reason: "no logo"},
		}}
		w := watched{look: states("PENDING", "ENDED"), judge: func(state string) (bool, error) {
			if state == "ENDED" {
				return false, rejected
			}
			return false, nil
		}}
		got, err := w.wait(t.Context(), WaitOptions[thing]{})
		require.Equal(t, "ENDED", got.state)
		require.ErrorIs(t, err, rejected)
		require.EqualError(t, err, "things.wait: thing_1: waiting ended after 2 polls, last state ENDED: "+
			"thing thing_1 was rejected (ALIPAY_CN: no logo)")
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, tt := range []struct {
		name                 string
		asked, atLeast, most time.Duration
	}{
		{"longer than the interval", 5 * time.Minute, 5 * time.Minute, 5 * time.Minute},
		{"shorter", time.Second, 48*time.Second + 1, time.Minute},
		{"none", 0, 48*time.Second + 1, time.Minute},
		{"an hour", time.Hour, time.Hour, time.Hour},
		{"nonsense", 100 * 365 * 24 * time.Hour, time.Hour, time.Hour},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watched{look: func(n int) (string, error) {
					if n == 1 {
						return "", fmt.Errorf("poll: %w", transient(tt.asked))
					}
					return "DONE", nil
				}}
				_, err := w.wait(t.Context(), WaitOptions[thing]{Interval: time.Minute, MaxInterval: time.Minute})
				require.NoError(t, err)
				require.GreaterOrEqual(t, w.gaps()[0], tt.atLeast)
				require.LessOrEqual(t, w.gaps()[0], tt.most)
			})
		})
	}
}

func TestCancelingEndsTheWaitWithTheLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		start := time.Now()
		time.AfterFunc(100*time.Hour, cancel)
		w := watched{look: states("PENDING")}
		got, err := w.wait(ctx, WaitOptions[thing]{MaxInterval: 15 * time.Minute})
		require.Equal(t, &thing{"PENDING"}, got)
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 100*time.Hour, time.Since(start), "at once, not after the pause")
		failed := waitError(t, err)
		require.Equal(t, "PENDING", failed.LastState)
		require.Equal(t, len(w.polls), failed.Polls)
		require.False(t, failed.Timeout())
	})
}

func TestTheDeadlineEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
		defer cancel()
		start := time.Now()
		w := watched{look: states("PENDING")}
		got, err := w.wait(ctx, WaitOptions[thing]{MaxInterval: time.Hour})
		require.Equal(t, &thing{"PENDING"}, got)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 48*time.Hour, time.Since(start))
		require.True(t, waitError(t, err).Timeout())
	})
}

func TestAWaitThatIsOverBeforeItBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		w := watched{look: states("DONE")}
		got, err := w.wait(ctx, WaitOptions[thing]{})
		require.Nil(t, got)
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, w.polls, "nothing is asked")
		require.EqualError(t, err, "things.wait: thing_1: waiting ended after 0 polls, last state none: context canceled")
	})
}

// A call that the context cut short while it was repeated says why it was repeated.
func TestTheLastFailureBeforeTheEndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		last := &Error{Operation: "things.get", Message: "down", Retryable: true}
		w := watched{look: func(int) (string, error) {
			cancel()
			last.cause = ctx.Err()
			return "", last
		}}
		_, err := w.wait(ctx, WaitOptions[thing]{OnError: func(err error) { t.Error(err) }})
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, last)
	})
}

// Whatever a poll comes to in the moment in which the context ends, the error says that the context ended.
func TestAContextThatEndsDuringAPoll(t *testing.T) {
	for name, answer := range map[string]func(error) (string, error){
		"nothing new":       func(error) (string, error) { return "PENDING", nil },
		"a transient error": func(error) (string, error) { return "", transient(0) },
		"the context's error, from a retry": func(ended error) (string, error) {
			return "", &Error{Operation: "things.get", Message: "down; " + ended.Error(), Retryable: true, cause: ended}
		},
		"the context's error": func(ended error) (string, error) {
			return "", &Error{Operation: "things.get", Message: ended.Error(), cause: ended}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				start := time.Now()
				w := watched{look: func(n int) (string, error) {
					if n < 3 {
						return "PENDING", nil
					}
					cancel()
					return answer(ctx.Err())
				}}
				got, err := w.wait(ctx, WaitOptions[thing]{Interval: time.Minute})
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, &thing{"PENDING"}, got)
				require.Equal(t, 3, waitError(t, err).Polls)
				require.Less(t, time.Since(start), 4*time.Minute)
			})
		})
	}
}

// A verdict that arrives together with the end of the context is still a verdict.
func TestAVerdictInTheLastMomentCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := watched{look: func(int) (string, error) {
			cancel()
			return "DONE", nil
		}}
		got, err := w.wait(ctx, WaitOptions[thing]{})
		require.NoError(t, err)
		require.Equal(t, "DONE", got.state)
	})
}
