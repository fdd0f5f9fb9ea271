package alipaycntest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// Status returns where a version of a mini program stands; empty when there is
// none, or it is not built yet. Where several clients have a version of that
// number, it is the one that was added first.
func (g *Gateway) Status(appID, number string) alipaycn.VersionStatus {
	var status alipaycn.VersionStatus
	_ = g.withBuilt("status", appID, number, func(v *version, _ time.Time) { status = v.status }) // none: the empty status says so
	return status
}

// TakeDown takes a version down to AUDIT_OFFLINE, as AlipayCN may at any time.
func (g *Gateway) TakeDown(appID, number string) error {
	return g.withBuilt("take down", appID, number, func(v *version, now time.Time) {
		v.status, v.offline, v.strategy = alipaycn.StatusAuditOffline, now, ""
	})
}

// version is a version of a mini program.
type version struct {
	number   alipayplus.VersionNumber
	bundle   alipaycn.BundleID
	status   alipaycn.VersionStatus
	template string
	from     alipayplus.VersionNumber // the template's version

	buildEnds   time.Time
	build       alipaycn.BuildStatus // BuildCreated once there is something to work with
	scanEnds    time.Time
	scan        alipaycn.ScanResult
	reviewEnds  time.Time // zero: a person decides
	description string
	memo        string
	reason      string
	strategy    alipaycn.GrayStrategy
	auditRule   alipaycn.AuditRule
	autoOnline  bool
	wasGray     bool
	cameBack    bool // by a rollback
	trial       bool
	canRelease  bool
	baseAudit   alipaycn.AuditResult
	baseRecord  *alipaycn.AuditRecord
	promotion   alipaycn.AuditResult
	promoRecord *alipaycn.AuditRecord
	screenShots []string
	onlineSeq   int // app.releases when it last went online; 0: never was

	created, applied, audited, online, offline time.Time
}

// exists says whether the version can be seen: it is built.
func (v *version) exists() bool { return v.build == alipaycn.BuildCreated }

// advance ends the builds, scans and reviews whose time has come.
func (g *Gateway) advance(a *app, now time.Time) {
	for _, v := range a.versions {
		if v.build == alipaycn.BuildRunning && !now.Before(v.buildEnds) {
			v.finishBuild(v.buildEnds, g.cfg.scanDelay)
		}
		if v.scan == alipaycn.ScanRunning && v.exists() && !now.Before(v.scanEnds) {
			v.scan = alipaycn.ScanPassed
		}
		if v.status == alipaycn.StatusAuditing && !v.reviewEnds.IsZero() && !now.Before(v.reviewEnds) {
			g.pass(a, v, v.reviewEnds)
		}
	}
}

// everOnline says whether a version of the mini program was online at any time.
func (a *app) everOnline() bool { return a.releases > 0 }

// find returns the version, which may still be being built, or nil.
func (a *app) find(bundle alipaycn.BundleID, number alipayplus.VersionNumber) *version {
	i := slices.IndexFunc(a.versions, func(v *version) bool { return v.bundle == bundle && v.number == number })
	if i < 0 {
		return nil
	}
	return a.versions[i]
}

// findByStatus returns a version in a status, or nil.
func (a *app) findByStatus(bundle alipaycn.BundleID, status alipaycn.VersionStatus) *version {
	i := slices.IndexFunc(a.versions, func(v *version) bool { return v.bundle == bundle && v.status == status })
	if i < 0 {
		return nil
	}
	return a.versions[i]
}

// bundle reads bundle_id.
func (c *call) bundle() (alipaycn.BundleID, error) {
	bundle := alipaycn.BundleID(c.text("bundle_id"))
	if bundle == "" {
		return alipaycn.BundleAlipay, nil
	}
	if !bundle.Known() {
		return "", refuse(c.noBundle(), "there is no client %.64q", bundle)
	}
	return bundle, nil
}

// noBundle is the code for an unknown client. Some operations are documented
// without one and have the gateway's code for all.
func (c *call) noBundle() alipaycn.Code {
	switch c.op {
	case cnwire.VersionPublish, cnwire.VersionList, cnwire.ExperienceCreate, cnwire.ExperienceGet:
		return "invalid-parameter"
	default:
		return alipaycn.CodeBundleIDNotExist
	}
}

// number reads app_version; invalid is the code for one that is no number.
func (c *call) number(invalid alipaycn.Code) (alipayplus.VersionNumber, error) {
	text := c.text("app_version")
	if text == "" {
		return alipayplus.VersionNumber{}, refuse("APP_VERSION_IS_BLANK", "app_version is missing")
	}
	return parseNumber(text, invalid)
}

func parseNumber(text string, invalid alipaycn.Code) (alipayplus.VersionNumber, error) {
	number, err := alipayplus.ParseVersion(text)
	switch {
	case err == nil && number.IsZero():
		return number, refuse(invalid, "no version has the number 0.0.0")
	case err == nil:
		return number, nil
	}
	if isTooLarge(text) && invalid == "INVALID_VERSION" {
		invalid = "VERSION_EXCEEDED_LENGTH"
	}
	return number, refuse(invalid, "%v", err)
}

// isTooLarge says whether a text is a version x.y.z with a number that is too large.
func isTooLarge(text string) bool {
	shrunk := strings.Split(text, ".")
	for i, part := range shrunk {
		const digits = 9
		shrunk[i] = part[:min(len(part), digits)]
	}
	_, err := alipayplus.ParseVersion(strings.Join(shrunk, "."))
	return err == nil && strings.Trim(text, "0123456789.") == ""
}

// named reads bundle_id and app_version; invalid is the code for one that is no number.
func (c *call) named(invalid alipaycn.Code) (bundle alipaycn.BundleID, number alipayplus.VersionNumber, err error) {
	if bundle, err = c.bundle(); err == nil {
		number, err = c.number(invalid)
	}
	return bundle, number, err
}

// version finds the version that is named; missing is the code when there is none.
func (c *call) version(missing alipaycn.Code) (*version, error) {
	bundle, number, err := c.named(missing)
	if err != nil {
		return nil, err
	}
	v := c.app.find(bundle, number)
	if v == nil || !v.exists() {
		return nil, refuse(missing, "the mini program has no version %v for %s", number, bundle)
	}
	return v, nil
}

// ofVersion is the handler of a write about a version that answers nothing; missing is
// the code when there is no such version.
func ofVersion(missing alipaycn.Code, do func(*Gateway, *call, *version) error) func(*Gateway, *call) (any, error) {
	return func(g *Gateway, c *call) (any, error) {
		v, err := c.version(missing)
		if err != nil {
			return nil, err
		}
		return nil, do(g, c, v)
	}
}

func (g *Gateway) gray(c *call, v *version) error {
	strategy := alipaycn.GrayStrategy(c.text("gray_strategy"))
	ratio, _ := strategy.Ratio()
	before, _ := v.strategy.Ratio()
	switch {
	case strategy == "":
		return refuse("GRAY_STRATEGY_IS_BLANK", "gray_strategy is missing")
	case !strategy.Known():
		return refuse("GRAY_STRATEGY_IS_INVALID", "gray_strategy must be p10, p30 or p50")
	case !v.status.CanBecome(alipaycn.StatusGray):
		return refuse(alipaycn.CodeCanNotGrayWithoutAuditPass, "version %v is %s", v.number, v.status)
	case alipaycn.GrayLadder().CheckRaise(before, ratio) != nil:
		return refuse(alipaycn.CodeGrayStrategyNotAllowReduce, "the share is %s already", v.strategy)
	case g.cfg.grayNeedsApp && c.app.findByStatus(v.bundle, alipaycn.StatusRelease) == nil:
		return refuse(alipaycn.CodeMiniAppNotOnline, "no version is online")
	}
	v.status, v.strategy, v.wasGray = alipaycn.StatusGray, strategy, true
	return nil
}

func (*Gateway) cancelGray(_ *call, v *version) error {
	if v.status != alipaycn.StatusGray {
		return refuse(alipaycn.CodeCanNotEndGrayWithoutGray, "version %v is %s", v.number, v.status)
	}
	v.status, v.strategy = alipaycn.StatusWaitRelease, ""
	return nil
}

func (g *Gateway) publish(c *call, v *version) error {
	switch v.status {
	case alipaycn.StatusWaitRelease, alipaycn.StatusGray:
	case alipaycn.StatusInit, alipaycn.StatusAuditing, alipaycn.StatusAuditReject:
		return refuse(alipaycn.CodeCanNotOnlineWithoutAudit, "version %v is %s", v.number, v.status)
	case alipaycn.StatusBaseAuditPass, alipaycn.StatusPromoteAuditReject:
		if !v.canRelease {
			return refuse(alipaycn.CodeCanNotOnlineNoPromote, "version %v passed admission only", v.number)
		}
	default:
		return refuse(alipaycn.CodeCanNotOnlineNotGrayOrWaitRelease, "version %v is %s", v.number, v.status)
	}
	if g.cfg.grayRequired && !v.wasGray {
		return refuse(alipaycn.CodeCanNotOnlineWithoutGray, "version %v did not go through grayscale", v.number)
	}
	if c.app.noFiling && (c.app.everOnline() || c.text("permit_registration_limit_release") != "true") {
		return refuse(alipaycn.CodeCanNotOnlineWithoutRegistration, "the ICP filing is not done")
	}
	c.app.release(v, c.now)
	return nil
}

// release puts a version online; the one before it goes offline.
func (a *app) release(v *version, at time.Time) {
	for _, other := range a.versions {
		if other.bundle == v.bundle && other.status == alipaycn.StatusRelease {
			other.status, other.offline = alipaycn.StatusOffline, at
		}
	}
	v.status, v.online, v.offline, v.strategy, v.cameBack = alipaycn.StatusRelease, at, time.Time{}, "", false
	a.releases++
	v.onlineSeq = a.releases
}

func (g *Gateway) takeOffline(c *call, v *version) error {
	switch {
	case v.status != alipaycn.StatusRelease:
		return refuse(alipaycn.CodeCanNotOfflineWithoutOnline, "version %v is %s", v.number, v.status)
	case c.app.findByStatus(v.bundle, alipaycn.StatusGray) != nil:
		return refuse(alipaycn.CodeCanNotOfflineWithGray, "a version is in grayscale")
	}
	v.status, v.offline = alipaycn.StatusOffline, c.now
	return nil
}

func (g *Gateway) rollback(c *call, v *version) error {
	earlier := c.app.previousOnline(v)
	switch {
	case v.status != alipaycn.StatusRelease:
		return refuse(alipaycn.CodeCanNotRollbackWithoutOnline, "version %v is %s", v.number, v.status)
	case c.app.findByStatus(v.bundle, alipaycn.StatusGray) != nil:
		return refuse(alipaycn.CodeCanNotRollbackWithGray, "a version is in grayscale")
	case v.cameBack:
		return refuse(alipaycn.CodeCanNotContinuousRollback, "version %v came back by a rollback", v.number)
	case earlier == nil:
		return refuse(alipaycn.CodeCanNotRollbackWithoutOffline, "there is no earlier version")
	case earlier.status == alipaycn.StatusAuditOffline:
		return refuse("CAN_NOT_ROLLBACK_PUNISH", "version %v was taken down", earlier.number)
	}
	c.app.release(earlier, c.now) // and v goes offline
	earlier.cameBack = true
	return nil
}

// previousOnline returns the version that was online before v: of all others the
// one that went online last, whether by publishing or by a rollback.
func (a *app) previousOnline(v *version) *version {
	var found *version
	for _, other := range a.versions {
		if other != v && other.bundle == v.bundle && other.onlineSeq > 0 && (found == nil || other.onlineSeq > found.onlineSeq) {
			found = other
		}
	}
	return found
}

func (g *Gateway) remove(c *call) (any, error) {
	bundle, number, err := c.named(alipaycn.CodeMiniAppPackageInfoNotExist)
	if err != nil {
		return nil, err
	}
	v := c.app.find(bundle, number)
	switch {
	case v == nil || v.build.Failed():
		return nil, refuse(alipaycn.CodeMiniAppPackageInfoNotExist, "there is no version %v", number)
	case !v.exists():
		return nil, refuse("CAN_NOT_DELETE_WITH_INSTANTIATE", "version %v is being built", number)
	case v.status != alipaycn.StatusInit:
		return nil, refuse(alipaycn.CodeCanNotDeleteWithoutDev, "version %v is %s", number, v.status)
	case v.scan == alipaycn.ScanRunning:
		return nil, refuse("CAN_NOT_DELETE_WITH_SCANNING", "version %v is being scanned", number)
	case v.trial:
		return nil, refuse(alipaycn.CodeCanNotDeleteWithExperience, "version %v is the trial version", number)
	}
	c.app.versions = slices.DeleteFunc(c.app.versions, func(other *version) bool { return other == v })
	return nil, nil
}

func (g *Gateway) detail(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeVersionIsBlank)
	if err != nil {
		return nil, err
	}
	return c.app.detail(v), nil
}

func (a *app) detail(v *version) alipaycn.VersionDetail {
	return alipaycn.VersionDetail{
		Version: alipaycn.Version(v.number.String()), Status: v.status, Description: v.description, RejectReason: v.reason,
		ScanResult: v.scan, GrayStrategy: v.strategy, Memo: v.memo, ScreenShots: v.screenShots,
		CreatedAt: alipaycn.Time{Time: v.created}, AppliedAt: alipaycn.Time{Time: v.applied}, AuditedAt: alipaycn.Time{Time: v.audited},
		OnlineAt: alipaycn.Time{Time: v.online}, OfflineAt: alipaycn.Time{Time: v.offline},
		BaseAudit: v.baseAudit, BaseAuditRecord: v.baseRecord, PromoteAudit: v.promotion, PromoteAuditRecord: v.promoRecord,
		CanRelease: alipaycn.TextBool(v.canRelease),
		AppName:    a.base.AppName, AppEnglishName: a.base.AppEnglishName, AppLogo: a.base.AppLogo, AppSlogan: a.base.AppSlogan,
		AppDescription: a.base.AppDescription, ServicePhone: a.base.ServicePhone, ServiceEmail: a.base.ServiceEmail,
		RegionType: a.region, Regions: a.regions, OldCategories: a.old, Categories: a.categories,
	}
}

// maxListed is the documented number of versions in a list, not the limit of versions. The highest number
// of each status, which a list has too, is taken over all versions.
const maxListed = 20

func (g *Gateway) list(c *call) (any, error) {
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	var asked alipaycn.StatusList
	text, err := json.Marshal(c.text("version_status"))
	if err := errors.Join(err, json.Unmarshal(text, &asked)); err != nil {
		return nil, err
	}
	found := slices.Clone(c.app.versions)
	found = slices.DeleteFunc(found, func(v *version) bool {
		return v.bundle != bundle || !v.exists() || !slices.Contains(asked, v.status)
	})
	slices.SortFunc(found, func(a, b *version) int { return b.number.Compare(a.number) })
	var out alipaycn.VersionList
	seen := map[alipaycn.VersionStatus]bool{}
	for i, v := range found {
		if i < maxListed {
			out.Versions = append(out.Versions, v.summary())
		}
		if !seen[v.status] {
			seen[v.status] = true
			out.AppVersions = append(out.AppVersions, alipaycn.Version(v.number.String()))
		}
	}
	return out, nil
}

func (v *version) summary() alipaycn.VersionSummary {
	return alipaycn.VersionSummary{
		Version: alipaycn.Version(v.number.String()), Description: v.description, Status: v.status, BundleID: v.bundle,
		CreatedAt: alipaycn.Time{Time: v.created}, BaseAudit: v.baseAudit, PromoteAudit: v.promotion,
		CanRelease: alipaycn.TextBool(v.canRelease),
	}
}

// experienceReady is the status of a trial version that can be scanned. It is
// made up: AlipayCN documents notExpVersion only.
const experienceReady alipaycn.ExperienceStatus = "expVersionPackaged"

func (g *Gateway) createExperience(c *call, v *version) error {
	switch {
	case v.trial:
		return refuse(alipaycn.CodeCanNotSetExpRepeat, "version %v is the trial version", v.number)
	case !v.online.IsZero():
		return refuse("CAN_NOT_SET_EXP_WITH_ONLINED_STATUS", "version %v was online", v.number)
	case v.status == alipaycn.StatusAuditOffline:
		return refuse("CAN_NOT_SET_EXP_INVALID_STATUS", "version %v is %s", v.number, v.status)
	case v.scan != alipaycn.ScanPassed:
		return refuse("CAN_NOT_SET_WITHOUT_SCAN_PASS", "the scan of version %v says %s", v.number, v.scan)
	}
	for _, other := range c.app.versions {
		if other.bundle == v.bundle {
			other.trial = false
		}
	}
	v.trial = true
	return nil
}

func (g *Gateway) experience(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppPackageInfoNotExist)
	if err != nil {
		return nil, err
	}
	if !v.trial {
		return alipaycn.Experience{Status: alipaycn.ExperienceNone}, nil
	}
	return alipaycn.Experience{
		Status:    experienceReady,
		QRCodeURL: fmt.Sprintf("https://pictures.invalid/trial-%s-%v.png", c.app.id, v.number),
		SchemaURL: fmt.Sprintf("alipays://platformapi/startapp?appId=%s&nbsv=%v", c.app.id, v.number),
	}, nil
}

func (*Gateway) cancelExperience(_ *call, v *version) error {
	if !v.trial {
		return refuse(alipaycn.CodeCanNotCancelExpWithInvalidStatus, "version %v is not the trial version", v.number)
	}
	v.trial = false
	return nil
}

// withApp runs do on a mini program, brought up to date, for a method that tests
// call. what names the method in errors.
func (g *Gateway) withApp(what, appID string, do func(*app, time.Time) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.apps[appID]
	if a == nil || a.thirdParty {
		return fmt.Errorf("alipaycntest: %s: there is no mini program %.32q", what, appID)
	}
	now := time.Now()
	g.advance(a, now)
	if err := do(a, now); err != nil {
		return fmt.Errorf("alipaycntest: %s: %w", what, err)
	}
	return nil
}

// withVersion is withApp for a version. Where several clients have one of that
// number, it is the first that fits, or else the first.
func (g *Gateway) withVersion(what, appID, number string, fits func(*version) bool, do func(*app, *version, time.Time) error) error {
	return g.withApp(what, appID, func(a *app, now time.Time) error {
		var found *version
		for _, v := range a.versions {
			if v.number.String() == number && (found == nil || !fits(found) && fits(v)) {
				found = v
			}
		}
		if found == nil {
			return fmt.Errorf("app %s has no version %.32q", appID, number)
		}
		return do(a, found, now)
	})
}

// withBuilt is withVersion for a version that is built.
func (g *Gateway) withBuilt(what, appID, number string, do func(*version, time.Time)) error {
	return g.withVersion(what, appID, number, (*version).exists, func(_ *app, v *version, now time.Time) error {
		if !v.exists() {
			return fmt.Errorf("version %s is not built", number)
		}
		do(v, now)
		return nil
	})
}
