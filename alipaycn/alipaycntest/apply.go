package alipaycntest

import (
	"cmp"
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

// Verdict is what reviewers say about a version that did not pass.
type Verdict struct {
	// Reason is the reviewers' text.
	Reason string
	// Images are links to pictures of the review.
	Images []string
	// Memos are the reasons one by one, each with pictures of its rule.
	Memos []alipaycn.AuditMemo
}

func (v Verdict) record() *alipaycn.AuditRecord {
	record := &alipaycn.AuditRecord{Images: v.Images, Memos: v.Memos}
	if len(v.Memos) == 0 && v.Reason != "" {
		record.Memos = []alipaycn.AuditMemo{{Memo: v.Reason}}
	}
	return record
}

// Approve lets a version pass its review.
func (g *Gateway) Approve(appID, number string) error {
	return g.endReview("approve", appID, number, func(a *app, v *version, now time.Time) { g.pass(a, v, now) })
}

// Reject lets a version fail its review. The pictures and single reasons
// show only when the version was applied for with [alipaycn.AuditRuleBasePromote].
func (g *Gateway) Reject(appID, number string, verdict Verdict) error {
	return g.endReview("reject", appID, number, func(_ *app, v *version, now time.Time) {
		v.status, v.audited, v.reason = alipaycn.StatusAuditReject, now, verdict.Reason
		if v.auditRule == alipaycn.AuditRuleBasePromote {
			v.baseAudit, v.baseRecord = alipaycn.AuditResultReject, verdict.record()
		}
	})
}

// ApproveAdmission lets a version pass the admission part of its review and fail
// the promotion part, so that it is in BASE_AUDIT_PASS; canRelease says whether it may be
// published all the same. AlipayCN reviews in two parts only what was applied for
// with [alipaycn.AuditRuleBasePromote]; that is not checked here.
func (g *Gateway) ApproveAdmission(appID, number string, canRelease bool, promotion Verdict) error {
	return g.endReview("approve admission", appID, number, func(_ *app, v *version, now time.Time) {
		v.status, v.audited, v.canRelease = alipaycn.StatusBaseAuditPass, now, canRelease
		v.baseAudit, v.promotion, v.promoRecord = alipaycn.AuditResultPass, alipaycn.AuditResultReject, promotion.record()
	})
}

func (g *Gateway) endReview(what, appID, number string, do func(*app, *version, time.Time)) error {
	underReview := func(v *version) bool { return v.status == alipaycn.StatusAuditing }
	return g.withVersion(what, appID, number, underReview, func(a *app, v *version, now time.Time) error {
		if !underReview(v) {
			return fmt.Errorf("version %s is %s, not under review", number, cmp.Or(string(v.status), "not built"))
		}
		do(a, v, now)
		return nil
	})
}

func (g *Gateway) apply(c *call) (any, error) {
	v, err := c.version(alipaycn.CodeMiniAppPackageInfoNotExist)
	if err != nil {
		return nil, err
	}
	if err := c.app.checkApply(v); err != nil {
		return nil, err
	}
	in, err := c.application()
	if err != nil {
		return nil, err
	}
	if err := g.checkApplication(c.app, in); err != nil {
		return nil, err
	}
	g.save(c.app, in)
	v.submit(in, c.now)
	if len(in.ScreenShots) > 0 {
		v.screenShots = nil
	}
	for range in.ScreenShots {
		v.screenShots = append(v.screenShots, g.picture("screenshot"))
	}
	if g.cfg.autoReviews {
		v.reviewEnds = c.now.Add(g.cfg.autoReview)
	}
	return map[string]string{"speed_up": "false", "speed_up_memo": "no right to a faster review"}, nil
}

func (v *version) submit(in alipaycn.ApplyInput, now time.Time) {
	v.toDevelopment()
	v.status, v.applied, v.audited = alipaycn.StatusAuditing, now, time.Time{}
	v.description, v.memo, v.auditRule, v.autoOnline = in.Description, in.Memo, in.AuditRule, bool(in.AutoOnline)
}

// checkApply refuses an application that the statuses of the versions do not allow.
func (a *app) checkApply(v *version) error {
	for _, other := range a.versions {
		switch {
		case other.bundle != v.bundle || other == v || !other.exists():
		case other.status.BlocksApply():
			return refuse(alipaycn.CodeCanNotSubmitWithAuditGray, "version %v is %s", other.number, other.status)
		case !other.online.IsZero() && other.number.Compare(v.number) > 0:
			return refuse(alipaycn.CodeExistLargerOnlinedVersion, "version %v was online", other.number)
		}
	}
	switch {
	case v.status == alipaycn.StatusAuditing:
		return refuse(alipaycn.CodeSubmitRepeat, "version %v is under review", v.number)
	case v.status != alipaycn.StatusInit:
		return refuse(alipaycn.CodeCanNotSubmitWithoutInit, "version %v is %s", v.number, v.status)
	case v.scan != alipaycn.ScanPassed:
		return refuse(alipaycn.CodeCanNotSubmitWithoutScanPass, "the scan of version %v says %s", v.number, v.scan)
	}
	return nil
}

func (g *Gateway) cancelAudit(c *call) (any, error) {
	bundle, err := c.bundle()
	if err != nil {
		return nil, err
	}
	v := c.app.findByStatus(bundle, alipaycn.StatusAuditing)
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

func (*Gateway) returnToDevelopment(_ *call, v *version) error {
	if !v.status.Reviewed() || !v.status.CanBecome(alipaycn.StatusInit) {
		return refuse(alipaycn.CodeCanNotBackDevWithoutAudit, "version %v is %s, neither passed nor rejected", v.number, v.status)
	}
	v.toDevelopment()
	return nil
}

func (v *version) toDevelopment() {
	v.status, v.reason, v.reviewEnds, v.wasGray = alipaycn.StatusInit, "", time.Time{}, false
	v.baseAudit, v.baseRecord, v.promotion, v.promoRecord, v.canRelease = "", nil, "", nil, false
}

// pass ends a review with approval.
func (g *Gateway) pass(a *app, v *version, at time.Time) {
	v.status, v.audited, v.reason = alipaycn.StatusWaitRelease, at, ""
	v.baseRecord, v.promoRecord = nil, nil
	if v.auditRule == alipaycn.AuditRuleBasePromote {
		v.baseAudit, v.promotion, v.canRelease = alipaycn.AuditResultPass, alipaycn.AuditResultPass, true
	}
	if v.autoOnline {
		a.release(v, at)
	}
}

// application reads the input of the call.
func (c *call) application() (alipaycn.ApplyInput, error) {
	var in alipaycn.ApplyInput
	if err := json.Unmarshal(c.data, &in); err != nil {
		return in, refuse("INVALID_PARAMETER", "a field cannot be read: %v", err)
	}
	in.AppLogo, in.OutDoorPic, in.TestFile = c.files["app_logo"], c.files["out_door_pic"], c.files["test_file_name"]
	in.ScreenShots = c.numberedFiles("screen_shot", 5)
	in.LicensePics = c.numberedFiles("license_pic", 5)
	in.SpecialLicensePics = c.numberedFiles("special_license_pic", 3)
	return in, nil
}

// fileParts are the names of the parts that carry the files of an operation.
func fileParts(op cnwire.Operation) []string {
	if op == cnwire.BaseInfoModify || op == cnwire.OrderCreate {
		return []string{"app_logo"}
	}
	return slices.Concat(
		[]string{"app_logo", "out_door_pic", "test_file_name"},
		numberedParts("screen_shot", 5), numberedParts("license_pic", 5), numberedParts("special_license_pic", 3),
	)
}

func numberedParts(name string, n int) []string {
	parts := []string{"first", "second", "third", "fourth", "fifth"}[:n]
	for i, ordinal := range parts {
		parts[i] = ordinal + "_" + name
	}
	return parts
}

// numberedFiles returns the files of numbered parts, in their order.
func (c *call) numberedFiles(name string, n int) (files []alipaycn.File) {
	for _, part := range numberedParts(name, n) {
		if f := c.files[part]; f != nil {
			files = append(files, *f)
		}
	}
	return files
}

// checkApplication refuses an application with a wrong content.
func (g *Gateway) checkApplication(a *app, in alipaycn.ApplyInput) error {
	saved := a.base
	in.Saved = &saved
	if err := fieldRefusal(in.Validate(), applyCodes()); err != nil {
		return err
	}
	if err := g.checkNames(a, in.AppName, in.AppEnglishName); err != nil {
		return err
	}
	switch {
	case in.RegionType == "" && a.region == "":
		return refuse("REGION_TYPE_IS_BLANK", "region_type is required: nothing is saved")
	case a.everOnline() && in.AppName != "" && in.AppName != a.base.AppName:
		return refuse(alipaycn.CodeCanNotModifyNameOnceOnline, "the mini program was online")
	case a.everOnline() && in.AppEnglishName != "" && in.AppEnglishName != a.base.AppEnglishName:
		return refuse("CAN_NOT_MODIFY_EN_ONCE_ONLINE", "the mini program was online")
	}
	for _, id := range slices.Concat(in.Categories, in.OldCategories) {
		if err := g.checkCategory(id, in); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gateway) checkNames(a *app, name, english string) error {
	for _, other := range g.apps {
		switch {
		case other == a:
		case name != "" && other.base.AppName == name:
			return refuse(alipaycn.CodeMiniAppNameDuplicate, "another mini program has this name")
		case english != "" && other.base.AppEnglishName == english:
			return refuse("MINI_APP_EN_NAME_DUPLICATE", "another mini program has this English name")
		}
	}
	return nil
}

// checkCategory checks that a category is there, and that its licences are.
func (g *Gateway) checkCategory(id string, in alipaycn.ApplyInput) error {
	path, known := g.categoryPath(id)
	if !known && g.cfg.closedList {
		return refuse("INVALID_CATEGORY", "there is no category %.64q", id)
	}
	for _, category := range path {
		switch {
		case bool(category.NeedLicense) && in.LicenseNo == "":
			return refuse("LICENSE_NO_IS_BLANK", "category %s needs a business licence", id)
		case bool(category.NeedLicense) && in.LicenseName == "":
			return refuse("LICENSE_NAME_IS_BLANK", "category %s needs a business licence", id)
		case bool(category.NeedLicense) && in.LicenseValidDate == "":
			return refuse("LICENSE_VALID_DATE_IS_BLANK", "category %s needs a business licence", id)
		case bool(category.NeedLicense) && len(in.LicensePics) == 0:
			return refuse("LICENSE_PICS_ARE_BLANK", "category %s needs a business licence", id)
		case bool(category.NeedOutDoorPic) && in.OutDoorPic == nil:
			return refuse("OUT_DOOR_PIC_IS_BLANK", "category %s needs a picture of the shop front", id)
		case bool(category.NeedSpecialLicense) && len(in.SpecialLicensePics) == 0:
			return refuse("SPECIAL_LICENSE_PICS_ARE_BLANK", "category %s needs a special licence", id)
		}
	}
	return nil
}

// save makes the fields of an application those of the mini program: a later
// application may leave them out.
func (g *Gateway) save(a *app, in alipaycn.ApplyInput) {
	setIfGiven(&a.base.AppName, in.AppName)
	setIfGiven(&a.base.AppEnglishName, in.AppEnglishName)
	setIfGiven(&a.base.AppSlogan, in.AppSlogan)
	setIfGiven(&a.base.AppDescription, in.AppDescription)
	setIfGiven(&a.base.ServicePhone, in.ServicePhone)
	setIfGiven(&a.base.ServiceEmail, in.ServiceEmail)
	if in.AppLogo != nil {
		a.base.AppLogo = g.picture("logo")
	}
	if in.RegionType != "" {
		a.region, a.regions = in.RegionType, in.Regions
	}
	g.saveCategories(a, in.OldCategories, in.Categories)
}

func (g *Gateway) saveCategories(a *app, old, current alipaycn.CategoryIDs) {
	if len(old)+len(current) == 0 {
		return
	}
	a.old, a.categories = g.categoryPaths(old), g.categoryPaths(current)
	var names []string
	for _, path := range slices.Concat(a.categories, a.old) {
		levels := []string{path.FirstName, path.SecondName, path.ThirdName}
		names = append(names, strings.Join(slices.DeleteFunc(levels, func(s string) bool { return s == "" }), "_"))
	}
	a.base.CategoryNames = strings.Join(names, ";")
}

func setIfGiven(saved *string, given string) {
	if given != "" {
		*saved = given
	}
}

// picture makes a link to a picture; it leads nowhere.
func (g *Gateway) picture(what string) string {
	return fmt.Sprintf("https://pictures.invalid/%s-%d.png", what, g.next())
}

// fieldCodes are the codes of a field: when it is missing, too short or long, and
// otherwise wrong.
type fieldCodes struct{ blank, length, invalid alipaycn.Code }

// fieldRefusal refuses the first invalid field with the code that AlipayCN has for it.
func fieldRefusal(err error, codes map[string]fieldCodes) error {
	invalid, ok := errors.AsType[*alipayplus.ValidationError](err)
	if !ok {
		return err
	}
	field := invalid.Fields[0]
	path, _, _ := strings.Cut(field.Path, "[")
	c, known := codes[path]
	code := alipaycn.Code("INVALID_PARAMETER")
	switch {
	case !known:
	case strings.Contains(field.Message, "is required"):
		code = c.blank
	case strings.Contains(field.Message, "; has "):
		code = c.length
	case field.Message == "must be square" || strings.HasPrefix(field.Message, "must be square;"):
		code = "LOGO_HEIGHT_NOT_EQUAL_WIDTH"
	default:
		code = c.invalid
	}
	return refuse(code, "%s %s", field.Path, field.Message)
}

// applyCodes are the codes for the fields of an application.
func applyCodes() map[string]fieldCodes {
	return map[string]fieldCodes{
		"app_version":         {"APP_VERSION_IS_BLANK", "INVALID_PARAMETER", "INVALID_PARAMETER"},
		"version_desc":        {"VERSION_DESC_IS_BLANK", "INVALID_VERSION_DESC_LENGTH", "INVALID_MINI_APP_VERSION_DESC"},
		"app_name":            {"APP_NAME_IS_BLANK", "INVALID_MINI_APP_NAME_LENGTH", "INVALID_MINI_APP_NAME"},
		"app_english_name":    {"ENGLISH_NAME_IS_BLANK", "INVALID_MINI_APP_EN_NAME_LENGTH", "INVALID_MINI_APP_EN_NAME"},
		"app_slogan":          {"SLOGAN_IS_BLANK", "INVALID_MINI_APP_SLOGAN_LENGTH", "INVALID_MINI_APP_SLOGAN"},
		"app_desc":            {"APP_DESC_IS_BLANK", "INVALID_MINI_APP_DESC_LENGTH", "INVALID_MINI_APP_DESC"},
		"mini_category_ids":   {"CATEGORY_IS_BLANK", "CATEGORY_NUM_IS_INVALID", "INVALID_CATEGORY"},
		"app_category_ids":    {"CATEGORY_IS_BLANK", "CATEGORY_NUM_IS_INVALID", "INVALID_CATEGORY"},
		"service_phone":       {"SERVICE_TEL_AND_MAIL_BOTH_BLANK", "INVALID_MINI_APP_SERVICE_TEL", "INVALID_MINI_APP_SERVICE_TEL"},
		"service_email":       {"SERVICE_TEL_AND_MAIL_BOTH_BLANK", "INVALID_MINI_APP_SERVICE_MAIL", "INVALID_MINI_APP_SERVICE_MAIL"},
		"region_type":         {"REGION_TYPE_IS_BLANK", "REGION_TYPE_IS_INVALID", "REGION_TYPE_IS_INVALID"},
		"service_region_info": {"REGION_CODE_IS_BLANK", "INVALID_REGION", "INVALID_REGION"},
		"license_valid_date":  {"LICENSE_VALID_DATE_IS_BLANK", "LICENSE_VALID_DATE_IS_INVALID", "LICENSE_VALID_DATE_IS_INVALID"},
		"memo":                {"INVALID_PARAMETER", "INVALID_MINI_APP_MEMO_LENGTH", "INVALID_PARAMETER"},
		"bundle_id":           {alipaycn.CodeBundleIDNotExist, alipaycn.CodeBundleIDNotExist, alipaycn.CodeBundleIDNotExist},
		"app_logo":            {"LOGO_IS_BLANK", "LOGO_EXCEED_MAX_SIZE", "INVALID_LOGO_EXT"},
		"first_screen_shot":   screenShotCodes(),
		"second_screen_shot":  screenShotCodes(),
		"third_screen_shot":   screenShotCodes(),
		"fourth_screen_shot":  screenShotCodes(),
		"fifth_screen_shot":   screenShotCodes(),
		"test_file_name":      {"FILE_IS_BLANK", "FILE_SIZE_EXCEED", "INVALID_FILE_EXT"},
	}
}

func screenShotCodes() fieldCodes {
	return fieldCodes{"SCREEN_SHOTS_ARE_BLANK", "SCREEN_SHOT_EXCEED_MAX_SIZE", "INVALID_SCREEN_SHOT_EXT"}
}
