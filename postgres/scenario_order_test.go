package postgres_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/postgres"
)

// recordingApp is a target app that several platforms call about one mini program. It notes the calls.
type recordingApp struct {
	*platform.SimulatedAlipayCN

	mu sync.Mutex
	// busy says that a call is under way, ratios are those that were asked for, in order, and overlaps those that were
	// while another call was under way.
	busy             bool
	ratios, overlaps []alipayplus.Ratio
}

func (a *recordingApp) SetRatio(ctx context.Context, about platform.TargetCall, ratio alipayplus.Ratio) error {
	a.mu.Lock()
	if a.busy {
		a.overlaps = append(a.overlaps, ratio)
	}
	a.busy, a.ratios = true, append(a.ratios, ratio)
	a.mu.Unlock()
	time.Sleep(100 * time.Millisecond) // in which another call would come, if one could
	a.mu.Lock()
	a.busy = false
	a.mu.Unlock()
	return a.SimulatedAlipayCN.SetRatio(ctx, about, ratio)
}

// Whichever process a call reaches, the target app is asked about a mini program by one call at a time, and once for
// each ratio.
func TestSeveralPlatformsCallTheTargetAppInOrder(t *testing.T) {
	t.Parallel()
	at := address(t)
	require.NoError(t, postgres.Migrate(t.Context(), connect(t, at)))
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	app := &recordingApp{SimulatedAlipayCN: platform.NewSimulatedAlipayCN()}
	platforms := make([]*platform.Platform, 3)
	for n := range platforms {
		platforms[n], err = platform.New(platform.WithStore(postgres.NewStore(connect(t, at))), platform.WithSigner(key), platform.WithTargetBackends(app),
			platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }))
		require.NoError(t, err)
	}
	workspace, err := platforms[0].AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	require.NoError(t, platforms[0].PutMember(t.Context(), platform.Member{WorkspaceID: workspace, Name: "owner", Role: alipayplus.RoleOwner}))
	owners := make([]*alipayplus.Client, len(platforms))
	for n, p := range platforms {
		owners[n], err = p.Client(t.Context(), workspace, "owner")
		require.NoError(t, err)
	}
	r := prepared(t, platforms[0], owners[0], workspace)

	for _, ratio := range alipayplus.DefaultLadder().Ratios()[1:4] {
		raise := r.GrayscaleTo(ratio)
		var all sync.WaitGroup
		var raised atomic.Int64
		for n := range 2 * len(owners) {
			all.Go(func() {
				_, err := owners[n%len(owners)].Releases.Raise(t.Context(), raise)
				if err == nil {
					raised.Add(1)
				} else if !errors.Is(err, alipayplus.ErrConflict) && !errors.Is(err, alipayplus.ErrInvalid) { // another one was quicker
					t.Errorf("raise to %v: %v", ratio, err)
				}
			})
		}
		all.Wait()
		require.Equal(t, int64(1), raised.Load())
		r, err = owners[1].Releases.Get(t.Context(), r.ID)
		require.NoError(t, err)
		require.Equal(t, ratio, r.Grayscale.Ratio)
	}
	require.Empty(t, app.overlaps)
	require.Equal(t, alipayplus.DefaultLadder().Ratios()[:4], app.ratios)
}

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// prepared makes a release at the lowest ratio.
func prepared(t *testing.T, p *platform.Platform, owner *alipayplus.Client, workspace string) *alipayplus.Release {
	t.Helper()
	program, err := owner.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
	require.NoError(t, err)
	require.NoError(t, p.GrantAuthorization(t.Context(), workspace, program.ID, alipayplus.TargetAlipayCN))
	version := alipayplus.VersionNumber{Major: 1}
	var build bytes.Buffer
	archive := zip.NewWriter(&build)
	_, err = archive.Create(fmt.Sprint(version, program.ID))
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	_, err = owner.Programs.UploadVersion(t.Context(), alipayplus.UploadVersionInput{ProgramID: program.ID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len())})
	require.NoError(t, err)
	release, err := owner.Releases.Create(t.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)
	_, err = owner.Releases.Apply(t.Context(), alipayplus.ApplyInput{ReleaseID: release.ID, BasicInfo: new(company())})
	require.NoError(t, err)
	release, err = owner.Releases.StartGrayscale(t.Context(), alipayplus.GrayscaleInput{ReleaseID: release.ID, Ratio: alipayplus.DefaultLadder().Ratios()[0]})
	require.NoError(t, err)
	return release
}
