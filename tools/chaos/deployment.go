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
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

const (
	fileMode = 0o600
	keyBits  = 2048
	logFile  = "alipayplus.log"
	specFile = "release.yaml"
	// stateFolder is where the rollouts are remembered.
	stateFolder = "state"
	// gatePath is where the figure is that the gates ask for.
	gatePath = "/errors"
	// reviewTime is how long each party reviews.
	reviewTime = 200 * time.Millisecond
	// bakeTime is how long each ratio is watched at least.
	bakeTime = 150 * time.Millisecond
)

// deployment is a platform with its records on disk, and what the program needs to call it.
type deployment struct {
	folder    string
	workspace string
	program   string
	owner     *alipayplus.Client
	platform  *platform.Platform
	store     *bolt.Store
	server    *http.Server
	address   string
	// environment is that of the program.
	environment []string

	mu    sync.Mutex
	calls int
	at    moment
	kill  func()
}

func newDeployment(ctx context.Context, folder string) (w *deployment, err error) {
	w = &deployment{folder: folder}
	if w.store, err = bolt.Open(w.path("platform")); err != nil {
		return nil, err
	}
	w.platform, err = platform.New(platform.WithStore(w.store), platform.WithAutoReview(
		func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.ApproveAfter(reviewTime)
		}))
	if err == nil {
		err = w.settle(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, w.store.Close())
	}
	return w, nil
}

// settle makes what a release needs: a company, an owner, an authorized mini program,
// an address, credentials and a spec.
func (w *deployment) settle(ctx context.Context) (err error) {
	company := alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
	if w.workspace, err = w.platform.AddWorkspace(ctx, company); err != nil {
		return err
	}
	owner := platform.Member{WorkspaceID: w.workspace, Name: "owner", Role: alipayplus.RoleOwner}
	if err := w.platform.PutMember(ctx, owner); err != nil {
		return err
	}
	if w.owner, err = w.platform.Client(ctx, w.workspace, owner.Name); err != nil {
		return err
	}
	program, err := w.owner.Programs.Create(ctx, alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}},
	})
	if err != nil {
		return err
	}
	w.program = program.ID
	if err := w.platform.GrantAuthorization(ctx, w.workspace, w.program, alipayplus.TargetAlipayCN); err != nil {
		return err
	}
	if err := w.serve(ctx); err != nil {
		return err
	}
	return w.credentials(ctx)
}

// serve serves the platform, and the figure of the gates.
func (w *deployment) serve(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w.address = "http://" + listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc(gatePath, func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte(`{"rate": 0.001}`)) })
	mux.HandleFunc("/", w.call)
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = w.server.Serve(listener) }() // until it is closed
	return nil
}

// call passes a call of the program on to the platform, and kills the program in it when
// that is the moment.
func (w *deployment) call(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.calls++
	now, kill := w.at.call == w.calls, w.kill
	done := w.at.done
	w.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/"+contract.AuthorizationBegin.Path) {
		defer w.visit(context.WithoutCancel(r.Context()))
	}
	if !now {
		w.platform.ServeHTTP(rw, r)
		return
	}
	if done {
		w.platform.ServeHTTP(httptest.NewRecorder(), r.WithContext(context.WithoutCancel(r.Context())))
	}
	kill()
}

// visit does what a person does on the pages of authorizations that were begun.
func (w *deployment) visit(ctx context.Context) {
	for program, err := range w.owner.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		if err != nil {
			return // the program sees that nobody came
		}
		_ = w.platform.GrantAuthorization(ctx, w.workspace, program.ID, alipayplus.TargetAlipayCN)
	}
}

// inCall sets the call of the next process in which it is killed, and counts from 1 again.
func (w *deployment) inCall(m moment, kill func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls, w.at, w.kill = 0, m, kill
}

// credentials writes a key, a spec, and the environment that names them.
func (w *deployment) credentials(ctx context.Context) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return err
	}
	id, err := w.platform.AddClient(ctx, w.workspace, "owner", key.Public())
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"private-key.pem":         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"platform-public-key.pem": w.platform.PublicKeyPEM(),
		specFile:                  []byte(specOf(w.address)),
	} {
		if err := os.WriteFile(w.path(name), content, fileMode); err != nil {
			return err
		}
	}
	w.environment = []string{
		"ALIPAYPLUS_BASE_URL=" + w.address,
		"ALIPAYPLUS_CLIENT_ID=" + id,
		"ALIPAYPLUS_PRIVATE_KEY_FILE=" + w.path("private-key.pem"),
		"ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE=" + w.path("platform-public-key.pem"),
		"ALIPAYPLUS_ROLLOUT_SPEC=" + w.path(specFile),
		"ALIPAYPLUS_ROLLOUT_STATE=" + w.path(stateFolder),
		"ALIPAYPLUS_ROLLOUT_INTERVAL=100ms",
		"ALIPAYPLUS_SHIP_STATE=" + w.path(stateFolder),
		"ALIPAYPLUS_SHIP_INTERVAL=100ms",
	}
	return nil
}

// specOf is a spec with each ratio of the ladder, whose gate is asked at some of them.
func specOf(address string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\ngates:\n  errors: {http: {url: %q, field: rate, max: 0.01}, every: 50ms}\nsteps:\n", address+gatePath)
	for i, ratio := range alipayplus.DefaultLadder().Ratios() {
		switch {
		case ratio == alipayplus.FullRatio:
			fmt.Fprintf(&b, "  - {ratio: %d}\n", int(ratio))
		case i%2 == 0:
			fmt.Fprintf(&b, "  - {ratio: %d, bake: %v, gates: [errors]}\n", int(ratio), bakeTime)
		default:
			fmt.Fprintf(&b, "  - {ratio: %d, bake: %v}\n", int(ratio), bakeTime)
		}
	}
	return b.String()
}

// release makes a release of the nth version that was not applied for.
func (w *deployment) release(ctx context.Context, n int) (id string, err error) {
	version := versionOf(n)
	build, err := buildOf(version)
	if err != nil {
		return "", err
	}
	_, err = w.owner.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: w.program, Version: version, Package: bytes.NewReader(build), Size: int64(len(build)),
	})
	if err != nil {
		return "", err
	}
	release, err := w.owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{
		ProgramID: w.program, Version: version, TargetApp: alipayplus.TargetAlipayCN,
	})
	if err != nil {
		return "", err
	}
	return release.ID, nil
}

func versionOf(n int) alipayplus.VersionNumber {
	return alipayplus.VersionNumber{Major: 1, Minor: int32(n)}
}

// buildOf is the package of a version.
func buildOf(version alipayplus.VersionNumber) ([]byte, error) {
	var build bytes.Buffer
	z := zip.NewWriter(&build)
	if _, err := z.Create(fmt.Sprintf("app-%v.json", version)); err != nil {
		return nil, err
	}
	err := z.Close()
	return build.Bytes(), err
}

func (w *deployment) path(name string) string { return filepath.Join(w.folder, name) }

func (w *deployment) close() error { return errors.Join(w.server.Close(), w.store.Close()) }
