package rollout_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestAMinimumOfSamplesMustBeCountedSomewhere(t *testing.T) {
	for _, tt := range []struct {
		least   float64
		where   string
		counted bool
		fails   bool
	}{
		{0, "", false, false},
		{0, "data.n", true, false},
		{10, "data.n", true, false},
		{10, "", false, true},
		{-1, "", false, true},
		{math.NaN(), "", false, true},
	} {
		counted, err := rollout.Bound{MinSamples: tt.least}.CountsSamples(tt.where)
		require.Equal(t, tt.counted, counted, tt)
		require.Equal(t, tt.fails, err != nil, tt)
	}
}
