package alipaycn_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// documentsModel is a mini program as AlipayCN's documents describe it. It shares
// no code with the stand-in.
type documentsModel struct {
	versions []*modelVersion
	// history are the versions in the order in which they went online.
	history  map[alipaycn.BundleID][]*modelVersion
	releases int
	base     alipaycn.BaseInfo
	logo     bool
	effects  map[string]int
}

type modelVersion struct {
	number      alipayplus.VersionNumber
	bundle      alipaycn.BundleID
	build       alipaycn.BuildStatus // empty: there is no such version
	scan        alipaycn.ScanResult
	status      alipaycn.VersionStatus
	strategy    alipaycn.GrayStrategy
	description string
	reason      string
	autoOnline  bool
	canRelease  bool
	cameBack    bool
}

func above(n alipayplus.VersionNumber, by int32) alipayplus.VersionNumber {
	n.Minor += by
	return n
}

func newDocumentsModel() *documentsModel {
	return &documentsModel{history: map[alipaycn.BundleID][]*modelVersion{}, effects: map[string]int{}}
}

// modelBundles are the clients that a review may be applied for.
func modelBundles() []alipaycn.BundleID {
	return []alipaycn.BundleID{alipaycn.BundleAlipay, alipaycn.BundleIoT}
}

// isUnderWay: "at most one version that is auditing, passed, rejected or gray".
func isUnderWay(status alipaycn.VersionStatus) bool {
	switch status {
	case alipaycn.StatusAuditing, alipaycn.StatusWaitRelease, alipaycn.StatusBaseAuditPass, alipaycn.StatusAuditReject, alipaycn.StatusGray:
		return true
	default:
		return false
	}
}

func (v *modelVersion) String() string {
	return fmt.Sprintf("[%v build %s scan %s %s %s]", v.number, v.build, v.scan, v.status, v.strategy)
}

func (v *modelVersion) isBuilt() bool { return v.build == alipaycn.BuildCreated }

func (v *modelVersion) isBuilding() bool {
	return v.build == alipaycn.BuildRunning || v.build == alipaycn.BuildQueued
}

// shown is the status that can be seen; empty when the version cannot.
func (v *modelVersion) shown() alipaycn.VersionStatus {
	if !v.isBuilt() {
		return ""
	}
	return v.status
}

func (v *modelVersion) backToInit() {
	v.status, v.reason, v.canRelease = alipaycn.StatusInit, "", false
}

func (v *modelVersion) bringBuild(to alipaycn.BuildStatus) {
	v.build = to
	if to == alipaycn.BuildCreated {
		v.status, v.scan = alipaycn.StatusInit, alipaycn.ScanRunning
	}
}

// add adds a version, in the place of one whose build failed.
func (m *documentsModel) add(v *modelVersion) {
	m.remove(m.find(v))
	m.versions = append(m.versions, v)
}

// find is the version of that number as it is now.
func (m *documentsModel) find(v *modelVersion) *modelVersion {
	for _, now := range m.versions {
		if now.number == v.number && now.bundle == v.bundle {
			return now
		}
	}
	return &modelVersion{number: v.number, bundle: v.bundle}
}

func (m *documentsModel) remove(v *modelVersion) {
	m.versions = slices.DeleteFunc(m.versions, func(other *modelVersion) bool { return other == v })
	v.build = ""
}

// highest is the highest number that is taken; each client has numbers of its own.
func (m *documentsModel) highest(bundle alipaycn.BundleID) alipayplus.VersionNumber {
	n := alipayplus.VersionNumber{Major: int32(1 + slices.Index(modelBundles(), bundle))}
	for _, v := range m.versions {
		if v.bundle == bundle && !v.build.Failed() && v.number.Compare(n) > 0 {
			n = v.number
		}
	}
	return n
}

func (m *documentsModel) in(bundle alipaycn.BundleID, status alipaycn.VersionStatus) *modelVersion {
	for _, v := range m.versions {
		if v.bundle == bundle && v.shown() == status {
			return v
		}
	}
	return nil
}

func (m *documentsModel) online(bundle alipaycn.BundleID) *modelVersion {
	return m.in(bundle, alipaycn.StatusRelease)
}

// shownOf are the versions that can be seen, the highest first.
func (m *documentsModel) shownOf(bundle alipaycn.BundleID) []*modelVersion {
	var shown []*modelVersion
	for _, v := range m.versions {
		if v.bundle == bundle && v.isBuilt() {
			shown = append(shown, v)
		}
	}
	slices.SortFunc(shown, func(a, b *modelVersion) int { return b.number.Compare(a.number) })
	return shown
}

// shown are the versions among which a list shows a version.
func (m *documentsModel) shown(v *modelVersion) []*modelVersion {
	if v == nil {
		return nil
	}
	return m.shownOf(v.bundle)
}

func (m *documentsModel) upload(n alipayplus.VersionNumber, bundle alipaycn.BundleID) {
	m.add(&modelVersion{number: n, bundle: bundle, build: alipaycn.BuildRunning})
}

func (m *documentsModel) apply(v *modelVersion, in alipaycn.ApplyInput) {
	v.status, v.description, v.autoOnline = alipaycn.StatusAuditing, in.Description, bool(in.AutoOnline)
	m.base = savedAfterModify(m.base, alipaycn.ModifyBaseInfoInput{
		AppName: in.AppName, AppEnglishName: in.AppEnglishName, AppSlogan: in.AppSlogan, AppDescription: in.AppDescription,
		ServicePhone: in.ServicePhone, ServiceEmail: in.ServiceEmail,
	})
	if len(in.Categories) > 0 {
		m.base.CategoryNames = "Shopping_Food_Tea"
	}
	m.logo = m.logo || in.AppLogo != nil
}

// savedAfterModify: what is left out stays as it was saved last.
func savedAfterModify(base alipaycn.BaseInfo, in alipaycn.ModifyBaseInfoInput) alipaycn.BaseInfo {
	for _, field := range []struct {
		saved *string
		given string
	}{
		{&base.AppName, in.AppName},
		{&base.AppEnglishName, in.AppEnglishName},
		{&base.AppSlogan, in.AppSlogan},
		{&base.AppDescription, in.AppDescription},
		{&base.ServicePhone, in.ServicePhone},
		{&base.ServiceEmail, in.ServiceEmail},
	} {
		if field.given != "" {
			*field.saved = field.given
		}
	}
	return base
}

func equalBase(a, b alipaycn.BaseInfo) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func (m *documentsModel) pass(v *modelVersion) {
	v.status = alipaycn.StatusWaitRelease
	if v.autoOnline {
		m.release(v)
	}
}

func (m *documentsModel) release(v *modelVersion) {
	if online := m.online(v.bundle); online != nil {
		online.status = alipaycn.StatusOffline
	}
	v.status, v.strategy, v.cameBack = alipaycn.StatusRelease, "", false
	m.history[v.bundle] = append(m.history[v.bundle], v)
	m.releases++
}

// previous is the version that was online before v.
func (m *documentsModel) previous(v *modelVersion) *modelVersion {
	for _, other := range slices.Backward(m.history[v.bundle]) {
		if other != v {
			return other
		}
	}
	return nil
}

func (m *documentsModel) rollback(v *modelVersion) {
	previous := m.previous(v)
	m.release(previous) // v goes offline
	previous.cameBack = true
}

// reasons collects what refuses a write.
type reasons []refusal

func (r *reasons) when(is bool, class error, codes ...alipaycn.Code) {
	known := slices.ContainsFunc(*r, func(other refusal) bool { return slices.Equal(other.codes, codes) })
	if is && !known {
		*r = append(*r, refusal{class, codes})
	}
}

// absent: the version does not exist, as each operation says it.
func (v *modelVersion) absent(codes ...alipaycn.Code) (all reasons, absent bool) {
	all.when(v.shown() == "", alipayplus.ErrNotFound, codes...)
	return all, v.shown() == ""
}

func (m *documentsModel) modifyRefused() (r reasons) {
	r.when(m.releases > 0, alipayplus.ErrConflict, alipaycn.CodeCanNotModifyBaseInfo)
	return r
}

func (m *documentsModel) uploadRefused(n alipayplus.VersionNumber, bundle alipaycn.BundleID) (r reasons) {
	development := 0
	for _, v := range m.versions {
		released := v.status == alipaycn.StatusRelease || v.status == alipaycn.StatusOffline || v.status == alipaycn.StatusAuditOffline
		if !v.build.Failed() && !released {
			development++
		}
		if v.build.Failed() || v.bundle != bundle {
			continue
		}
		r.when(v.number == n, alipaycn.ErrAlreadyDone, alipaycn.CodeVersionHasExisted)
		r.when(v.number.Compare(n) > 0, alipayplus.ErrConflict, alipaycn.CodeLargerVersionHasExisted)
	}
	r.when(development >= 20, alipayplus.ErrLimit, alipaycn.CodeDevVersionExceedMaxCount)
	return r
}

func (m *documentsModel) applyRefused(v *modelVersion, in alipaycn.ApplyInput) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppPackageInfoNotExist)
	if absent {
		return r
	}
	for _, other := range m.shownOf(v.bundle) {
		r.when(other != v && isUnderWay(other.status), alipayplus.ErrConflict, alipaycn.CodeCanNotSubmitWithAuditGray)
	}
	for _, online := range m.history[v.bundle] {
		r.when(online.number.Compare(v.number) > 0, alipayplus.ErrConflict, alipaycn.CodeExistLargerOnlinedVersion)
	}
	auditing := v.status == alipaycn.StatusAuditing
	r.when(auditing, alipaycn.ErrAlreadyDone, alipaycn.CodeSubmitRepeat, alipaycn.CodeCanNotSubmitWithAudit)
	r.when(!auditing && v.status != alipaycn.StatusInit, alipayplus.ErrConflict, alipaycn.CodeCanNotSubmitWithoutInit)
	r.when(v.scan != alipaycn.ScanPassed, alipaycn.ErrNotReady, alipaycn.CodeCanNotSubmitWithoutScanPass)
	return append(r, m.textsRefused(in)...)
}

// textsRefused: what is neither given nor saved is missing.
func (m *documentsModel) textsRefused(in alipaycn.ApplyInput) (r reasons) {
	missing := func(texts ...string) bool { return strings.Join(texts, "") == "" }
	r.when(missing(in.AppName, m.base.AppName), alipayplus.ErrInvalid, "APP_NAME_IS_BLANK")
	r.when(missing(in.AppEnglishName, m.base.AppEnglishName), alipayplus.ErrInvalid, "ENGLISH_NAME_IS_BLANK")
	r.when(missing(in.AppSlogan, m.base.AppSlogan), alipayplus.ErrInvalid, "SLOGAN_IS_BLANK")
	r.when(missing(in.AppDescription, m.base.AppDescription), alipayplus.ErrInvalid, "APP_DESC_IS_BLANK")
	r.when(len(in.Categories) == 0 && m.base.CategoryNames == "", alipayplus.ErrInvalid, "CATEGORY_IS_BLANK")
	r.when(in.AppLogo == nil && !m.logo, alipayplus.ErrInvalid, "LOGO_IS_BLANK")
	r.when(missing(in.ServicePhone, in.ServiceEmail, m.base.ServicePhone, m.base.ServiceEmail), alipayplus.ErrInvalid, "SERVICE_TEL_AND_MAIL_BOTH_BLANK")
	r.when(m.releases > 0 && in.AppName != "" && in.AppName != m.base.AppName, alipayplus.ErrConflict, alipaycn.CodeCanNotModifyNameOnceOnline)
	r.when(m.releases > 0 && in.AppEnglishName != "" && in.AppEnglishName != m.base.AppEnglishName, alipayplus.ErrConflict, "CAN_NOT_MODIFY_EN_ONCE_ONLINE")
	return r
}

func (m *documentsModel) cancelAuditRefused(bundle alipaycn.BundleID, named *modelVersion) (r reasons) {
	auditing := m.in(bundle, alipaycn.StatusAuditing)
	if named != nil {
		absent, _ := named.absent(alipaycn.CodeMiniAppPackageInfoNotExist)
		r = append(r, absent...)
		r.when(auditing != nil && auditing != named, alipayplus.ErrConflict, alipaycn.CodeInvalidVersionStatus)
	}
	r.when(auditing == nil, alipaycn.ErrAlreadyDone, alipaycn.CodeAuditingVersionNotExist)
	return r
}

func (m *documentsModel) returnRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionMissing, alipaycn.CodeMiniAppPackageInfoNotExist)
	reviewed := v.status == alipaycn.StatusWaitRelease || v.status == alipaycn.StatusBaseAuditPass || v.status == alipaycn.StatusAuditReject
	r.when(!absent && !reviewed, alipayplus.ErrConflict, alipaycn.CodeCanNotBackDevWithoutAudit)
	return r
}

func (m *documentsModel) grayRefused(v *modelVersion, strategy alipaycn.GrayStrategy) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionMissing, alipaycn.CodeMiniAppPackageInfoNotExist)
	passed := v.status == alipaycn.StatusWaitRelease || v.status == alipaycn.StatusGray
	r.when(!absent && !passed, alipayplus.ErrConflict, alipaycn.CodeCanNotGrayWithoutAuditPass)
	r.when(v.status == alipaycn.StatusGray && strategy <= v.strategy, alipayplus.ErrConflict, alipaycn.CodeGrayStrategyNotAllowReduce) // p10 < p30 < p50
	return r
}

func (m *documentsModel) cancelGrayRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionNotExist, alipaycn.CodeMiniAppPackageInfoNotExist)
	r.when(!absent && v.status != alipaycn.StatusGray, alipaycn.ErrAlreadyDone, alipaycn.CodeCanNotEndGrayWithoutGray)
	return r
}

func (m *documentsModel) publishRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionNotExist, alipaycn.CodeMiniAppPackageInfoNotExist)
	if absent {
		return r
	}
	admitted := v.status == alipaycn.StatusBaseAuditPass
	passed := v.status == alipaycn.StatusWaitRelease || v.status == alipaycn.StatusGray
	notPassed := v.status == alipaycn.StatusInit || v.status == alipaycn.StatusAuditing || v.status == alipaycn.StatusAuditReject
	r.when(admitted && !v.canRelease, alipayplus.ErrConflict, alipaycn.CodeCanNotOnlineNoPromote)
	r.when(notPassed, alipayplus.ErrConflict, alipaycn.CodeCanNotOnlineWithoutAudit, alipaycn.CodeCanNotOnlineNotGrayOrWaitRelease)
	r.when(!admitted && !passed && !notPassed, alipayplus.ErrConflict, alipaycn.CodeCanNotOnlineNotGrayOrWaitRelease)
	return r
}

func (m *documentsModel) takeOfflineRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppVersionNotExist, alipaycn.CodeMiniAppPackageInfoNotExist)
	r.when(!absent && v.status != alipaycn.StatusRelease, alipayplus.ErrConflict, alipaycn.CodeCanNotOfflineWithoutOnline)
	r.when(!absent && m.in(v.bundle, alipaycn.StatusGray) != nil, alipayplus.ErrConflict, alipaycn.CodeCanNotOfflineWithGray)
	return r
}

func (m *documentsModel) rollbackRefused(v *modelVersion) reasons {
	r, absent := v.absent(alipaycn.CodeMiniAppPackageInfoNotExist)
	if absent {
		return r
	}
	previous := m.previous(v)
	r.when(v.status != alipaycn.StatusRelease, alipayplus.ErrConflict, alipaycn.CodeCanNotRollbackWithoutOnline)
	r.when(m.in(v.bundle, alipaycn.StatusGray) != nil, alipayplus.ErrConflict, alipaycn.CodeCanNotRollbackWithGray)
	r.when(v.cameBack, alipayplus.ErrConflict, alipaycn.CodeCanNotContinuousRollback)
	r.when(previous == nil, alipayplus.ErrConflict, alipaycn.CodeCanNotRollbackWithoutOffline)
	r.when(previous != nil && previous.status == alipaycn.StatusAuditOffline, alipayplus.ErrPermission, "CAN_NOT_ROLLBACK_PUNISH")
	return r
}

func (m *documentsModel) deleteRefused(v *modelVersion) (r reasons) {
	r.when(v.build == "" || v.build.Failed(), alipayplus.ErrNotFound, alipaycn.CodeMiniAppPackageInfoNotExist)
	r.when(v.isBuilding(), alipaycn.ErrNotReady, "CAN_NOT_DELETE_WITH_INSTANTIATE")
	r.when(v.isBuilt() && v.status != alipaycn.StatusInit, alipayplus.ErrConflict, alipaycn.CodeCanNotDeleteWithoutDev)
	r.when(v.isBuilt() && v.scan == alipaycn.ScanRunning, alipaycn.ErrNotReady, "CAN_NOT_DELETE_WITH_SCANNING")
	return r
}
