package postgres

import (
	"context"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// channel is where the database announces commands: the digest of the rollout's name in hexadecimal digits.
const channel = "alipayplus_commands"

// listener announces commands to the leases of a store, by one connection for all. It listens while there are leases.
type listener struct {
	pool *pgxpool.Pool

	mu     sync.Mutex
	leases map[string][]*rolloutLease // by the digest
	stop   context.CancelFunc
	done   chan struct{} // closed when the goroutine of stop has ended
}

// add has a lease hear of commands.
func (l *listener) add(lease *rolloutLease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.leases) == 0 {
		ctx, stop := context.WithCancel(context.Background()) // ends with the last lease
		l.leases, l.stop, l.done = make(map[string][]*rolloutLease), stop, make(chan struct{})
		go l.run(ctx, l.done)
	}
	at := hex.EncodeToString(lease.id)
	l.leases[at] = append(l.leases[at], lease)
}

// remove ends what add began. It waits for the end of the goroutine where no lease is left.
func (l *listener) remove(lease *rolloutLease) {
	l.mu.Lock()
	at := hex.EncodeToString(lease.id)
	l.leases[at] = slices.DeleteFunc(l.leases[at], func(other *rolloutLease) bool { return other == lease })
	if len(l.leases[at]) == 0 {
		delete(l.leases, at)
	}
	last, stop, done := len(l.leases) == 0, l.stop, l.done
	l.mu.Unlock()
	if last {
		stop()
		<-done
	}
}

// run listens until the context ends. Whatever fails passes, or makes the leases fail too, which say so.
func (l *listener) run(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	const again = time.Second
	for {
		_ = l.listen(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(again):
		}
	}
}

func (l *listener) listen(ctx context.Context) error {
	pooled, err := l.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	conn := pooled.Hijack() // the pool may open another one in its place
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // nothing is lost with it
	}()
	if _, err := conn.Exec(ctx, "listen "+channel); err != nil {
		return err
	}
	l.announce("") // what was posted before is announced to nobody
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		l.announce(n.Payload)
	}
}

// announce announces commands to the leases of a digest; to all for "".
func (l *listener) announce(digest string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, leases := range l.leases {
		if digest != "" && digest != at {
			continue
		}
		for _, lease := range leases {
			lease.announce()
		}
	}
}
