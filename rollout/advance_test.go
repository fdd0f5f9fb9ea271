package rollout_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// carried is the store of a rollout as a workflow engine carries it, in and out of each call.
type carried struct {
	checkpoint []byte
	commands   []rollout.Command
}

// advance makes one call in a process of its own.
func (s *stage) advance(from carried, p *process) (*rollout.Transition, error) {
	s.Helper()
	r := s.runnerOf(mortalTarget{p, s.fake}, rollout.NewMemoryStore())
	return r.Advance(s.Context(), from.checkpoint, from.commands, nil)
}

// workflow climbs as a workflow engine does, which has the timers and keeps the state. process gives
// the one that makes the next call. Where it lives, what it came to gets lost as often as lost says,
// and the call is made again.
func (c *climbing) workflow(next func() *process, lost int) {
	for {
		lease := c.lease("engine")
		var from carried
		var err error
		from.checkpoint, err = lease.Load(c.Context())
		require.NoError(c, err)
		from.commands, err = lease.Commands(c.Context())
		require.NoError(c, err)

		p := next()
		t, err := c.advance(from, p)
		for range lost {
			t, err = c.advance(from, p)
		}

		if !p.dead {
			require.NoError(c, err)
			require.NoError(c, lease.Save(c.Context(), t.Checkpoint, t.Audit))
			require.NoError(c, lease.Forget(c.Context(), t.Forget))
			for _, e := range t.Events {
				require.NoError(c, c.sink(c.Context(), e))
			}
		}
		require.NoError(c, lease.Release(c.Context()))
		switch {
		case p.dead:
			time.Sleep(time.Second)
		case t.Next.Over:
			c.requireDone(t.Next.State, nil)
			return
		case !t.Yielded:
			time.Sleep(time.Until(t.Next.At))
		}
	}
}

// news are the events, but for those that repeat what is waited for.
func (s *stage) news() (all []string) {
	for _, e := range s.events {
		if e.Kind != rollout.EventWaiting {
			all = append(all, string(e.Kind)+": "+e.What)
		}
	}
	return all
}

func TestAWorkflowEngineClimbsTheWholeLadder(t *testing.T) {
	t.Parallel()
	var run []string
	synctest.Test(t, func(t *testing.T) {
		c := newClimbing(t)
		c.live()
		run = c.news()
	})
	require.Contains(t, run, "RAISED: raised from 50% to 100%")
	climb := func(t *testing.T, next func() *process, lost int) {
		t.Helper()
		c := newClimbing(t)
		c.workflow(next, lost)
		c.requireOneClimb()
		require.Equal(t, run, c.news(), "what a run emits, and nothing else")
	}
	alive := func() *process { return new(process) }
	runInVirtualTime(t, "by processes that live", func(t *testing.T) { climb(t, alive, 0) })
	runInVirtualTime(t, "though what each call came to gets lost twice", func(t *testing.T) { climb(t, alive, 2) })
	t.Run("though a process dies at any access of the target", func(t *testing.T) {
		points := atEachAccess(t, func(t *testing.T, p *process) {
			climb(t, func() *process {
				if p.dead {
					return alive()
				}
				return p
			}, 0)
		})
		require.Greater(t, points[true], 30)
	})
}

func TestAdvanceYieldsBeforeEachChange(t *testing.T) {
	onStage(t, plain(), func(t *testing.T, s *stage) {
		noted, err := s.advance(carried{}, new(process))
		require.NoError(t, err)
		require.True(t, noted.Yielded)
		require.Empty(t, s.fake.Effects())
		require.Equal(t, rollout.ChangeApply, noted.Next.State.Intent.Kind)

		applied, err := s.advance(carried{checkpoint: noted.Checkpoint}, new(process))
		require.NoError(t, err)
		require.False(t, applied.Yielded)
		require.Equal(t, noted.Next.State.Intent.RequestID, s.fake.Effects()[0].RequestID)
		require.Equal(t, rollout.WaitReview, applied.Next.Wait)
		require.True(t, applied.Next.At.After(time.Now()))

		waiting, err := s.advance(carried{checkpoint: applied.Checkpoint}, new(process))
		require.NoError(t, err)
		require.Equal(t, applied.Checkpoint, waiting.Checkpoint, "nothing changed")
		require.Empty(t, waiting.Audit)
	})
}

func TestAdvanceExecutesCommands(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		lease := s.lease("engine")
		checkpoint, err := lease.Load(t.Context())
		require.NoError(t, err)
		pause := rollout.Command{ID: "c1", Kind: rollout.CommandPause, By: "lin", At: time.Now()}

		paused, err := s.advance(carried{checkpoint, []rollout.Command{pause}}, new(process))

		require.NoError(t, err)
		require.True(t, paused.Next.Over)
		require.Equal(t, rollout.Paused, paused.Next.State.Status)
		require.Equal(t, []string{"c1"}, paused.Forget)
		require.Len(t, paused.Audit, 1)
		again, err := s.advance(carried{paused.Checkpoint, []rollout.Command{pause}}, new(process))
		require.NoError(t, err)
		require.Empty(t, again.Audit, "it is executed once, though it was not forgotten")
		require.Equal(t, []string{"c1"}, again.Forget)
		resume := rollout.Command{ID: "c2", Kind: rollout.CommandResume, By: "lin", At: time.Now().Add(time.Second)}
		resumed, err := s.advance(carried{again.Checkpoint, []rollout.Command{resume}}, new(process))
		require.NoError(t, err)
		require.Equal(t, rollout.Running, resumed.Next.State.Status)
		require.Equal(t, []string{"c2"}, resumed.Forget)
	})
}

// What an abort came to is not known, and whoever calls again makes it again under its key.
func TestAdvanceAbortsWhatALostCallBegan(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		lease := s.lease("engine")
		checkpoint, err := lease.Load(t.Context())
		require.NoError(t, err)
		abort := rollout.Command{ID: "c1", Kind: rollout.CommandAbort, By: "lin", At: time.Now()}

		begun, err := s.advance(carried{checkpoint, []rollout.Command{abort}}, new(process))
		require.NoError(t, err)
		require.True(t, begun.Yielded)
		require.Equal(t, []string{"c1"}, begun.Forget, "the checkpoint has the abort")
		require.Equal(t, rollout.ChangeAbort, begun.Next.State.Intent.Kind)
		for range 2 {
			aborted, err := s.advance(carried{checkpoint: begun.Checkpoint}, new(process))
			require.NoError(t, err)
			require.True(t, aborted.Next.Over)
			require.Equal(t, rollout.Aborted, aborted.Next.State.Status)
		}
		require.Equal(t, alipayplus.ReleaseCanceled, s.fake.Now().Status)
	})
}

func TestAdvanceTakesAnObservationThatWasJustMade(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		checkpoint, err := s.store.Read(t.Context(), s.fake.ID())
		require.NoError(t, err)
		reads := s.reads()
		waiting, err := s.runner().Advance(t.Context(), checkpoint, nil, &rollout.BatchResult{Observation: s.fake.Now()})
		require.NoError(t, err)
		require.Equal(t, rollout.WaitBake, waiting.Next.Wait)
		require.Zero(t, *reads)
		failed, err := s.runner().Advance(t.Context(), checkpoint, nil, &rollout.BatchResult{Err: unavailable()})
		require.NoError(t, err)
		require.Equal(t, rollout.WaitRetry, failed.Next.Wait)
		require.Equal(t, rollout.EventRetrying, failed.Events[0].Kind)
		require.Zero(t, *reads)
	})
}

// What a caller makes of a state that it got is its own: the rollout goes on from what is stored.
func TestAStateBelongsToWhoeverGotIt(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		checkpoint, err := s.store.Read(t.Context(), s.fake.ID())
		require.NoError(t, err)
		r := s.runner()
		first, err := r.Advance(t.Context(), checkpoint, nil, nil)
		require.NoError(t, err)
		require.NotEmpty(t, first.Next.State.Changes)
		for i := range first.Next.State.Changes {
			first.Next.State.Changes[i].To = 99
		}
		second, err := r.Advance(t.Context(), first.Checkpoint, nil, nil)
		require.NoError(t, err)
		for _, change := range second.Next.State.Changes {
			require.NotEqual(t, alipayplus.Ratio(99), change.To)
		}
	})
}

func TestAdvanceReturnsWhatIsToBeStoredWithAnErrorToo(t *testing.T) {
	onStageAtTen(t, plain(), func(t *testing.T, s *stage) {
		checkpoint, err := s.store.Read(t.Context(), s.fake.ID())
		require.NoError(t, err)
		time.Sleep(2 * time.Hour)
		noted, err := s.advance(carried{checkpoint: checkpoint}, new(process))
		require.NoError(t, err)
		s.fake.FailNext(rollouttest.OpRaise, 1, alipayplus.ErrPermission)

		refused, err := s.advance(carried{checkpoint: noted.Checkpoint}, new(process))

		require.ErrorIs(t, err, alipayplus.ErrPermission)
		require.Equal(t, noted.Checkpoint, refused.Checkpoint, "an earlier call may have made it")
		require.Len(t, refused.Events, 1)
		require.Equal(t, rollout.EventFailed, refused.Events[0].Kind)
		raised, err := s.advance(carried{checkpoint: refused.Checkpoint}, new(process))
		require.NoError(t, err)
		require.Equal(t, alipayplus.Ratio(50), raised.Next.State.Ratio)

		damaged, err := s.advance(carried{checkpoint: []byte("{}")}, new(process))
		require.ErrorAs(t, err, new(*rollout.CheckpointError))
		require.Equal(t, "{}", string(damaged.Checkpoint))
		require.Equal(t, rollout.EventFailed, damaged.Events[0].Kind)
	})
}
