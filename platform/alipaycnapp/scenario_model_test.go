package alipaycnapp_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// This file holds two platforms over one store, and AlipayCN behind them, against a model of
// both: what members, reviewers and people at AlipayCN's console do, in any order. The model
// says which calls are refused, how a release stands here and there, and what took effect.

// modelVersion is a version here and there.
type modelVersion struct {
	id     string
	number alipayplus.VersionNumber
	// here is the release's status, deleted: "". plus and cn are the verdicts of its newest
	// application, "" while they are awaited.
	here, plus, cn string
	ratio          alipayplus.Ratio
	replaced       *modelVersion
	// memo is what would be applied with, submitted what was.
	memo, submitted int

	there      alipaycn.VersionStatus
	thereRatio alipayplus.Ratio
	// online orders the versions by when they were last live for all there; 0: never.
	online   int
	cameBack bool
}

type model struct {
	*fixture
	t         *rapid.T
	platforms []*fixture
	versions  []*modelVersion
	effects   map[string]int
	online    int
}

func (m *model) inHere(statuses ...string) *modelVersion {
	return m.find(func(v *modelVersion) bool { return slices.Contains(statuses, v.here) })
}

func (m *model) inThere(statuses ...alipaycn.VersionStatus) *modelVersion {
	return m.find(func(v *modelVersion) bool { return slices.Contains(statuses, v.there) })
}

func (m *model) find(is func(*modelVersion) bool) *modelVersion {
	i := slices.IndexFunc(m.versions, is)
	if i < 0 {
		return nil
	}
	return m.versions[i]
}

// What changes there.

func (m *model) effect(name string) { m.effects["versions."+name]++ }

func (m *model) goLiveThere(v *modelVersion, ratio alipayplus.Ratio) {
	if ratio < alipayplus.FullRatio {
		m.effect("gray")
		v.there, v.thereRatio = alipaycn.StatusGray, ratio
		return
	}
	m.effect("publish")
	m.release(v)
	v.cameBack = false
}

func (m *model) release(v *modelVersion) {
	if former := m.inThere(alipaycn.StatusRelease); former != nil {
		former.there = alipaycn.StatusOffline
	}
	m.online++
	v.there, v.thereRatio, v.online = alipaycn.StatusRelease, 0, m.online
}

// takeBackThere returns a version to development, where that can be done.
func (m *model) takeBackThere(v *modelVersion) bool {
	switch v.there {
	case alipaycn.StatusAuditing:
		m.effect("cancelAudit")
	case alipaycn.StatusGray:
		m.effect("cancelGray")
		m.effect("returnToDevelopment")
	case alipaycn.StatusWaitRelease, alipaycn.StatusAuditReject:
		m.effect("returnToDevelopment")
	case alipaycn.StatusRelease:
		return false
	default:
		return true
	}
	v.there, v.thereRatio = alipaycn.StatusInit, 0
	return true
}

func (m *model) mayTakeOffline(v *modelVersion) bool {
	return v.there == alipaycn.StatusRelease && m.inThere(alipaycn.StatusGray) == nil
}

func (m *model) takeOfflineThere(v *modelVersion) {
	m.effect("takeOffline")
	v.there = alipaycn.StatusOffline
}

// before is the version that a rollback brings back there; nil when it is refused.
func (m *model) before(v *modelVersion) *modelVersion {
	var before *modelVersion
	for _, other := range m.versions {
		if other != v && other.online > 0 && (before == nil || other.online > before.online) {
			before = other
		}
	}
	if !m.mayTakeOffline(v) || v.cameBack || before == nil || before.there == alipaycn.StatusAuditOffline {
		return nil
	}
	return before
}

func (m *model) rollBackThere(v *modelVersion) {
	before := m.before(v)
	m.effect("rollback")
	m.release(before)
	before.cameBack = true
}

// observe is what the platform finds there about a release.
func (m *model) observe(v *modelVersion) {
	switch v.here {
	case "NEW_VERSION_CREATED": // its application is over, and somebody may have published it there
		if v.submitted >= 0 && v.there == alipaycn.StatusRelease {
			m.full(v)
		}
	case "UNDER_REVIEW":
		if v.cn != "" {
			return
		}
		switch v.there {
		case alipaycn.StatusAuditing:
		case alipaycn.StatusAuditReject, alipaycn.StatusInit, alipaycn.StatusAuditOffline:
			v.here = "NEW_VERSION_CREATED"
		default:
			v.cn = "APPROVED"
			m.decided(v)
		}
	case "RELEASE_PREPARATION", "GRAYSCALE_RELEASE":
		m.observeReviewed(v)
	case "FULL_RELEASE":
		if v.there == alipaycn.StatusRelease {
			return
		}
		v.here = "ARCHIVED"
		if v.there == alipaycn.StatusOffline && v.replaced != nil && v.replaced.there == alipaycn.StatusRelease {
			v.replaced.here = "FULL_RELEASE"
		}
	}
}

func (m *model) observeReviewed(v *modelVersion) {
	switch v.there {
	case alipaycn.StatusRelease:
		m.full(v)
	case alipaycn.StatusOffline:
		v.here = "ARCHIVED"
	case alipaycn.StatusAuditOffline:
		v.here = "CANCELED"
	case alipaycn.StatusGray:
		v.here, v.ratio = "GRAYSCALE_RELEASE", v.thereRatio
	case alipaycn.StatusWaitRelease:
		v.here, v.ratio = "RELEASE_PREPARATION", 0
	default:
		v.here, v.ratio = "NEW_VERSION_CREATED", 0
	}
}

func (m *model) full(v *modelVersion) {
	if former := m.inHere("FULL_RELEASE"); former != nil {
		former.here, v.replaced = "ARCHIVED", former
	}
	v.here, v.ratio = "FULL_RELEASE", alipayplus.FullRatio
}

func (m *model) decided(v *modelVersion) {
	if v.plus == "APPROVED" && v.cn == "APPROVED" {
		v.here = "RELEASE_PREPARATION"
	}
}

// try makes a call on one of the platforms, which must succeed if and only if the model says so.
func (m *model) try(allowed bool, what string, do func(ctx context.Context, c *alipayplus.ReleasesClient) error) bool {
	on := rapid.SampledFrom(m.platforms).Draw(m.t, "platform")
	err := do(m.Context(), &on.owner.Releases)
	if !allowed {
		require.Error(m.t, err, what)
		require.True(m.t, errors.Is(err, alipayplus.ErrConflict) || errors.Is(err, alipayplus.ErrPermission) || errors.Is(err, alipayplus.ErrInvalid), "%s: %v", what, err)
		return false
	}
	require.NoError(m.t, err, what)
	return true
}

// named is a call that needs only the release.
type named func(context.Context, alipayplus.ReleaseInput) (*alipayplus.Release, error)

func (m *model) tryNamed(allowed bool, v *modelVersion, what string, call func(*alipayplus.ReleasesClient) named) bool {
	return m.try(allowed, what+" "+v.number.String(), func(ctx context.Context, c *alipayplus.ReleasesClient) error {
		_, err := call(c)(ctx, alipayplus.ReleaseInput{ReleaseID: v.id})
		return err
	})
}

// What members do.

func (m *model) create() {
	if len(m.versions) == 4 || m.inHere("UNDER_REVIEW") != nil {
		return
	}
	number := alipayplus.VersionNumber{Major: int32(len(m.versions) + 1)}
	require.NoError(m.t, m.g.AddVersion(mini, number.String()))
	r := m.created(number.String(), m.application())
	m.versions = append(m.versions, &modelVersion{id: r.ID, number: number, here: string(r.Status), there: alipaycn.StatusInit, submitted: -1})
}

func (m *model) configureMemo(v *modelVersion) {
	if v.here != "NEW_VERSION_CREATED" {
		return
	}
	v.memo = rapid.IntRange(0, 1).Draw(m.t, "memo")
	application := m.application()
	if v.memo > 0 {
		application.Memo = fmt.Sprint("memo ", v.memo)
	}
	m.configure(&alipayplus.Release{ID: v.id}, application)
}

func (m *model) applyFor(v *modelVersion) {
	if m.find(func(other *modelVersion) bool { return other.online > 0 && other.number.Compare(v.number) > 0 }) != nil {
		return // AlipayCN refuses it, after the platform has made room
	}
	reviewed := v.there == alipaycn.StatusAuditing || v.there == alipaycn.StatusWaitRelease
	holds := reviewed && v.memo == v.submitted
	allowed := v.here == "NEW_VERSION_CREATED" && m.inHere("UNDER_REVIEW", "RELEASE_PREPARATION", "GRAYSCALE_RELEASE") == nil &&
		(reviewed || v.there == alipaycn.StatusInit || v.there == alipaycn.StatusAuditReject) &&
		(holds || m.inThere(alipaycn.StatusGray) == nil)
	c := company()
	done := m.try(allowed, "apply for "+v.number.String(), func(ctx context.Context, client *alipayplus.ReleasesClient) error {
		_, err := client.Apply(ctx, alipayplus.ApplyInput{ReleaseID: v.id, BasicInfo: &c})
		return err
	})
	if !done {
		return
	}
	v.here, v.plus, v.cn = "UNDER_REVIEW", "", ""
	if holds {
		return
	}
	for _, other := range m.versions {
		m.takeBackThere(other)
	}
	m.effect("apply")
	v.there, v.submitted = alipaycn.StatusAuditing, v.memo
}

func (m *model) withdraw(v *modelVersion) {
	allowed := v.here == "UNDER_REVIEW" && v.there != alipaycn.StatusRelease
	if m.tryNamed(allowed, v, "withdraw", func(c *alipayplus.ReleasesClient) named { return c.Withdraw }) {
		m.takeBackThere(v)
		v.here = "NEW_VERSION_CREATED"
	}
}

func (m *model) raise(v *modelVersion) {
	m.raiseTo(v, rapid.SampledFrom([]alipayplus.Ratio{10, 20, 30, 50, 100, 100}).Draw(m.t, "ratio"))
}

func (m *model) raiseTo(v *modelVersion, ratio alipayplus.Ratio) {
	allowed := (v.here == "RELEASE_PREPARATION" || v.here == "GRAYSCALE_RELEASE") && ratio > v.ratio && ratio != 20
	done := m.try(allowed, fmt.Sprintf("raise %v to %v", v.number, ratio), func(ctx context.Context, c *alipayplus.ReleasesClient) error {
		in := alipayplus.GrayscaleInput{ReleaseID: v.id, From: v.ratio, Ratio: ratio, AllowDowngrade: true}
		if v.ratio == 0 {
			return second(c.StartGrayscale(ctx, in))
		}
		return second(c.Raise(ctx, in))
	})
	if !done {
		return
	}
	m.goLiveThere(v, ratio)
	if v.here, v.ratio = "GRAYSCALE_RELEASE", ratio; ratio == alipayplus.FullRatio {
		m.full(v)
	}
}

func second[T any](_ T, err error) error { return err }

func (m *model) cancel(v *modelVersion) {
	allowed := v.here == "RELEASE_PREPARATION" || v.here == "GRAYSCALE_RELEASE"
	if m.tryNamed(allowed, v, "cancel", func(c *alipayplus.ReleasesClient) named { return c.Cancel }) {
		m.takeBackThere(v)
		v.here = "CANCELED"
	}
}

func (m *model) takeOffline(v *modelVersion) {
	allowed := v.here == "FULL_RELEASE" && m.mayTakeOffline(v)
	if m.tryNamed(allowed, v, "take offline", func(c *alipayplus.ReleasesClient) named { return c.TakeOffline }) {
		m.takeOfflineThere(v)
		v.here = "ARCHIVED"
	}
}

func (m *model) rollBack(v *modelVersion) {
	reaches := v.here == "FULL_RELEASE" && v.replaced != nil && m.before(v) != nil
	allowed := reaches && m.before(v) == v.replaced
	if m.tryNamed(allowed, v, "roll back", func(c *alipayplus.ReleasesClient) named { return c.RollBack }) {
		v.here, v.replaced.here = "ARCHIVED", "FULL_RELEASE"
	}
	if reaches {
		m.rollBackThere(v)
	}
}

func (m *model) remove(v *modelVersion) {
	if m.tryNamed(v.here == "NEW_VERSION_CREATED", v, "delete", func(c *alipayplus.ReleasesClient) named { return c.Delete }) {
		v.here = ""
	}
}

// What reviewers do.

func (m *model) reviewForAlipayPlus() {
	v := m.inHere("UNDER_REVIEW")
	if v == nil || v.plus != "" {
		return
	}
	m.reviewed(v, rapid.IntRange(0, 3).Draw(m.t, "verdict") > 0)
}

func (m *model) reviewed(v *modelVersion, approve bool) {
	waiting := m.waiting()
	require.Len(m.t, waiting, 1)
	if !approve {
		require.NoError(m.t, waiting[0].Reject(m.Context(), alipayplus.PartyAlipayPlus, "no privacy policy"))
		v.here = "NEW_VERSION_CREATED"
		return
	}
	require.NoError(m.t, waiting[0].Approve(m.Context(), alipayplus.PartyAlipayPlus))
	v.plus = "APPROVED"
	m.decided(v)
}

func (m *model) reviewForAlipayCN() {
	if v := m.inThere(alipaycn.StatusAuditing); v != nil {
		m.reviewedThere(v, rapid.IntRange(0, 3).Draw(m.t, "verdict") > 0)
	}
}

func (m *model) reviewedThere(v *modelVersion, approve bool) {
	if !approve {
		require.NoError(m.t, m.g.Reject(mini, v.number.String(), alipaycntest.Verdict{Reason: "the logo is blurred"}))
		v.there = alipaycn.StatusAuditReject
		return
	}
	require.NoError(m.t, m.g.Approve(mini, v.number.String()))
	v.there = alipaycn.StatusWaitRelease
}

// consoleDoes is one thing that somebody can do with a version in AlipayCN's console.
func (m *model) consoleDoes(v *modelVersion) {
	versions, in := m.console().Versions, alipaycn.VersionInput{Version: v.number}
	passed := v.there == alipaycn.StatusWaitRelease || v.there == alipaycn.StatusGray
	var err error
	switch what := rapid.SampledFrom([]string{"gray", "gray", "publish", "end gray", "return", "cancel review", "offline", "roll back", "take down"}).Draw(m.t, "console"); {
	case what == "gray" && passed && v.thereRatio < 30:
		err = versions.RaiseGray(m.Context(), alipaycn.GrayInput{Version: v.number, Strategy: alipaycn.GrayP30})
		m.goLiveThere(v, 30)
	case what == "publish" && passed:
		err = versions.Publish(m.Context(), alipaycn.PublishInput{Version: v.number})
		m.goLiveThere(v, alipayplus.FullRatio)
	case what == "end gray" && v.there == alipaycn.StatusGray:
		err = versions.CancelGray(m.Context(), in)
		m.effect("cancelGray")
		v.there, v.thereRatio = alipaycn.StatusWaitRelease, 0
	case what == "return" && (v.there == alipaycn.StatusWaitRelease || v.there == alipaycn.StatusAuditReject):
		err = versions.ReturnToDevelopment(m.Context(), in)
		m.takeBackThere(v)
	case what == "cancel review" && v.there == alipaycn.StatusAuditing:
		err = versions.CancelAudit(m.Context(), alipaycn.CancelAuditInput(in))
		m.takeBackThere(v)
	case what == "offline" && m.mayTakeOffline(v):
		err = versions.TakeOffline(m.Context(), in)
		m.takeOfflineThere(v)
	case what == "roll back" && m.before(v) != nil:
		err = versions.Rollback(m.Context(), in)
		m.rollBackThere(v)
	case what == "take down" && v.there != alipaycn.StatusInit:
		err = m.g.TakeDown(mini, v.number.String())
		v.there, v.thereRatio = alipaycn.StatusAuditOffline, 0
	}
	require.NoError(m.t, err)
}

// check reads all releases twice, because what is found there may let something else be found,
// and compares.
func (m *model) check() {
	for range 2 {
		time.Sleep(2 * time.Minute)
		for _, v := range m.versions {
			if v.here == "" {
				continue
			}
			m.observe(v)
			_, err := m.owner.Releases.Get(m.Context(), v.id)
			require.NoError(m.t, err)
		}
	}
	require.Equal(m.t, m.effects, m.g.Effects(mini))
	for _, v := range m.versions {
		require.Equal(m.t, v.there, m.g.Status(mini, v.number.String()), "version %v", v.number)
		if v.here == "" {
			continue
		}
		r, err := m.owner.Releases.Get(m.Context(), v.id)
		require.NoError(m.t, err)
		require.Equal(m.t, v.here, string(r.Status), "version %v, there %s", v.number, v.there)
		if v.here == "GRAYSCALE_RELEASE" {
			require.Equal(m.t, v.thereRatio, r.Grayscale.Ratio)
		}
	}
}

// goOn brings the release on that is the furthest, or begins one.
func (m *model) goOn() {
	v := m.inHere("UNDER_REVIEW", "RELEASE_PREPARATION", "GRAYSCALE_RELEASE")
	if v == nil {
		v = m.inHere("NEW_VERSION_CREATED")
	}
	switch {
	case v == nil:
		m.create()
	case v.here == "NEW_VERSION_CREATED":
		m.applyFor(v)
	case v.here != "UNDER_REVIEW":
		m.raiseTo(v, alipayplus.FullRatio)
	case v.there == alipaycn.StatusAuditing:
		m.reviewedThere(v, true)
	case v.plus == "":
		m.reviewed(v, true)
	}
}

func (m *model) step() {
	if len(m.versions) == 0 || rapid.IntRange(0, 3).Draw(m.t, "go on") == 0 {
		m.goOn()
		return
	}
	v := rapid.SampledFrom(m.versions).Draw(m.t, "version")
	member := []func(*modelVersion){m.configureMemo, m.applyFor, m.raise, m.raise, m.withdraw, m.cancel, m.takeOffline, m.rollBack, m.rollBack, m.remove}
	switch what := rapid.IntRange(0, 19).Draw(m.t, "who"); {
	case what < 4:
		m.reviewForAlipayPlus()
	case what < 8:
		m.reviewForAlipayCN()
	case what < 11:
		m.consoleDoes(v)
	case v.here != "":
		rapid.SampledFrom(member).Draw(m.t, "what")(v)
	}
}

// TestThePlatformsAndAlipayCNDoWhatTheModelDoes: records, AlipayCN's state and the model agree
// after each step, and each effect is counted.
func TestThePlatformsAndAlipayCNDoWhatTheModelDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		given(t, func(w *fixture) {
			w.start(key(1)) // where people review for Alipay+
			w.owner = w.as("olga")
			w.authorize(w.program, mini)
			m := &model{fixture: w, t: rt, platforms: []*fixture{w, w.process(&life{}, nil, nil)}, effects: map[string]int{}}
			const oneRelease = 5 // steps from nothing to 100 %
			for range rapid.IntRange(0, 2*oneRelease).Draw(rt, "before") {
				m.goOn()
				m.check()
			}
			for range rapid.IntRange(1, 25).Draw(rt, "steps") {
				m.step()
				m.check()
			}
		})
	})
}
