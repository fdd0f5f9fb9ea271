package browser_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform"
)

// narrow is a phone, and wide a screen on a desk.
const (
	narrow = 375
	wide   = 1440
)

// TestAMiniProgramIsReleased goes the way of "Release mini programs" from its first step to its last. AlipayCN's
// pages are visited as a merchant does; what the platform's console would do is called.
func TestAMiniProgramIsReleased(t *testing.T) {
	b := open(t, wide)
	w := overAlipayCN(t)
	version := alipayplus.VersionNumber{Major: 1}
	w.upload(version)
	selectApp := func() (*alipayplus.Release, error) {
		return w.owner.Releases.Create(t.Context(), alipayplus.CreateReleaseInput{ProgramID: w.program, Version: version, TargetApp: alipayplus.TargetAlipayCN})
	}

	// Step 1: add languages, complete authorization, apply.
	_, err := selectApp()
	require.ErrorIs(t, err, alipayplus.ErrInvalid, "you might see an indicator guiding you to add languages first")
	_, err = w.owner.Programs.AddLanguages(t.Context(), alipayplus.AddLanguagesInput{ProgramID: w.program, Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
	require.NoError(t, err)
	_, err = selectApp()
	require.ErrorIs(t, err, alipayplus.ErrAuthorizationRequired, "a pop-up might appear")
	b.visit(w.begin().URL)
	b.sees("登录支付宝")
	b.write("input[name=account]", "2088999999999999")
	b.press("登录")
	b.sees("账号不存在")
	b.write("input[name=account]", merchant)
	b.press("登录")
	b.sees("选择授权给第三方应用")
	b.visit(w.begin().URL) // "go to the authorization page while keeping logged in to AlipayCN"
	b.sees("已登录 " + merchant)
	b.click(`input[value="` + mini + `"]`)
	b.press("确认选择")
	b.sees("授权第三方应用")
	b.press("确认授权")
	b.sees("The authorization is complete.")
	b.seesNot("stands in for AlipayCN")
	given := w.authorization()
	require.Equal(t, alipayplus.AuthorizationGranted, given.Status)
	require.Equal(t, mini, given.TargetProgramID)

	require.NoError(t, w.g.AddVersion(mini, version.String()))
	r, err := selectApp()
	require.NoError(t, err)
	_, err = w.owner.Releases.UpdateConfiguration(t.Context(), alipayplus.UpdateReleaseConfigurationInput{ReleaseID: r.ID, Configuration: w.configuration()})
	require.NoError(t, err)
	_, err = w.owner.Releases.Apply(t.Context(), alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company())})
	require.NoError(t, err)

	// Step 2: under review.
	require.NoError(t, w.g.Approve(mini, version.String()))
	r, err = w.owner.Releases.WaitReviewed(t.Context(), r.ID, alipayplus.ReleaseWait{})
	require.NoError(t, err)

	// Step 3: grayscale release, up to the full release.
	r, err = w.owner.Releases.StartGrayscale(t.Context(), r.GrayscaleTo(10))
	require.NoError(t, err)
	for _, ratio := range []alipayplus.Ratio{30, 50, 100} {
		r, err = w.owner.Releases.Raise(t.Context(), r.GrayscaleTo(ratio))
		require.NoError(t, err)
	}
	require.Equal(t, alipayplus.ReleaseFull, r.Status)
	require.Equal(t, alipaycn.StatusRelease, w.g.Status(mini, version.String()))
	require.Equal(t, map[string]int{"versions.apply": 1, "versions.gray": 3, "versions.publish": 1}, w.g.Effects(mini))
	require.Equal(t, map[string]int{"authorization.token": 1}, w.g.Effects(isv), "a code is exchanged once")
}

// TestOnAPhone: the link for phones leads to the same, and its end can be looked at again.
func TestOnAPhone(t *testing.T) {
	b := open(t, narrow)
	w := overAlipayCN(t)
	b.visit(w.phone(w.begin().State))
	b.sees("登录支付宝")
	b.write("input[name=account]", merchant)
	b.press("登录")
	b.sees("选择授权给第三方应用")
	b.click(`input[value="` + other + `"]`)
	b.press("确认选择")
	b.sees("授权第三方应用")
	b.press("确认授权")
	b.sees("The authorization is complete.")
	require.Equal(t, other, w.authorization().TargetProgramID)
	require.NoError(t, chromedp.Do(b.page, chromedp.Reload()))
	b.sees("The authorization is complete.")
	require.Equal(t, map[string]int{"authorization.token": 1}, w.g.Effects(isv), "a code is exchanged once")
}

func TestTheMerchantDeclines(t *testing.T) {
	b := open(t, narrow)
	w := overAlipayCN(t)
	address := w.begin().URL
	b.visit(address)
	b.write("input[name=account]", merchant)
	b.press("登录")
	b.sees("选择授权给第三方应用")
	b.press("拒绝")
	b.sees("The authorization was declined.")
	require.Equal(t, alipayplus.AuthorizationDeclined, w.authorization().Status)
	require.Empty(t, w.g.Effects(isv))

	again := w.begin()
	b.visit(again.URL)
	b.click(`input[value="` + mini + `"]`)
	b.press("确认选择")
	b.sees("授权第三方应用")
	b.press("换个账号")
	b.sees("登录支付宝")
	require.Equal(t, alipayplus.AuthorizationPending, w.authorization().Status)
}

// TestTheSimulatedApp: its page is the platform's own.
func TestTheSimulatedApp(t *testing.T) {
	for _, width := range []int64{narrow, wide} {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			b := open(t, width)
			w := serve(t)
			former := w.begin().URL
			b.visit(w.begin().URL)
			b.sees("1 / 2")
			b.press("确认选择")
			b.sees("2 / 2")
			b.press("Decline")
			b.sees("The authorization was declined.")
			require.Equal(t, alipayplus.AuthorizationDeclined, w.authorization().Status)
			b.visit(w.begin().URL)
			b.press("确认选择")
			b.press("确认授权")
			b.sees("The authorization is complete.")
			require.Equal(t, alipayplus.AuthorizationGranted, w.authorization().Status)
			b.visit(former)
			b.sees("replaced by a newer one")
			b.visit(w.address + platform.CallbackPath + "?code=1&state=guessed")
			b.sees("not known to the platform")
		})
	}
}
