package alipayplus_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus"
)

func reviews(statuses ...alipayplus.ReviewStatus) []alipayplus.Review {
	all := make([]alipayplus.Review, len(statuses))
	for i, s := range statuses {
		all[i] = alipayplus.Review{Party: alipayplus.Party("PARTY_" + string(rune('A'+i))), Status: s}
	}
	return all
}

func TestReviewOutcome(t *testing.T) {
	const (
		pending  = alipayplus.ReviewPending
		approved = alipayplus.ReviewApproved
		rejected = alipayplus.ReviewRejected
		closed   = alipayplus.ReviewClosed
	)
	for _, tt := range []struct {
		name    string
		reviews []alipayplus.Review
		want    alipayplus.RequestStatus
	}{
		{"nobody was asked", nil, alipayplus.RequestUnderReview},
		{"nobody decided", reviews(pending, pending), alipayplus.RequestUnderReview},
		{"one of two approved", reviews(approved, pending), alipayplus.RequestUnderReview},
		{"both approved", reviews(approved, approved), alipayplus.RequestApproved},
		{"the only one approved", reviews(approved), alipayplus.RequestApproved},
		{"one rejected, one pending", reviews(pending, rejected), alipayplus.RequestRejected},
		{"one approved, one rejected", reviews(approved, rejected), alipayplus.RequestRejected},
		{"one rejected, one closed", reviews(rejected, closed), alipayplus.RequestRejected},
		{"one approved, one closed", reviews(approved, closed), alipayplus.RequestUnderReview},
		{"an unknown verdict is none", reviews(approved, "ESCALATED"), alipayplus.RequestUnderReview},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, alipayplus.ReviewOutcome(tt.reviews))
		})
	}
}

func TestReviewOutcomeAgreesWithItsModel(t *testing.T) {
	status := rapid.SampledFrom([]alipayplus.ReviewStatus{
		alipayplus.ReviewPending, alipayplus.ReviewApproved, alipayplus.ReviewRejected, alipayplus.ReviewClosed, "OTHER", "",
	})
	rapid.Check(t, func(t *rapid.T) {
		drawn := rapid.SliceOfN(status, 0, 4).Draw(t, "verdicts")
		if rapid.Bool().Draw(t, "all approve") {
			for i := range drawn {
				drawn[i] = alipayplus.ReviewApproved
			}
		}
		others := slices.DeleteFunc(slices.Clone(drawn), func(s alipayplus.ReviewStatus) bool { return s == alipayplus.ReviewApproved })
		want := alipayplus.RequestUnderReview
		switch {
		case slices.Contains(drawn, alipayplus.ReviewRejected):
			want = alipayplus.RequestRejected
		case len(drawn) > 0 && len(others) == 0:
			want = alipayplus.RequestApproved
		}
		require.Equal(t, want, alipayplus.ReviewOutcome(reviews(drawn...)))

		shuffled := rapid.Permutation(drawn).Draw(t, "shuffled")
		require.Equal(t, want, alipayplus.ReviewOutcome(reviews(shuffled...)), "the order of the parties does not matter")
	})
}

func TestAReviewPrintsItself(t *testing.T) {
	r := alipayplus.Review{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewRejected, Reason: "the icon\nis too small"}
	require.Equal(t, "ALIPAY_CN rejected: the icon is too small", r.String())
	require.Equal(t, "[ALIPAY_CN rejected: the icon is too small]", fmt.Sprint([]alipayplus.Review{r}))
	require.Equal(t, "ALIPAY_PLUS pending", alipayplus.Review{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewPending}.String())
}

// What a reviewer gets is what was asked for, also where the platform does not name the
// question in its answer.
func TestAReviewerTakesNoAnswerAboutSomethingElse(t *testing.T) {
	const content = "picture"
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	file := func(id, content string) string {
		return fmt.Sprintf(`{"id":%q,"content":%q}`, id, base64.StdEncoding.EncodeToString([]byte(content)))
	}
	for name, tt := range map[string]struct {
		data string
		call func(c *alipayplus.Client) error
	}{
		"another request": {`{"id":"req_2"}`, func(c *alipayplus.Client) error {
			_, err := c.Reviews.Get(t.Context(), "req_1")
			return err
		}},
		"another file": {file(strings.Repeat("0", 64), content), func(c *alipayplus.Client) error {
			_, err := c.Reviews.File(t.Context(), alipayplus.ReviewFileInput{ID: "req_1", FileID: id})
			return err
		}},
		"another content": {file(id, "another"), func(c *alipayplus.Client) error {
			_, err := c.Reviews.File(t.Context(), alipayplus.ReviewFileInput{ID: "req_1", FileID: id})
			return err
		}},
		"an event that is none": {`{"items":[null]}`, func(c *alipayplus.Client) error {
			_, err := c.Releases.History(t.Context(), alipayplus.ListHistoryInput{ReleaseID: "rel_1"})
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.call(newGateway(t, signed(200, result("S", "SUCCESS", `,"data":`+tt.data))).client())
			_, untrusted := errors.AsType[*alipayplus.SignatureError](err)
			require.True(t, untrusted, "%v", err)
		})
	}
	got, err := newGateway(t, signed(200, result("S", "SUCCESS", `,"data":`+file(id, content)))).client().
		Reviews.File(t.Context(), alipayplus.ReviewFileInput{ID: "req_1", FileID: id})
	require.NoError(t, err)
	require.Equal(t, content, string(got.Content))
}
