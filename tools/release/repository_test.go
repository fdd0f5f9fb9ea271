package main

import (
	"archive/zip"
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	rootMod = "module example.com/m\n\ngo 1.26.0\n"
	gateMod = "module example.com/m/gate\n\ngo 1.26.0\n\nrequire (\n\texample.com/m v0.0.0\n\texample.org/other v1.2.3\n)\n\nreplace example.com/m => ..\n"
	toolMod = "module example.com/m/cmd/tool\n\ngo 1.26.0\n\nrequire (\n\texample.com/m v0.0.0\n\texample.com/m/gate v0.0.0\n)\n\n" +
		"replace example.com/m => ../..\n\nreplace example.com/m/gate => ../../gate\n"
	checksMod = "module example.com/m/tools\n\ngo 1.26.0\n\nrequire example.com/m v0.0.0\n\nreplace example.com/m => ..\n"
	otherSum  = "example.org/other v1.2.3 h1:aaaa=\nexample.org/other v1.2.3/go.mod h1:bbbb=\n"
)

// aRepository is one whose tool requires its gate, and both its root.
func aRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{edited: make(map[string][]byte), files: map[string][]byte{
		"LICENSE": []byte("do as you please"), "m.go": []byte("package m"), "go.mod": []byte(rootMod),
		"gate/go.mod": []byte(gateMod), "gate/go.sum": []byte(otherSum), "gate/gate.go": []byte("package gate"),
		"cmd/tool/go.mod": []byte(toolMod), "cmd/tool/go.sum": nil, "cmd/tool/LICENSE": []byte("its own"),
		"tools/go.mod": []byte(checksMod), "tools/go.sum": nil,
		"testdata/x/go.mod": []byte("module example.com/x"),
	}}
	require.NoError(t, r.findModules())
	return r
}

func TestModulesComeBehindThoseThatTheyRequire(t *testing.T) {
	r := aRepository(t)
	paths := func(modules []*module) (all []string) {
		for _, m := range modules {
			all = append(all, m.path)
		}
		return all
	}
	require.Equal(t, []string{"example.com/m", "example.com/m/gate", "example.com/m/cmd/tool", "example.com/m/tools"}, paths(r.modules))
	require.Equal(t, []string{"example.com/m", "example.com/m/gate", "example.com/m/cmd/tool"}, paths(r.published()))
}

func TestTaggedModulesRequireEachOtherAndReplaceNothing(t *testing.T) {
	r := aRepository(t)

	require.NoError(t, r.tag("v0.2.0", r.published()))

	require.Equal(t, "module example.com/m/gate\n\ngo 1.26.0\n\nrequire (\n\texample.com/m v0.2.0\n\texample.org/other v1.2.3\n)\n", string(r.files["gate/go.mod"]))
	require.Equal(t, "module example.com/m/cmd/tool\n\ngo 1.26.0\n\nrequire (\n\texample.com/m v0.2.0\n\texample.com/m/gate v0.2.0\n)\n", string(r.files["cmd/tool/go.mod"]))
	require.Regexp(t, `^example.com/m v0.2.0 h1:\S+\nexample.com/m v0.2.0/go.mod h1:\S+\n`+otherSum+`$`, string(r.files["gate/go.sum"]))
	require.Regexp(t, `^example.com/m v0.2.0 h1:\S+\nexample.com/m v0.2.0/go.mod h1:\S+\nexample.com/m/gate v0.2.0 h1:\S+\nexample.com/m/gate v0.2.0/go.mod h1:\S+\n$`,
		string(r.files["cmd/tool/go.sum"]))
	require.Equal(t, []string{"cmd/tool/go.mod", "cmd/tool/go.sum", "gate/go.mod", "gate/go.sum"}, slices.Sorted(maps.Keys(r.edited)))
}

func TestTheNextVersionTakesThePlaceOfTheOneBefore(t *testing.T) {
	r := aRepository(t)
	require.NoError(t, r.tag("v0.2.0", r.published()))

	require.NoError(t, r.tag("v0.2.1", r.published()))

	for _, name := range []string{"gate/go.mod", "gate/go.sum", "cmd/tool/go.mod", "cmd/tool/go.sum"} {
		require.Contains(t, string(r.files[name]), "v0.2.1", name)
		require.NotContains(t, string(r.files[name]), "v0.2.0", name)
	}
}

func TestDevelopingIsTheWayBack(t *testing.T) {
	r := aRepository(t)
	before := maps.Clone(r.files)
	require.NoError(t, r.tag("v0.2.0", r.published()))

	require.NoError(t, r.develop())

	for name, content := range before {
		require.Equal(t, string(content), string(r.files[name]), name)
	}
}

func TestChangesAreTheLinesThatDiffer(t *testing.T) {
	r := aRepository(t)
	require.Empty(t, r.changes())

	require.NoError(t, r.tag("v0.2.0", r.published()))

	changes := strings.Join(r.changes(), "\n")
	require.Contains(t, changes, "gate/go.mod: -\texample.com/m v0.0.0\ngate/go.mod: -replace example.com/m => ..\ngate/go.mod: +\texample.com/m v0.2.0\n")
	require.Contains(t, changes, "gate/go.sum: +example.com/m v0.2.0 h1:")
	require.NotContains(t, changes, "example.org/other")
}

func TestAModuleCannotRequireOneThatIsNotTagged(t *testing.T) {
	r := aRepository(t)
	r.files["gate/go.mod"] = []byte("module example.com/m/gate\n\ngo 1.26.0\n\nrequire example.com/m/tools v0.0.0\n")
	r.modules = nil
	require.NoError(t, r.findModules())

	require.EqualError(t, r.tag("v0.2.0", r.published()), "example.com/m/gate requires example.com/m/tools, which is not tagged")
}

func TestAnArchiveHoldsItsModuleAndALicense(t *testing.T) {
	r := aRepository(t)
	for dir, want := range map[string][]string{
		"":         {"LICENSE: do as you please", "go.mod: " + rootMod, "m.go: package m"},
		"gate":     {"LICENSE: do as you please", "gate.go: package gate", "go.mod: " + gateMod, "go.sum: " + otherSum},
		"cmd/tool": {"LICENSE: its own", "go.mod: " + toolMod, "go.sum: "},
	} {
		m := r.modules[slices.IndexFunc(r.modules, func(m *module) bool { return m.dir == dir })]
		archive, err := r.archive(m, "v0.2.0")
		require.NoError(t, err)
		contents, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		require.NoError(t, err)
		var got []string
		for _, f := range contents.File {
			file, err := f.Open()
			require.NoError(t, err)
			var text bytes.Buffer
			_, err = text.ReadFrom(file)
			require.NoError(t, err)
			name, inside := strings.CutPrefix(f.Name, m.path+"@v0.2.0/")
			require.True(t, inside, f.Name)
			got = append(got, name+": "+text.String())
		}
		slices.Sort(got)
		require.Equal(t, want, got, dir)
	}
}
