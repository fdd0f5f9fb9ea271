package alipaycntest

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// App is an app of AlipayCN: a mini program, or a third-party app that acts for
// mini programs.
type App struct {
	// ID is the app id. Required.
	ID string
	// PublicKey is the app's public key, as PEM or bare base64, with which its
	// requests are verified. Empty: the app does not call itself, unless there is
	// a Certificate.
	PublicKey []byte
	// Certificate is the app's certificate as PEM, instead of PublicKey: then its
	// requests must name it.
	Certificate []byte
	// AESKey is the app's AES key as the console shows it; empty: none.
	AESKey []byte
	// ThirdParty: it is a third-party app.
	ThirdParty bool
	// MerchantID is the Alipay user id of who owns it; empty: a made-up one.
	MerchantID string
	// BaseInfo is what is saved about a mini program at the start.
	BaseInfo alipaycn.BaseInfo
	// NoFiling: the ICP filing is not done, so a version goes online only
	// restricted, with permit_registration_limit_release or auto_online.
	NoFiling bool
}

// app is an app and all that belongs to it.
type app struct {
	id         string
	key        *rsa.PublicKey
	certSN     string
	aes        *cnwire.AESKey
	thirdParty bool
	merchant   string
	noFiling   bool
	releases   int // how often a version went online
	base       alipaycn.BaseInfo
	categories []alipaycn.CategoryPath
	old        []alipaycn.CategoryPath
	region     alipaycn.RegionType
	regions    []alipaycn.Region
	versions   []*version
	members    []alipaycn.Member
	logons     map[string]string // logon id by "role user id"
	rules      []alipaycn.QRCodeRule
	effects    map[string]int
}

// AddApp adds an app. The error names the field that is wrong.
func (g *Gateway) AddApp(a App) error {
	added := &app{
		id: a.ID, thirdParty: a.ThirdParty, merchant: a.MerchantID, noFiling: a.NoFiling, base: a.BaseInfo,
		logons: map[string]string{}, effects: map[string]int{},
	}
	added.base.SafeDomains, added.base.PackageNames = slices.Clone(a.BaseInfo.SafeDomains), slices.Clone(a.BaseInfo.PackageNames)
	if err := added.read(a); err != nil {
		return fmt.Errorf("alipaycntest: add app %.32q: %w", a.ID, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.apps[a.ID] != nil {
		return fmt.Errorf("alipaycntest: add app %.32q: it exists already", a.ID)
	}
	if added.merchant == "" {
		added.merchant = fmt.Sprintf("2088%012d", g.next())
	}
	g.apps[a.ID] = added
	return nil
}

func (a *app) read(from App) (err error) {
	if from.ID == "" || strings.Trim(from.ID, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") != "" {
		return errors.New("field ID: must be letters, digits, _ and -")
	}
	switch {
	case len(from.Certificate) > 0:
		certificate, err := cnwire.ParseCertificate(from.Certificate)
		if err != nil {
			return fmt.Errorf("field Certificate: %w", err)
		}
		a.key, a.certSN = certificate.PublicKey, certificate.SN
	case len(from.PublicKey) > 0:
		if a.key, err = signing.ParsePublicKey(from.PublicKey); err != nil {
			return fmt.Errorf("field PublicKey: %w", err)
		}
	}
	if len(from.AESKey) > 0 {
		if a.aes, err = cnwire.ParseAESKey(from.AESKey); err != nil {
			return fmt.Errorf("field AESKey: %w", err)
		}
	}
	return nil
}

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

// everOnline says whether a version of the mini program was online at any time.
func (a *app) everOnline() bool { return a.releases > 0 }

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
	turn        int // the order of going online; 0: never was

	created, applied, audited, online, offline time.Time
}

// exists says whether the version can be seen: it is built.
func (v *version) exists() bool { return v.build == alipaycn.BuildCreated }

// building says whether its build has not ended.
func (v *version) building() bool { return !v.exists() && !v.build.Failed() }

// counts says whether it is one of the 20 development versions.
func (v *version) counts() bool {
	switch v.status {
	case alipaycn.StatusRelease, alipaycn.StatusOffline, alipaycn.StatusAuditOffline:
		return false
	default:
		return !v.build.Failed()
	}
}

// settle lets happen what the time has brought: builds, scans, reviews.
func (g *Gateway) settle(a *app, now time.Time) {
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

func (v *version) finishBuild(at time.Time, scanDelay time.Duration) {
	v.build, v.created = alipaycn.BuildCreated, at
	v.status, v.scan, v.scanEnds = alipaycn.StatusInit, alipaycn.ScanRunning, at.Add(scanDelay)
}

// pass ends a review well.
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

// release puts a version online; the one before it goes offline.
func (a *app) release(v *version, at time.Time) {
	for _, other := range a.versions {
		if other.bundle == v.bundle && other.status == alipaycn.StatusRelease {
			other.status, other.offline = alipaycn.StatusOffline, at
		}
	}
	v.status, v.online, v.offline, v.strategy, v.cameBack = alipaycn.StatusRelease, at, noTime(), "", false
	a.releases++
	v.turn = a.releases
}

// find returns the version, which may still be being built, or nil.
func (a *app) find(bundle alipaycn.BundleID, number alipayplus.VersionNumber) *version {
	i := slices.IndexFunc(a.versions, func(v *version) bool { return v.bundle == bundle && v.number == number })
	if i < 0 {
		return nil
	}
	return a.versions[i]
}

// with returns a version in a status, or nil.
func (a *app) with(bundle alipaycn.BundleID, status alipaycn.VersionStatus) *version {
	i := slices.IndexFunc(a.versions, func(v *version) bool { return v.bundle == bundle && v.status == status })
	if i < 0 {
		return nil
	}
	return a.versions[i]
}
