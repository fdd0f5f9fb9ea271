package rollout_test

import (
	"archive/zip"
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// world is an embedded platform with a workspace and its owner.
type world struct {
	*testing.T
	p         *platform.Platform
	workspace string
	owner     *alipayplus.Client
}

func newWorld(t *testing.T, opts ...platform.Option) *world {
	t.Helper()
	p, err := platform.New(append([]platform.Option{platform.WithSigner(testkey.Key())}, opts...)...)
	require.NoError(t, err)
	w := &world{T: t, p: p}
	w.workspace, err = p.AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	w.owner = w.member("olga", alipayplus.RoleOwner)
	return w
}

// approving reviews after a minute, each party.
func approving() platform.Option {
	return platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(time.Minute)
	})
}

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

func (w *world) member(name string, role alipayplus.Role) *alipayplus.Client {
	w.Helper()
	require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: name, Role: role}))
	c, err := w.p.Client(w.Context(), w.workspace, name)
	require.NoError(w, err)
	return c
}

// program gives an authorized mini program.
func (w *world) program() string {
	w.Helper()
	p, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}},
	})
	require.NoError(w, err)
	require.NoError(w, w.p.GrantAuthorization(w.Context(), w.workspace, p.ID, alipayplus.TargetAlipayCN))
	return p.ID
}

// release creates a release of a new version, that was not applied for.
func (w *world) release(program, version string) *alipayplus.Release {
	w.Helper()
	number, err := alipayplus.ParseVersion(version)
	require.NoError(w, err)
	var build bytes.Buffer
	z := zip.NewWriter(&build)
	_, err = z.Create("app-" + version + ".json")
	require.NoError(w, err)
	require.NoError(w, z.Close())
	_, err = w.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
		ProgramID: program, Version: number, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	require.NoError(w, err)
	r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{
		ProgramID: program, Version: number, TargetApp: alipayplus.TargetAlipayCN,
	})
	require.NoError(w, err)
	return r
}

func (w *world) read(release string) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Get(context.WithoutCancel(w.Context()), release)
	require.NoError(w, err)
	return r
}

// ratios are those that were set, oldest first.
func ratios(r *alipayplus.Release) []alipayplus.Ratio {
	var all []alipayplus.Ratio
	for _, step := range r.Grayscale.Steps {
		all = append(all, step.Ratio)
	}
	return all
}
