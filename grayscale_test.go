package alipayplus_test

import (
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
)

func ladderOf(t require.TestingT, ratios ...alipayplus.Ratio) alipayplus.Ladder {
	l, err := alipayplus.NewLadder(ratios...)
	require.NoError(t, err)
	return l
}

func TestDefaultLadderHasSevenRatiosFromOneToAHundred(t *testing.T) {
	l := alipayplus.DefaultLadder()
	require.Equal(t, []alipayplus.Ratio{1, 5, 10, 20, 30, 50, 100}, l.Ratios())
	require.Equal(t, ladderOf(t, l.Ratios()...), l, "it keeps the rules of every ladder")
	require.Equal(t, "1%, 5%, 10%, 20%, 30%, 50%, 100%", l.String())
}

func TestNewLadder(t *testing.T) {
	for _, tt := range []struct {
		name   string
		ratios []alipayplus.Ratio
		want   string
	}{
		{"full at once", []alipayplus.Ratio{100}, ""},
		{"AlipayCN's own", []alipayplus.Ratio{10, 30, 50, 100}, ""},
		{"lowest and highest", []alipayplus.Ratio{1, 99, 100}, ""},
		{"none", nil, "ladder: 1 field not valid: ratios must have at least 1 entry"},
		{"not full at the end", []alipayplus.Ratio{1, 99}, "ladder: 1 field not valid: ratios[1] must be 100, the full release, because it is the last; got 99"},
		{"twice the same", []alipayplus.Ratio{5, 5, 100}, "ladder: 1 field not valid: ratios[1] must be above the ratio before it; got 5 after 5"},
		{"falling", []alipayplus.Ratio{10, 5, 100}, "ladder: 1 field not valid: ratios[1] must be above the ratio before it; got 5 after 10"},
		{"zero", []alipayplus.Ratio{0, 100}, "ladder: 1 field not valid: ratios[0] must be between 1 and 100; got 0"},
		{
			"all wrong",
			[]alipayplus.Ratio{-1, 101, 7},
			"ladder: 4 fields not valid: ratios[0] must be between 1 and 100; got -1; ratios[1] must be between 1 and 100; got 101; " +
				"ratios[2] must be above the ratio before it; got 7 after 101; ratios[2] must be 100, the full release, because it is the last; got 7",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := alipayplus.NewLadder(tt.ratios...)
			if tt.want == "" {
				require.NoError(t, err)
				require.Equal(t, tt.ratios, l.Ratios())
				return
			}
			require.EqualError(t, err, tt.want)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.True(t, l.IsZero())
		})
	}
}

func TestALadderNeverChanges(t *testing.T) {
	given := []alipayplus.Ratio{10, 50, 100}
	l := ladderOf(t, given...)
	given[0] = 49
	l.Ratios()[1] = 99
	l.From(0)[0] = 2
	require.Equal(t, []alipayplus.Ratio{10, 50, 100}, l.Ratios())
}

func TestTheZeroLadderOffersNothing(t *testing.T) {
	var l alipayplus.Ladder
	require.True(t, l.IsZero())
	require.False(t, alipayplus.DefaultLadder().IsZero())
	require.Empty(t, l.Ratios())
	require.Empty(t, l.From(0))
	require.False(t, l.Contains(100))
	_, more := l.Next(0)
	require.False(t, more)
	require.EqualError(t, l.CheckRaise(0, 10), "ratio 10% is not allowed: it is not on the ladder; allowed now: none")
	require.Empty(t, l.String())
}

func TestCheckRaise(t *testing.T) {
	l := ladderOf(t, 1, 10, 50, 100)
	for _, tt := range []struct {
		name     string
		from, to alipayplus.Ratio
		want     string
	}{
		{"first step", 0, 1, ""},
		{"start in the middle", 0, 50, ""},
		{"start at the end", 0, 100, ""},
		{"next", 1, 10, ""},
		{"skip one", 1, 50, ""},
		{"last", 50, 100, ""},
		{"from a ratio of a former ladder", 20, 50, ""},
		{"same", 10, 10, "ratio 10% is not allowed: it is not above the live ratio 10%; allowed now: 50%, 100%"},
		{"down", 50, 10, "ratio 10% is not allowed: it is not above the live ratio 50%; allowed now: 100%"},
		{"not on the ladder", 10, 30, "ratio 30% is not allowed: it is not on the ladder; allowed now: 50%, 100%"},
		{"neither above nor on it", 50, 30, "ratio 30% is not allowed: it is not above the live ratio 50%; allowed now: 100%"},
		{"more than all", 50, 101, "ratio 101% is not allowed: it is not on the ladder; allowed now: 100%"},
		{"complete", 100, 100, "ratio 100%: the release is complete at 100%; nothing is left to raise"},
		{"complete, down", 100, 1, "ratio 1%: the release is complete at 100%; nothing is left to raise"},
		{"nothing", 0, 0, "ratio 0% is not allowed: it is not above the live ratio 0%; allowed now: 1%, 10%, 50%, 100%"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := l.CheckRaise(tt.from, tt.to)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, tt.want)
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			var ratio *alipayplus.RatioError
			require.ErrorAs(t, err, &ratio)
			require.Equal(t, &alipayplus.RatioError{From: tt.from, To: tt.to, Allowed: l.From(tt.from)}, ratio)
		})
	}
}

// What the platform refused reads the same at the client.
func TestRatioErrorInJSON(t *testing.T) {
	before := alipayplus.DefaultLadder().CheckRaise(10, 5)
	data, err := json.Marshal(before)
	require.NoError(t, err)
	require.JSONEq(t, `{"from":10,"to":5,"allowed":[20,30,50,100]}`, string(data))
	var after alipayplus.RatioError
	require.NoError(t, json.Unmarshal(data, &after))
	require.EqualError(t, &after, before.Error())
}

func TestLadderJSON(t *testing.T) {
	for _, tt := range []struct {
		data, want string
		zero       bool
	}{
		{`[1,10,100]`, `[1,10,100]`, false},
		{` [ 100 ] `, `[100]`, false},
		{`[]`, `[]`, true},
		{`null`, `[]`, true},
	} {
		l := alipayplus.DefaultLadder()
		require.NoError(t, json.Unmarshal([]byte(tt.data), &l), tt.data)
		require.Equal(t, tt.zero, l.IsZero())
		data, err := json.Marshal(l)
		require.NoError(t, err)
		require.JSONEq(t, tt.want, string(data))
	}
	for _, data := range []string{`[1,10]`, `[10,1,100]`, `[0,100]`, `"1"`, `[1.5,100]`, `["1",100]`, `{}`, `7`} {
		l := ladderOf(t, 30, 100)
		require.Error(t, json.Unmarshal([]byte(data), &l), data)
		require.Equal(t, "30%, 100%", l.String(), "what cannot be read changes nothing")
	}
	require.ErrorContains(t, new(alipayplus.Ladder).UnmarshalJSON([]byte(`{}`)), "ladder: ")
}

func TestGrayscaleToSaysWhatWasRead(t *testing.T) {
	release := alipayplus.Release{ID: "rel_1", Grayscale: alipayplus.Grayscale{Ratio: 10, Ladder: alipayplus.DefaultLadder()}}
	in := release.GrayscaleTo(30)
	require.Equal(t, alipayplus.GrayscaleInput{ReleaseID: "rel_1", From: 10, Ratio: 30, Ladder: alipayplus.DefaultLadder()}, in)
	require.NoError(t, in.Validate())
}

func TestGrayscaleInputIsCheckedAgainstItsLadder(t *testing.T) {
	in := alipayplus.GrayscaleInput{ReleaseID: "rel_1", From: 10, Ratio: 33}
	require.NoError(t, in.Validate(), "without a ladder the platform decides")

	in.Ladder = alipayplus.DefaultLadder()
	var ratio *alipayplus.RatioError
	require.ErrorAs(t, in.Validate(), &ratio)
	require.Equal(t, []alipayplus.Ratio{20, 30, 50, 100}, ratio.Allowed)

	in.ReleaseID = ""
	require.EqualError(t, in.Validate(), "grayscale: 1 field not valid: releaseId is required")
}

// anyLadder draws ladders of any length.
func anyLadder() *rapid.Generator[[]alipayplus.Ratio] {
	return rapid.Custom(func(t *rapid.T) []alipayplus.Ratio {
		var ratios []alipayplus.Ratio
		for r := alipayplus.Ratio(1); r < 100; r++ {
			if rapid.IntRange(0, 9).Draw(t, "lot") == 0 {
				ratios = append(ratios, r)
			}
		}
		return append(ratios, 100)
	})
}

// The model is a plain list, asked by plain loops.
func TestLadderAgreesWithItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := anyLadder().Draw(t, "ladder")
		l := ladderOf(t, model...)
		from := alipayplus.Ratio(rapid.IntRange(-1, 101).Draw(t, "from"))
		to := alipayplus.Ratio(rapid.IntRange(-1, 101).Draw(t, "to"))
		if rapid.Bool().Draw(t, "to is on the ladder") {
			to = rapid.SampledFrom(model).Draw(t, "rung")
		}

		var above []alipayplus.Ratio
		contains := false
		for _, r := range model {
			contains = contains || r == to
			if r > from {
				above = append(above, r)
			}
		}

		require.Equal(t, contains, l.Contains(to))
		require.Equal(t, above, l.From(from))
		next, more := l.Next(from)
		require.Equal(t, len(above) > 0, more)
		if more {
			require.Equal(t, above[0], next)
			require.NoError(t, l.CheckRaise(from, next))
		} else {
			require.Zero(t, next)
		}
		require.Equal(t, contains && to > from, l.CheckRaise(from, to) == nil)
	})
}

// Whoever climbs by Next reaches the full release by every rung, and then stops.
func TestClimbingEndsAtTheFullRelease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := ladderOf(t, anyLadder().Draw(t, "ladder")...)
		var climbed []alipayplus.Ratio
		for live := alipayplus.Ratio(0); ; {
			next, more := l.Next(live)
			if !more {
				require.Equal(t, alipayplus.FullRatio, live)
				break
			}
			climbed, live = append(climbed, next), next
		}
		require.Equal(t, l.Ratios(), climbed)
	})
}

func TestNewLadderAgreesWithItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ratios := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) alipayplus.Ratio {
			return alipayplus.Ratio(rapid.IntRange(-2, 103).Draw(t, "ratio"))
		}), 0, 5).Draw(t, "ratios")
		if rapid.Bool().Draw(t, "sorted") {
			slices.Sort(ratios)
		}
		if rapid.Bool().Draw(t, "complete") {
			ratios = append(ratios, 100)
		}
		valid := len(ratios) > 0
		before := alipayplus.Ratio(0)
		for _, r := range ratios {
			valid = valid && r > before
			before = r
		}
		valid = valid && before == 100

		_, err := alipayplus.NewLadder(ratios...)
		require.Equal(t, valid, err == nil, "%v: %v", ratios, err)
	})
}

func FuzzLadderJSON(f *testing.F) {
	for _, data := range []string{`[1,5,100]`, `[]`, `null`, `[100]`, `[1,1,100]`, `[1e2]`, `[9223372036854775808]`, `{"a":1}`, `[`} {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var l alipayplus.Ladder
		if err := json.Unmarshal(data, &l); err != nil {
			require.True(t, l.IsZero())
			return
		}
		last := alipayplus.Ratio(0)
		for _, r := range l.Ratios() {
			require.Greater(t, r, last)
			last = r
		}
		require.True(t, l.IsZero() || last == alipayplus.FullRatio)

		written, err := json.Marshal(l)
		require.NoError(t, err)
		again := alipayplus.DefaultLadder()
		require.NoError(t, json.Unmarshal(written, &again))
		require.Equal(t, l, again)
	})
}

func TestRatioText(t *testing.T) {
	require.Equal(t, "30%", alipayplus.Ratio(30).String())
	require.Equal(t, "0%", alipayplus.Ratio(0).String())
	require.Equal(t, "-1%", alipayplus.Ratio(-1).String())
	require.Equal(t, "9223372036854775807%", alipayplus.Ratio(math.MaxInt).String())
}

// Who starts is not asked to raise, and the other way round.
func TestStartAndRaiseAreKeptApart(t *testing.T) {
	g := newGateway(t, done())
	c := g.client()
	_, err := c.Releases.StartGrayscale(t.Context(), alipayplus.GrayscaleInput{ReleaseID: "rel_1", From: 1, Ratio: 5})
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	require.Equal(t, []alipayplus.FieldError{{Path: "from", Message: "must be 0 to start; use Raise for a release that is in grayscale"}}, failure(t, err).Fields)
	_, err = c.Releases.Raise(t.Context(), alipayplus.GrayscaleInput{ReleaseID: "rel_1", Ratio: 5})
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	require.Equal(t, []alipayplus.FieldError{{Path: "from", Message: "must be the ratio that is live now; use StartGrayscale for the first"}}, failure(t, err).Fields)
	require.Empty(t, g.attempts())

	_, err = c.Releases.StartGrayscale(t.Context(), alipayplus.GrayscaleInput{ReleaseID: "rel_1", Ratio: 5})
	require.NoError(t, err)
	_, err = c.Releases.Raise(t.Context(), alipayplus.GrayscaleInput{ReleaseID: "rel_1", From: 5, Ratio: 10})
	require.NoError(t, err)
	require.Len(t, g.attempts(), 2)
}
