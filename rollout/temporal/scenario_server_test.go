package temporal_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	history "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/temporal"
)

var (
	kills    = flag.Int("kills", 12, "how many processes are killed")
	releases = flag.Int("releases", 6, "how many releases are driven meanwhile")
	record   = flag.String("record", "", "folder that histories are written to, as those in testdata")
)

const taskQueue = "rollouts"

// deployment is a platform in this process, a server of Temporal over a file, and workers.
type deployment struct {
	*testing.T
	folder, cli, program, address string
	environment                   []string

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
	cli, err := exec.LookPath("temporal")
	if err != nil {
		t.Skip("there is no Temporal here: go install github.com/temporalio/cli/cmd/temporal@v1.5.1, which takes ten minutes of a processor")
	}
	d := &deployment{T: t, folder: t.TempDir(), cli: cli, address: freeAddress(t)}
	d.program = filepath.Join(d.folder, "alipayplus-rollouts")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-o", d.program, "./cmd/alipayplus-rollouts").CombinedOutput()
	require.NoError(t, err, "%s", built)
	d.servePlatform()
	d.startServer()
	t.Cleanup(func() {
		for _, process := range append(d.workers, d.server) {
			kill(process)
		}
	})
	d.sdk, err = client.NewLazyClient(client.Options{HostPort: d.address, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(d.sdk.Close)
	d.rollouts = temporal.NewClient(d.sdk, taskQueue)
	d.eventually("the server answers", func(ctx context.Context) error {
		_, err := d.sdk.CheckHealth(ctx, nil)
		return err
	})
	return d
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
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

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

func (d *deployment) startServer() {
	d.Helper()
	_, port, err := net.SplitHostPort(d.address)
	require.NoError(d, err)
	d.server = d.start("server.log", d.cli, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", port,
		"--db-filename", filepath.Join(d.folder, "temporal.db"), "--log-level", "error")
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
			d.Logf("%s:\n%s", name, all[max(0, len(all)-4000):])
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

// Workers and the server are killed at random moments; each release gets each ratio once.
func TestEachRatioIsSetOnceWhateverIsKilled(t *testing.T) {
	d := deploy(t)
	spec := seconds(2*time.Second + time.Duration(*kills)*time.Second/8) // so that they are under way until the last kill
	var targets []string
	for n := range *releases {
		target := d.release(n)
		targets = append(targets, target)
		d.eventually("it is started", func(ctx context.Context) error {
			return d.rollouts.Start(ctx, temporal.Rollout{Target: target, Spec: spec})
		})
	}
	require.ErrorIs(t, d.rollouts.Start(t.Context(), temporal.Rollout{Target: targets[0], Spec: spec}), alipayplus.ErrConflict)
	t.Log("approving while no worker lives")
	receipt, err := d.rollouts.Approve(t.Context(), targets[0], "lin", "before anybody drives it", 30)
	require.NoError(t, err)
	require.False(t, receipt.Handled)

	d.workers = []*exec.Cmd{d.startWorker(), d.startWorker()}
	d.killAtRandom(targets)

	for _, target := range targets {
		d.eventually("it is over", func(ctx context.Context) error { return d.approveUntilDone(ctx, target) })
		d.requireOneClimb(target)
		audit, err := d.rollouts.Audit(t.Context(), target)
		require.NoError(t, err)
		raised := slices.DeleteFunc(audit, func(e rollout.AuditEntry) bool { return e.Action != rollout.EventRaised })
		require.Len(t, raised, 7)
		t.Log(target, d.events(target), "events")
	}
	d.recordHistory(targets[1], "climb.json")
}

// killAtRandom kills a worker again and again, at times the server, and starts what was killed.
func (d *deployment) killAtRandom(targets []string) {
	d.Helper()
	for n := range *kills {
		time.Sleep(500*time.Millisecond + time.Duration(rand.Int64N(int64(2*time.Second))))
		if n%4 == 3 {
			kill(d.server)
			d.startServer()
			continue
		}
		at := rand.IntN(len(d.workers))
		kill(d.workers[at])
		d.workers[at] = d.startWorker()
		ctx, cancel := context.WithTimeout(d.Context(), time.Second)
		_ = d.approveUntilDone(ctx, targets[n%len(targets)]) // where it is waited for
		cancel()
	}
}

// approveUntilDone approves 30 % when that is waited for. The error says what is waited for.
func (d *deployment) approveUntilDone(ctx context.Context, target string) error {
	status, err := d.rollouts.Status(ctx, target)
	switch {
	case err != nil:
		return err
	case status.Failure != "":
		return errors.New(status.Failure)
	case status.Next.State != nil && status.Next.State.Status == rollout.Done:
		return nil
	case status.Next.Wait == rollout.WaitApproval:
		if _, err := d.rollouts.Approve(ctx, target, "lin", "", status.Next.Ratio); err != nil {
			return err
		}
	}
	return errors.New(status.Next.What)
}

// events is how long the history is.
func (d *deployment) events(target string) int64 {
	described, err := d.sdk.DescribeWorkflow(d.Context(), temporal.WorkflowID(target), "")
	require.NoError(d, err)
	return described.RawResponse.GetWorkflowExecutionInfo().GetHistoryLength()
}

// recordHistory writes the history of a workflow as the replay test reads it.
func (d *deployment) recordHistory(target, name string) {
	if *record == "" {
		return
	}
	var all history.History
	events := d.sdk.GetWorkflowHistory(d.Context(), temporal.WorkflowID(target), "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(d, err)
		all.Events = append(all.Events, event)
	}
	text, err := protojson.Marshal(&all)
	require.NoError(d, err)
	text = regexp.MustCompile(`"identity":\s*"[^"]*"`).ReplaceAll(text, []byte(`"identity":"worker"`)) // which machine it was is nobody's business
	require.NoError(d, os.WriteFile(filepath.Join(*record, name), append(text, '\n'), 0o600))
}

// People pause, resume and abort a release that real workers drive.
func TestPeopleCommandAReleaseThatWorkersDrive(t *testing.T) {
	d := deploy(t)
	d.workers = []*exec.Cmd{d.startWorker()}
	require.NoError(t, d.rollouts.AddSearchAttributes(t.Context(), client.DefaultNamespace))
	spec := seconds(time.Hour)
	target := d.release(1)
	d.eventually("it is started", func(ctx context.Context) error {
		return d.rollouts.Start(ctx, temporal.Rollout{Target: target, Spec: spec, SearchAttributes: true})
	})
	d.eventually("1 % is live", func(ctx context.Context) error {
		status, err := d.rollouts.Status(ctx, target)
		if err == nil && status.Next.Wait != rollout.WaitBake {
			err = errors.New(status.Next.What)
		}
		return err
	})
	waiting := d.events(target)
	paused, err := d.rollouts.Pause(t.Context(), target, "lin", "an incident")
	require.NoError(t, err)
	require.True(t, paused.Handled)
	require.Equal(t, rollout.Paused, paused.State.Status)
	_, err = d.rollouts.Pause(t.Context(), target, "lin", "")
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	require.ErrorContains(t, err, "it is paused already")
	resumed, err := d.rollouts.Resume(t.Context(), target, "lin", "")
	require.NoError(t, err)
	require.Equal(t, rollout.Running, resumed.State.Status)
	_, err = d.rollouts.Approve(t.Context(), target, "lin", "", 50)
	require.ErrorContains(t, err, "it asks for approval of: 30%")
	require.LessOrEqual(t, d.events(target)-waiting, int64(4*19), "four commands, and an event to the sink for each")
	aborted, err := d.rollouts.Abort(t.Context(), target, "lin", "it crashes")
	require.NoError(t, err)
	require.Equal(t, rollout.Aborted, aborted.State.Status)
	state, err := d.rollouts.Wait(t.Context(), target)
	require.NoError(t, err)
	require.Equal(t, "it crashes", state.Stop.Reason)
	_, err = d.rollouts.Resume(t.Context(), target, "lin", "")
	require.ErrorContains(t, err, "it is ABORTED")
	described, err := d.sdk.DescribeWorkflow(t.Context(), temporal.WorkflowID(target), "")
	require.NoError(t, err)
	var status string
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(described.RawResponse.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields()["RolloutStatus"], &status))
	require.Equal(t, "ABORTED", status)
	d.recordHistory(target, "commands.json")
}
