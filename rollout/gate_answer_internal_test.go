package rollout

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFieldPathLeadsToAFigure(t *testing.T) {
	t.Parallel()
	const answer = `{
		"rate": 0.5, "zero": 0, "minus": -3e-2, "text": "0.023", "signed": "+4", "": {"deep": 9}, "with.dot": {"[x]": [7]},
		"data": {"result": [{"value": [1700000000.123, "12.5"]}, {"value": [0, "13"]}]}
	}`
	for path, want := range map[string]float64{
		"rate": 0.5, "zero": 0, "minus": -0.03, "text": 0.023, "signed": 4,
		"data.result[0].value[1]": 12.5, "data.result[1].value[1]": 13, `data["result"][0].value[0]`: 1700000000.123,
		`["with.dot"]["[x]"][0]`: 7, `[""].deep`: 9,
	} {
		document, err := decodeAnswer([]byte(answer))
		require.NoError(t, err)
		parsed, err := parseFieldPath(path)
		require.NoError(t, err, path)

		got, err := parsed.figure(document)

		require.NoError(t, err, path)
		require.InDelta(t, want, got, 0, path)
	}

	list, err := decodeAnswer([]byte(`[1, [2, 3]]`))
	require.NoError(t, err)
	path, err := parseFieldPath("[1][0]")
	require.NoError(t, err)
	got, err := path.figure(list)
	require.NoError(t, err)
	require.InDelta(t, 2, got, 0)
}

func TestWhatIsNoFigureIsAnErrorThatNamesThePlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ path, answer, want string }{
		{"a", `{}`, `the answer has no a: the whole has no field "a"`},
		{"a.b", `{"a": {}}`, `the answer has no a.b: a has no field "b"`},
		{"a.b", `{"a": null}`, "the answer has no a.b: a is null"},
		{"a.b", `{"a": 1}`, "the answer has no a.b: a is a number"},
		{"a.b", `{"a": [1]}`, "the answer has no a.b: a is a list, not an object"},
		{"a[0]", `{"a": {"0": 1}}`, "the answer has no a[0]: a is an object, not a list"},
		{"a[1]", `{"a": [1]}`, "the answer has no a[1]: a has 1 entries"},
		{"a[0]", `{"a": "text"}`, "the answer has no a[0]: a is a text"},
		{"a", `[]`, "the answer has no a: the whole is a list, not an object"},
		{"a", `{"a": null}`, "a is null, not a number"},
		{"a", `{"a": true}`, "a is a truth value, not a number"},
		{"a", `{"a": {}}`, "a is an object, not a number"},
		{"a", `{"a": [1]}`, "a is a list, not a number"},
		{"a", `{"a": ""}`, "a is a text that is not a number"},
		{"a", `{"a": "NaN"}`, "a is NaN, not a number"},
		{"a", `{"a": "+Inf"}`, "a is a text that is not a number"},
		{"a", `{"a": "infinity"}`, "a is a text that is not a number"},
		{"a", `{"a": "0x10"}`, "a is a text that is not a number"},
		{"a", `{"a": "1_000"}`, "a is a text that is not a number"},
		{"a", `{"a": " 1"}`, "a is a text that is not a number"},
		{"a", `{"a": "1,5"}`, "a is a text that is not a number"},
		{"a", `{"a": "12%"}`, "a is a text that is not a number"},
		{"a", `{"a": "."}`, "a cannot be read as a number"},
		{"a", `{"a": "1e999"}`, "a cannot be read as a number"},
		{"a", `{"a": 1e999}`, "a cannot be read as a number"},
	} {
		t.Run(tt.path+" of "+tt.answer, func(t *testing.T) {
			document, err := decodeAnswer([]byte(tt.answer))
			require.NoError(t, err)
			path, err := parseFieldPath(tt.path)
			require.NoError(t, err)

			_, err = path.figure(document)

			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestAnAnswerIsOneJSONDocument(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{``, ` `, `{`, `<html></html>`, `{"a": 1} {"a": 2}`, `{"a": 1}]`, `{"a": 1},`, `{"a": NaN}`, `a: 1`} {
		_, err := decodeAnswer([]byte(answer))
		require.Error(t, err, answer)
	}
	for _, answer := range []string{" {\"a\": 1}\n", "\ufeff{\"a\": 1}"} {
		_, err := decodeAnswer([]byte(answer))
		require.NoError(t, err, answer)
	}
	_, err := decodeAnswer([]byte(" {\"a\": 1}\n"))
	require.NoError(t, err)
}

func TestWhatIsNoPathIsAnError(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"":                "a name is missing",
		".":               "a name is missing",
		".a":              "a name is missing",
		"a.":              "a name is missing",
		"a..b":            "a name is missing",
		"a.[0]":           "a name is missing",
		"a]":              "must be quoted",
		`a"b"`:            "must be quoted",
		"a[":              "must hold the number of an entry",
		"a[]":             "must hold the number of an entry",
		"a[-1]":           "must hold the number of an entry",
		"a[x]":            "must hold the number of an entry",
		"a[1234567890]":   "must hold the number of an entry",
		"a[0":             "not closed",
		"a[0]b":           "a dot or a bracket must follow",
		`a["b]`:           "no end",
		`a["b"`:           "not closed",
		`a["b"0]`:         "not closed",
		"a[`b`]":          "must hold the number of an entry",
		"a[0].":           "a name is missing",
		`$.a["b"].c..[0]`: "a name is missing",
	} {
		_, err := parseFieldPath(path)
		require.ErrorContains(t, err, want, path)
	}
}

// Whatever a path says, reading and writing it comes to the same; whatever an answer
// holds, what is found in it is finite.
func FuzzFigure(f *testing.F) {
	for _, seed := range [][2]string{
		{"data.result[0].value[1]", `{"data":{"result":[{"value":[1,"2"]}]}}`},
		{`["a.b"][0]`, `{"a.b":[NaN]}`},
		{"a", `{"a":"1e999"}`},
		{`a["\x00"].é`, `{"a":{"\u0000":{"é":-0}}}`},
		{"[0]", `["Inf"]`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, text string, answer []byte) {
		path, err := parseFieldPath(text)
		if err != nil {
			return
		}
		again, err := parseFieldPath(path.String())
		require.NoError(t, err, path.String())
		require.Equal(t, path, again)
		document, err := decodeAnswer(answer)
		if err != nil {
			return
		}
		require.True(t, json.Valid(answer))
		figure, err := path.figure(document)
		if err == nil {
			require.False(t, math.IsNaN(figure) || math.IsInf(figure, 0))
		}
	})
}
