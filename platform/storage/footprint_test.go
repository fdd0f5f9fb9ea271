package storage

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpanHolds(t *testing.T) {
	for _, c := range []struct {
		span span
		in   []string
		out  []string
	}{
		{span{from: "b", to: "d"}, []string{"b", "c", "cz"}, []string{"", "a", "az", "d", "e"}},
		{span{from: "b", to: "d", closed: true}, []string{"b", "c", "d"}, []string{"a", "d\x00", "e"}},
		{span{from: "b"}, []string{"b", "\xff"}, []string{"a"}},
		{span{to: "b"}, []string{"a", "az"}, []string{"b"}},
		{span{}, []string{"a", "\xff"}, nil},
		{span{from: "d", to: "b"}, nil, []string{"a", "b", "c", "d"}},
	} {
		for _, key := range c.in {
			require.True(t, c.span.holds(key), "%+v holds %q", c.span, key)
		}
		for _, key := range c.out {
			require.False(t, c.span.holds(key), "%+v does not hold %q", c.span, key)
		}
	}
}
