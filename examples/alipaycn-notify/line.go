package main

import (
	"fmt"
	"strings"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// line says in one line what an event is about. Tokens and codes are not in it,
// and texts from outside are quoted.
func line(event alipaycn.Notification) string {
	switch e := event.(type) {
	case *alipaycn.AuditPassed:
		return fmt.Sprintf("passed: version %q of mini program %q", e.Version, e.MiniAppID)
	case *alipaycn.AuditRejected:
		return fmt.Sprintf("rejected: version %q of mini program %q: %s", e.Version, e.MiniAppID, reasons(e))
	case *alipaycn.AuthorizationGranted:
		return fmt.Sprintf("authorized: app %q of merchant %q", e.Token.AuthAppID, e.Token.UserID)
	case *alipaycn.AuthorizationCancelled:
		return fmt.Sprintf("authorization withdrawn: app %q of merchant %q", e.AuthAppID, e.UserID)
	case *alipaycn.MerchantConfirmed:
		return fmt.Sprintf("confirmed: mini program %q of order %q", e.MiniAppID, e.OrderNo)
	case *alipaycn.UnknownNotification:
		return strings.TrimSuffix(fmt.Sprintf("unknown: %v: %s", e, e.Problem), ": ")
	default:
		return "unknown: " + event.String()
	}
}

func reasons(e *alipaycn.AuditRejected) string {
	texts := []string{fmt.Sprintf("%q", e.Reason)}
	texts = append(texts, memos("admission", e.BaseReasons)...)
	texts = append(texts, memos("promotion", e.PromoteReasons)...)
	return strings.Join(texts, "; ")
}

func memos(review string, record alipaycn.AuditRecord) []string {
	var texts []string
	for _, memo := range record.Memos {
		texts = append(texts, fmt.Sprintf("%s: %q, pictures %q", review, memo.Memo, memo.Images))
	}
	return texts
}
