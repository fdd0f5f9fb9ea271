package storagetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// modelCases are about what many operations do together.
var modelCases = []testCase{
	{"a store is a sorted map, whatever is done", storeIsSortedMap},
	{"money is moved, not made", moneyIsMoved},
}

// storeIsSortedMap does things at random in transactions that commit or refuse, and compares with a map. The records are
// as large and as many as fill several pages of a store that has some, and whole ranges are deleted.
func storeIsSortedMap(ctx context.Context, t require.TestingT, s storage.Store) {
	const transactions, operations = 40, 25
	random := rand.New(rand.NewPCG(1, 2))
	refused := errors.New("refused")
	committed := mapTx{}
	for range transactions {
		steps := make([]operation, random.IntN(operations))
		for i := range steps {
			steps[i] = randomOperation(random)
		}
		refuses := random.IntN(4) == 0
		var model mapTx
		err := s.Update(ctx, func(tx storage.Tx) error {
			model = maps.Clone(committed)
			for i, do := range steps {
				want := do(model)
				if got := do(tx); got != want {
					return fmt.Errorf("operation %d: got %q, want %q", i, got, want)
				}
			}
			if refuses {
				return refused
			}
			return nil
		})
		if refuses {
			require.ErrorIs(t, err, refused)
		} else {
			require.NoError(t, err)
			committed = model
		}
		require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
			everything := scan("", "", random.IntN(2) == 0, 0)
			require.Equal(t, everything(committed), everything(tx))
			return nil
		}))
	}
}

// operation does something in a transaction and returns what came of it.
type operation func(storage.Tx) (outcome string)

func randomOperation(random *rand.Rand) operation {
	const keys, size = 300, 200
	key := func() string { return fmt.Sprintf("%03d", random.IntN(keys)) }
	at := key()
	switch random.IntN(8) {
	case 0:
		return func(tx storage.Tx) string { return fmt.Sprint(tx.Get(at)) }
	case 1:
		return func(tx storage.Tx) string { return fmt.Sprint(tx.Delete(at)) }
	case 2:
		from, to := random.IntN(keys), random.IntN(keys)
		return func(tx storage.Tx) string {
			for i := from; i < to; i++ {
				if err := tx.Delete(fmt.Sprintf("%03d", i)); err != nil {
					return err.Error()
				}
			}
			return ""
		}
	case 3, 4:
		bounds := []string{at, key(), ""}
		return scan(bounds[random.IntN(3)], bounds[random.IntN(3)], random.IntN(2) == 0, random.IntN(20))
	default:
		count, value := random.IntN(5), strings.Repeat(strconv.Itoa(random.IntN(10)), random.IntN(size))
		return func(tx storage.Tx) string {
			for i := range count {
				if err := tx.Put(fmt.Sprint(at, i), []byte(value)); err != nil {
					return err.Error()
				}
			}
			return fmt.Sprint(tx.Put(at, []byte(value)))
		}
	}
}

// scan reads until it has so many records, or all for 0.
func scan(from, to string, descending bool, stop int) operation {
	return func(tx storage.Tx) string {
		var saw strings.Builder
		left := stop
		for e, err := range tx.Scan(from, to, descending) {
			_, _ = fmt.Fprintf(&saw, "%s=%s %v ", e.Key, e.Value, err)
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

func (m mapTx) Scan(from, to string, descending bool) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		keys := slices.Sorted(maps.Keys(m))
		if descending {
			slices.Reverse(keys)
		}
		for _, key := range keys {
			inRange := key >= from && (to == "" || key < to)
			if inRange && !yield(storage.Entry{Key: key, Value: m[key]}, nil) {
				return
			}
		}
	}
}

// moneyIsMoved moves money between accounts, with a numbered receipt for each time, while others add it up.
func moneyIsMoved(ctx context.Context, t require.TestingT, s storage.Store) {
	const accounts, each, movers, moves = 10, 100, 4, 25
	require.NoError(t, s.Update(ctx, func(tx storage.Tx) error {
		for i := range accounts {
			if err := tx.Put(fmt.Sprintf("account/%02d", i), []byte(strconv.Itoa(each))); err != nil {
				return err
			}
		}
		return nil
	}))
	err := sideBySide(2*movers, func(who int) error {
		random := rand.New(rand.NewPCG(uint64(who), 0))
		if who >= movers {
			observe := []func(context.Context, func(storage.Tx) error) error{s.View, s.Update}[who%2]
			for range moves {
				if err := observe(ctx, requireSum(accounts*each)); err != nil {
					return err
				}
			}
			return nil
		}
		for range moves {
			if err := s.Update(ctx, move(random.IntN(accounts), random.IntN(accounts), random.IntN(10))); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, err)
	require.NoError(t, s.View(ctx, func(tx storage.Tx) error {
		receipts, err := collect(tx.Scan("receipt/", storage.PrefixEnd("receipt/"), false))
		require.Len(t, receipts, movers*moves)
		return errors.Join(err, requireSum(accounts*each)(tx))
	}))
}

// move takes an account away, puts it back with less, gives to another one and adds a numbered receipt.
func move(from, to, amount int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		for account, change := range map[int]int{from: -amount, to: amount} {
			if from == to {
				change = 0
			}
			key := fmt.Sprintf("account/%02d", account)
			value, _, err := tx.Get(key)
			if err != nil {
				return err
			}
			balance, err := strconv.Atoi(string(value))
			if err != nil {
				return err
			}
			if err := errors.Join(tx.Delete(key), tx.Put(key, []byte(strconv.Itoa(balance+change)))); err != nil {
				return err
			}
		}
		number := 0
		for last, err := range tx.Scan("receipt/", storage.PrefixEnd("receipt/"), true) {
			if err != nil {
				return err
			}
			if number, err = strconv.Atoi(last.Key[len("receipt/"):]); err != nil {
				return err
			}
			break
		}
		return tx.Put(fmt.Sprintf("receipt/%06d", number+1), nil)
	}
}

func requireSum(want int) func(storage.Tx) error {
	return func(tx storage.Tx) error {
		sum := 0
		for e, err := range tx.Scan("account/", storage.PrefixEnd("account/"), false) {
			if err != nil {
				return err
			}
			balance, err := strconv.Atoi(string(e.Value))
			if err != nil {
				return err
			}
			sum += balance
		}
		if sum != want {
			return fmt.Errorf("the accounts hold %d, want %d", sum, want)
		}
		return nil
	}
}
