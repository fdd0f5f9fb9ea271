package alipaycntest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// template is a template of a third-party app, with its versions that are online.
type template struct {
	owner    *app
	versions []alipayplus.VersionNumber
}

// AddTemplate adds a template of a third-party app with the versions of it that
// are online, at least one.
func (g *Gateway) AddTemplate(thirdPartyID, templateID string, versions ...string) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("alipaycntest: add template %.32q: %w", templateID, fmt.Errorf(format, args...))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	owner := g.apps[thirdPartyID]
	if owner == nil || !owner.thirdParty {
		return fail("there is no third-party app %.32q", thirdPartyID)
	}
	t := &template{owner: owner}
	for _, text := range versions {
		number, err := alipayplus.ParseVersion(text)
		if err != nil {
			return fail("%w", err)
		}
		t.versions = append(t.versions, number)
	}
	if templateID == "" || len(t.versions) == 0 {
		return fail("an id and at least one version are needed")
	}
	slices.SortFunc(t.versions, alipayplus.VersionNumber.Compare)
	g.templates[templateID] = t
	return nil
}

// AddVersion adds a version in development to a mini program, as an upload by an
// IDE would: built, scanned, for the Alipay wallet. The same rules hold as for
// an upload: its number is above all others, and there are at most 20.
func (g *Gateway) AddVersion(appID, number string) error {
	return g.withApp("add version", appID, func(a *app, now time.Time) error {
		parsed, err := alipayplus.ParseVersion(number)
		if err != nil {
			return err
		}
		return a.add(&version{
			number: parsed, bundle: alipaycn.BundleAlipay, status: alipaycn.StatusInit,
			build: alipaycn.BuildCreated, scan: alipaycn.ScanPassed, created: now,
		})
	})
}

// AdvanceBuild brings a build to a status: [alipaycn.BuildCreated] ends it with
// success, [alipaycn.BuildFailed] and [alipaycn.BuildTimedOut] end it with a
// failure, and [alipaycn.BuildQueued] and [alipaycn.BuildRunning] keep it running. A build
// that is queued stays so; one that is running ends by [WithBuildDelay] too.
func (g *Gateway) AdvanceBuild(appID, number string, to alipaycn.BuildStatus) error {
	return g.withVersion("advance build", appID, number, (*version).building, func(_ *app, v *version, now time.Time) error {
		switch {
		case !v.building():
			return errors.New("the build has ended")
		case to == alipaycn.BuildCreated:
			v.finishBuild(now, g.cfg.scanDelay)
		case to == alipaycn.BuildDone || !to.Known():
			return fmt.Errorf("a build cannot be brought to %q", to)
		default:
			v.build = to
		}
		return nil
	})
}

// SetScan sets the result of a version's security scan; [alipaycn.ScanRunning]
// lets it run until it is set again.
func (g *Gateway) SetScan(appID, number string, result alipaycn.ScanResult) error {
	return g.withBuilt("set scan", appID, number, func(v *version, now time.Time) {
		const never = 100 * 365 * 24 * time.Hour
		v.scan, v.scanEnds = result, now.Add(never)
	})
}

// maxDevelopment is the documented number of development versions.
const maxDevelopment = 20

func (g *Gateway) upload(c *call) (any, error) {
	if c.isv == nil && !g.cfg.anyTemplate {
		return nil, refuse("ISV_APP_ID_IS_BLANK", "only a third-party app builds versions from templates")
	}
	bundle, number, err := c.named("INVALID_VERSION")
	if err != nil {
		return nil, err
	}
	v := &version{number: number, bundle: bundle, template: c.text("template_id"), build: alipaycn.BuildRunning, buildEnds: c.now.Add(g.cfg.buildDelay)}
	if v.from, err = g.templateVersion(c); err != nil {
		return nil, err
	}
	if ext := c.text("ext"); ext != "" && !json.Valid([]byte(ext)) {
		return nil, refuse("INVALID_EXT_JSON", "ext is not JSON")
	}
	if err := c.app.add(v); err != nil {
		return nil, err
	}
	g.advance(c.app, c.now)
	return v.buildState(), nil
}

func (g *Gateway) templateVersion(c *call) (alipayplus.VersionNumber, error) {
	var none alipayplus.VersionNumber
	id := c.text("template_id")
	if id == "" {
		return none, refuse("TEMPLATE_ID_IS_BLANK", "template_id is missing")
	}
	t := g.templates[id]
	switch {
	case t == nil && g.cfg.anyTemplate:
		t = &template{owner: c.isv, versions: []alipayplus.VersionNumber{{Major: 1}}}
	case t == nil:
		return none, refuse("CODE_TEMPLATE_NOT_EXIST", "there is no template %.32q", id)
	case t.owner != c.isv:
		return none, refuse("TEMPLATE_ID_ISVAPPID_NOT_MATCH", "the template is another third-party app's")
	}
	text := c.text("template_version")
	if text == "" {
		return t.versions[len(t.versions)-1], nil
	}
	number, err := alipayplus.ParseVersion(text)
	if err != nil || !slices.Contains(t.versions, number) && !g.cfg.anyTemplate {
		return none, refuse("TEMPLATE_NOT_ONLINE_OR_OFFLINE", "the template has no version %.32q online", text)
	}
	return number, nil
}

// add adds a version. It replaces one of the same number whose build failed.
func (a *app) add(v *version) error {
	if err := a.checkUpload(v); err != nil {
		return err
	}
	a.versions = slices.DeleteFunc(a.versions, func(failed *version) bool { return failed.bundle == v.bundle && failed.number == v.number })
	a.versions = append(a.versions, v)
	return nil
}

// checkUpload refuses a version that cannot be added.
func (a *app) checkUpload(v *version) error {
	development := 0
	var highest alipayplus.VersionNumber
	for _, other := range a.versions {
		if other.inDevelopment() {
			development++
		}
		if other.bundle != v.bundle || other.build.Failed() {
			continue
		}
		if other.number == v.number {
			return refuse(alipaycn.CodeVersionHasExisted, "version %v exists", v.number)
		}
		if other.number.Compare(highest) > 0 {
			highest = other.number
		}
	}
	if v.number.CheckHigher(highest) != nil {
		return refuse(alipaycn.CodeLargerVersionHasExisted, "version %v exists, which is above %v", highest, v.number)
	}
	if development >= maxDevelopment {
		return refuse(alipaycn.CodeDevVersionExceedMaxCount, "there are %d development versions", development)
	}
	return nil
}

// inDevelopment says whether the version is one of the 20 development versions.
func (v *version) inDevelopment() bool {
	switch v.status {
	case alipaycn.StatusRelease, alipaycn.StatusOffline, alipaycn.StatusAuditOffline:
		return false
	default:
		return !v.build.Failed()
	}
}

// building says whether its build has not ended.
func (v *version) building() bool { return !v.exists() && !v.build.Failed() }

func (v *version) finishBuild(at time.Time, scanDelay time.Duration) {
	v.build, v.created = alipaycn.BuildCreated, at
	v.status, v.scan, v.scanEnds = alipaycn.StatusInit, alipaycn.ScanRunning, at.Add(scanDelay)
}

func (g *Gateway) build(c *call) (any, error) {
	bundle, number, err := c.named(alipaycn.CodeBuildVersionNotExisted)
	if err != nil {
		return nil, err
	}
	v := c.app.find(bundle, number)
	if v == nil {
		return nil, refuse(alipaycn.CodeBuildVersionNotExisted, "nothing is built as version %v", number)
	}
	return v.buildState(), nil
}

// buildAnswer is [alipaycn.Build] with its false values, which AlipayCN sends.
type buildAnswer struct {
	BuildStatus    alipaycn.BuildStatus `json:"build_status"`
	CreateStatus   alipaycn.BuildStatus `json:"create_status"`
	NeedRotation   alipaycn.TextBool    `json:"need_rotation"`
	VersionCreated alipaycn.TextBool    `json:"version_created"`
}

// buildState is what upload and build.query answer.
func (v *version) buildState() buildAnswer {
	switch {
	case v.exists():
		return buildAnswer{BuildStatus: alipaycn.BuildDone, CreateStatus: alipaycn.BuildCreated, VersionCreated: true}
	case v.build.Failed():
		return buildAnswer{BuildStatus: v.build, CreateStatus: v.build}
	default:
		return buildAnswer{BuildStatus: v.build, CreateStatus: alipaycn.BuildQueued, NeedRotation: true}
	}
}

func (g *Gateway) templateUsages(c *call) (any, error) {
	page, size, err := pageNumbers(c)
	if err != nil {
		return nil, err
	}
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	t := g.templates[c.text("template_id")]
	switch {
	case !c.caller.thirdParty:
		return nil, refuse("APPLICATION_TYPE_NOT_ISVAPP", "the app is no third-party app")
	case c.text("template_id") == "":
		return nil, refuse("TEMPLATE_ID_IS_BLANK", "template_id is missing")
	case t == nil:
		return nil, refuse("TEMPLATE_NO_RELATION_ERROR", "there is no such template")
	case t.owner != c.caller:
		return nil, refuse("TEMPLATE_ID_ISVAPPID_NOT_MATCH", "the template is another app's")
	}
	return usagesPage(g.usages(c, bundle), page, size), nil
}

func pageNumbers(c *call) (page, size int, err error) {
	const usual, largest = 10, 50
	page, size = 1, usual
	if text := c.text("page_num"); text != "" {
		if page, err = strconv.Atoi(text); err != nil || page < 1 {
			return 0, 0, refuse("INVALID_PAGE_NUM", "page_num begins at 1")
		}
	}
	if text := c.text("page_size"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 {
			return 0, 0, refuse("INVALID_PAGE_SIZE", "page_size begins at 1")
		}
	}
	if size > largest {
		return 0, 0, refuse("PAGE_SIZE_EXCEED_MAX_QUERY_SIZE", "page_size is at most %d", largest)
	}
	return page, size, nil
}

// usages lists the versions that were built from a template, in a fixed order.
func (g *Gateway) usages(c *call, bundle alipaycn.BundleID) (all []alipaycn.TemplateUsage) {
	asked, _ := alipayplus.ParseVersion(c.text("template_version")) // without a number: any
	for _, a := range g.apps {
		g.advance(a, c.now)
		for _, v := range a.versions {
			if v.template == c.text("template_id") && v.bundle == bundle && v.exists() && (asked.IsZero() || v.from == asked) {
				all = append(all, alipaycn.TemplateUsage{AppID: a.id, Version: alipaycn.Version(v.number.String())})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b alipaycn.TemplateUsage) int {
		return cmp.Or(strings.Compare(a.AppID, b.AppID), strings.Compare(string(a.Version), string(b.Version)))
	})
	return all
}

func usagesPage(all []alipaycn.TemplateUsage, page, size int) alipaycn.TemplateUsages {
	out := alipaycn.TemplateUsages{Usages: pageOf(all, page, size)}
	for _, usage := range out.Usages {
		if !slices.Contains(out.AppIDs, usage.AppID) {
			out.AppIDs = append(out.AppIDs, usage.AppID)
		}
	}
	return out
}

// pageOf returns a page, counted from 1.
func pageOf[E any](all []E, page, size int) []E {
	from := min(len(all), max(0, page-1)*size)
	if page > len(all) { // also where the product is too large
		from = len(all)
	}
	return all[from:min(len(all), from+size)]
}
