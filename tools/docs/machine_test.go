package docs_test

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/tools/docs"
)

func TestMachineNames(t *testing.T) {
	tests := []struct {
		name, file, text string
		want             []string
	}{
		{"a path of this machine", "a.go", "x\n// see " + "/work" + "/a.go", []string{`a.go:2: "` + "/work" + `/" does not belong here`}},
		{"at the beginning of a line", "a.sh", "/root" + "/bin/x", []string{`a.sh:1: "` + "/root" + `/" does not belong here`}},
		{"a directory for passing files", "a.yml", `"` + "/tmp" + `/x"`, []string{`a.yml:1: "` + "/tmp" + `/" does not belong here`}},
		{"a package registry", "a.md", "https://proxy.golang" + ".org/x", []string{`a.md:1: "proxy.golang` + `.org" does not belong here`}},

		{"a path that only ends so", "a.md", "[a](docs/work/x.md) .github/workflows/ci.yml ${HOME}/tmp/x", nil},
		{"go.sum", "tools/go.sum", "x /tmp" + "/x", nil},
		{"what is no text", "a.png", "\xff /tmp" + "/x", nil},
		{"test data", "testdata/a.json", "/tmp" + "/x", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := docs.MachineNames(fstest.MapFS{tt.file: {Data: []byte(tt.text)}})

			require.NoError(t, err)
			require.Equal(t, tt.want, found)
		})
	}
}
