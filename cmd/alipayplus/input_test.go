package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

func TestAnInputIsReadFromAFileStrictly(t *testing.T) {
	t.Parallel()

	for text, wrong := range map[string]string{
		"languages: [{language: en-US, name: Tea}]":             "",
		`{"languages": [{"language": "en-US", "name": "Tea"}]}`: "",
		"languages: [{language: en-US, name: 2026-01-02}]":      "",
		"":                                  "it is empty",
		"languages: []\n---\nlanguages: []": "it must be one document",
		"languages: [{language: en-US, nam: Tea}]": `there is no field "nam"; did you mean "name"?`,
		"languages: tea": "languages: it cannot be a string",
		"configuration: {h5Domains: [a.example], somethingElse: true}": `there is no field "somethingElse"`,
		"languages: [": "did not find",
		"languages: [{language: en-US, name: Tea}]\nlanguages: [{name: Tea}]": "already defined",
	} {
		var in alipayplus.CreateProgramInput

		err := readFile("-", strings.NewReader(text), &in)

		if wrong != "" {
			require.ErrorContains(t, err, wrong, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, "en-US", in.Languages[0].Language)
	}
}
