package rollouttest

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Fakes are fakes that can be read together, as the releases of one workspace can. It
// implements [rollout.Batch], and is safe for concurrent use.
type Fakes struct{ reads atomic.Int64 }

// NewFakes makes a group without members.
func NewFakes() *Fakes { return new(Fakes) }

// New makes a member of the group, see [NewFake].
func (g *Fakes) New(id string, ladder alipayplus.Ladder) *Fake {
	return &Fake{
		id: id, group: g,
		seen: rollout.Observation{Status: alipayplus.ReleaseNewVersionCreated, Ladder: ladder},
		made: make(map[string]made), calls: make(map[Op]int), faults: make(map[Op][]fault),
	}
}

// ObserveAll implements [rollout.Batch]. Faults and hooks of a member concern its own
// part of the answer. All is one call.
func (g *Fakes) ObserveAll(ctx context.Context, targets []rollout.Target, turn func(context.Context) error) []rollout.BatchResult {
	all := make([]rollout.BatchResult, len(targets))
	if err := turn(ctx); err != nil {
		for i := range all {
			all[i].Err = err
		}
		return all
	}
	g.reads.Add(1)
	for i, t := range targets {
		f, ok := t.(*Fake)
		if !ok || f.group != g {
			all[i].Err = fmt.Errorf("%s is not one of these fakes: %w", t.ID(), alipayplus.ErrInvalid)
			continue
		}
		all[i].Observation, all[i].Err = f.Observe(ctx)
	}
	return all
}

// Reads returns how often members were read together.
func (g *Fakes) Reads() int { return int(g.reads.Load()) }
