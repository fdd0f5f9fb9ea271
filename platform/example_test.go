package platform_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// lakeWallet is a partner app of one's own: what it does not say itself, a
// [platform.PartnerApp] says. Its methods may be called again after a failure.
type lakeWallet struct {
	*platform.PartnerApp

	call func(ctx context.Context, what string, release *alipayplus.Release) error // the wallet's API
}

func (w lakeWallet) Submit(ctx context.Context, c platform.TargetCall) error {
	return w.call(ctx, "review", c.Release)
}

func (w lakeWallet) Withdraw(ctx context.Context, c platform.TargetCall) error {
	return w.call(ctx, "withdraw", c.Release)
}

func (w lakeWallet) SetRatio(ctx context.Context, c platform.TargetCall, ratio alipayplus.Ratio) error {
	return w.call(ctx, fmt.Sprintf("go live for %v", ratio), c.Release)
}

func (w lakeWallet) Publish(ctx context.Context, c platform.TargetCall) error {
	return w.call(ctx, "go live for all", c.Release)
}

func (w lakeWallet) Cancel(ctx context.Context, c platform.TargetCall) error {
	return w.call(ctx, "take back", c.Release)
}

func ExampleNewPartnerApp() {
	ladder, err := alipayplus.NewLadder(1, 25, 100)
	if err != nil {
		panic(err)
	}
	wallet := lakeWallet{
		platform.NewPartnerApp("LAKE_WALLET", platform.PartnerAppOptions{Ladder: ladder}),
		func(_ context.Context, what string, r *alipayplus.Release) error {
			fmt.Println("wallet:", r.Version, what)
			return nil
		},
	}
	review := func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }
	p, err := platform.New(platform.WithTargetBackends(wallet), platform.WithAutoReview(review), platform.WithSigner(testkey.FastKey()))
	if err != nil {
		panic(err)
	}
	fmt.Println(releaseToWallet(context.Background(), p))
	// Output:
	// wallet: 1.0.0 review
	// wallet: 1.0.0 go live for 25%
	// wallet: 1.0.0 go live for all
	// <nil>
}

// releaseToWallet takes a version to 25 % of the users, and then to all.
func releaseToWallet(ctx context.Context, p *platform.Platform) error {
	client, err := p.AddOwner(ctx, company(), "olga")
	if err != nil {
		return err
	}
	program, err := client.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}})
	if err != nil {
		return err
	}
	version := alipayplus.VersionNumber{Major: 1}
	var build bytes.Buffer
	archive := zip.NewWriter(&build)
	_, err1 := archive.Create("app.json")
	if err := cmp.Or(err1, archive.Close()); err != nil {
		return err
	}
	_, err = client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{ProgramID: program.ID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len())})
	if err != nil {
		return err
	}
	release, err := client.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: "LAKE_WALLET"})
	if err != nil {
		return err
	}
	if _, err := client.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: release.ID, BasicInfo: release.BasicInfo}); err != nil {
		return err
	}
	if release, err = client.Releases.WaitReviewed(ctx, release.ID, alipayplus.ReleaseWait{}); err != nil {
		return err
	}
	if release, err = client.Releases.StartGrayscale(ctx, release.GrayscaleTo(25)); err != nil {
		return err
	}
	_, err = client.Releases.Raise(ctx, release.GrayscaleTo(alipayplus.FullRatio))
	return err
}
