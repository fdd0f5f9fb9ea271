package alipayplus_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

func TestDefaultLimitsAreThoseOfTheDocument(t *testing.T) {
	require.Equal(t, alipayplus.Limits{Programs: 10, WaitingVersions: 20}, alipayplus.DefaultLimits())
}

func TestProgramLimit(t *testing.T) {
	limits := alipayplus.Limits{Programs: 3, WaitingVersions: 20}
	for used, allowed := range []bool{0: true, 1: true, 2: true, 3: false, 4: false} {
		err := limits.CheckProgramLimit(alipayplus.TargetAlipayCN, used)
		if allowed {
			require.NoError(t, err, "%d used", used)
			continue
		}
		require.ErrorIs(t, err, alipayplus.ErrLimit)
		var limit *alipayplus.LimitError
		require.ErrorAs(t, err, &limit)
		require.Equal(t, &alipayplus.LimitError{Scope: "mini programs to ALIPAY_CN in this workspace", Limit: 3, Used: used}, limit)
		require.ErrorContains(t, err, " of 3 are used; delete (in NEW_VERSION_CREATED) or cancel (in preparation and in grayscale) all releases of one of them")
	}
}

func TestVersionLimit(t *testing.T) {
	limits := alipayplus.Limits{Programs: 10, WaitingVersions: 2}
	for _, tt := range []struct {
		name        string
		waiting     int
		underReview bool
		want        string
	}{
		{"none waits", 0, false, ""},
		{"one below", 1, false, ""},
		{"at the limit", 2, false, "versions of this mini program to APP: 2 of 2 are used; apply with one of them and take it through the review, or delete one"},
		{"above it", 3, false, "versions of this mini program to APP: 3 of 2 are used; apply with one of them and take it through the review, or delete one"},
		{"under review", 0, true, "versions of this mini program to APP: none may be added while a version is under review; wait for the verdict or withdraw it"},
		{"both", 2, true, "versions of this mini program to APP: none may be added while a version is under review; wait for the verdict or withdraw it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := limits.CheckVersionLimit("APP", tt.waiting, tt.underReview)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
			require.ErrorIs(t, err, alipayplus.ErrLimit)
			var limit *alipayplus.LimitError
			require.ErrorAs(t, err, &limit)
			require.Equal(t, tt.waiting, limit.Used)
			require.Equal(t, 2, limit.Limit)
			require.Equal(t, tt.underReview, limit.UnderReview)
		})
	}
}

// A refusal carries the limit over the wire.
func TestLimitErrorInJSON(t *testing.T) {
	before := alipayplus.LimitError{Scope: "versions", Limit: 20, Used: 20, UnderReview: true}
	data, err := json.Marshal(before)
	require.NoError(t, err)
	require.JSONEq(t, `{"scope":"versions","limit":20,"used":20,"underReview":true}`, string(data))
	var after alipayplus.LimitError
	require.NoError(t, json.Unmarshal(data, &after))
	require.Equal(t, before, after)
}
