package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"maps"
	randv2 "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// The apps at AlipayCN's stand-in.
const (
	thirdParty  = "2021000000000001"
	miniProgram = "2021000000000002"
)

// chain is a rollout, a platform and AlipayCN behind it: two processes that are killed and
// started again, and a stand-in for AlipayCN that counts what took effect.
type chain struct {
	*options

	folder      string
	random      *randv2.Rand
	cn          *alipaycntest.Gateway
	address     string
	variables   []string // of the platform
	client      []string // of the rollout
	owner       *alipayplus.Client
	mini        string
	log         *os.File
	releases    int
	runs        int
	platforms   atomic.Int64 // that were killed
	application alipayplus.AlipayCNApplication
}

// driveAlipayCN releases one version after another until both processes were killed often
// enough.
func (o *options) driveAlipayCN(ctx context.Context, folder string, out io.Writer) (c *chain, err error) {
	if o.program == "" {
		if o.program, err = build(ctx, folder); err != nil {
			return nil, err
		}
	}
	c = &chain{options: o, folder: folder, random: randv2.New(randv2.NewPCG(o.seed, 0))} //nolint:gosec // moments, not secrets
	if c.log, err = os.Create(c.path(logFile)); err != nil {
		return c, err
	}
	defer func() { _ = c.log.Close() }() // its lines are for people
	stop, err := c.serveAlipayCN(ctx)
	if err != nil {
		return c, err
	}
	defer stop()
	if err := c.settle(ctx); err != nil {
		return c, fmt.Errorf("prepare: %w", err)
	}
	for c.releases == 0 || c.runs+int(c.platforms.Load()) < o.kills {
		if err := c.releaseOne(ctx); err != nil {
			return c, fmt.Errorf("release %d: %w", c.releases+1, err)
		}
		c.releases++
		_, _ = fmt.Fprintf(out, "release %d reached all users of AlipayCN; %d kills of the rollout, %d of the platform\n", c.releases, c.runs, c.platforms.Load())
	}
	return c, nil
}

// String is what was done.
func (c *chain) String() string {
	return fmt.Sprintf("%d kills of the rollout and %d of the platform, %d releases to all users of AlipayCN, each effect there once",
		c.runs, c.platforms.Load(), c.releases)
}

func (c *chain) path(name string) string { return (&deployment{folder: c.folder}).path(name) }

// listen serves on a free address of this machine.
func listen(ctx context.Context) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
}

// serveAlipayCN serves the stand-in, and writes what the platform calls it with.
func (c *chain) serveAlipayCN(ctx context.Context) (stop func(), err error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	if c.cn, err = alipaycntest.New(alipaycntest.WithAutoReview(reviewTime)); err != nil {
		return nil, err
	}
	pemOf := func(kind string, content []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
	}
	for _, app := range []alipaycntest.App{{ID: thirdParty, PublicKey: pemOf("PUBLIC KEY", public), ThirdParty: true}, {ID: miniProgram}} {
		if err := c.cn.AddApp(app); err != nil {
			return nil, err
		}
	}
	for name, content := range map[string][]byte{
		"alipaycn-private-key.pem": pemOf("PRIVATE KEY", private), "alipay-public-key.pem": c.cn.AlipayPublicKey(),
		"alipaycn.key": []byte(rand.Text() + rand.Text())[:32],
	} {
		if err := os.WriteFile(c.path(name), content, fileMode); err != nil {
			return nil, err
		}
	}
	listener, err := listen(ctx)
	if err != nil {
		return nil, err
	}
	c.variables = append(inherited(),
		"ALIPAYCN_ENDPOINT=http://"+listener.Addr().String(), "ALIPAYCN_APP_ID="+thirdParty,
		"ALIPAYCN_PRIVATE_KEY_FILE="+c.path("alipaycn-private-key.pem"), "ALIPAYCN_PUBLIC_KEY_FILE="+c.path("alipay-public-key.pem"))
	server := &http.Server{Handler: c.cn, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // until it is closed
	return func() { _ = server.Close() }, nil
}

// start starts the platform, and waits until it can be called.
func (c *chain) start(ctx context.Context) (*exec.Cmd, error) {
	cmd := exec.CommandContext(ctx, c.program, "serve", "--alipaycn", "--listen", strings.TrimPrefix(c.address, "http://"), //nolint:gosec // what is tested
		"--data", c.path("platform"), "--credentials", c.path("credentials"), "--encryption-key-file", c.path("alipaycn.key"), "--auto-review", reviewTime.String())
	cmd.Env, cmd.Stdout, cmd.Stderr = c.variables, c.log, c.log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.address, nil)
		if err != nil {
			return cmd, err
		}
		client := http.Client{Timeout: time.Second}
		if resp, err := client.Do(req); err == nil { // it has its address before it answers
			return cmd, resp.Body.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	return cmd, errors.New("the platform does not start; its output is in " + c.path(logFile))
}

// whilePlatformDies runs do beside a platform that is killed at random moments and started
// again.
func (c *chain) whilePlatformDies(ctx context.Context, do func() error) error {
	done, ended := make(chan struct{}), make(chan error, 1)
	random := randv2.New(randv2.NewPCG(c.random.Uint64(), 0)) //nolint:gosec // moments, not secrets
	go func() {
		for {
			cmd, err := c.start(ctx)
			over := false
			if err == nil {
				select {
				case <-done:
					over = true
				case <-time.After(1 + time.Duration(random.Int64N(int64(2*c.within)))):
					c.platforms.Add(1)
				}
			}
			if cmd != nil && cmd.Process != nil {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			}
			if err != nil || over {
				ended <- err
				return
			}
		}
	}()
	err := do()
	close(done)
	return errors.Join(err, <-ended)
}

// settle makes what a release needs on a platform that lives as long.
func (c *chain) settle(ctx context.Context) error {
	listener, err := listen(ctx)
	if err != nil {
		return err
	}
	c.address = "http://" + listener.Addr().String()
	if err := listener.Close(); err != nil {
		return err
	}
	return c.whilePlatformLives(ctx, func() error {
		folder := c.path("credentials/developer")
		var files [3][]byte
		for i, name := range []string{"client-id", "private-key.pem", "platform-public-key.pem"} {
			if files[i], err = os.ReadFile(folder + "/" + name); err != nil {
				return err
			}
		}
		id := strings.TrimSpace(string(files[0]))
		c.client = append(inherited(),
			"ALIPAYPLUS_BASE_URL="+c.address, "ALIPAYPLUS_CLIENT_ID="+id, "ALIPAYPLUS_PRIVATE_KEY_FILE="+folder+"/private-key.pem",
			"ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE="+folder+"/platform-public-key.pem", "ALIPAYPLUS_ROLLOUT_SPEC="+c.path(specFile),
			"ALIPAYPLUS_ROLLOUT_STATE="+c.path(stateFolder), "ALIPAYPLUS_ROLLOUT_INTERVAL=100ms")
		c.owner, err = alipayplus.New(alipayplus.WithBaseURL(c.address), alipayplus.WithClientID(id), alipayplus.WithPrivateKey(files[1]), alipayplus.WithPlatformKey("1", files[2]))
		if err != nil {
			return err
		}
		return errors.Join(c.writeSpec(), c.authorize(ctx), c.picture(ctx))
	})
}

func (c *chain) whilePlatformLives(ctx context.Context, do func() error) error {
	cmd, err := c.start(ctx)
	if err == nil {
		err = do()
	}
	if cmd != nil && cmd.Process != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	return err
}

func (c *chain) writeSpec() error {
	text := "version: 1\nsteps:\n"
	for _, ratio := range alipaycn.GrayLadder().Ratios() {
		text += fmt.Sprintf("  - {ratio: %d, bake: %v}\n", int(ratio), bakeTime)
	}
	text = strings.Replace(text, fmt.Sprintf("{ratio: 100, bake: %v}", bakeTime), "{ratio: 100}", 1)
	return os.WriteFile(c.path(specFile), []byte(text), fileMode)
}

// authorize visits AlipayCN's page as the merchant.
func (c *chain) authorize(ctx context.Context) error {
	programs, err := c.owner.Programs.List(ctx, alipayplus.ListProgramsInput{})
	if err != nil {
		return err
	}
	c.mini = programs.Items[0].ID
	a, err := c.owner.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{ProgramID: c.mini, TargetApp: alipayplus.TargetAlipayCN})
	if err != nil {
		return err
	}
	return c.cn.Confirm(ctx, http.DefaultClient, a.URL, miniProgram)
}

func (*chain) must(holds bool, format string, args ...any) error {
	if holds {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func (c *chain) picture(ctx context.Context) error {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 180, 180))); err != nil {
		return err
	}
	logo, err := c.owner.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(picture.Bytes()), Size: int64(picture.Len())})
	if err != nil {
		return err
	}
	c.application = alipayplus.AlipayCNApplication{
		Description: "The next version: order tea from the lake, and have it brought to your door.",
		Name:        "蓝湖茶", EnglishName: "BlueLakeTea", Slogan: "湖畔好茶送到家门口", Introduction: "蓝湖茶把湖畔的好茶送到你的家门口，随时下单。",
		Categories: []string{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: "CHINA", LogoFileID: logo.ID, TwoStageReview: true,
	}
	return nil
}

// releaseOne prepares a release, lets the rollout drive it while both are killed, and checks
// what took effect at AlipayCN and what is recorded.
func (c *chain) releaseOne(ctx context.Context) error {
	version := alipayplus.VersionNumber{Major: 1, Minor: int32(c.releases)}
	if err := c.cn.AddVersion(miniProgram, version.String()); err != nil {
		return err
	}
	var id string
	err := c.whilePlatformLives(ctx, func() (err error) {
		id, err = c.prepare(ctx, version)
		return err
	})
	if err != nil {
		return err
	}
	before := c.cn.Effects(miniProgram)
	if err := c.whilePlatformDies(ctx, func() error { return c.roll(ctx, id) }); err != nil {
		return err
	}
	return c.whilePlatformLives(ctx, func() error { return c.check(ctx, id, version, before) })
}

func (c *chain) prepare(ctx context.Context, version alipayplus.VersionNumber) (id string, err error) {
	var build bytes.Buffer
	z := zip.NewWriter(&build)
	if _, err := z.Create(version.String()); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	_, err = c.owner.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{ProgramID: c.mini, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len())})
	if err != nil {
		return "", err
	}
	r, err := c.owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: c.mini, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	if err != nil {
		return "", err
	}
	_, err = c.owner.Releases.UpdateConfiguration(ctx, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID, Configuration: alipayplus.Configuration{AlipayCN: &c.application}})
	return r.ID, err
}

// roll drives the release by the program, which is killed and started again until it says that
// the release has reached all users. It may give up for want of a platform, which it says.
func (c *chain) roll(ctx context.Context, release string) error {
	const patience = 15 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		life, stop := context.WithTimeout(ctx, 1+time.Duration(c.random.Int64N(int64(4*c.within))))
		cmd := exec.CommandContext(life, c.program, "rollout", "run", "--release", release) //nolint:gosec // what is tested
		cmd.Env, cmd.Stdout, cmd.Stderr = c.client, c.log, c.log
		err := cmd.Run()
		stop()
		if err == nil {
			return nil
		}
		if cmd.ProcessState != nil && wasKilled(cmd.ProcessState) {
			c.runs++
		}
	}
	return fmt.Errorf("it did not reach all users within %v; the output is in %s", patience, c.path(logFile))
}

// check compares: each effect took place once at AlipayCN, and the platform's history has each
// step once.
func (c *chain) check(ctx context.Context, id string, version alipayplus.VersionNumber, before map[string]int) error {
	effects := c.cn.Effects(miniProgram)
	for name, count := range before {
		effects[name] -= count
	}
	want := map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1}
	var steps []string
	for event, err := range c.owner.Releases.AllHistory(ctx, alipayplus.ListHistoryInput{ReleaseID: id}) {
		if err != nil {
			return err
		}
		if event.From != event.To || event.FromRatio != event.ToRatio {
			steps = append(steps, strings.TrimSpace(fmt.Sprintf("%s %d", event.To, event.ToRatio)))
		}
	}
	inOrder := []string{"NEW_VERSION_CREATED 0", "UNDER_REVIEW 0", "RELEASE_PREPARATION 0", "GRAYSCALE_RELEASE 10", "GRAYSCALE_RELEASE 30", "GRAYSCALE_RELEASE 50", "FULL_RELEASE 100"}
	return errors.Join(
		c.must(maps.Equal(effects, want), "at AlipayCN took effect %v, and not %v", effects, want),
		c.must(c.cn.Status(miniProgram, version.String()) == alipaycn.StatusRelease, "version %v is %s at AlipayCN", version, c.cn.Status(miniProgram, version.String())),
		c.must(slices.Equal(steps, inOrder), "the platform's history is %v, and not %v", steps, inOrder),
	)
}
