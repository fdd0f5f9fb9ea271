package platform_test

import (
	"archive/zip"
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

type world struct {
	*testing.T
	p         *platform.Platform
	workspace string
	owner     *alipayplus.Client
}

// newWorld gives a platform with one workspace and its owner.
func newWorld(t *testing.T, opts ...platform.Option) *world {
	t.Helper()
	p, err := platform.New(append([]platform.Option{platform.WithSigner(testkey.FastKey())}, opts...)...)
	require.NoError(t, err)
	w := &world{T: t, p: p}
	w.workspace, err = p.AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	w.owner = w.member("olga", alipayplus.RoleOwner)
	return w
}

func (w *world) member(name string, role alipayplus.Role, programs ...string) *alipayplus.Client {
	w.Helper()
	m := platform.Member{WorkspaceID: w.workspace, Name: name, Role: role, Programs: programs}
	require.NoError(w, w.p.PutMember(w.Context(), m))
	c, err := w.p.Client(w.Context(), w.workspace, name)
	require.NoError(w, err)
	return c
}

func zipPackage(t testing.TB, content string) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	f, err := z.Create("app.json")
	require.NoError(t, err)
	_, err = f.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func pngImage(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, png.Encode(&buf, image.NewGray(image.Rect(0, 0, 8, 8))))
	return buf.Bytes()
}

func (w *world) program() *alipayplus.Program {
	w.Helper()
	p, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}},
	})
	require.NoError(w, err)
	return p
}

func (w *world) upload(program, version string) alipayplus.VersionNumber {
	w.Helper()
	number, err := alipayplus.ParseVersion(version)
	require.NoError(w, err)
	build := zipPackage(w, version)
	_, err = w.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
		ProgramID: program, Version: number, Package: bytes.NewReader(build), Size: int64(len(build)),
	})
	require.NoError(w, err)
	return number
}

// authorize visits the page as a person would.
func (w *world) authorize(program string) {
	w.Helper()
	a, err := w.owner.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{
		ProgramID: program, TargetApp: alipayplus.TargetAlipayCN,
	})
	require.NoError(w, err)
	if a.Status == alipayplus.AuthorizationGranted {
		return
	}
	visit(w.Context(), w, w.p.HTTPClient(), a.URL)
}

func visit(ctx context.Context, t require.TestingT, browser *http.Client, page string) {
	u, err := url.Parse(page)
	require.NoError(t, err)
	form := u.Query()
	u.RawQuery = ""
	for _, step := range []string{"select", "confirm"} {
		form.Set("step", step)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader([]byte(form.Encode())))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := browser.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
}

// release creates a release of a new version.
func (w *world) release(program, version string) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{
		ProgramID: program, Version: w.upload(program, version), TargetApp: alipayplus.TargetAlipayCN,
	})
	require.NoError(w, err)
	return r
}

func (w *world) apply(release string) *alipayplus.Release {
	w.Helper()
	r, err := w.owner.Releases.Apply(w.Context(), alipayplus.ApplyInput{ReleaseID: release, BasicInfo: new(company())})
	require.NoError(w, err)
	return r
}

// approve gives the approval of every party that is waited for.
func (w *world) approve() {
	w.Helper()
	reviews, err := w.p.Reviews(w.Context())
	require.NoError(w, err)
	for _, r := range reviews {
		for _, review := range r.Request.Reviews {
			require.NoError(w, r.Approve(w.Context(), review.Party))
		}
	}
}

func TestAMiniProgramGoesFromUploadToEveryUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := newWorld(t, platform.WithAutoReview(func(party alipayplus.Party, _ *alipayplus.Request) platform.Decision {
			if party == alipayplus.PartyAlipayCN {
				return platform.ApproveAfter(72 * time.Hour)
			}
			return platform.ApproveAfter(time.Hour)
		}))
		program := given.program()
		given.authorize(program.ID)
		r := given.release(program.ID, "1.0.0")
		require.Equal(t, alipayplus.ReleaseNewVersionCreated, r.Status)

		r = given.apply(r.ID)
		require.Equal(t, alipayplus.ReleaseUnderReview, r.Status)

		var seen []string
		r, err := given.owner.Releases.WaitReviewed(t.Context(), r.ID, alipayplus.ReleaseWait{
			MaxInterval: 15 * time.Minute,
			OnChange:    func(r *alipayplus.Release) { seen = append(seen, string(r.Status)) },
		})
		require.NoError(t, err)
		require.Equal(t, alipayplus.ReleasePreparation, r.Status)
		require.Equal(t, []string{"UNDER_REVIEW", "UNDER_REVIEW", "RELEASE_PREPARATION"}, seen, "once for each review")

		r, err = given.owner.Releases.StartGrayscale(t.Context(), r.GrayscaleTo(1))
		require.NoError(t, err)
		for next, ok := r.Grayscale.Ladder.Next(r.Grayscale.Ratio); ok; next, ok = r.Grayscale.Ladder.Next(r.Grayscale.Ratio) {
			r, err = given.owner.Releases.Raise(t.Context(), r.GrayscaleTo(next))
			require.NoError(t, err)
		}
		require.Equal(t, alipayplus.ReleaseFull, r.Status)
		require.Len(t, r.Grayscale.Steps, 7)

		code, err := given.owner.QRCodes.Create(t.Context(), alipayplus.CreateQRCodeInput{AppID: program.ID})
		require.NoError(t, err)
		_, err = code.PNG()
		require.NoError(t, err)
	})
}
