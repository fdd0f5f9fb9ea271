package temporal_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/temporal"
)

const (
	taskQueue = "rollouts"
	// serverVariable names the program that is built from go.temporal.io/server/cmd/server.
	serverVariable = "TEMPORAL_SERVER"
)

// serverConfiguration is that of a server over a file, as Temporal's own for development is: the file, then a
// port of each service and of its membership.
const serverConfiguration = `
log: {stdout: true, level: error}
persistence:
  defaultStore: file
  visibilityStore: file
  numHistoryShards: 1
  datastores:
    file:
      sql:
        pluginName: sqlite
        databaseName: %s
        connectAddr: localhost
        connectProtocol: tcp
        connectAttributes: {mode: rwc, setup: "true", journal_mode: wal, synchronous: "2"}
        maxConns: 1
        maxIdleConns: 1
global:
  membership: {maxJoinDuration: 30s, broadcastAddress: 127.0.0.1}
services:
  frontend: {rpc: {bindOnIP: 127.0.0.1, grpcPort: %d, membershipPort: %d}}
  history: {rpc: {bindOnIP: 127.0.0.1, grpcPort: %d, membershipPort: %d}}
  matching: {rpc: {bindOnIP: 127.0.0.1, grpcPort: %d, membershipPort: %d}}
  worker: {rpc: {bindOnIP: 127.0.0.1, grpcPort: %d, membershipPort: %d}}
clusterMetadata:
  failoverVersionIncrement: 10
  masterClusterName: active
  currentClusterName: active
  clusterInformation:
    active: {enabled: true, initialFailoverVersion: 1, rpcAddress: 127.0.0.1:%[2]d}
dcRedirectionPolicy: {policy: noop}
publicClient: {hostPort: 127.0.0.1:%[2]d}
`

// deployment is a platform in this process, a server of Temporal over a file, and workers.
type deployment struct {
	*testing.T
	folder, program, address string
	environment              []string

	platform  *platform.Platform
	workspace string
	owner     *alipayplus.Client
	sdk       client.Client
	rollouts  *temporal.Client
	server    *exec.Cmd
	workers   []*exec.Cmd
}

func deploy(t *testing.T) *deployment {
	t.Helper()
	if os.Getenv(serverVariable) == "" {
		t.Skip(serverVariable + " names no server of Temporal; to build one: cd tools/pinned/temporalserver && GOWORK=off go install go.temporal.io/server/cmd/server")
	}
	d := &deployment{T: t, folder: t.TempDir()}
	d.configureServer()
	d.startServer()
	t.Cleanup(func() {
		for _, process := range append(d.workers, d.server) {
			kill(process)
		}
	})
	var err error
	d.sdk, err = client.NewLazyClient(client.Options{HostPort: d.address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(d.sdk.Close)
	d.rollouts = temporal.NewClient(d.sdk, taskQueue)
	d.eventually("the server has a namespace", func(ctx context.Context) error {
		_, err := d.sdk.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: client.DefaultNamespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
		})
		if _, there := errors.AsType[*serviceerror.NamespaceAlreadyExists](err); there {
			return nil
		}
		return err
	})
	d.eventually("it is known everywhere", func(ctx context.Context) error {
		_, err := d.sdk.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{})
		return err
	})
	return d
}

// deployWithPlatform makes a deployment with a platform, which workers of the program can be started for.
func deployWithPlatform(t *testing.T) *deployment {
	t.Helper()
	d := deploy(t)
	d.program = filepath.Join(d.folder, "alipayplus-rollouts")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", d.program, "./cmd/alipayplus-rollouts").CombinedOutput()
	require.NoError(t, err, "%s", built)
	d.servePlatform()
	return d
}

// freePorts returns ports of this machine that nobody listens at, below those that systems give to connections: so none
// of them is taken by a connection before the server listens at it, or while it is down.
func freePorts(t *testing.T, n int) (ports []any) {
	t.Helper()
	const lowest, highest = 15000, 32000
	for range 1000 {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", lowest+rand.IntN(highest-lowest)))
		if err != nil {
			continue
		}
		defer l.Close() // when all are chosen, or one would be chosen twice
		if ports = append(ports, l.Addr().(*net.TCPAddr).Port); len(ports) == n {
			return ports
		}
	}
	t.Fatalf("only %d ports of 1000 tried are free", len(ports))
	return nil
}

// servePlatform serves a platform whose reviewers approve after a second.
func (d *deployment) servePlatform() {
	p, err := platform.New(platform.WithSigner(testkey.Key()), platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(time.Second)
	}))
	require.NoError(d, err)
	d.platform = p
	served := httptest.NewServer(p)
	d.Cleanup(served.Close)
	ctx := d.Context()
	d.workspace, err = p.AddWorkspace(ctx, company())
	require.NoError(d, err)
	require.NoError(d, p.PutMember(ctx, platform.Member{WorkspaceID: d.workspace, Name: "owner", Role: alipayplus.RoleOwner}))
	id, err := p.AddClient(ctx, d.workspace, "owner", testkey.Client().Public())
	require.NoError(d, err)
	private, public := filepath.Join(d.folder, "private.pem"), filepath.Join(d.folder, "platform.pem")
	require.NoError(d, os.WriteFile(private, testkey.ClientPEM(), 0o600))
	require.NoError(d, os.WriteFile(public, p.PublicKeyPEM(), 0o600))
	d.environment = append(os.Environ(), "ALIPAYPLUS_BASE_URL="+served.URL, "ALIPAYPLUS_CLIENT_ID="+id,
		"ALIPAYPLUS_PRIVATE_KEY_FILE="+private, "ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE="+public, "TEMPORAL_ADDRESS="+d.address)
	d.owner, err = alipayplus.New(alipayplus.WithBaseURL(served.URL), alipayplus.WithClientID(id),
		alipayplus.WithPrivateKey(testkey.ClientPEM()), alipayplus.WithPlatformKey("1", p.PublicKeyPEM()))
	require.NoError(d, err)
}

// collect lets workers send to a collector, and returns what it got at a path. Names are readable in it.
func (d *deployment) collect() (sent func(path string) string) {
	var mu sync.Mutex
	got := make(map[string][]byte)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] = append(got[r.URL.Path], body...)
	}))
	d.Cleanup(collector.Close)
	d.environment = append(d.environment, "OTEL_EXPORTER_OTLP_ENDPOINT="+collector.URL)
	return func(path string) string {
		mu.Lock()
		defer mu.Unlock()
		return string(got[path])
	}
}

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// configureServer chooses the ports of the server, and writes its configuration.
func (d *deployment) configureServer() {
	d.Helper()
	arguments := append([]any{filepath.Join(d.folder, "temporal.db")}, freePorts(d.T, 8)...)
	d.address = fmt.Sprintf("127.0.0.1:%d", arguments[1])
	require.NoError(d, os.WriteFile(filepath.Join(d.folder, "temporal.yaml"), fmt.Appendf(nil, serverConfiguration, arguments...), 0o600))
}

func (d *deployment) startServer() {
	d.Helper()
	d.server = d.start("server.log", os.Getenv(serverVariable), "--config-file", filepath.Join(d.folder, "temporal.yaml"), "--allow-no-auth", "start")
}

func (d *deployment) startWorker() *exec.Cmd {
	d.Helper()
	return d.start("worker.log", d.program, "worker")
}

func (d *deployment) start(log, program string, args ...string) *exec.Cmd {
	d.Helper()
	out, err := os.OpenFile(filepath.Join(d.folder, log), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(d, err)
	defer out.Close()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = d.environment, d.folder, out, out
	require.NoError(d, cmd.Start())
	return cmd
}

// kill kills a process, as a machine that is lost does.
func kill(cmd *exec.Cmd) {
	if cmd != nil && cmd.ProcessState == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}

// eventually tries something until it succeeds.
func (d *deployment) eventually(what string, try func(ctx context.Context) error) {
	d.Helper()
	ctx, cancel := context.WithTimeout(d.Context(), 5*time.Minute)
	defer cancel()
	for {
		one, done := context.WithTimeout(ctx, 10*time.Second)
		err := try(one)
		done()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			d.logs()
			require.NoError(d, err, what)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (d *deployment) logs() {
	for _, name := range []string{"server.log", "worker.log"} {
		if f, err := os.Open(filepath.Join(d.folder, name)); err == nil {
			all, _ := io.ReadAll(f)
			_ = f.Close()
			d.Logf("%s:", name)
			lines := strings.Split(strings.TrimSpace(string(all)), "\n")
			for _, line := range lines[max(0, len(lines)-40):] {
				d.Log(line[:min(500, len(line))])
			}
		}
	}
}

// release makes a mini program with a release of its first version, and returns its target's id.
func (d *deployment) release(n int) (target string) {
	d.Helper()
	ctx := d.Context()
	program, err := d.owner.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{
		{Language: "en-US", Name: fmt.Sprintf("Blue Lake Tea %d", n)}, {Language: "zh-CN", Name: "蓝湖茶"},
	}})
	require.NoError(d, err)
	require.NoError(d, d.platform.GrantAuthorization(ctx, d.workspace, program.ID, alipayplus.TargetAlipayCN))
	var build bytes.Buffer
	archive := zip.NewWriter(&build)
	_, err = archive.Create("app.json")
	require.NoError(d, errors.Join(err, archive.Close()))
	version := alipayplus.VersionNumber{Major: 1}
	_, err = d.owner.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: program.ID, Version: version, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	require.NoError(d, err)
	r, err := d.owner.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(d, err)
	return "release " + r.ID
}

// seconds is the ladder, with some seconds at each ratio, and an approval at 30 %.
func seconds(bake time.Duration) rollout.Spec {
	spec := rollout.Spec{Version: rollout.SpecVersion}
	for _, ratio := range alipayplus.DefaultLadder().Ratios() {
		spec.Steps = append(spec.Steps, rollout.StepSpec{Ratio: ratio, Bake: rollout.Duration(bake), Approval: ratio == 30})
	}
	spec.Steps[len(spec.Steps)-1].Bake = 0
	return spec
}

// requireOneClimb checks what the platform recorded of a release: each ratio once, in order.
func (d *deployment) requireOneClimb(target string) {
	d.Helper()
	want := []string{"NEW_VERSION_CREATED", "UNDER_REVIEW", "RELEASE_PREPARATION"}
	for _, ratio := range alipayplus.DefaultLadder().Ratios()[:6] {
		want = append(want, fmt.Sprintf("GRAYSCALE_RELEASE %v", ratio))
	}
	want = append(want, "FULL_RELEASE")
	var got []string
	for entry, err := range d.platform.Audit(d.Context(), d.workspace) {
		require.NoError(d, err)
		if entry.Kind == "release" && "release "+entry.ID == target {
			got = append(got, entry.To)
		}
	}
	require.Equal(d, want, got)
}
