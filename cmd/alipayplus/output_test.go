package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/terminal"
)

// printed is what a command prints in a form.
func printed(t *testing.T, form string, value any, columns ...string) string {
	t.Helper()
	var out bytes.Buffer
	a := newApp(&out, &out)
	cmd := &cobra.Command{Use: "list"}
	a.result(cmd, value, columns...)
	require.NoError(t, cmd.Flags().Set("output", form))
	require.NoError(t, a.print(cmd, value))
	return out.String()
}

func someReleases() []*alipayplus.Release {
	return []*alipayplus.Release{{
		ID: "rel_1", Version: alipayplus.VersionNumber{Major: 1}, Status: alipayplus.ReleaseGrayscale,
		Grayscale: alipayplus.Grayscale{Ratio: 10, Ladder: alipayplus.DefaultLadder()},
		Reviews:   []alipayplus.Review{{Party: "ALIPAY_PLUS", Status: "APPROVED"}, {Party: "ALIPAY_CN", Status: "PENDING"}},
		Languages: []alipayplus.Localization{{Language: "en-US", Name: "Blue Lake Tea"}},
		CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 8*3600)),
	}, {ID: "rel_2", Version: alipayplus.VersionNumber{Major: 2}, CreatedBy: "mei\u202e\x1b[2J\n"}}
}

func TestAListIsATableOfColumns(t *testing.T) {
	t.Parallel()

	got := printed(t, formatTable, someReleases(),
		"id", "version", "status", "grayscale.ratio", "reviews.status", "name=languages.0.name", "createdBy", "createdAt")

	require.Equal(t, ""+
		"ID     VERSION  STATUS             RATIO  STATUS             NAME           CREATED BY  CREATED AT\n"+
		"rel_1  1.0.0    GRAYSCALE_RELEASE  10     APPROVED, PENDING  Blue Lake Tea              2026-01-01T19:04:05Z\n"+
		"rel_2  2.0.0                       0                                        mei [2J\n", got)
}

func TestAThingIsALineAField(t *testing.T) {
	t.Parallel()

	got := printed(t, formatTable, someReleases()[0].Grayscale)

	require.Equal(t, "ratio   10\nladder  1, 5, 10, 20, 30, 50, 100\n", got)
}

func TestJSONAndYAMLHoldTheSame(t *testing.T) {
	t.Parallel()

	asJSON := printed(t, formatJSON, someReleases())
	asYAML := printed(t, formatYAML, someReleases()[1:])

	var read []*alipayplus.Release
	require.NoError(t, json.Unmarshal([]byte(asJSON), &read))
	require.Equal(t, "mei\u202e\x1b[2J\n", read[1].CreatedBy)
	require.NotContains(t, asJSON, "\u202e")
	require.Contains(t, asYAML, "- id: rel_2\n  programId: \"\"\n  version: 2.0.0\n")
	require.Contains(t, asYAML, `createdBy: "mei\u202e\e[2J\n"`)
	require.Equal(t, "[]\n", printed(t, formatJSON, []*alipayplus.Release(nil)))
	require.Equal(t, "[]\n", printed(t, formatYAML, []*alipayplus.Release(nil)))
	require.Equal(t, "ID\n", printed(t, formatTable, []*alipayplus.Release(nil), "id"))
}

func TestATableFitsIntoTheTerminal(t *testing.T) {
	t.Parallel()

	got, err := encode([]map[string]string{{"id": "sha256-of-something", "text": "ten columns", "name": "蓝湖茶蓝湖茶"}}, formatTable,
		[]string{"id", "text", "name"}, terminal.Options{Width: 40, Color: true})

	require.NoError(t, err)
	require.Equal(t, "\x1b[1mID                   TEXT      NAME\x1b[0m\nsha256-of-something  ten c...  蓝湖茶...\n", got)
}

func TestAChoiceNamesItsWords(t *testing.T) {
	t.Parallel()

	c := choice{of: []string{"json", "yaml"}}

	require.NoError(t, c.Set("YAML"))
	require.Equal(t, "yaml", c.String())
	require.EqualError(t, c.Set("jsn"), `"jsn" is not known; did you mean "json"?`)
	require.EqualError(t, c.Set("picture"), "it must be one of json, yaml")
}
