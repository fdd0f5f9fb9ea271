package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// isolationCases are about transactions that run side by side.
var isolationCases = []testCase{
	{"a view sees one moment", viewSeesOneMoment},
	{"an update sees one moment", updateSeesOneMoment},
	{"nobody sees what is not committed", uncommittedIsInvisible},
	{"no update is lost", noUpdateIsLost},
	{"the next number is given once", nextNumberIsGivenOnce},
	{"the first of a queue is taken once", firstIsTakenOnce},
	{"no write skew between two keys", func(ctx context.Context, t require.TestingT, s storage.Store) {
		requireOneOnDuty(ctx, t, s, func(tx storage.Tx) (onDuty int, err error) {
			for _, key := range []string{"duty/0", "duty/1"} {
				_, found, err := tx.Get(key)
				if err != nil {
					return 0, err
				}
				if found {
					onDuty++
				}
			}
			return onDuty, nil
		})
	}},
	{"no write skew in a range", func(ctx context.Context, t require.TestingT, s storage.Store) {
		for _, descending := range []bool{false, true} {
			requireOneOnDuty(ctx, t, s, countDuty(descending))
		}
	}},
	{"no phantom appears in a counted range", func(ctx context.Context, t require.TestingT, s storage.Store) {
		for _, descending := range []bool{false, true} {
			requireOneInserted(ctx, t, s, countDuty(descending))
		}
	}},
}

// viewSeesOneMoment commits while a view is half-way. A read after it must still show what was there before.
func viewSeesOneMoment(ctx context.Context, t require.TestingT, s storage.Store) {
	put(ctx, t, s, entry("a", "1"), entry("b", "1"))
	committed := make(chan error, 1)
	require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
		value, _, err := tx.Get("a")
		require.NoError(t, err)
		require.Equal(t, "1", string(value))

		done := make(chan struct{})
		go func() {
			defer close(done)
			committed <- replaceAll(ctx, s)
		}()
		waitAMoment(done)

		value, _, err = tx.Get("b")
		require.NoError(t, err)
		require.Equal(t, "1", string(value))
		got, err := collect(tx.Scan("", "", false))
		require.NoError(t, err)
		require.Equal(t, []string{"a=1", "b=1"}, texts(got))
		return nil
	}))
	require.NoError(t, <-committed)
	requireRecords(ctx, t, s, entry("b", "2"), entry("c", "2"))
}

// updateSeesOneMoment commits while an update is half-way. Each run of the update must see all of it or nothing.
func updateSeesOneMoment(ctx context.Context, t require.TestingT, s storage.Store) {
	put(ctx, t, s, entry("a", "1"), entry("b", "1"))
	committed, done := make(chan error, 1), make(chan struct{})
	var once sync.Once
	var seen string
	require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
		_, hasA, err := tx.Get("a")
		if err != nil {
			return err
		}
		once.Do(func() {
			go func() {
				defer close(done)
				committed <- replaceAll(ctx, s)
			}()
		})
		waitAMoment(done)
		b, _, err := tx.Get("b")
		if err != nil {
			return err
		}
		_, hasC, err := tx.Get("c")
		if err != nil {
			return err
		}
		seen = fmt.Sprintf("a: %t, b: %s, c: %t", hasA, b, hasC)
		require.Contains(t, []string{"a: true, b: 1, c: false", "a: false, b: 2, c: true"}, seen)
		return tx.Put("seen", []byte(seen))
	}))
	require.NoError(t, <-committed)
	requireValue(ctx, t, s, "seen", seen)
}

// replaceAll deletes a, changes b and adds c.
func replaceAll(ctx context.Context, s storage.Store) error {
	return s.Update(ctx, func(tx storage.Tx) error {
		return errors.Join(tx.Delete("a"), tx.Put("b", []byte("2")), tx.Put("c", []byte("2")))
	})
}

// uncommittedIsInvisible looks while an update has written and not committed.
func uncommittedIsInvisible(ctx context.Context, t require.TestingT, s storage.Store) {
	refused := errors.New("refused")
	put(ctx, t, s, entry("a", "1"))
	looked, done := make(chan []string, 1), make(chan struct{})
	var once sync.Once
	err := s.Update(ctx, func(tx storage.Tx) error {
		if err := tx.Put("a", []byte("2")); err != nil {
			return err
		}
		once.Do(func() {
			go func() {
				defer close(done)
				var got []storage.Entry
				err := s.View(ctx, func(tx storage.Tx) (err error) {
					got, err = collect(tx.Scan("", "", false))
					return err
				})
				looked <- append(texts(got), fmt.Sprint(err))
			}()
		})
		waitAMoment(done)
		return refused
	})
	require.ErrorIs(t, err, refused)
	require.Equal(t, []string{"a=1", "<nil>"}, <-looked)
}

// noUpdateIsLost lets many increment one number, two of them for sure at the same time.
func noUpdateIsLost(ctx context.Context, t require.TestingT, s storage.Store) {
	const writers, times = 8, 10
	var m meeting
	err := sideBySide(writers, func(who int) error {
		for i := range times {
			err := s.Update(ctx, func(tx storage.Tx) error {
				value, _, err := tx.Get("n")
				if err != nil {
					return err
				}
				if i == 0 && who < len(m.here) {
					m.arrive(who)
				}
				n, _ := strconv.Atoi(string(value))
				return tx.Put("n", []byte(strconv.Itoa(n+1)))
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	requireValue(ctx, t, s, "n", strconv.Itoa(writers*times))
}

// nextNumberIsGivenOnce lets two look at the last record and add the one after it.
func nextNumberIsGivenOnce(ctx context.Context, t require.TestingT, s storage.Store) {
	put(ctx, t, s, named("n/5")...)
	var m meeting
	err := sideBySide(2, func(who int) error {
		return s.Update(ctx, func(tx storage.Tx) error {
			for last, err := range tx.Scan("n/", storage.PrefixEnd("n/"), true) {
				if err != nil {
					return err
				}
				m.arrive(who)
				n, _ := strconv.Atoi(last.Key[2:])
				return tx.Put("n/"+strconv.Itoa(n+1), []byte("new"))
			}
			return nil
		})
	})
	require.NoError(t, err)
	requireRecords(ctx, t, s, entry("n/5", "n/5"), entry("n/6", "new"), entry("n/7", "new"))
}

// firstIsTakenOnce lets two take the first record of a queue.
func firstIsTakenOnce(ctx context.Context, t require.TestingT, s storage.Store) {
	put(ctx, t, s, named("q/1", "q/2", "q/3")...)
	var m meeting
	var taken [2]string
	err := sideBySide(2, func(who int) error {
		return s.Update(ctx, func(tx storage.Tx) error {
			for first, err := range tx.Scan("q/", storage.PrefixEnd("q/"), false) {
				if err != nil {
					return err
				}
				m.arrive(who)
				taken[who] = first.Key
				return tx.Delete(first.Key)
			}
			return nil
		})
	})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"q/1", "q/2"}, taken[:])
	requireRecords(ctx, t, s, named("q/3")...)
}

// requireOneOnDuty lets both of two people leave if the other one stays.
func requireOneOnDuty(ctx context.Context, t require.TestingT, s storage.Store, count func(storage.Tx) (int, error)) {
	put(ctx, t, s, named("duty/0", "duty/1")...)
	var m meeting
	err := sideBySide(2, func(who int) error {
		return s.Update(ctx, func(tx storage.Tx) error {
			onDuty, err := count(tx)
			if err != nil || onDuty < 2 {
				return err
			}
			m.arrive(who)
			return tx.Delete("duty/" + strconv.Itoa(who))
		})
	})
	require.NoError(t, err)
	requireDuty(ctx, t, s, 1)
}

// requireOneInserted lets two insert if there is nothing, again and again at other keys.
func requireOneInserted(ctx context.Context, t require.TestingT, s storage.Store, count func(storage.Tx) (int, error)) {
	require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
		return errors.Join(tx.Delete("duty/0"), tx.Delete("duty/1"))
	}))
	var m meeting
	err := sideBySide(2, func(who int) error {
		return s.Update(ctx, func(tx storage.Tx) error {
			onDuty, err := count(tx)
			if err != nil || onDuty > 0 {
				return err
			}
			m.arrive(who)
			return tx.Put("duty/"+strconv.Itoa(who), nil)
		})
	})
	require.NoError(t, err)
	requireDuty(ctx, t, s, 1)
}

func countDuty(descending bool) func(storage.Tx) (int, error) {
	return func(tx storage.Tx) (int, error) {
		onDuty, err := collect(tx.Scan("duty/", storage.PrefixEnd("duty/"), descending))
		return len(onDuty), err
	}
}

func requireDuty(ctx context.Context, t require.TestingT, s storage.Store, want int) {
	require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
		got, err := countDuty(false)(tx)
		require.Equal(t, want, got, "records under duty/")
		return err
	}))
}

// sideBySide runs fn n times at once and joins the errors.
func sideBySide(n int, fn func(who int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for who := range n {
		wg.Go(func() { errs[who] = fn(who) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// meeting lets two transactions wait for each other half-way, at most for a moment: a store that runs one after the
// other lets them never meet. The zero meeting is ready.
type meeting struct {
	mu   sync.Mutex
	here [2]chan struct{}
}

// arrive says that who is here and waits for the other. Who runs again finds the other here already.
func (m *meeting) arrive(who int) {
	m.mu.Lock()
	for i := range m.here {
		if m.here[i] == nil {
			m.here[i] = make(chan struct{})
		}
	}
	select {
	case <-m.here[who]:
	default:
		close(m.here[who])
	}
	m.mu.Unlock()
	waitAMoment(m.here[1-who])
}

// waitAMoment waits for done, or long enough for a transaction over a network to get there.
func waitAMoment(done <-chan struct{}) {
	select {
	case <-done:
	case <-time.After(100 * time.Millisecond):
	}
}
