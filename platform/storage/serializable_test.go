package storage

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// However the steps of several transactions are mixed, each transaction sees its snapshot and its own writes, and those
// that commit have seen what they would have seen alone, one after another in the order of their commits.
func TestMemoryTransactionsAreSerializable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := NewMemory()
		committed := mapTx{}
		var open []*transaction
		pick := func(t *rapid.T) int {
			if len(open) == 0 {
				t.Skip("no transaction is open")
			}
			return rapid.IntRange(0, len(open)-1).Draw(t, "transaction")
		}
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(*rapid.T) {
				open = append(open, &transaction{
					tx: newMemoryTx(m.current.Load(), false), alone: maps.Clone(committed), began: m.current.Load().version,
				})
			},
			"step": func(t *rapid.T) {
				open[pick(t)].do(t, drawStep(t))
			},
			"commit": func(t *rapid.T) {
				i := pick(t)
				one := open[i]
				open = slices.Delete(open, i, i+1)
				before := m.current.Load().version
				ok, err := m.commit(t.Context(), one.tx)
				require.NoError(t, err)
				if !ok {
					require.NotEqual(t, one.began, before, "a conflict with nobody")
					return
				}
				if len(one.tx.writes) > 0 {
					one.replay(t, committed)
				}
			},
			"": func(t *rapid.T) {
				everything := scanStep("", "", false, 0)
				require.Equal(t, everything(committed), everything(newMemoryTx(m.current.Load(), true)))
			},
		})
	})
}

// An update that is disturbed each time ends nevertheless: its fourth run keeps the others from committing.
func TestMemoryUpdateEndsHoweverBusyTheStore(t *testing.T) {
	ctx, m := t.Context(), NewMemory()
	putA := func(tx Tx) error { return tx.Put("a", nil) }
	othersMayCommit := func() bool {
		free := m.committing.TryLock()
		if free {
			m.committing.Unlock()
		}
		return free
	}
	var free []bool
	require.NoError(t, m.Update(ctx, func(tx Tx) error {
		_, _, err := tx.Get("a")
		require.NoError(t, err)
		free = append(free, othersMayCommit())
		if free[len(free)-1] && len(free) < 10 {
			require.NoError(t, m.Update(ctx, putA))
		}
		return tx.Put("outcome", nil)
	}))
	require.Equal(t, []bool{true, true, true, false}, free)
	require.True(t, othersMayCommit())
}

// transaction is one of Memory beside a model: its snapshot and its own writes.
type transaction struct {
	tx    *memoryTx
	alone mapTx
	began uint64
	steps []step
	saw   []string
}

// step does one thing in a transaction and says what it saw.
type step func(Tx) (saw string)

func (tr *transaction) do(t *rapid.T, s step) {
	saw := s(tr.tx)
	require.Equal(t, s(tr.alone), saw)
	tr.steps = append(tr.steps, s)
	tr.saw = append(tr.saw, saw)
}

// replay does the steps on the records as they are now.
func (tr *transaction) replay(t *rapid.T, records mapTx) {
	for i, s := range tr.steps {
		require.Equal(t, s(records), tr.saw[i], "step %d", i)
	}
}

func drawStep(t *rapid.T) step {
	key := rapid.StringMatching("[a-c]{1,2}")
	switch rapid.SampledFrom([]string{"get", "put", "delete", "scan"}).Draw(t, "step") {
	case "get":
		key := key.Draw(t, "key")
		return func(tx Tx) string { return fmt.Sprint(tx.Get(key)) }
	case "put":
		key, value := key.Draw(t, "key"), rapid.SliceOfN(rapid.Byte(), 1, 1).Draw(t, "value")
		return func(tx Tx) string { return fmt.Sprint(tx.Put(key, value)) }
	case "delete":
		key := key.Draw(t, "key")
		return func(tx Tx) string { return fmt.Sprint(tx.Delete(key)) }
	default:
		bound := rapid.OneOf(key, rapid.Just(""))
		return scanStep(bound.Draw(t, "from"), bound.Draw(t, "to"), rapid.Bool().Draw(t, "descending"),
			rapid.IntRange(0, 3).Draw(t, "stop"))
	}
}

// scanStep reads until it has stop records; it reads all for 0.
func scanStep(from, to string, descending bool, stop int) step {
	return func(tx Tx) string {
		var saw strings.Builder
		left := stop
		for e, err := range tx.Scan(from, to, descending) {
			fmt.Fprintf(&saw, "%q=%x %v ", e.Key, e.Value, err)
			if left--; left == 0 {
				break
			}
		}
		return saw.String()
	}
}

// mapTx is a transaction on a map, alone.
type mapTx map[string][]byte

func (m mapTx) Get(key string) ([]byte, bool, error) {
	value, found := m[key]
	return value, found, nil
}

func (m mapTx) Put(key string, value []byte) error {
	m[key] = value
	return nil
}

func (m mapTx) Delete(key string) error {
	delete(m, key)
	return nil
}

func (m mapTx) Scan(from, to string, descending bool) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		keys := slices.Sorted(maps.Keys(m))
		if descending {
			slices.Reverse(keys)
		}
		for _, key := range keys {
			inRange := key >= from && (to == "" || key < to)
			if inRange && !yield(Entry{Key: key, Value: m[key]}, nil) {
				return
			}
		}
	}
}
