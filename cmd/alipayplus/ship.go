package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/manifest"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

const commandShip = "ship"

// defaultState is where ship remembers the rollout unless --state says it.
const defaultState = ".alipayplus"

const shipHelp = `Ship a mini program: from its package to all users, by one file.

The mini program is found by its name, or made; its languages and configuration
become what the file says; the package is uploaded; the target app is selected
and authorized; the release is applied for, and climbs by the rollout spec of
the file.

Each step looks first at what is there. So the same command continues after any
interruption, also in a later job, and nothing is done twice. Approve, pause and
abort it by the rollout commands with the same --state.

alipayplus init writes a sample of the file. --demo ships a sample over a platform
within this process, without an account or a file.`

// shipment is one call of ship: a mini program on its way from its package to all users.
type shipment struct {
	*job

	file, pkg, version string
	open               bool
	demo, alipaycn     bool

	client *alipayplus.Client
	// manifest is the file once it is read, and basicInfo what is applied with.
	manifest  *manifest.Ship
	basicInfo *alipayplus.BusinessRegistration
	workspace *alipayplus.Workspace
	program   *alipayplus.Program
	release   *alipayplus.Release
	// page is the page of the authorization that is waited for; empty for none.
	page string
	// confirm does what a person does on the page of an authorization; nil: a person does.
	confirm func(ctx context.Context, begun *alipayplus.Authorization) error
	// gates are given in Go, for the demo.
	gates []rollout.Option
	// qrFile is where the QR code goes, in place of the file's; empty: as the file says.
	qrFile string
	// poll is the time between two looks at an authorization.
	poll time.Duration
}

// ship is the command that ships.
func (a *app) ship() *cobra.Command {
	s := &shipment{file: "ship.yaml", poll: 2 * time.Second}
	o := &options{
		app: a, command: commandShip, ship: s, state: defaultState,
		interval: rollout.Duration(time.Minute), callTimeout: rollout.Duration(2 * time.Minute),
	}
	cmd := &cobra.Command{
		Use: "ship", Short: "Ship a mini program, from its package to all users", Long: shipHelp, Args: noArguments,
		Example: "  alipayplus ship -f ship.yaml\n  alipayplus ship -f ship.yaml --version 1.2.0 --package build/app.zip --max-time 5h50m\n  alipayplus ship --demo",
	}
	set := cmd.Flags()
	set.SortFlags = false
	set.StringVarP(&s.file, "file", "f", s.file, "the `file` that says what is shipped, YAML or JSON")
	set.StringVar(&s.version, "version", "", "the version `x.y.z`, in place of that of the file")
	set.StringVar(&s.pkg, "package", "", "the `path` of the zip with the build, in place of that of the file")
	set.BoolVar(&s.open, "open", false, "open the page of an authorization in the browser")
	set.BoolVar(&s.demo, "demo", false, "ship a sample over a platform within this process")
	set.BoolVar(&s.alipaycn, "alipaycn", false, "with --demo: over AlipayCN's protocol, to a stand-in of its gateway")
	o.register(set)
	o.cmd, a.options[cmd] = cmd, o
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cmd.Flags().Visit(func(f *pflag.Flag) { o.given = append(o.given, given{f.Name, valueOf(f)}) })
		end, err := s.begin(cmd.Context(), o)
		defer end()
		a.runJob(cmd.Context(), o, err)
		return errReported
	}
	return cmd
}

// begin checks the flags, and opens what the demo ships over, until end is called.
func (s *shipment) begin(ctx context.Context, o *options) (end func(), err error) {
	end = func() {}
	switch err := o.checkValues(); {
	case err != nil:
		return end, err
	case s.alipaycn && !s.demo:
		return end, misused("--alipaycn is for --demo; a platform releases to AlipayCN when it is set up so")
	case s.demo && (s.pkg != "" || s.version != "" || slices.ContainsFunc(o.given, func(g given) bool { return g.name == "file" })):
		return end, misused("--demo ships a sample: leave --file, --version and --package out")
	case s.demo:
		return s.openDemo(ctx, o)
	}
	return end, nil
}

// prepare does what is left to do before the rollout: there is a release afterwards, which
// may be applied for.
func (s *shipment) prepare(ctx context.Context, j *job) (err error) {
	s.job = j
	if err := s.read(); err != nil {
		return err
	}
	if s.client == nil {
		if s.client, err = j.opts.app.platformClient(j.opts.cmd); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context) error{
		s.readWorkspace, s.findProgram, s.configure, s.upload, s.authorize, s.selectApp, s.configureRelease, s.test,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	j.opts.release = s.release.ID
	return nil
}

// read reads the file, and the spec that it names.
func (s *shipment) read() error {
	content, err := os.ReadFile(s.file)
	if errors.Is(err, fs.ErrNotExist) {
		return misused("%w; write one by alipayplus init, or give it by --file", err)
	}
	if err != nil {
		return misused("--file: %w", err)
	}
	if s.manifest, err = manifest.ParseShip(content); err != nil {
		return misused("%s:%w", s.file, err)
	}
	if s.spec = s.manifest.Rollout; s.manifest.RolloutFile != "" {
		if s.spec, err = readSpec(besides(s.file, s.manifest.RolloutFile)); err != nil {
			return err
		}
	}
	r := &s.manifest.Release
	r.TargetApp = cmp.Or(r.TargetApp, alipayplus.TargetAlipayCN)
	if r.Package != "" {
		r.Package = besides(s.file, r.Package)
	}
	r.Package = cmp.Or(s.pkg, r.Package)
	if s.version != "" {
		if r.Version, err = alipayplus.ParseVersion(s.version); err != nil {
			return misused("--version: %w", err)
		}
	}
	if r.Version.IsZero() {
		return misused("%s: release.version is missing; give it there, or by --version", s.file)
	}
	return nil
}

func (s *shipment) readWorkspace(ctx context.Context) (err error) {
	if s.workspace, err = s.client.Workspace.Get(ctx); err != nil {
		return err
	}
	info := s.workspace.Company
	if given := s.manifest.Release.BasicInfo; given != nil {
		for _, field := range []struct {
			into  *string
			value string
		}{
			{&info.CompanyName, given.CompanyName},
			{&info.RegistrationNumber, given.RegistrationNumber},
			{&info.Country, given.Country},
			{&info.Address, given.Address},
			{&info.ContactName, given.ContactName},
			{&info.ContactEmail, given.ContactEmail},
			{&info.ContactPhone, given.ContactPhone},
		} {
			*field.into = cmp.Or(field.value, *field.into)
		}
	}
	s.basicInfo = &info
	s.say("workspace", "%s, as %s (%s)", s.workspace.Name, s.workspace.Member, s.workspace.Role)
	return nil
}

// findProgram finds the mini program by its id or its name, or makes it, and gives it the
// names that it lacks.
func (s *shipment) findProgram(ctx context.Context) (err error) {
	wanted := s.manifest.Program
	if wanted.ID != "" {
		s.program, err = s.client.Programs.Get(ctx, wanted.ID)
	} else {
		s.program, err = s.programNamed(ctx, wanted.Languages[0])
	}
	switch {
	case err != nil:
		return err
	case s.program == nil:
		return s.createProgram(ctx)
	}
	s.say("program", "%s %q", s.program.ID, s.program.Name())
	return s.addLanguages(ctx)
}

// programNamed finds the mini program that is called so in that language; nil: there is none.
func (s *shipment) programNamed(ctx context.Context, name alipayplus.Localization) (found *alipayplus.Program, err error) {
	for program, err := range s.client.Programs.All(ctx, alipayplus.ListProgramsInput{}) {
		if err != nil {
			return nil, err
		}
		called := slices.ContainsFunc(program.Languages, func(l alipayplus.Localization) bool {
			return l.Name == name.Name && alipayplus.CanonicalLanguage(l.Language) == alipayplus.CanonicalLanguage(name.Language)
		})
		switch {
		case called && found != nil:
			return nil, fmt.Errorf("%w: mini programs %s and %s are both called %q; give program.id in %s",
				alipayplus.ErrConflict, found.ID, program.ID, name.Name, s.file)
		case called:
			found = program
		}
	}
	return found, nil
}

func (s *shipment) createProgram(ctx context.Context) error {
	in := alipayplus.CreateProgramInput{Languages: s.manifest.Program.Languages}
	if logo := s.manifest.Program.Logo; logo != "" {
		id, err := s.uploadPicture(ctx, besides(s.file, logo))
		if err != nil {
			return err
		}
		in.LogoFileID = id
	}
	in.RequestID = requestID("programs.create", in)
	program, err := s.client.Programs.Create(ctx, in)
	if err != nil {
		return err
	}
	s.program = program
	s.say("program", "%s %q, made", program.ID, program.Name())
	return nil
}

// addLanguages adds the names that the mini program lacks, and replaces those that differ.
func (s *shipment) addLanguages(ctx context.Context) error {
	var added []alipayplus.Localization
	var tags []string
	for _, l := range s.manifest.Program.Languages {
		l.Language = alipayplus.CanonicalLanguage(l.Language)
		if !slices.Contains(s.program.Languages, l) {
			added, tags = append(added, l), append(tags, l.Language)
		}
	}
	if len(added) == 0 {
		return nil
	}
	program, err := s.client.Programs.AddLanguages(ctx, alipayplus.AddLanguagesInput{ProgramID: s.program.ID, Languages: added})
	if err != nil {
		return err
	}
	s.program = program
	s.say("languages", "%s", strings.Join(tags, ", "))
	return nil
}

// configure gives the mini program the configuration of the file.
func (s *shipment) configure(ctx context.Context) error {
	wanted, err := s.configuration()
	if err != nil || wanted == nil || sameJSON(*wanted, s.program.Configuration) {
		return err
	}
	if err := s.uploadPictures(ctx); err != nil {
		return err
	}
	program, err := s.client.Programs.UpdateConfiguration(ctx, alipayplus.UpdateProgramConfigurationInput{ProgramID: s.program.ID, Configuration: *wanted})
	if err != nil {
		return err
	}
	s.program = program
	s.say("configured", "the mini program")
	return nil
}

// configureRelease gives a release that is not applied for the configuration of the file.
func (s *shipment) configureRelease(ctx context.Context) error {
	wanted, err := s.configuration()
	if err != nil || wanted == nil || s.release.Status != alipayplus.ReleaseNewVersionCreated || sameJSON(*wanted, s.release.Configuration) {
		return err
	}
	if err := s.uploadPictures(ctx); err != nil {
		return err
	}
	release, err := s.client.Releases.UpdateConfiguration(ctx, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: s.release.ID, Configuration: *wanted})
	if err != nil {
		return err
	}
	s.release = release
	s.say("configured", "the release")
	return nil
}

// test begins a compatibility test where a gate asks for its report, and there is none of the
// release as it is. The rollout waits for it.
func (s *shipment) test(ctx context.Context) error {
	asks := func(g rollout.GateSpec) bool { return g.Compatibility != nil }
	if s.release.Status != alipayplus.ReleaseNewVersionCreated || !slices.ContainsFunc(slices.Collect(maps.Values(s.spec.Gates)), asks) {
		return nil
	}
	run := 0
	if report := s.release.Compatibility; report != nil {
		if report.Status == alipayplus.CompatibilityTesting || !report.Outdated {
			return nil
		}
		run = report.Run
	}
	in := alipayplus.TestCompatibilityInput{ReleaseID: s.release.ID}
	in.RequestID = requestID("releases.testCompatibility", []any{in, run})
	release, err := s.client.Releases.TestCompatibility(ctx, in)
	if err != nil {
		return err
	}
	s.release = release
	s.say("testing", "compatibility, on %d devices", len(release.Compatibility.Results))
	return nil
}

// configuration is the configuration of the file, with the pictures by their ids; nil: the
// file has none.
func (s *shipment) configuration() (*alipayplus.Configuration, error) {
	given := s.manifest.Program.Configuration
	if given == nil {
		return nil, nil
	}
	c := &alipayplus.Configuration{ServerDomains: given.ServerDomains, H5Domains: given.H5Domains}
	cn := given.AlipayCN
	if cn == nil {
		return c, nil
	}
	c.AlipayCN = &alipayplus.AlipayCNApplication{
		Description: cn.Description, Name: cn.Name, EnglishName: cn.EnglishName, Slogan: cn.Slogan, Introduction: cn.Introduction,
		Categories: cn.Categories, ServicePhone: cn.ServicePhone, ServiceEmail: cn.ServiceEmail, RegionType: cn.RegionType,
		LicenseNo: cn.LicenseNo, LicenseName: cn.LicenseName, LicenseValidDate: cn.LicenseValidDate, Memo: cn.Memo,
		TwoStageReview: cn.TwoStageReview, Template: cn.Template,
	}
	logo, err1 := s.pictureIDs(cn.Pictures()[:min(1, len(cn.Logo))])
	screenshots, err2 := s.pictureIDs(cn.Screenshots)
	licenses, err3 := s.pictureIDs(cn.LicensePictures)
	if len(logo) > 0 {
		c.AlipayCN.LogoFileID = logo[0]
	}
	c.AlipayCN.ScreenshotFileIDs, c.AlipayCN.LicenseFileIDs = screenshots, licenses
	return c, cmp.Or(err1, err2, err3)
}

// uploadPictures uploads the pictures of the configuration. The same picture again is the
// same file.
func (s *shipment) uploadPictures(ctx context.Context) error {
	if s.manifest.Program.Configuration.AlipayCN == nil {
		return nil
	}
	for _, path := range s.manifest.Program.Configuration.AlipayCN.Pictures() {
		if _, err := s.uploadPicture(ctx, besides(s.file, path)); err != nil {
			return err
		}
	}
	return nil
}

func (s *shipment) uploadPicture(ctx context.Context, path string) (id string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", wrongUse{err}
	}
	file, err := s.client.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content))})
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", path, err)
	}
	return file.ID, nil
}

// pictureIDs reads pictures, and says by which ids the platform will know them.
func (s *shipment) pictureIDs(paths []string) (ids []string, err error) {
	for _, path := range paths {
		path = besides(s.file, path)
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, wrongUse{err}
		}
		file, err := alipayplus.DescribeFile(content)
		if err != nil {
			return nil, wrongUse{fmt.Errorf("%s: %w", path, err)}
		}
		ids = append(ids, file.ID)
	}
	return ids, nil
}

// selectApp finds the release of the version, or makes it by selecting the target app.
func (s *shipment) selectApp(ctx context.Context) error {
	var known []*alipayplus.Release
	wanted := s.manifest.Release
	for r, err := range s.client.Releases.All(ctx, alipayplus.ListReleasesInput{ProgramID: s.program.ID, TargetApp: wanted.TargetApp}) {
		if err != nil {
			return err
		}
		known = append(known, r)
		if r.Version == wanted.Version {
			s.release = r
		}
	}
	if s.release != nil {
		s.say("release", "%s of %v to %s, %s", s.release.ID, wanted.Version, wanted.TargetApp, s.release.Status)
		return nil
	}
	in := alipayplus.CreateReleaseInput{
		ProgramID: s.program.ID, Version: wanted.Version, TargetApp: wanted.TargetApp,
		Program: s.program, Target: s.workspace.Target(wanted.TargetApp), Known: known,
	}
	in.RequestID = requestID("releases.create", in)
	release, err := s.client.Releases.Create(ctx, in)
	if err == nil {
		// The outcome of an earlier call may be of a release that was deleted since.
		if _, gone := s.client.Releases.Get(ctx, release.ID); errors.Is(gone, alipayplus.ErrNotFound) {
			in.RequestID = ""
			release, err = s.client.Releases.Create(ctx, in)
		}
	}
	if err != nil {
		return err
	}
	s.release = release
	s.say("release", "%s of %v to %s, made", release.ID, wanted.Version, wanted.TargetApp)
	return nil
}

// target is the release, as a rollout drives it.
func (s *shipment) target() rollout.Target {
	options := []rollout.ReleaseOption{rollout.WithBasicInfo(*s.basicInfo)}
	if s.manifest.Release.AllowDowngrade {
		options = append(options, rollout.WithDowngrade())
	}
	return rollout.ForRelease(s.client, s.release.ID, options...)
}

// outcome is the result for people: the line of a shipment that is over.
func (s *shipment) outcome(r *report.Report) string {
	if r.ExitStatus != report.ExitDone || s.release == nil {
		return "" // standard error says it
	}
	return fmt.Sprintf("shipped %s %v to %s at %v\n", s.program.ID, s.release.Version, s.release.TargetApp, alipayplus.FullRatio)
}

// shipReport is the result of ship in JSON.
type shipReport struct {
	*report.Report

	// ProgramID, ReleaseID and TargetApp name what is shipped, as far as they are known.
	ProgramID string               `json:"programId,omitempty"`
	ReleaseID string               `json:"releaseId,omitempty"`
	TargetApp alipayplus.TargetApp `json:"targetApp,omitempty"`
	// Authorize is the page that a person must visit before it continues; empty for none.
	Authorize string `json:"authorize,omitempty"`
	// QRCode is the file with the QR code, once that is there.
	QRCode string `json:"qrCode,omitempty"`
}

func (s *shipment) shipReport(of *report.Report) shipReport {
	r := shipReport{Report: of, Authorize: s.page}
	if s.manifest != nil {
		r.TargetApp = s.manifest.Release.TargetApp
		if s.manifest.QRCode != nil && of.ExitStatus == report.ExitDone {
			r.QRCode = s.qrPath()
		}
	}
	if s.program != nil {
		r.ProgramID = s.program.ID
	}
	if s.release != nil {
		r.ReleaseID = s.release.ID
	}
	return r
}

// say says on standard error what was found or done.
func (s *shipment) say(label, format string, args ...any) {
	text := report.OneLine(fmt.Sprintf(format, args...))
	if s.opts.ndjson == toStderr {
		e := rollout.Event{Schema: rollout.EventSchema, At: time.Now(), Kind: "PREPARED", What: label + " " + text}
		_, _ = fmt.Fprintf(s.stderr, "%s\n", report.Encode(e))
		return
	}
	_, _ = io.WriteString(s.stderr, report.Wrap(fmt.Sprintf("%-10s ", label), text, s.width))
}

// sayWhole says an address in a line of its own, which no line feed breaks: it is copied.
func (s *shipment) sayWhole(address string) {
	if s.opts.ndjson == toStderr {
		s.say("page", "%s", address)
		return
	}
	_, _ = fmt.Fprintln(s.stderr, report.OneLine(address))
}

// requestID is the request id of a write that is made once: the same input again is the same
// call.
func requestID(operation string, in any) string {
	content, _ := json.Marshal(in) // inputs always marshal
	sum := sha256.Sum256(append([]byte(operation+"\n"), content...))
	return "ship-" + hex.EncodeToString(sum[:16])
}

// sameJSON says whether two values are the same on the wire.
func sameJSON(a, b any) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}
