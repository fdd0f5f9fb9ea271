package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// How often the version is looked at, and how long after a failure a
// notification is sent again. AlipayCN's own times are not documented.
const (
	lookEvery  = 100 * time.Millisecond
	againAfter = time.Second
)

// notify posts what AlipayCN would tell the third-party app, until the context
// ends: that the merchant has authorized it, and each time that version 0.0.1 has
// passed its review.
func notify(ctx context.Context, g *alipaycntest.Gateway, token alipaycn.Token, address string, stderr io.Writer) {
	send := func(event alipaycn.Notification) { deliver(ctx, g, address, event, stderr) }
	send(&alipaycn.AuthorizationGranted{NotificationInfo: newEvent(alipaycn.KindAuthorizationGranted), Token: token, AuthorizedAt: time.Now()})
	before := alipaycn.StatusInit
	for wait(ctx, lookEvery) {
		now := g.Status(miniProgram, version)
		if now.Reviewed() && !before.Reviewed() {
			send(&alipaycn.AuditPassed{NotificationInfo: newEvent(alipaycn.KindAuditPassed), AuditedVersion: alipaycn.AuditedVersion{
				MiniAppID: miniProgram, Version: version, BundleID: alipaycn.BundleAlipay,
			}})
		}
		before = now
	}
}

// newEvent has an id of its own, which stays the same when it is sent again.
func newEvent(kind string) alipaycn.NotificationInfo {
	return alipaycn.NotificationInfo{NotifyID: rand.Text(), Kind: kind, AppID: thirdParty, SentAt: time.Now()}
}

// deliver sends a notification again and again until it is taken.
func deliver(ctx context.Context, g *alipaycntest.Gateway, address string, event alipaycn.Notification, stderr io.Writer) {
	for attempt := 1; ; attempt++ {
		err := g.SendNotification(ctx, address, event)
		switch {
		case err == nil:
			_, _ = fmt.Fprintf(stderr, "told %s: %s\n", address, event.Info().Kind)
			return
		case ctx.Err() != nil:
			return
		case attempt == 1:
			_, _ = fmt.Fprintf(stderr, "not taken, and sent again until it is: %v\n", err)
		}
		if !wait(ctx, againAfter) {
			return
		}
	}
}

func wait(ctx context.Context, d time.Duration) (waited bool) {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
