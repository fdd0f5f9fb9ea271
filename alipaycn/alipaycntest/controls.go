package alipaycntest

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// AddVersion adds a version in development to a mini program, as an upload by an
// IDE would: built, scanned, for the Alipay wallet. The same rules hold as for
// an upload: its number is above all others, and there are at most 20.
func (g *Gateway) AddVersion(appID, number string) error {
	return g.control("add version", appID, func(a *app, now time.Time) error {
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

// Approve lets a version under review pass it.
func (g *Gateway) Approve(appID, number string) error {
	return g.verdict("approve", appID, number, func(a *app, v *version, now time.Time) { g.pass(a, v, now) })
}

// Verdict is why a review did not end well.
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

// Reject lets a version under review fail it. The pictures and single reasons
// show only when the version was applied for with [alipaycn.AuditRuleBasePromote].
func (g *Gateway) Reject(appID, number string, verdict Verdict) error {
	return g.verdict("reject", appID, number, func(_ *app, v *version, now time.Time) {
		v.status, v.audited, v.reason = alipaycn.StatusAuditReject, now, verdict.Reason
		if v.auditRule == alipaycn.AuditRuleBasePromote {
			v.baseAudit, v.baseRecord = alipaycn.AuditResultReject, verdict.record()
		}
	})
}

// ApproveAdmission lets a version under review pass admission and fail
// promotion, so that it is in BASE_AUDIT_PASS; canRelease says whether it may be
// published all the same. AlipayCN reviews in two parts only what was applied for
// with [alipaycn.AuditRuleBasePromote]; that is not checked here.
func (g *Gateway) ApproveAdmission(appID, number string, canRelease bool, promotion Verdict) error {
	return g.verdict("approve admission", appID, number, func(_ *app, v *version, now time.Time) {
		v.status, v.audited, v.canRelease = alipaycn.StatusBaseAuditPass, now, canRelease
		v.baseAudit, v.promotion, v.promoRecord = alipaycn.AuditResultPass, alipaycn.AuditResultReject, promotion.record()
	})
}

// TakeDown takes a version down by force, to AUDIT_OFFLINE, as AlipayCN may at
// any time.
func (g *Gateway) TakeDown(appID, number string) error {
	return g.onBuilt("take down", appID, number, func(v *version, now time.Time) {
		v.status, v.offline, v.strategy = alipaycn.StatusAuditOffline, now, ""
	})
}

// AdvanceBuild brings a build to a status: [alipaycn.BuildCreated] ends it well,
// [alipaycn.BuildFailed] and [alipaycn.BuildTimedOut] end it badly, and
// [alipaycn.BuildQueued] and [alipaycn.BuildRunning] show as they are. A build
// that is queued stays so; one that is running ends by [WithBuildDelay] too.
func (g *Gateway) AdvanceBuild(appID, number string, to alipaycn.BuildStatus) error {
	return g.onVersion("advance build", appID, number, (*version).building, func(_ *app, v *version, now time.Time) error {
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
	return g.onBuilt("set scan", appID, number, func(v *version, now time.Time) {
		const never = 100 * 365 * 24 * time.Hour
		v.scan, v.scanEnds = result, now.Add(never)
	})
}

// Status returns where a version of a mini program stands; empty when there is
// none, or it is not built yet. Where several clients have a version of that
// number, it is the one that was added first.
func (g *Gateway) Status(appID, number string) alipaycn.VersionStatus {
	var status alipaycn.VersionStatus
	_ = g.onBuilt("status", appID, number, func(v *version, _ time.Time) { status = v.status }) // none: the empty status says so
	return status
}

// Authorize lets a third-party app act for a mini program, as the merchant's
// confirmation does, and returns the token. methods are the operations that are
// granted, by AlipayCN's names; without any, all are. The tokens that the
// third-party app had for this mini program end.
func (g *Gateway) Authorize(thirdPartyID, appID string, methods ...string) (alipaycn.Token, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	isv, a, err := g.parties(thirdPartyID, appID)
	if err != nil {
		return alipaycn.Token{}, fmt.Errorf("alipaycntest: authorize: %w", err)
	}
	return g.authorize(isv, a, methods, time.Now()).token(), nil
}

// AuthorizationCode is [Gateway.Authorize] up to the point where the merchant's
// browser comes back: it returns the app_auth_code, which authorization.token
// exchanges once and within 24 hours.
func (g *Gateway) AuthorizationCode(thirdPartyID, appID string, methods ...string) (string, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	isv, a, err := g.parties(thirdPartyID, appID)
	if err != nil {
		return "", fmt.Errorf("alipaycntest: authorization code: %w", err)
	}
	code := rand.Text()
	g.codes[code] = &authCode{isv: isv, app: a, methods: methods, expires: time.Now().Add(codeLife)}
	return code, nil
}

func (g *Gateway) parties(thirdPartyID, appID string) (isv, a *app, err error) {
	isv, a = g.apps[thirdPartyID], g.apps[appID]
	switch {
	case isv == nil || !isv.thirdParty:
		return nil, nil, fmt.Errorf("there is no third-party app %.32q", thirdPartyID)
	case a == nil || a.thirdParty:
		return nil, nil, fmt.Errorf("there is no mini program %.32q", appID)
	}
	return isv, a, nil
}

// RevokeAuthorization ends all tokens for a mini program, as the merchant can.
func (g *Gateway) RevokeAuthorization(appID string) error {
	return g.control("revoke authorization", appID, func(a *app, _ time.Time) error {
		g.revokeAll(a)
		return nil
	})
}

// control runs a control about a mini program.
func (g *Gateway) control(what, appID string, do func(*app, time.Time) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.apps[appID]
	if a == nil || a.thirdParty {
		return fmt.Errorf("alipaycntest: %s: there is no mini program %.32q", what, appID)
	}
	now := time.Now()
	g.settle(a, now)
	if err := do(a, now); err != nil {
		return fmt.Errorf("alipaycntest: %s: %w", what, err)
	}
	return nil
}

// onVersion runs a control about a version. Where several clients have one of
// that number, it is the first that fits, or else the first.
func (g *Gateway) onVersion(what, appID, number string, fits func(*version) bool, do func(*app, *version, time.Time) error) error {
	return g.control(what, appID, func(a *app, now time.Time) error {
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

// onBuilt is onVersion for a version that is built.
func (g *Gateway) onBuilt(what, appID, number string, do func(*version, time.Time)) error {
	return g.onVersion(what, appID, number, (*version).exists, func(_ *app, v *version, now time.Time) error {
		if !v.exists() {
			return fmt.Errorf("version %s is not built", number)
		}
		do(v, now)
		return nil
	})
}

func (g *Gateway) verdict(what, appID, number string, do func(*app, *version, time.Time)) error {
	underReview := func(v *version) bool { return v.status == alipaycn.StatusAuditing }
	return g.onVersion(what, appID, number, underReview, func(a *app, v *version, now time.Time) error {
		if !underReview(v) {
			return fmt.Errorf("version %s is %s, not under review", number, cmp.Or(string(v.status), "not built"))
		}
		do(a, v, now)
		return nil
	})
}
