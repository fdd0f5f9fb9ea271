package rollout

import (
	"fmt"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// verdicts says how each party's review stands.
func verdicts(reviews []alipayplus.Review) string {
	if len(reviews) == 0 {
		return "no verdict yet"
	}
	parts := make([]string, len(reviews))
	for i, r := range reviews {
		parts[i] = fmt.Sprintf("%s %s", r.Party, strings.ToLower(string(r.Status)))
	}
	return strings.Join(parts, ", ")
}

// rejection gives the reasons of those who rejected.
func rejection(reviews []alipayplus.Review) string {
	var parts []string
	for _, r := range reviews {
		if r.Status == alipayplus.ReviewRejected {
			reason := r.Reason
			if reason == "" {
				reason = "no reason given"
			}
			parts = append(parts, fmt.Sprintf("%s rejected it: %s", r.Party, reason))
		}
	}
	return strings.Join(parts, "; ")
}
