package bolt_test

import (
	"bytes"
	stdimage "image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

func TestADamagedRequestDoesNotStopOtherWorkspaces(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	dir := t.TempDir()
	auto := func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }
	co := alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
	open := func() (*bolt.Store, *platform.Platform) {
		s, err := bolt.Open(dir)
		require.NoError(t, err)
		p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(s), platform.WithAutoReview(auto))
		require.NoError(t, err)
		return s, p
	}
	member := func(p *platform.Platform, ws string) *alipayplus.Client {
		require.NoError(t, p.PutMember(t.Context(), platform.Member{WorkspaceID: ws, Name: "olga", Role: alipayplus.RoleOwner}))
		c, err := p.Client(t.Context(), ws, "olga", alipayplus.WithRetry(1, 1, 1))
		require.NoError(t, err)
		return c
	}
	s, p := open()
	a, err := p.AddWorkspace(t.Context(), co)
	require.NoError(t, err)
	b, err := p.AddWorkspace(t.Context(), co)
	require.NoError(t, err)
	c := member(p, a)
	svc, err := c.Services.Create(t.Context(), alipayplus.CreateServiceInput{ServiceDescription: alipayplus.ServiceDescription{
		Name: "Tea shop in a week", Industry: "Food and beverage", Type: alipayplus.ServiceMiniProgramDevelopment,
		Description: "We build your mini program.", ImageFileID: image(t, c),
		ApplicableApps:     []alipayplus.TargetApp{alipayplus.TargetAlipayCN},
		PaymentInformation: alipayplus.Content{alipayplus.TextBlock("Half now.")},
	}})
	require.NoError(t, err)
	_, err = c.Services.Submit(t.Context(), alipayplus.ServiceInput{ServiceID: svc.ID})
	require.NoError(t, err)
	require.NoError(t, s.Close())

	path := filepath.Join(dir, "records.db")
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	title := []byte("Release service Tea shop")
	require.Contains(t, string(raw), string(title))
	raw = bytes.ReplaceAll(raw, title, []byte("Release service Tea shoq"))
	require.NoError(t, os.WriteFile(path, raw, 0o600))

	_, p = open()
	_, err = member(p, b).Workspace.Get(t.Context())
	require.NoError(t, err, "another workspace goes on")
}

func image(t *testing.T, c *alipayplus.Client) string {
	var buf bytes.Buffer
	require.NoError(t, png.Encode(&buf, stdimage.NewGray(stdimage.Rect(0, 0, 8, 8))))
	f, err := c.Files.Upload(t.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(buf.Bytes()), Size: int64(buf.Len())})
	require.NoError(t, err)
	return f.ID
}
