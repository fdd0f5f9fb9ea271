package alipaycntest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// maxDevelopment is the documented number of development versions.
const maxDevelopment = 20

// maxListed is the documented number of versions in a list. The highest number
// of each status, which a list tells besides, is of all versions.
const maxListed = 20

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

// noBundle is the code for a client that there is not. Some operations are
// documented without one; the gateway has a code for all.
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

// isTooLarge says whether a version is x.y.z but for the size of its numbers.
func isTooLarge(text string) bool {
	shrunk := strings.Split(text, ".")
	for i, part := range shrunk {
		const digits = 9
		shrunk[i] = part[:min(len(part), digits)]
	}
	_, err := alipayplus.ParseVersion(strings.Join(shrunk, "."))
	return err == nil && strings.Trim(text, "0123456789.") == ""
}

// version finds the version that is named; missing is the code when there is none.
func (c *call) version(missing alipaycn.Code) (*version, error) {
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	number, err := c.number(missing)
	if err != nil {
		return nil, err
	}
	v := c.app.find(bundle, number)
	if v == nil || !v.exists() {
		return nil, refuse(missing, "the mini program has no version %v for %s", number, bundle)
	}
	return v, nil
}

func (g *Gateway) upload(c *call) (any, error) {
	if c.isv == nil && !g.cfg.anyTemplate {
		return nil, refuse("ISV_APP_ID_IS_BLANK", "only a third-party app builds versions from templates")
	}
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	number, err := c.number("INVALID_VERSION")
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
	g.settle(c.app, c.now)
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

// add adds a version. A build that failed may be tried again: then it takes the
// place of that one.
func (a *app) add(v *version) error {
	if err := a.checkUpload(v); err != nil {
		return err
	}
	a.versions = slices.DeleteFunc(a.versions, func(failed *version) bool { return failed.bundle == v.bundle && failed.number == v.number })
	a.versions = append(a.versions, v)
	return nil
}

// checkUpload says why a version cannot be added.
func (a *app) checkUpload(v *version) error {
	development := 0
	var highest alipayplus.VersionNumber
	for _, other := range a.versions {
		if other.counts() {
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

func (g *Gateway) build(c *call) (any, error) {
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	number, err := c.number(alipaycn.CodeBuildVersionNotExisted)
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

// buildState is what upload and build.query tell.
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

func (g *Gateway) cancelAudit(c *call) (any, error) {
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	v := c.app.with(bundle, alipaycn.StatusAuditing)
	if c.text("app_version") != "" {
		named, err := c.version(alipaycn.CodeMiniAppPackageInfoNotExist)
		if err != nil {
			return nil, err
		}
		if v != nil && named != v {
			return nil, refuse(alipaycn.CodeInvalidVersionStatus, "version %v is %s, not under review", named.number, named.status)
		}
	}
	if v == nil {
		return nil, refuse(alipaycn.CodeAuditingVersionNotExist, "no version is under review")
	}
	v.toDevelopment()
	return nil, nil
}

func (g *Gateway) returnToDevelopment(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppVersionMissing)
	if err != nil {
		return nil, err
	}
	if !v.status.Reviewed() || !v.status.CanBecome(alipaycn.StatusInit) {
		return nil, refuse(alipaycn.CodeCanNotBackDevWithoutAudit, "version %v is %s, neither passed nor rejected", v.number, v.status)
	}
	v.toDevelopment()
	return nil, nil
}

func (v *version) toDevelopment() {
	v.status, v.reason, v.reviewEnds, v.wasGray = alipaycn.StatusInit, "", noTime(), false
	v.baseAudit, v.baseRecord, v.promotion, v.promoRecord, v.canRelease = "", nil, "", nil, false
}

func (g *Gateway) gray(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppVersionMissing)
	if err != nil {
		return nil, err
	}
	strategy := alipaycn.GrayStrategy(c.text("gray_strategy"))
	ratio, _ := strategy.Ratio()
	before, _ := v.strategy.Ratio()
	switch {
	case strategy == "":
		return nil, refuse("GRAY_STRATEGY_IS_BLANK", "gray_strategy is missing")
	case !strategy.Known():
		return nil, refuse("GRAY_STRATEGY_IS_INVALID", "gray_strategy must be p10, p30 or p50")
	case !v.status.CanBecome(alipaycn.StatusGray):
		return nil, refuse(alipaycn.CodeCanNotGrayWithoutAuditPass, "version %v is %s", v.number, v.status)
	case alipaycn.GrayLadder().CheckRaise(before, ratio) != nil:
		return nil, refuse(alipaycn.CodeGrayStrategyNotAllowReduce, "the share is %s already", v.strategy)
	case g.cfg.grayNeedsApp && c.app.with(v.bundle, alipaycn.StatusRelease) == nil:
		return nil, refuse(alipaycn.CodeMiniAppNotOnline, "no version is online")
	}
	v.status, v.strategy, v.wasGray = alipaycn.StatusGray, strategy, true
	return nil, nil
}

func (g *Gateway) cancelGray(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppVersionNotExist)
	if err != nil {
		return nil, err
	}
	if v.status != alipaycn.StatusGray {
		return nil, refuse(alipaycn.CodeCanNotEndGrayWithoutGray, "version %v is %s", v.number, v.status)
	}
	v.status, v.strategy = alipaycn.StatusWaitRelease, ""
	return nil, nil
}

func (g *Gateway) publish(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppVersionNotExist)
	if err != nil {
		return nil, err
	}
	switch v.status {
	case alipaycn.StatusWaitRelease, alipaycn.StatusGray:
	case alipaycn.StatusInit, alipaycn.StatusAuditing, alipaycn.StatusAuditReject:
		return nil, refuse(alipaycn.CodeCanNotOnlineWithoutAudit, "version %v is %s", v.number, v.status)
	case alipaycn.StatusBaseAuditPass, alipaycn.StatusPromoteAuditReject:
		if !v.canRelease {
			return nil, refuse(alipaycn.CodeCanNotOnlineNoPromote, "version %v passed admission only", v.number)
		}
	default:
		return nil, refuse(alipaycn.CodeCanNotOnlineNotGrayOrWaitRelease, "version %v is %s", v.number, v.status)
	}
	if g.cfg.grayRequired && !v.wasGray {
		return nil, refuse(alipaycn.CodeCanNotOnlineWithoutGray, "version %v did not go through grayscale", v.number)
	}
	if c.app.noFiling && (c.app.everOnline() || c.text("permit_registration_limit_release") != "true") {
		return nil, refuse(alipaycn.CodeCanNotOnlineWithoutRegistration, "the ICP filing is not done")
	}
	c.app.release(v, c.now)
	return nil, nil
}

func (g *Gateway) takeOffline(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppVersionNotExist)
	switch {
	case err != nil:
		return nil, err
	case v.status != alipaycn.StatusRelease:
		return nil, refuse(alipaycn.CodeCanNotOfflineWithoutOnline, "version %v is %s", v.number, v.status)
	case c.app.with(v.bundle, alipaycn.StatusGray) != nil:
		return nil, refuse(alipaycn.CodeCanNotOfflineWithGray, "a version is in grayscale")
	}
	v.status, v.offline = alipaycn.StatusOffline, c.now
	return nil, nil
}

func (g *Gateway) rollback(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppPackageInfoNotExist)
	if err != nil {
		return nil, err
	}
	earlier := c.app.before(v)
	switch {
	case v.status != alipaycn.StatusRelease:
		return nil, refuse(alipaycn.CodeCanNotRollbackWithoutOnline, "version %v is %s", v.number, v.status)
	case c.app.with(v.bundle, alipaycn.StatusGray) != nil:
		return nil, refuse(alipaycn.CodeCanNotRollbackWithGray, "a version is in grayscale")
	case v.cameBack:
		return nil, refuse(alipaycn.CodeCanNotContinuousRollback, "version %v came back by a rollback", v.number)
	case earlier == nil:
		return nil, refuse(alipaycn.CodeCanNotRollbackWithoutOffline, "there is no earlier version")
	case earlier.status == alipaycn.StatusAuditOffline:
		return nil, refuse("CAN_NOT_ROLLBACK_PUNISH", "version %v was taken down", earlier.number)
	}
	c.app.release(earlier, c.now) // and v goes offline
	earlier.cameBack = true
	return nil, nil
}

// before returns the version that was online before v: of all others the one
// that went online last, be it by a rollback.
func (a *app) before(v *version) *version {
	var found *version
	for _, other := range a.versions {
		if other != v && other.bundle == v.bundle && other.turn > 0 && (found == nil || other.turn > found.turn) {
			found = other
		}
	}
	return found
}

func (g *Gateway) remove(c *call) (any, error) {
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	number, err := c.number(alipaycn.CodeMiniAppPackageInfoNotExist)
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
