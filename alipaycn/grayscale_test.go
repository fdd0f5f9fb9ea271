package alipaycn

import (
	"testing"

	"github.com/alipayplus-go/alipayplus"
	"github.com/stretchr/testify/require"
)

func TestTheLadderIsWhatThePublicAPIOffers(t *testing.T) {
	require.Equal(t, []alipayplus.Ratio{10, 30, 50, 100}, GrayLadder().Ratios())
}

func TestARatioIsAStrategyOrAnErrorThatSaysWhatIsAllowed(t *testing.T) {
	for ratio := alipayplus.Ratio(-5); ratio < 120; ratio++ {
		strategy, err := GrayStrategyOf(ratio)
		switch ratio {
		case 10, 30, 50:
			require.NoError(t, err)
			require.True(t, strategy.Known())
			back, ok := strategy.Ratio()
			require.True(t, ok)
			require.Equal(t, ratio, back)
		case 100:
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.ErrorContains(t, err, "publish")
		default:
			var wrong *alipayplus.RatioError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, []alipayplus.Ratio{10, 30, 50, 100}, wrong.Allowed)
		}
	}
}

func TestAStrategyIsReadAsARatio(t *testing.T) {
	for _, tt := range []struct {
		strategy GrayStrategy
		want     alipayplus.Ratio
		ok       bool
	}{
		{"p10", 10, true},
		{"p30", 30, true},
		{"p50", 50, true},
		{"p1", 1, true},
		{"p70", 70, true},
		{"p100", 100, true},
		{"p101", 0, false},
		{"p0", 0, false},
		{"p010", 0, false},
		{"p-1", 0, false},
		{"p+1", 0, false},
		{"p", 0, false},
		{"p9x", 0, false},
		{"10", 0, false},
		{"", 0, false},
	} {
		got, ok := tt.strategy.Ratio()
		require.Equal(t, tt.want, got, tt.strategy)
		require.Equal(t, tt.ok, ok, tt.strategy)
	}
}
