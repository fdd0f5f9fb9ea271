package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"image"
	"image/draw"
	"image/png"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/postgres/postgrestest"
)

// scriptCommands are the commands that scripts have besides those of testscript:
//
//	platform [review]   serves a platform on loopback, whose reviewers approve at once or after
//	                    the time review ("never": not at all), and sets the ALIPAYPLUS_*
//	                    variables to those of the owner of a workspace on it
//	alipaycn            serves a stand-in for AlipayCN, with version 0.0.1 of a mini program
//	                    in development, and sets the ALIPAYCN_* variables to those of its app;
//	                    "alipaycn third-party": those of a third-party app, for which a
//	                    merchant's code is in code.txt, and the merchant's order has the id $ORDER
//	serve FLAGS         runs "alipayplus serve" on a free port until the script ends, and sets the
//	                    ALIPAYPLUS_* variables to those of the developer on it
//	database NAME       sets a variable to the address of an empty PostgreSQL database; the
//	                    condition [postgres] says whether there can be one
//	authorize           waits until somebody must visit the page of a mini program's
//	                    authorization, and gives it; "authorize decline": declines it there
//	status N COMMAND    runs a command that must end with that exit status
//	as PARTY            sets the ALIPAYPLUS_* variables to those of a reviewer; "as provider": to
//	                    those of the owner of another workspace; "as owner": back; after serve: to
//	                    those of whoever has credentials by that name
//	grant PROGRAM       gives the authorization of a mini program, without a visit of its page
//	sample FILE         writes a build (.zip) or a picture (.png)
//	browse PAGE [FORM]  opens a page of the console, as who the ALIPAYPLUS_* variables name, and prints it;
//	                    with FORM it sends the page's form of that address, and prints what that leads to
//	json COMMAND        runs a command of the program with -o json, whose output must be as its
//	                    schema says
//	capture NAME PATH   sets a variable to what the last output, JSON, has at a path
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"platform": scriptPlatform, "alipaycn": scriptAlipayCN, "serve": scriptServed, "status": scriptStatus,
		"authorize": scriptAuthorize,
		"as":        scriptAs, "grant": scriptGrant, "sample": scriptSample, "capture": scriptCapture, "json": scriptJSON,
		"database": scriptDatabase, "browse": scriptBrowse,
	}
}

// postgresServer starts the server that scripts share. It ends with the process.
var postgresServer = sync.OnceValues(func() (*postgrestest.Server, error) { return postgrestest.Start(context.Background()) })

// scriptCondition is the condition [postgres].
func scriptCondition(name string) (bool, error) {
	if name != "postgres" {
		return false, fmt.Errorf("there is no condition %s", name)
	}
	_, err := postgresServer()
	if errors.Is(err, postgrestest.ErrNotInstalled) {
		return false, nil
	}
	return err == nil, err
}

func scriptDatabase(ts *testscript.TestScript, _ bool, args []string) {
	server, err := postgresServer()
	ts.Check(err)
	address, err := server.CreateDatabase(context.Background())
	ts.Check(err)
	ts.Setenv(args[0], address)
}

// scriptPlace is the platform of a script.
type scriptPlace struct {
	p                *platform.Platform
	workspace, owner string
	// provider is the client id of the owner of another workspace.
	provider string
}

type scriptPlaceKey struct{}

// scriptSetup gives each script a place.
func scriptSetup(env *testscript.Env) error {
	env.Values[scriptPlaceKey{}] = new(scriptPlace)
	return nil
}

func placeOf(ts *testscript.TestScript) *scriptPlace {
	place, ok := ts.Value(scriptPlaceKey{}).(*scriptPlace)
	if !ok {
		ts.Fatalf("the scripts have no setup")
	}
	return place
}

func scriptAs(ts *testscript.TestScript, _ bool, args []string) {
	place := placeOf(ts)
	if folder := ts.Getenv("SERVED_CREDENTIALS"); folder != "" {
		ts.Setenv("ALIPAYPLUS_CLIENT_ID", strings.TrimSpace(ts.ReadFile(filepath.Join(folder, args[0], "client-id"))))
		ts.Setenv("ALIPAYPLUS_PRIVATE_KEY_FILE", filepath.Join(folder, args[0], "private-key.pem"))
		return
	}
	var id string
	var err error
	switch args[0] {
	case "owner":
		id = place.owner
	case "provider":
		id = place.provider
	default:
		id, err = place.p.AddReviewer(context.Background(), alipayplus.Party(args[0]), testkey.Client().Public())
	}
	ts.Check(err)
	ts.Setenv("ALIPAYPLUS_CLIENT_ID", id)
}

func scriptGrant(ts *testscript.TestScript, _ bool, args []string) {
	place := placeOf(ts)
	ts.Check(place.p.GrantAuthorization(context.Background(), place.workspace, args[0], alipayplus.TargetAlipayCN))
}

func scriptSample(ts *testscript.TestScript, _ bool, args []string) {
	var content bytes.Buffer
	switch filepath.Ext(args[0]) {
	case ".zip":
		archive := zip.NewWriter(&content)
		_, err := archive.Create(args[0])
		ts.Check(err)
		ts.Check(archive.Close())
	case ".png":
		picture := image.NewRGBA(image.Rect(0, 0, 256, 256))
		draw.Draw(picture, picture.Bounds(), image.White, image.Point{}, draw.Src)
		picture.Pix[0] = byte(len(args[0])) // another name is another picture
		ts.Check(png.Encode(&content, picture))
	default:
		ts.Fatalf("a sample is a .zip or a .png")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content.Bytes(), 0o600))
}

func scriptJSON(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("alipayplus", append(args, "-o", "json")...))
	schemas := outputSchemas(scriptT{ts})
	for n := len(args); n > 0; n-- {
		if command := strings.Join(args[:n], " "); schemas.commands[command] != nil {
			ts.Check(schemas.check(command, []byte(ts.ReadFile("stdout"))))
			return
		}
	}
	ts.Fatalf("no schema says what the command prints")
}

// scriptT fails a script.
type scriptT struct{ *testscript.TestScript }

// Errorf fails the script.
func (t scriptT) Errorf(format string, args ...any) { t.Fatalf(format, args...) }

// FailNow fails the script.
func (t scriptT) FailNow() { t.Fatalf("failed") }

var (
	pageForm  = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
	pageInput = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

func scriptBrowse(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ts.Exec("alipayplus", "console"))
	signIn := strings.TrimSpace(ts.ReadFile("stdout"))
	base, _, _ := strings.Cut(signIn, "sign-in?")
	jar, err := cookiejar.New(nil)
	ts.Check(err)
	client := &http.Client{Jar: jar}
	get := func(address string) string {
		resp, err := client.Get(address)
		return scriptPage(ts, resp, err)
	}
	submit := func(page, action string) string {
		for _, form := range pageForm.FindAllStringSubmatch(page, -1) {
			if path := html.UnescapeString(form[1]); strings.HasSuffix(path, "/console/"+action) {
				fields := url.Values{}
				for _, input := range pageInput.FindAllStringSubmatch(form[2], -1) {
					fields.Set(input[1], html.UnescapeString(input[2]))
				}
				resp, err := client.PostForm(base+action, fields)
				return scriptPage(ts, resp, err)
			}
		}
		ts.Fatalf("there is no form %s in %s", action, page)
		return ""
	}
	submit(get(signIn), "sign-in")
	page := get(base + args[0])
	for _, action := range args[1:] {
		page = submit(page, action)
	}
	_, err = io.WriteString(ts.Stdout(), html.UnescapeString(page))
	ts.Check(err)
}

// scriptPage reads a page, which must be one.
func scriptPage(ts *testscript.TestScript, resp *http.Response, err error) string {
	ts.Check(err)
	page, err := io.ReadAll(resp.Body)
	ts.Check(errors.Join(err, resp.Body.Close()))
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("%s: %s %s", resp.Request.URL.Path, resp.Status, page)
	}
	return string(page)
}

func scriptCapture(ts *testscript.TestScript, _ bool, args []string) {
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &value))
	text := cell(at(value, strings.Split(args[1], ".")))
	if text == "" {
		ts.Fatalf("the last output has nothing at %s", args[1])
	}
	ts.Setenv(args[0], text)
}

func scriptPlatform(ts *testscript.TestScript, _ bool, args []string) {
	review := func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(0) }
	if len(args) > 0 {
		if args[0] == "never" {
			review = nil
		} else {
			after, err := time.ParseDuration(args[0])
			ts.Check(err)
			review = func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(after) }
		}
	}
	wallet := platform.NewPartnerApp("LAKE_WALLET", platform.PartnerAppOptions{
		TestDevices: []alipayplus.TestDevice{{System: "Android 16", Network: "5G", Device: "Pixel 9"}, {System: "iOS 26", Network: "5G", Device: "iPhone 17"}},
		Test: func(r *alipayplus.Release, on alipayplus.TestDevice) string {
			if on.System == "iOS 26" && len(r.Configuration.ServerDomains) == 0 {
				return "the first page stays white"
			}
			return ""
		},
	})
	options := []platform.Option{platform.WithSigner(testkey.Key()), platform.WithTargetBackends(platform.NewSimulatedAlipayCN(), wallet)}
	if review != nil {
		options = append(options, platform.WithAutoReview(review))
	}
	p, err := platform.New(options...)
	ts.Check(err)
	ctx := context.Background()
	owned := func(company alipayplus.BusinessRegistration) (workspace, id string) {
		workspace, err := p.AddWorkspace(ctx, company)
		ts.Check(err)
		ts.Check(p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: "owner", Role: alipayplus.RoleOwner}))
		id, err = p.AddClient(ctx, workspace, "owner", testkey.Client().Public())
		ts.Check(err)
		return workspace, id
	}
	workspace, id := owned(company())
	other := company()
	other.CompanyName = "Red Hill Coffee"
	_, provider := owned(other)
	*placeOf(ts) = scriptPlace{p, workspace, id, provider}
	ts.Setenv("ALIPAYPLUS_BASE_URL", scriptServe(ts, p))
	ts.Setenv("ALIPAYPLUS_CLIENT_ID", id)
	ts.Setenv("ALIPAYPLUS_PRIVATE_KEY_FILE", scriptFile(ts, "private-key.pem", testkey.ClientPEM()))
	ts.Setenv("ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE", scriptFile(ts, "platform-public-key.pem", p.PublicKeyPEM()))
}

func scriptAlipayCN(ts *testscript.TestScript, _ bool, args []string) {
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.Key()), alipaycntest.WithAutoReview(0), alipaycntest.WithAnyTemplate())
	ts.Check(err)
	public, err := x509.MarshalPKIXPublicKey(testkey.Client().Public())
	ts.Check(err)
	caller := alipaycntest.App{ID: cnProgram, PublicKey: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})}
	if thirdParty := len(args) > 0; thirdParty {
		const merchant = "2021000000000008"
		caller.ID, caller.ThirdParty = "2021000000000006", true
		ts.Check(g.AddApp(caller))
		ts.Check(g.AddApp(alipaycntest.App{ID: merchant}))
		ts.Check(g.AddTemplate(caller.ID, "2021000000000003", "1.0.0"))
		code, err := g.AuthorizationCode(caller.ID, merchant)
		ts.Check(err)
		ts.Check(os.WriteFile(ts.MkAbs("code.txt"), []byte(code+"\n"), 0o600))
		order, err := g.PlaceOrder(caller.ID, merchant)
		ts.Check(err)
		ts.Setenv("ORDER", order)
	} else {
		ts.Check(g.AddApp(caller))
		ts.Check(g.AddVersion(caller.ID, "0.0.1"))
	}
	ts.Setenv("ALIPAYCN_ENDPOINT", scriptServe(ts, g))
	ts.Setenv("ALIPAYCN_APP_ID", caller.ID)
	ts.Setenv("ALIPAYCN_PRIVATE_KEY_FILE", scriptFile(ts, "app-private-key.pem", testkey.ClientPEM()))
	ts.Setenv("ALIPAYCN_PUBLIC_KEY_FILE", scriptFile(ts, "alipay-public-key.pem", g.AlipayPublicKey()))
}

// scriptServed runs the program itself, as a person does in another terminal.
func scriptServed(ts *testscript.TestScript, _ bool, args []string) {
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "alipayplus", append([]string{"serve", "--listen", "127.0.0.1:0", "-o", "json"}, args...)...)
	cmd.Path, cmd.Dir, cmd.Env = filepath.Join(filepath.SplitList(ts.Getenv("PATH"))[0], "alipayplus"), ts.Getenv("WORK"), os.Environ()
	for _, name := range []string{"ENDPOINT", "APP_ID", "PRIVATE_KEY_FILE", "PUBLIC_KEY_FILE"} { // of a stand-in, see scriptAlipayCN
		cmd.Env = append(cmd.Env, "ALIPAYCN_"+name+"="+ts.Getenv("ALIPAYCN_"+name))
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		stop()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
		ts.Logf("%s", log.String())
	})
	var ready served
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		stop()
		ts.Fatalf("serve: %v", err)
	}
	for name, value := range ready.Variables {
		ts.Setenv(name, value)
	}
	ts.Setenv("SERVED_CREDENTIALS", ready.Credentials)
}

// scriptServe serves on loopback until the script ends.
func scriptServe(ts *testscript.TestScript, served http.Handler) (address string) {
	server := httptest.NewServer(served)
	ts.Defer(server.Close)
	return server.URL
}

// scriptFile writes a file beside those of the script.
func scriptFile(ts *testscript.TestScript, name string, content []byte) (path string) {
	path = filepath.Join(ts.Getenv("WORK"), ".credentials", name)
	ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
	ts.Check(os.WriteFile(path, content, 0o600))
	return path
}

func scriptStatus(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND ARGUMENTS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err, got := ts.Exec(args[1], args[2:]...), 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err, got = nil, exit.ExitCode()
	}
	ts.Check(err)
	if got != want {
		ts.Fatalf("exit status %s", fmt.Sprintf("%d, not %d", got, want))
	}
}

// scriptAuthorize waits until an authorization was begun.
func scriptAuthorize(ts *testscript.TestScript, _ bool, args []string) {
	place := placeOf(ts)
	answer := func(ctx context.Context, begun *alipayplus.Authorization) error {
		return place.p.GrantAuthorization(ctx, place.workspace, begun.ProgramID, begun.TargetApp)
	}
	if len(args) > 0 {
		answer = func(ctx context.Context, begun *alipayplus.Authorization) error { return decline(ctx, place.p, begun) }
	}
	for range 1000 {
		done, err := authorizeAll(context.Background(), place.p, place.workspace, answer)
		ts.Check(err)
		if done > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("no authorization was begun")
}

// decline does on the page of an authorization what a person does who declines.
func decline(ctx context.Context, p *platform.Platform, begun *alipayplus.Authorization) error {
	page, state, _ := strings.Cut(begun.URL, "?")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(state+"&step=select&decline=1"))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.HTTPClient().Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func authorizeAll(ctx context.Context, p *platform.Platform, workspace string, answer func(context.Context, *alipayplus.Authorization) error) (done int, err error) {
	owner, err := p.Client(ctx, workspace, "owner")
	if err != nil {
		return 0, err
	}
	for program, err := range owner.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		if err != nil {
			return done, err
		}
		begun, err := owner.Authorizations.Get(ctx, alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
		if err != nil || begun.Status != alipayplus.AuthorizationPending {
			return done, err
		}
		if err := answer(ctx, begun); err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}
