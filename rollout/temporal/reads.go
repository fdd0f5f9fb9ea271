package temporal

import (
	"context"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
)

// reads observes targets together that are due at the same time, where they can be (see
// [rollout.Batched]): many waiting releases of a workspace cost few calls.
type reads struct {
	mu      sync.Mutex
	waiting map[rollout.Batch]*together
}

// together are targets that are observed by one call.
type together struct {
	targets []rollout.Target
	results []rollout.BatchResult
	// full is closed when no more targets may come, done when the results are there.
	full, done chan struct{}
}

const (
	// joinTime is how long a read waits for others.
	joinTime = 200 * time.Millisecond
	// maxTogether limits how many targets are observed by one call, and batchTime how long it may take.
	maxTogether = 100
	batchTime   = 2 * time.Minute
)

// observe reads a target together with others. It returns nil when the runner is to read it by
// itself: because there is no way to read it with others, or nobody else has asked.
func (r *reads) observe(ctx context.Context, target rollout.Target) *rollout.BatchResult {
	batched, ok := target.(rollout.Batched)
	if !ok {
		return nil
	}
	batch := batched.Batch()
	group, index := r.join(batch, target)
	if index == 0 {
		r.lead(ctx, batch, group)
	}
	select {
	case <-group.done:
	case <-ctx.Done():
		return nil
	}
	if index >= len(group.results) {
		return nil
	}
	return &group.results[index]
}

// join adds a target to those that wait to be read; the first of them leads.
func (r *reads) join(batch rollout.Batch, target rollout.Target) (_ *together, index int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	group := r.waiting[batch]
	if group == nil {
		if r.waiting == nil {
			r.waiting = make(map[rollout.Batch]*together)
		}
		group = &together{full: make(chan struct{}), done: make(chan struct{})}
		r.waiting[batch] = group
	}
	group.targets = append(group.targets, target)
	if len(group.targets) == maxTogether {
		delete(r.waiting, batch)
		close(group.full)
	}
	return group, len(group.targets) - 1
}

// lead waits for others, and reads them all. It goes on when its own context has ended, for the
// others' sake.
func (r *reads) lead(ctx context.Context, batch rollout.Batch, group *together) {
	defer close(group.done)
	select {
	case <-group.full:
	case <-ctx.Done():
	case <-time.After(joinTime):
	}
	r.mu.Lock()
	if r.waiting[batch] == group {
		delete(r.waiting, batch)
	}
	r.mu.Unlock()
	if len(group.targets) == 1 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchTime)
	defer cancel()
	group.results = batch.ObserveAll(ctx, group.targets, func(ctx context.Context) error { return ctx.Err() })
}
