package main

import (
	"context"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// rollouts are whole climbs of the ladder, of a target in memory. The floor observes it before each change, and changes it.
func (r *rows) rollouts(context.Context) error {
	ladder := alipayplus.DefaultLadder()
	spec := rollout.Spec{Version: rollout.SpecVersion}
	for _, ratio := range ladder.Ratios() {
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio})
	}
	r.add(&row{
		name: "rollout: seven steps", times: 7, most: noLimit,
		floor: func(ctx context.Context) error {
			f := rollouttest.NewFake("tea", ladder)
			return climbed(ctx, f, ladder)
		},
		subject: func(ctx context.Context) error {
			f := rollouttest.NewFake("tea", ladder)
			f.ApproveAfter(0)
			runner, err := rollout.New(f, spec, rollout.NewMemoryStore())
			if err != nil {
				return err
			}
			for range 100 {
				next, err := runner.Step(ctx)
				if err != nil {
					return err
				}
				if next.Over {
					return nil
				}
			}
			return fmt.Errorf("the climb does not end: %v", f.Now())
		},
	})
	return nil
}

func climbed(ctx context.Context, f *rollouttest.Fake, ladder alipayplus.Ladder) error {
	if err := f.ApplyAs("olga"); err != nil {
		return err
	}
	if err := f.Approve(); err != nil {
		return err
	}
	for _, ratio := range ladder.Ratios() {
		if _, err := f.Observe(ctx); err != nil {
			return err
		}
		if err := f.SetRatio("olga", ratio); err != nil {
			return err
		}
	}
	return nil
}
