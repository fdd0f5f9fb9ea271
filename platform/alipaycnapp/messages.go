package alipaycnapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// NotifyPath is where on the platform AlipayCN posts its messages: the application gateway
// (应用网关) of the third-party app is the platform's address and this path.
const NotifyPath = "/alipaycn/notify"

// Receiver implements [platform.TargetSender]: a verdict and an authorization that was taken
// back are adopted as soon as AlipayCN's message says that there is one. Each message is
// handled once, by its id in the platform's store. About a mini program that is
// none of the platform's, and of a kind that is about none, there is nothing to do.
func (a *App) Receiver(look func(ctx context.Context, workspaceID, programID string) error) (path string, handler http.Handler, err error) {
	handler, err = a.client.NewNotificationHandler(alipaycn.NotificationOptions{
		Logger: a.logger,
		Seen:   seenStore{a.store},
		Handle: func(ctx context.Context, n alipaycn.Notification) error {
			workspace, program, err := a.programOf(ctx, aboutApp(n))
			if err != nil || program == "" {
				return err
			}
			return look(ctx, workspace, program)
		},
	})
	return NotifyPath, handler, err
}

// aboutApp is the mini program that a message is about; empty: none.
func aboutApp(n alipaycn.Notification) string {
	switch n := n.(type) {
	case *alipaycn.AuditPassed:
		return n.MiniAppID
	case *alipaycn.AuditRejected:
		return n.MiniAppID
	case *alipaycn.AuthorizationCancelled:
		return n.AuthAppID
	default:
		return ""
	}
}

// programOf finds the mini program of the platform that one at AlipayCN is; empty: none.
func (a *App) programOf(ctx context.Context, app string) (workspace, program string, err error) {
	if app == "" {
		return "", "", nil
	}
	err = a.store.View(ctx, func(tx storage.Tx) error {
		at, _, err := tx.Get(appKey(app))
		owner, _ := strings.CutPrefix(string(at), programPrefix)
		workspace, program, _ = strings.Cut(owner, "/")
		return err
	})
	return workspace, program, err
}

// CheckAuthorization implements [platform.TargetSender], by alipay.open.auth.token.app.query.
func (a *App) CheckAuthorization(ctx context.Context, workspaceID, programID string) error {
	app, err := a.appOf(ctx, workspaceID, programID)
	if err != nil {
		return err
	}
	token, err := a.token(ctx, app)
	if err != nil {
		return err
	}
	info, err := a.client.Authorization.Query(ctx, token.AppAuthToken)
	if err == nil && info.Status == alipaycn.TokenInvalid || errors.Is(err, alipayplus.ErrAuthorizationRequired) {
		return a.refresh(ctx, token)
	}
	return certain(err)
}

// seenStore is an [alipaycn.SeenStore] in the platform's store: "alipaycn/seen/" and the id
// has until when it is kept, and "alipaycn/seen-until/" the ids in the order in which they go.
type seenStore struct{ store storage.Store }

func seenKey(id string) string { return "alipaycn/seen/" + id }

func seenUntilKey(until time.Time, id string) string {
	return fmt.Sprintf("%s%020d/%s", seenUntilPrefix, until.UnixNano(), id)
}

const seenUntilPrefix = "alipaycn/seen-until/"

// Seen reports whether the id is recorded.
func (s seenStore) Seen(ctx context.Context, id string) (seen bool, err error) {
	err = s.store.View(ctx, func(tx storage.Tx) error {
		seen, err = s.has(tx, id)
		return err
	})
	return seen, err
}

func (seenStore) has(tx storage.Tx, id string) (bool, error) {
	text, found, err := tx.Get(seenKey(id))
	if err != nil || !found {
		return false, err
	}
	var until time.Time
	err = json.Unmarshal(text, &until)
	return time.Now().Before(until), err
}

// Add records the id until the time, and removes some of those whose time has come.
func (s seenStore) Add(ctx context.Context, id string, until time.Time) (added bool, err error) {
	err = s.store.Update(ctx, func(tx storage.Tx) error {
		added = false
		seen, err := s.has(tx, id)
		if err != nil || seen {
			return err
		}
		if err := s.forget(tx); err != nil {
			return err
		}
		text, err := json.Marshal(until)
		if err != nil {
			return err
		}
		if err := tx.Put(seenKey(id), text); err != nil {
			return err
		}
		added = true
		return tx.Put(seenUntilKey(until, id), []byte(id))
	})
	return added && err == nil, err
}

// forget removes ids whose time has come, more than are added.
func (s seenStore) forget(tx storage.Tx) error {
	const most = 8
	var gone []storage.Entry
	for entry, err := range tx.Scan(seenUntilPrefix, seenUntilKey(time.Now(), ""), false) {
		if err != nil {
			return err
		}
		if gone = append(gone, entry); len(gone) == most {
			break
		}
	}
	for _, entry := range gone {
		if err := tx.Delete(entry.Key); err != nil {
			return err
		}
		if seen, err := s.has(tx, string(entry.Value)); err != nil || seen { // it was recorded again
			return err
		}
		if err := tx.Delete(seenKey(string(entry.Value))); err != nil {
			return err
		}
	}
	return nil
}
