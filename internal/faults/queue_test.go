package faults_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/faults"
)

func TestFaultsAreUsedUpInTheirOrder(t *testing.T) {
	var q faults.Queue[string]
	require.Empty(t, q.Take("read"))
	q.Add("write", 2, "first")
	q.Add("", 0, "any")
	q.Add("read", 1, "last")
	var got []string
	for _, operation := range []string{"read", "write", "other", "write", "write", "read", "read"} {
		got = append(got, q.Take(operation))
	}
	require.Equal(t, []string{"any", "first", "", "first", "", "last", ""}, got)
}

func TestAFaultIsUsedUpOnce(t *testing.T) {
	const times = 100
	var q faults.Queue[int]
	var taken atomic.Int64
	var callers sync.WaitGroup
	for range 2 * times {
		callers.Go(func() { q.Add("write", 1, 1) })
		callers.Go(func() { taken.Add(int64(q.Take("write"))) })
	}
	callers.Wait()
	for fault := q.Take("write"); fault != 0; fault = q.Take("write") {
		taken.Add(int64(fault))
	}
	require.EqualValues(t, 2*times, taken.Load())
}
