package rollout_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/rollout"
)

func TestADurationIsReadWithDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "-5m": -5 * time.Minute, "0s": 0, "1.5h": 90 * time.Minute,
		"2d": 2 * day, "1d12h": 36 * time.Hour, "0d": 0, "1.5d": 36 * time.Hour, "0.5d1h": 13 * time.Hour, "1d0s": day, "01d": day,
		"106751d": 106751 * day, "106751d23h": 106751*day + 23*time.Hour,
	} {
		got, err := rollout.ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.Std(), text)
	}
}

func TestWhatIsNoDurationIsAnError(t *testing.T) {
	for _, text := range []string{
		"", "0", "90", "d", "1", "1day", "-1d", "+1d", "1e3d", "0x1d", "infd", "nand", "1d0", "1d-1h", "1d+1h", "1d12", "1d1d", "12h1d", "1.2.3d", " 1d", "1d ", "1 d",
		"106752d", "106751d23h47m16.854775808s", "999999999999d", "106751d24h", "soon",
	} {
		_, err := rollout.ParseDuration(text)
		require.EqualError(t, err, `"`+text+`" is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h`)
	}
}

func TestADurationIsWrittenAsPeopleWriteIt(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "90ms": 90 * time.Millisecond, "45s": 45 * time.Second, "1m30s": 90 * time.Second, "5m": 5 * time.Minute, "1h": time.Hour,
		"1h30m": 90 * time.Minute, "1h0m5s": time.Hour + 5*time.Second, "23h59m": day - time.Minute, "1d": day, "2d": 2 * day, "1d12h": 36 * time.Hour,
		"1d5m": day + 5*time.Minute, "10d1s": 10*day + time.Second, "-2m": -2 * time.Minute, "-36h": -36 * time.Hour, "20h": 20 * time.Hour, "10m": 10 * time.Minute,
	} {
		require.Equal(t, want, rollout.Duration(d).String())
	}
}

func TestADurationIsReadAsItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rollout.Duration(rapid.Int64Range(math.MinInt64, math.MaxInt64-int64(day)).Draw(t, "duration"))
		read, err := rollout.ParseDuration(d.String())
		require.NoError(t, err)
		require.Equal(t, d, read)
		data, err := json.Marshal(map[string]rollout.Duration{"d": d})
		require.NoError(t, err)
		var again map[string]rollout.Duration
		require.NoError(t, json.Unmarshal(data, &again))
		require.Equal(t, d, again["d"])
	})
}

func TestADurationInJSONIsText(t *testing.T) {
	var d rollout.Duration
	require.Error(t, json.Unmarshal([]byte(`3600`), &d), "of what unit?")
	require.EqualError(t, json.Unmarshal([]byte(`"soon"`), &d), `"soon" is not a duration; write for example 90s, 30m, 12h, 2d or 1d12h`)
	require.Zero(t, d)
}
