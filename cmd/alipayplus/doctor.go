package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

const doctorHelp = `Check what a release needs before it begins: configuration, keys, clock, that the
platform answers, role, authorization, and limits in use; and the same of
AlipayCN where the ALIPAYCN_* variables are set. Nothing is changed.

Each check is one line, with what to do where something is wrong. The exit status
is that of the first check that failed.`

// What a check came to.
const (
	checkOK   = "ok"
	checkWarn = "warn" // a release may work; somebody should know
	checkFail = "fail"
)

// finding is what one check found.
type finding struct {
	// Of is what was checked: platform or alipaycn.
	Of string `json:"of"`
	// Check names the check, such as clock.
	Check string `json:"check"`
	// Status is ok, warn or fail.
	Status string `json:"status"`
	// Message says what was found.
	Message string `json:"message"`
	// WayOut says what to do; empty for ok.
	WayOut string `json:"wayOut,omitempty"`

	exit report.Exit
}

// findings are what doctor prints.
type findings struct {
	// Schema is the version of this form: 1.
	Schema int `json:"schema"`
	// Checks are in the order in which they were made.
	Checks []finding `json:"checks"`
}

func (a *app) doctor() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Check configuration, keys, clock, role, authorization and limits", Long: doctorHelp, Args: noArguments,
		Example: "  alipayplus doctor\n  alipayplus doctor -o json",
	}
	a.result(cmd, findings{})
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := a.settings(cmd); err != nil {
			return err
		}
		d := &doctor{app: a, cmd: cmd, found: findings{Schema: report.Schema, Checks: []finding{}}}
		d.examine(cmd.Context())
		return d.conclude()
	}
	return cmd
}

// doctor makes the checks.
type doctor struct {
	app   *app
	cmd   *cobra.Command
	found findings
}

// examine checks what is configured; the platform also where nothing is.
func (d *doctor) examine(ctx context.Context) {
	overAlipayCN := os.Getenv("ALIPAYCN_APP_ID") != ""
	if !overAlipayCN || os.Getenv("ALIPAYPLUS_BASE_URL") != "" || os.Getenv("ALIPAYPLUS_CLIENT_ID") != "" {
		d.platform(ctx)
	}
	if overAlipayCN {
		d.alipayCN(ctx)
	}
}

// conclude prints what was found.
func (d *doctor) conclude() error {
	for _, f := range d.found.Checks {
		if f.Status == checkFail {
			d.app.status = f.exit
			break
		}
	}
	if d.cmd.Flag("output").Value.String() != formatTable {
		return cmp.Or(d.app.print(d.cmd, d.found), errReported)
	}
	width := widthOf(d.app.stdout)
	for _, f := range d.found.Checks {
		text := f.Message
		if f.WayOut != "" {
			text += ": " + f.WayOut
		}
		line := report.Wrap(fmt.Sprintf("%-4s  %-8s  %-13s  ", f.Status, f.Of, f.Check), report.OneLine(text), width)
		if _, err := fmt.Fprint(d.app.stdout, line); err != nil {
			return failure{fmt.Errorf("print what was found: %w", err)}
		}
	}
	return errReported
}

const (
	ofPlatform = "platform"
	ofAlipayCN = "alipaycn"
)

func (d *doctor) ok(of, check, format string, args ...any) {
	d.add(finding{Of: of, Check: check, Status: checkOK, Message: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(of, check, wayOut, format string, args ...any) {
	d.add(finding{Of: of, Check: check, Status: checkWarn, Message: fmt.Sprintf(format, args...), WayOut: wayOut})
}

func (d *doctor) fail(of, check, wayOut string, err error) {
	exit := report.ExitOf(err)
	if errors.As(err, new(wrongUse)) {
		exit = report.ExitUsage
	}
	d.add(finding{Of: of, Check: check, Status: checkFail, Message: withoutClass(report.OneLine(err.Error())), WayOut: wayOut, exit: exit})
}

func (d *doctor) add(f finding) {
	f.Message = report.OneLine(f.Message)
	d.found.Checks = append(d.found.Checks, f)
}

// platform checks the platform.
func (d *doctor) platform(ctx context.Context) {
	clock := newClock()
	client, err := d.app.platformClient(d.cmd, alipayplus.WithHTTPClient(clock.client()), alipayplus.WithRetry(doctorAttempts, 0, 0))
	if err != nil {
		d.fail(ofPlatform, "configuration", "", err)
		return
	}
	d.ok(ofPlatform, "configuration", "%s as client %s", os.Getenv("ALIPAYPLUS_BASE_URL"), os.Getenv("ALIPAYPLUS_CLIENT_ID"))
	d.keyFiles(ofPlatform, "ALIPAYPLUS_PRIVATE_KEY_FILE")
	w, err := client.Workspace.Get(ctx)
	d.clock(ofPlatform, clock)
	if err != nil {
		d.notReached(ofPlatform, "ALIPAYPLUS_BASE_URL", clock, err)
		return
	}
	d.ok(ofPlatform, "reachability", "it answers within %v, and the answer is signed", clock.took())
	d.role(w)
	d.limits(w)
	d.authorizations(ctx, client, w)
}

// doctorAttempts is how often a check calls: one answer that gets lost is no finding.
const doctorAttempts = 2

// keyFiles says whether others can read the private key.
func (d *doctor) keyFiles(of, variable string) {
	name := os.Getenv(variable)
	if name == "" {
		d.ok(of, "keys", "they can be used, and the private key is no file")
		return
	}
	info, err := os.Stat(name) //nolint:gosec // it is the user's own file
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		d.warn(of, "keys", "chmod 600 "+quoted(name), "others can read %s (mode %04o)", filepath.Base(name), info.Mode().Perm())
		return
	}
	d.ok(of, "keys", "they can be used, and only you can read %s", filepath.Base(name))
}

// notReached tells what keeps calls from being answered.
func (d *doctor) notReached(of, variable string, clock *clock, err error) {
	_, forged := errors.AsType[*alipayplus.SignatureError](err)
	switch {
	case forged:
		d.fail(of, "reachability", "give the public key of this platform", err)
	case errors.Is(err, alipayplus.ErrUnauthenticated) || errors.Is(err, alipayplus.ErrPermission):
		d.fail(of, "reachability", "give the id and the key that belong to each other", err)
	case !clock.answered():
		d.fail(of, "reachability", "check "+variable+", proxy and firewall", err)
	default:
		d.fail(of, "reachability", "", err)
	}
}

// worstSkew is how far the clock may be off. Platforms accept more, and which is not
// documented; more than a minute is a clock that nobody sets.
const worstSkew = time.Minute

// clock compares the clock with that of whoever answered.
func (d *doctor) clock(of string, c *clock) {
	skew, known := c.skew()
	switch {
	case !known && !c.answered():
		return // that it cannot be reached says it
	case !known:
		d.warn(of, "clock", "compare it by hand with that of another machine", "the answer has no Date header")
	case skew.Abs() > worstSkew:
		d.fail(of, "clock", "set it, by NTP", fmt.Errorf("it is %v %s: %w", skew.Abs().Round(time.Second), aheadOrBehind(skew), alipayplus.ErrUnauthenticated))
	default:
		d.ok(of, "clock", "less than %v off", max(time.Second, skew.Abs().Round(time.Second)+time.Second))
	}
}

func aheadOrBehind(skew time.Duration) string {
	if skew > 0 {
		return "ahead"
	}
	return "behind"
}

// role says who calls, and whether they may release.
func (d *doctor) role(w *alipayplus.Workspace) {
	err := w.PermissionPolicy.Check(w.Role, alipayplus.ActionRelease, true)
	if err != nil {
		d.fail(ofPlatform, "role", "call as one of these, or have the role changed", err)
		return
	}
	d.ok(ofPlatform, "role", "%s is %s of %s, and may release", w.Member, w.Role, w.Name)
}

// limits says how much of the limits is in use.
func (d *doctor) limits(w *alipayplus.Workspace) {
	for _, t := range w.Targets {
		if t.Limits.Programs > 0 && t.ProgramsUsed >= t.Limits.Programs {
			d.warn(ofPlatform, "limits", "release one of those that go there already", "%d of %d mini programs go to %s", t.ProgramsUsed, t.Limits.Programs, t.App)
			continue
		}
		d.ok(ofPlatform, "limits", "%d of %d mini programs go to %s", t.ProgramsUsed, t.Limits.Programs, t.App)
	}
	if s := w.Storage; s.Limit > 0 && s.Used > s.Limit/10*9 {
		d.warn(ofPlatform, "storage", "remove files that nothing needs", "%d of %d MiB are used", s.Used>>20, s.Limit>>20)
	}
}

// mostPrograms is how many mini programs are asked for their authorization: as many as may
// go to AlipayCN by default.
const mostPrograms = 10

// authorizations says for which mini programs the platform may call the target apps.
func (d *doctor) authorizations(ctx context.Context, client *alipayplus.Client, w *alipayplus.Workspace) {
	n := 0
	for program, err := range client.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		if err != nil {
			d.fail(ofPlatform, "authorization", "", err)
			return
		}
		if n++; n > mostPrograms {
			return
		}
		for _, t := range w.Targets {
			if t.NeedsAuthorization {
				d.authorization(ctx, client, program.ID, t.App)
			}
		}
	}
	if n == 0 {
		d.warn(ofPlatform, "authorization", "create one: alipayplus program create", "there is no mini program yet")
	}
}

func (d *doctor) authorization(ctx context.Context, client *alipayplus.Client, program string, app alipayplus.TargetApp) {
	const check = "authorization"
	at, err := client.Authorizations.Get(ctx, alipayplus.AuthorizationInput{ProgramID: program, TargetApp: app})
	switch {
	case err != nil:
		d.fail(ofPlatform, check, "", err)
	case at.Status == alipayplus.AuthorizationGranted:
		d.ok(ofPlatform, check, "mini program %s may go to %s", program, app)
	default:
		d.warn(ofPlatform, check, "have the merchant authorize it: alipayplus authorize --help", "mini program %s is %s for %s", program, at.Status, app)
	}
}

// alipayCN checks AlipayCN.
func (d *doctor) alipayCN(ctx context.Context) {
	clock := newClock()
	client, err := d.app.alipaycnClient(d.cmd, alipaycn.WithHTTPClient(clock.client()), alipaycn.WithRetry(doctorAttempts, 0, 0))
	if err != nil {
		d.fail(ofAlipayCN, "configuration", "", err)
		return
	}
	d.ok(ofAlipayCN, "configuration", "%s as app %s", cmp.Or(os.Getenv("ALIPAYCN_ENDPOINT"), alipaycn.Production), client.AppID())
	d.keyFiles(ofAlipayCN, "ALIPAYCN_PRIVATE_KEY_FILE")
	token, err := appAuthToken()
	if err != nil {
		d.fail(ofAlipayCN, "configuration", "", wrongUse{err})
		return
	}
	var info *alipaycn.TokenInfo
	if token != "" {
		info, err = client.Authorization.Query(ctx, token)
	} else {
		_, err = client.BaseInfo.Get(ctx)
	}
	d.clock(ofAlipayCN, clock)
	if err != nil {
		d.notReached(ofAlipayCN, "ALIPAYCN_ENDPOINT", clock, err)
		return
	}
	d.ok(ofAlipayCN, "reachability", "it answers within %v, and the answer is signed", clock.took())
	if info != nil {
		d.token(info)
	}
}

// token says what the merchant's token is good for.
func (d *doctor) token(info *alipaycn.TokenInfo) {
	const check, way = "authorization", "have the merchant authorize the third-party app again"
	missing := info.MissingMethods()
	switch {
	case info.Status != "" && info.Status != alipaycn.TokenValid:
		d.fail(ofAlipayCN, check, way, fmt.Errorf("the merchant's token is %s: %w", info.Status, alipayplus.ErrAuthorizationRequired))
	case len(missing) > 0:
		d.fail(ofAlipayCN, check, way, fmt.Errorf("%d operations of a release are not authorized, such as %s: %w", len(missing), missing[0], alipayplus.ErrAuthorizationRequired))
	default:
		d.ok(ofAlipayCN, check, "mini program %s may be released", info.AuthAppID)
	}
}

// clock is the clock of whoever answers, as the Date header says it. It is safe for
// concurrent use.
type clock struct {
	base http.RoundTripper

	mu       sync.Mutex
	any      bool
	duration time.Duration
	ahead    time.Duration
	known    bool
}

func newClock() *clock { return &clock{base: http.DefaultTransport} }

func (c *clock) client() *http.Client { return &http.Client{Transport: c} }

// RoundTrip sends the request, and notes when it was answered.
func (c *clock) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	answer, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	ended := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.any, c.duration = true, ended.Sub(began)
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		// The header has whole seconds, and was written somewhere between the two.
		c.known, c.ahead = true, began.Add(c.duration/2).Sub(date.Add(time.Second/2))
	}
	return answer, nil
}

// answered says whether anybody has answered, whatever it was.
func (c *clock) answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.any
}

// took is how long the last answer took.
func (c *clock) took() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.duration.Round(time.Millisecond)
}

// skew is how far this machine's clock is ahead, to about a second; not known before an answer.
func (c *clock) skew() (ahead time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead, c.known
}
