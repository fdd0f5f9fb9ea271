package alipayplus_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// has is a signed success with the given data.
func has(data string) reply {
	return signed(200, result("S", "SUCCESS", `,"requestId":"$ID","data":`+data))
}

func releaseIs(status alipayplus.ReleaseStatus, request string) reply {
	return has(fmt.Sprintf(`{"id":"rel_1","status":%q,"releaseRequestId":%q}`, status, request))
}

func serviceIs(status alipayplus.ServiceStatus, request string) reply {
	return has(fmt.Sprintf(`{"id":"svc_1","status":%q,"releaseRequestId":%q}`, status, request))
}

func authorizationIs(status alipayplus.AuthorizationStatus) reply {
	return has(fmt.Sprintf(`{"programId":"p_1","targetApp":"ALIPAY_CN","status":%q}`, status))
}

// requestIs is a request on which AlipayCN has given the verdict.
func requestIs(status alipayplus.RequestStatus, verdict alipayplus.ReviewStatus) reply {
	return has(fmt.Sprintf(`{"id":"req_1","status":%q,"reviews":[{"party":"ALIPAY_PLUS","status":"APPROVED"},{"party":"ALIPAY_CN","status":%q,"reason":"no logo"}]}`, status, verdict))
}

// waited is what a wait came to: the last state, and why it ended.
type waited struct {
	state string
	err   error
}

type waitCase struct {
	name    string
	replies []reply
	// state is the last one seen; is the class of the error; text is in the error.
	state string
	is    error
	text  string
	// outcome is that of a *ReviewError.
	outcome alipayplus.RequestStatus
}

// check plays the replies, each once, to the wait.
func (c waitCase) check(t *testing.T, wait func(context.Context, *alipayplus.Client) waited) {
	t.Run(c.name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
			defer cancel()
			g := newGateway(t, append(c.replies, refuses(404, alipayplus.CodeNotFound))...)
			got := wait(ctx, g.client())
			require.Len(t, g.attempts(), len(c.replies))
			require.Equal(t, c.state, got.state)
			if c.is == nil && c.text == "" {
				require.NoError(t, got.err)
				return
			}
			require.ErrorContains(t, got.err, c.text)
			if c.is != nil {
				require.ErrorIs(t, got.err, c.is)
			}
			var failed *alipayplus.WaitError
			require.ErrorAs(t, got.err, &failed)
			require.Contains(t, failed.LastState, c.state)
			var review *alipayplus.ReviewError
			if c.outcome == "" {
				require.NotErrorAs(t, got.err, &review)
				return
			}
			require.ErrorAs(t, got.err, &review)
			require.Equal(t, c.outcome, review.Outcome)
			require.Len(t, review.Reviews, 2)
		})
	})
}

func TestWaitReviewed(t *testing.T) {
	const (
		created  = alipayplus.ReleaseNewVersionCreated
		inReview = alipayplus.ReleaseUnderReview
		prepared = alipayplus.ReleasePreparation
	)
	for _, c := range []waitCase{
		{name: "approved", replies: []reply{releaseIs(inReview, "req_1"), releaseIs(prepared, "req_1")}, state: "RELEASE_PREPARATION"},
		{name: "in grayscale already", replies: []reply{releaseIs(alipayplus.ReleaseGrayscale, "req_1")}, state: "GRAYSCALE_RELEASE"},
		{name: "released already", replies: []reply{releaseIs(alipayplus.ReleaseFull, "req_1")}, state: "FULL_RELEASE"},
		{name: "archived already", replies: []reply{releaseIs(alipayplus.ReleaseArchived, "req_1")}, state: "ARCHIVED"},
		{name: "a state of tomorrow", replies: []reply{releaseIs("AUDIT", "req_1"), releaseIs(prepared, "req_1")}, state: "RELEASE_PREPARATION"},
		{
			name: "rejected", replies: []reply{releaseIs(inReview, "req_1"), releaseIs(created, "req_1"), requestIs("REJECTED", "REJECTED")},
			state: "NEW_VERSION_CREATED", outcome: "REJECTED", text: "release rel_1 was rejected (ALIPAY_CN: no logo); correct it and send it to review again",
		},
		{
			name: "withdrawn", replies: []reply{releaseIs(created, "req_1"), requestIs("WITHDRAWN", "CLOSED")},
			state: "NEW_VERSION_CREATED", outcome: "WITHDRAWN", text: "release rel_1 was withdrawn",
		},
		{
			name: "applied again between the reads", replies: []reply{
				releaseIs(created, "req_1"), requestIs("UNDER_REVIEW", "PENDING"), releaseIs(inReview, "req_1"), releaseIs(prepared, "req_1"),
			}, state: "RELEASE_PREPARATION",
		},
		{
			name: "approved between the reads", replies: []reply{
				releaseIs(created, "req_1"), requestIs("APPROVED", "APPROVED"), releaseIs(prepared, "req_1"),
			}, state: "RELEASE_PREPARATION",
		},
		{
			name: "never applied for", replies: []reply{releaseIs(created, "")},
			state: "NEW_VERSION_CREATED", is: alipayplus.ErrConflict, text: "release rel_1 is not under review; apply first",
		},
		{
			name: "canceled", replies: []reply{releaseIs(alipayplus.ReleaseCanceled, "req_1")},
			state: "CANCELED", is: alipayplus.ErrConflict, text: "release rel_1 is not under review; it is canceled",
		},
		{
			name: "the reasons cannot be read", replies: []reply{releaseIs(created, "req_1"), refuses(200, alipayplus.CodeAccessDenied)},
			state: "NEW_VERSION_CREATED", is: alipayplus.ErrPermission, text: "release rel_1 was not approved, and the reasons could not be read: ",
		},
		{name: "no such release", replies: []reply{refuses(200, alipayplus.CodeNotFound)}, is: alipayplus.ErrNotFound, text: "last state none"},
	} {
		c.check(t, func(ctx context.Context, client *alipayplus.Client) waited {
			r, err := client.Releases.WaitReviewed(ctx, "rel_1", alipayplus.ReleaseWait{Interval: time.Minute})
			if r == nil {
				return waited{"", err}
			}
			return waited{string(r.Status), err}
		})
	}
}

func TestWaitOnline(t *testing.T) {
	const pending = alipayplus.ServicePendingReview
	for _, c := range []waitCase{
		{name: "online", replies: []reply{serviceIs(pending, "req_1"), serviceIs(alipayplus.ServiceOnline, "req_1")}, state: "ONLINE"},
		{
			name: "turned down", replies: []reply{serviceIs(alipayplus.ServiceTurnedDown, "req_1"), requestIs("REJECTED", "REJECTED")},
			state: "TURNED_DOWN", outcome: "REJECTED", text: "service svc_1 was rejected (ALIPAY_CN: no logo); correct it and send it to review again",
		},
		{
			name: "withdrawn", replies: []reply{serviceIs(alipayplus.ServiceWithdrawn, "req_1"), requestIs("WITHDRAWN", "CLOSED")},
			state: "WITHDRAWN", outcome: "WITHDRAWN", text: "service svc_1 was withdrawn",
		},
		{
			name: "submitted again between the reads", replies: []reply{
				serviceIs(alipayplus.ServiceTurnedDown, "req_1"), requestIs("UNDER_REVIEW", "PENDING"), serviceIs(alipayplus.ServiceOnline, "req_1"),
			}, state: "ONLINE",
		},
		{
			name: "a draft", replies: []reply{serviceIs(alipayplus.ServiceDraft, "")},
			state: "DRAFT", is: alipayplus.ErrConflict, text: "service svc_1 is not under review; submit it first",
		},
		{
			name: "archived", replies: []reply{serviceIs(alipayplus.ServiceArchived, "req_1")},
			state: "ARCHIVED", is: alipayplus.ErrConflict, text: "service svc_1 is not under review; it is archived",
		},
	} {
		c.check(t, func(ctx context.Context, client *alipayplus.Client) waited {
			s, err := client.Services.WaitOnline(ctx, "svc_1", alipayplus.ServiceWait{Interval: time.Minute})
			return waited{string(s.Status), err}
		})
	}
}

func TestWaitDecided(t *testing.T) {
	for _, c := range []waitCase{
		{name: "approved", replies: []reply{requestIs("UNDER_REVIEW", "PENDING"), requestIs("APPROVED", "APPROVED")}, state: "APPROVED"},
		{name: "a state of tomorrow", replies: []reply{requestIs("ESCALATED", "PENDING"), requestIs("APPROVED", "APPROVED")}, state: "APPROVED"},
		{name: "rejected", replies: []reply{requestIs("REJECTED", "REJECTED")}, state: "REJECTED", outcome: "REJECTED", text: "request req_1 was rejected (ALIPAY_CN: no logo); correct it and send it to review again"},
		{name: "withdrawn", replies: []reply{requestIs("WITHDRAWN", "CLOSED")}, state: "WITHDRAWN", outcome: "WITHDRAWN", text: "request req_1 was withdrawn"},
	} {
		c.check(t, func(ctx context.Context, client *alipayplus.Client) waited {
			r, err := client.Requests.WaitDecided(ctx, "req_1", alipayplus.RequestWait{Interval: time.Minute})
			return waited{string(r.Status), err}
		})
	}
}

// One party's verdict is a change, although the request is under review as before.
func TestWaitsSeeEachVerdict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t,
			requestIs("UNDER_REVIEW", "PENDING"), requestIs("UNDER_REVIEW", "PENDING"),
			requestIs("UNDER_REVIEW", "APPROVED"), requestIs("REJECTED", "REJECTED"),
		)
		var seen []alipayplus.ReviewStatus
		_, err := g.client().Requests.WaitDecided(t.Context(), "req_1", alipayplus.RequestWait{
			Interval: time.Minute,
			OnChange: func(r *alipayplus.Request) { seen = append(seen, r.Reviews[1].Status) },
		})
		require.ErrorContains(t, err, "last state REJECTED ALIPAY_PLUS=APPROVED,ALIPAY_CN=REJECTED: ")
		require.Equal(t, []alipayplus.ReviewStatus{"PENDING", "APPROVED", "REJECTED"}, seen)
	})
}

func TestWaitGranted(t *testing.T) {
	const pending = alipayplus.AuthorizationPending
	required := alipayplus.ErrAuthorizationRequired
	const text = "mini program p_1 is not authorized for ALIPAY_CN"
	for _, c := range []waitCase{
		{name: "granted", replies: []reply{authorizationIs(pending), authorizationIs(alipayplus.AuthorizationGranted)}, state: "AUTHORIZED"},
		{name: "expired", replies: []reply{authorizationIs(pending), authorizationIs(alipayplus.AuthorizationNone)}, state: "NOT_AUTHORIZED", is: required, text: text},
		{name: "revoked", replies: []reply{authorizationIs(alipayplus.AuthorizationRevoked)}, state: "REVOKED", is: required, text: text},
	} {
		c.check(t, func(ctx context.Context, client *alipayplus.Client) waited {
			in := alipayplus.AuthorizationInput{ProgramID: "p_1", TargetApp: alipayplus.TargetAlipayCN}
			a, err := client.Authorizations.WaitGranted(ctx, in, alipayplus.AuthorizationWait{Interval: time.Minute})
			return waited{string(a.Status), err}
		})
	}
}

// busy refuses for the moment, and asks to come back after some seconds.
func busy(seconds string) reply {
	return refuses(503, alipayplus.CodeUnavailable, func(a *answer) { a.header = []string{"Retry-After", seconds} })
}

// The page of an authorization may be open in front of somebody: the answer is seen at once, and the wait does not ask often for ever.
func TestWaitGrantedAsksOftenWhileSomebodySitsThere(t *testing.T) {
	for _, tt := range []struct {
		granted, interval, late time.Duration
		least, most             int
	}{
		{5 * time.Minute, 0, 3 * time.Second, 150, 190},
		{15 * time.Minute, 20 * time.Second, 21 * time.Second, 45, 60},
		{time.Hour, 20 * time.Second, 3 * time.Minute, 100, 140},
	} {
		t.Run(tt.granted.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				g := newGateway(t, func(got attempt) (*http.Response, error) {
					if time.Since(start) < tt.granted {
						return authorizationIs(alipayplus.AuthorizationPending)(got)
					}
					return authorizationIs(alipayplus.AuthorizationGranted)(got)
				})
				in := alipayplus.AuthorizationInput{ProgramID: "p_1", TargetApp: alipayplus.TargetAlipayCN}
				_, err := g.client().Authorizations.WaitGranted(t.Context(), in, alipayplus.AuthorizationWait{Interval: tt.interval})
				require.NoError(t, err)
				require.LessOrEqual(t, time.Since(start)-tt.granted, tt.late)
				require.GreaterOrEqual(t, len(g.attempts()), tt.least)
				require.LessOrEqual(t, len(g.attempts()), tt.most)
			})
		})
	}
}

// What package polling does with failures and bounds is tested there; here, that it gets to know them.
func TestWaitHonoursItsOptions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t, releaseIs("UNDER_REVIEW", "req_1"), busy("300"), busy("0"), releaseIs("RELEASE_PREPARATION", "req_1"))
		var statuses []alipayplus.ReleaseStatus
		var tolerated []error
		got, err := g.client(alipayplus.WithRetry(1, 0, 0)).Releases.WaitReviewed(t.Context(), "rel_1", alipayplus.ReleaseWait{
			Interval: time.Minute, MaxInterval: time.Minute, TolerateErrors: 2,
			OnChange: func(r *alipayplus.Release) { statuses = append(statuses, r.Status) },
			OnError:  func(err error) { tolerated = append(tolerated, err) },
		})
		require.NoError(t, err)
		require.Equal(t, alipayplus.ReleasePreparation, got.Status)
		require.Equal(t, []alipayplus.ReleaseStatus{"UNDER_REVIEW", "RELEASE_PREPARATION"}, statuses)
		require.Len(t, tolerated, 2)
		seen := g.attempts()
		require.InDelta(t, time.Minute, seen[1].at.Sub(seen[0].at), float64(12*time.Second))
		require.Equal(t, 5*time.Minute, seen[2].at.Sub(seen[1].at), "the platform asked for it")
		require.InDelta(t, time.Minute, seen[3].at.Sub(seen[2].at), float64(12*time.Second))
	})
}

func TestWaitErrorSaysHowFarTheWaitCame(t *testing.T) {
	wait := func(ctx context.Context, tolerate int, replies ...reply) (*alipayplus.Release, *alipayplus.WaitError) {
		c := newGateway(t, replies...).client(alipayplus.WithRetry(1, 0, 0))
		got, err := c.Releases.WaitReviewed(ctx, "rel_1", alipayplus.ReleaseWait{Interval: 10 * time.Minute, TolerateErrors: tolerate})
		var failed *alipayplus.WaitError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "releases.waitReviewed", failed.Operation)
		require.Equal(t, "rel_1", failed.ID)
		return got, failed
	}
	t.Run("too many failures in a row", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			got, failed := wait(t.Context(), 2, releaseIs("UNDER_REVIEW", "req_1"), busy("1"))
			require.Equal(t, alipayplus.ReleaseUnderReview, got.Status)
			require.Equal(t, "UNDER_REVIEW ", failed.LastState)
			require.Equal(t, 4, failed.Polls)
			require.Equal(t, alipayplus.CodeUnavailable, failure(t, failed.Err).Code)
			require.False(t, failed.Timeout())
		})
	})
	t.Run("a failure that does not pass", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			got, failed := wait(t.Context(), 0, page(200))
			require.Nil(t, got)
			require.Equal(t, 1, failed.Polls)
			require.ErrorContains(t, failed, "cannot be trusted")
			require.Equal(t, start, time.Now())
		})
	})
	t.Run("the deadline", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 48*time.Hour)
			defer cancel()
			got, failed := wait(ctx, 0, releaseIs("UNDER_REVIEW", "req_1"))
			require.Equal(t, alipayplus.ReleaseUnderReview, got.Status)
			require.Equal(t, 48*time.Hour, time.Since(start))
			require.ErrorIs(t, failed, context.DeadlineExceeded)
			require.True(t, failed.Timeout())
		})
	})
	t.Run("cancelled before it began", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		got, failed := wait(ctx, 0, releaseIs("RELEASE_PREPARATION", "req_1"))
		require.Nil(t, got)
		require.EqualError(t, failed, "releases.waitReviewed: rel_1: waiting ended after 0 polls, last state none: context canceled")
	})
}
