package platform_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math"
	"math/big"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// What somebody could do to the platform, or the platform to somebody, and must not.

// Who is who.

// through is a transport that is a function.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inProcessID is a client id of the owner that is good in process only.
func (w *world) inProcessID() string {
	w.Helper()
	var id string
	spy := through(func(r *http.Request) (*http.Response, error) {
		id = r.Header.Get("Client-Id")
		return w.p.HTTPClient().Transport.RoundTrip(r)
	})
	_, err := asOwner(w, alipayplus.WithHTTPClient(&http.Client{Transport: spy})).Workspace.Get(w.Context())
	require.NoError(w, err)
	return id
}

// message is a request as it goes over the wire.
type message struct {
	path   string
	header http.Header
	body   []byte
}

// signedMessage is one that is signed with any key.
func (w *world) signedMessage(op contract.Operation, id string, key crypto.Signer, body string) message {
	w.Helper()
	path, at := contract.Prefix+op.Path, time.Now().Format(time.RFC3339Nano)
	digest := signing.Digest(http.MethodPost, path, id, at, []byte(body))
	signature, err := signing.Sign(key, digest[:])
	require.NoError(w, err)
	return message{path, http.Header{
		"Content-Type": {"application/json; charset=UTF-8"}, "Client-Id": {id}, "Request-Time": {at},
		"Signature": {signing.Header{KeyVersion: "1", Signature: signature}.String()},
	}, []byte(body)}
}

// deliver sends a message to wherever the base and the HTTP client lead.
func (m message) deliver(t testing.TB, client *http.Client, base string) said {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+m.path, bytes.NewReader(m.body))
	require.NoError(t, err)
	req.Header = m.header.Clone()
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	got := said{HTTP: resp.StatusCode, Header: resp.Header, Body: string(raw)}
	require.NoError(t, json.Unmarshal(raw, &got), "%s", raw)
	return got
}

// sentBack makes a request of an answer: both are signed over the same five parts.
func sentBack(m message, answer said) message {
	return message{m.path, http.Header{
		"Content-Type": {"application/json; charset=UTF-8"},
		"Client-Id":    {answer.Header.Get("Client-Id")},
		"Request-Time": {answer.Header.Get("Response-Time")},
		"Signature":    {answer.Header.Get("Signature")},
	}, []byte(answer.Body)}
}

// An in-process client signs with the platform's own key. Whoever learns its id
// gains nothing by it over a network, not even with a signature that fits.
func TestAnInProcessIDIsUnknownToTheNetworkWhateverItSigns(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.p)
	defer server.Close()
	id := w.inProcessID()
	for op, body := range map[contract.Operation]string{
		contract.WorkspaceQuery: "{}",
		contract.ProgramCreate:  `{"requestId":"1","languages":[{"language":"zh-CN","name":"x"}]}`,
	} {
		m := w.signedMessage(op, id, testkey.FastKey(), body)
		got := m.deliver(t, server.Client(), server.URL)
		require.Equal(t, http.StatusUnauthorized, got.HTTP, op.Name)
		require.Equal(t, alipayplus.CodeUnknownClient, got.Result.Code, op.Name)
		require.Zero(t, w.programs())
	}
	m := w.signedMessage(contract.WorkspaceQuery, id, testkey.FastKey(), "{}")
	require.Equal(t, alipayplus.CodeSuccess, m.deliver(t, w.p.HTTPClient(), server.URL).Result.Code, "in process the very same is good")
}

// The platform signs every answer, also to somebody who only says who he is. What
// he gets is a message signed with the platform's key; it must open no door.
func TestARefusalSentBackAsARequestIsRefused(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.p)
	defer server.Close()
	for name, tt := range map[string]struct {
		victim string
		want   alipayplus.Code
	}{
		"of an in-process client": {w.inProcessID(), alipayplus.CodeUnknownClient},
		"of any other client":     {w.hand("olga").clientID, alipayplus.CodeInvalidSignature},
		"of nobody":               {"2021550000000009", alipayplus.CodeUnknownClient},
	} {
		forged := w.signedMessage(contract.WorkspaceQuery, tt.victim, testkey.FastClient(), "{}")
		forged.header.Set("Signature", "algorithm=RSA256, keyVersion=1, signature=AAAA")
		answer := forged.deliver(t, server.Client(), server.URL)
		require.Equal(t, http.StatusUnauthorized, answer.HTTP, name)

		back := sentBack(forged, answer)
		signed, err := signing.ParseHeader(back.header.Get("Signature"))
		require.NoError(t, err)
		digest := signing.Digest(http.MethodPost, back.path, back.header.Get("Client-Id"), back.header.Get("Request-Time"), back.body)
		require.NoError(t, signing.Verify(w.p.PublicKey(), digest[:], signed.Signature), "%s: as a request it is signed by the platform", name)

		got := back.deliver(t, server.Client(), server.URL)
		require.Equal(t, http.StatusUnauthorized, got.HTTP, name)
		require.Equal(t, tt.want, got.Result.Code, name)
	}
}

// A client with the platform's key could be played by its answers.
func TestThePlatformsOwnKeyIsNobodysKey(t *testing.T) {
	store := storage.NewMemory()
	w := newWorld(t, platform.WithStore(store))
	own := w.p.PublicKey()
	before := w.kept(store, "client/")
	for name, key := range map[string]*rsa.PublicKey{
		"as it is given out": own, "another copy of it": {N: new(big.Int).Set(own.N), E: own.E},
	} {
		_, err := w.p.AddClient(t.Context(), w.workspace, "olga", key)
		require.ErrorContains(t, err, "the platform's own key cannot be a client's", name)
		_, err = w.p.AddReviewer(t.Context(), alipayplus.PartyAlipayPlus, key)
		require.ErrorContains(t, err, "the platform's own key cannot be a client's", name)
	}
	require.Equal(t, before, w.kept(store, "client/"))
}

// What the target app is asked for.

// asked is one thing that the target app was asked for.
type asked struct {
	what, release, request string
	ratio                  alipayplus.Ratio
}

// noting is an AlipayCN that notes what it is asked for and answers as it is told.
type noting struct {
	*platform.SimulatedAlipayCN

	mu   sync.Mutex
	seen []asked
	// answer is what it says; nil: yes to all.
	answer func(asked) error
}

func newNoting() *noting { return &noting{SimulatedAlipayCN: platform.NewSimulatedAlipayCN()} }

// NeedsAuthorization spares the tests a visit.
func (*noting) NeedsAuthorization() bool { return false }

func (n *noting) Submit(_ context.Context, r *alipayplus.Release) error {
	return n.note(asked{"submit", r.ID, r.ReleaseRequestID, 0})
}

func (n *noting) Withdraw(_ context.Context, r *alipayplus.Release) error {
	return n.note(asked{"withdraw", r.ID, r.ReleaseRequestID, 0})
}

func (n *noting) SetRatio(_ context.Context, r *alipayplus.Release, ratio alipayplus.Ratio) error {
	return n.note(asked{"ratio", r.ID, r.ReleaseRequestID, ratio})
}

func (n *noting) Publish(_ context.Context, r *alipayplus.Release) error {
	return n.note(asked{"publish", r.ID, r.ReleaseRequestID, alipayplus.FullRatio})
}

func (n *noting) Cancel(_ context.Context, r *alipayplus.Release) error {
	return n.note(asked{"cancel", r.ID, r.ReleaseRequestID, 0})
}

func (n *noting) note(a asked) error {
	n.mu.Lock()
	n.seen = append(n.seen, a)
	answer := n.answer
	n.mu.Unlock()
	if answer == nil {
		return nil
	}
	return answer(a)
}

// take returns what was asked since the last take.
func (n *noting) take() []asked {
	n.mu.Lock()
	defer n.mu.Unlock()
	seen := n.seen
	n.seen = nil
	return seen
}

// will sets the answers.
func (n *noting) will(answer func(asked) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = answer
}

// failing fails the next n calls with err.
func failing(n int, err error) func(asked) error {
	var calls atomic.Int32
	return func(asked) error {
		if calls.Add(1) <= int32(n) {
			return err
		}
		return nil
	}
}

var errDown = errors.New("no route to the target app")

// The request that the target app is told is the one that there is in the end,
// however often it had to be told.
func TestTheTargetAppIsToldTheRequestThatIsCommitted(t *testing.T) {
	app := newNoting()
	inWorld(t, func(w *world) {
		created := w.release(w.program().ID, "1.0.0")
		once := asOwner(w, alipayplus.WithRetry(1, 0, 0))
		apply := alipayplus.ApplyInput{ReleaseID: created.ID, BasicInfo: new(company()), RequestID: "apply"}
		app.will(failing(2, errDown))
		for range 2 {
			_, err := once.Releases.Apply(w.Context(), apply)
			require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
			time.Sleep(time.Minute)
		}
		applied, err := once.Releases.Apply(w.Context(), apply)
		require.NoError(w, err)
		again, err := once.Releases.Apply(w.Context(), apply)
		require.NoError(w, err)
		require.Equal(w, applied, again)

		told := asked{"submit", created.ID, applied.ReleaseRequestID, 0}
		require.NotEmpty(w, told.request)
		require.Equal(w, []asked{told, told, told}, app.take(), "a repetition of what is done is not told again")
		require.Equal(w, applied.ReleaseRequestID, w.read(created.ID).ReleaseRequestID)
		require.Equal(w, alipayplus.RequestUnderReview, w.request(applied.ReleaseRequestID).Status)

		w.Log("Another application is another request, also under a requestId that was forgotten since.")
		w.withdraw(applied)
		time.Sleep(24 * time.Hour)
		app.take()
		second, err := once.Releases.Apply(w.Context(), apply)
		require.NoError(w, err)
		require.NotEqual(w, applied.ReleaseRequestID, second.ReleaseRequestID)
		require.Equal(w, []asked{{"submit", created.ID, second.ReleaseRequestID, 0}}, app.take())
		require.Equal(w, alipayplus.RequestWithdrawn, w.request(applied.ReleaseRequestID).Status)
	}, platform.WithTargetBackends(app))
}

// together is a store in which, once armed, the first two updates wait for each
// other at their end.
type together struct {
	storage.Store
	armed atomic.Bool
	ended atomic.Int32
	both  chan struct{}
}

func (s *together) Update(ctx context.Context, fn func(storage.Tx) error) error {
	err := s.Store.Update(ctx, fn)
	if !s.armed.Load() {
		return err
	}
	switch s.ended.Add(1) {
	case 1:
		<-s.both
	case 2:
		close(s.both)
	}
	return err
}

// A key is one call's, also while the target app thinks: two calls for two mini
// programs do not get in each other's way otherwise.
func TestOneKeyReachesTheTargetAppOnce(t *testing.T) {
	for name, atOnce := range map[string]bool{"both look up the key before either takes it": true, "one after the other": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app, store := newNoting(), &together{Store: storage.NewMemory(), both: make(chan struct{})}
				w := newWorld(t, platform.WithTargetBackends(app), platform.WithStore(store))
				releases := []*alipayplus.Release{w.prepared(w.program().ID, "1.0.0"), w.prepared(w.program().ID, "1.0.0")}
				app.take()
				thinks := make(chan struct{})
				app.will(func(asked) error { <-thinks; return nil })
				store.armed.Store(atOnce)

				failed := make([]error, len(releases))
				var all sync.WaitGroup
				for i, r := range releases {
					all.Go(func() {
						_, failed[i] = w.owner.Releases.Finalize(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "key"})
					})
					if !atOnce {
						synctest.Wait()
					}
				}
				synctest.Wait()
				reached := app.take()
				close(thinks)
				all.Wait()

				require.Len(t, reached, 1, "while it thinks")
				require.Empty(t, app.take(), "and after")
				live, refused := 0, 1
				if reached[0].release != releases[0].ID {
					live, refused = 1, 0
				}
				require.NoError(t, failed[live])
				require.Equal(t, alipayplus.ReleaseFull, w.read(releases[live].ID).Status)
				requireReused(t, failed[refused])
				require.Equal(t, releases[refused], w.read(releases[refused].ID), "nothing happened to the other")
				_, err := w.owner.Releases.StartGrayscale(w.Context(), releases[refused].GrayscaleTo(1))
				require.NoError(t, err, "nor was anything announced for it")
			})
		})
	}
}

// What the target app refuses is refused: the caller is told why and asked nothing
// twice, and no ratio is taken for live that is not.
func TestARefusalOfTheTargetAppIsFinal(t *testing.T) {
	for _, tt := range []struct {
		class    error
		code     alipayplus.Code
		attempts int
	}{
		{alipayplus.ErrConflict, alipayplus.CodeStateConflict, 1},
		{alipayplus.ErrPermission, alipayplus.CodeAccessDenied, 1},
		{alipayplus.ErrNotFound, alipayplus.CodeNotFound, 1},
		{alipayplus.ErrInvalid, alipayplus.CodeParamIllegal, 1},
		{alipayplus.ErrLimit, alipayplus.CodeLimitExceeded, 1},
		{alipayplus.ErrAuthorizationRequired, alipayplus.CodeAuthorizationRequired, 1},
		// Too many calls are the one thing that passes by itself, so the client tries again.
		{alipayplus.ErrRateLimited, alipayplus.CodeTrafficExceedLimit, 4},
	} {
		t.Run(tt.class.Error(), func(t *testing.T) {
			app := newNoting()
			inWorld(t, func(w *world) {
				r := w.grayscale(w.program().ID, "1.0.0", 5)
				before := w.snapshot()
				app.take()
				app.will(failing(math.MaxInt32, fmt.Errorf("AlipayCN says no: %w", tt.class)))
				_, err := w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(50))
				require.ErrorIs(w, err, tt.class)
				require.NotErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
				e, ok := errors.AsType[*alipayplus.Error](err)
				require.True(w, ok)
				require.Equal(w, tt.code, e.Code)
				require.Equal(w, alipayplus.ResultFailed, e.ResultStatus)
				require.Contains(w, e.Message, "AlipayCN says no")
				require.Equal(w, tt.attempts, e.Attempts)
				require.Equal(w, tt.attempts > 1, e.Retryable)
				require.Len(w, app.take(), tt.attempts)
				require.Equal(w, before, w.snapshot())

				app.will(nil)
				_, err = w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(10))
				require.NoError(w, err, "50%% never was live, so a lower ratio may follow")
			}, platform.WithTargetBackends(app))
		})
	}
}

// A refusal takes back what was announced for it alone: what may be live since an
// outcome that nobody knows still counts.
func TestARefusalLeavesWhatMayBeLive(t *testing.T) {
	app := newNoting()
	inWorld(t, func(w *world) {
		r := w.grayscale(w.program().ID, "1.0.0", 5)
		once := asOwner(w, alipayplus.WithRetry(1, 0, 0))
		app.will(failing(1, errDown))
		_, err := once.Releases.Raise(w.Context(), r.GrayscaleTo(20))
		require.ErrorIs(w, err, alipayplus.ErrOutcomeUnknown)
		app.will(failing(1, alipayplus.ErrConflict))
		_, err = once.Releases.Raise(w.Context(), r.GrayscaleTo(50))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		app.take()

		_, err = once.Releases.Raise(w.Context(), r.GrayscaleTo(10))
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		require.ErrorContains(w, err, "may be live at 20%")
		require.Empty(w, app.take(), "it is not even asked")
		raised, err := once.Releases.Raise(w.Context(), r.GrayscaleTo(20))
		require.NoError(w, err)
		require.Equal(w, alipayplus.Ratio(20), raised.Grayscale.Ratio)
	}, platform.WithTargetBackends(app))
}

// A refusal is taken note of, although its caller has hung up.
func TestARefusalThatNobodyWaitsForIsTakenNoteOf(t *testing.T) {
	app := newNoting()
	inWorld(t, func(w *world) {
		r := w.grayscale(w.program().ID, "1.0.0", 5)
		ctx, hangUp := context.WithCancel(w.Context())
		app.will(func(asked) error {
			hangUp()
			return alipayplus.ErrConflict
		})
		_, err := w.owner.Releases.Raise(ctx, r.GrayscaleTo(50))
		require.Error(w, err)
		app.will(nil)
		_, err = w.owner.Releases.Raise(w.Context(), r.GrayscaleTo(10))
		require.NoError(w, err)
	}, platform.WithTargetBackends(app))
}

// The target app hears of a withdrawal, once, and of nothing that only the
// platform decides.
func TestTheTargetAppIsToldOfAWithdrawal(t *testing.T) {
	app := newNoting()
	inWorld(t, func(w *world) {
		r := w.underReview(w.program().ID, "1.0.0")
		app.take()
		in := alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "withdraw"}
		for range 2 {
			back, err := w.owner.Releases.Withdraw(w.Context(), in)
			require.NoError(w, err)
			require.Equal(w, alipayplus.ReleaseNewVersionCreated, back.Status)
		}
		require.Equal(w, []asked{{"withdraw", r.ID, r.ReleaseRequestID, 0}}, app.take())

		_, err := w.owner.Releases.Withdraw(w.Context(), alipayplus.ReleaseInput{ReleaseID: r.ID})
		require.ErrorIs(w, err, alipayplus.ErrConflict)
		w.apply(r.ID)
		app.take()
		w.decide(alipayplus.PartyAlipayPlus, "no filing number")
		require.Equal(w, alipayplus.ReleaseNewVersionCreated, w.read(r.ID).Status)
		require.Empty(w, app.take(), "neither of one that is refused nor of a rejection")
	}, platform.WithTargetBackends(app))
}

func TestAWithdrawalThatFailsAtTheTargetAppIsNone(t *testing.T) {
	for name, cause := range map[string]error{
		"refused": fmt.Errorf("%w: AlipayCN has decided", alipayplus.ErrConflict), "unknown": errDown,
	} {
		t.Run(name, func(t *testing.T) {
			app := newNoting()
			inWorld(t, func(w *world) {
				r := w.underReview(w.program().ID, "1.0.0")
				before := w.snapshot()
				app.will(failing(1, cause))
				in := alipayplus.ReleaseInput{ReleaseID: r.ID, RequestID: "withdraw"}
				_, err := asOwner(w, alipayplus.WithRetry(1, 0, 0)).Releases.Withdraw(w.Context(), in)
				require.Error(w, err)
				require.Equal(w, errors.Is(cause, alipayplus.ErrConflict), errors.Is(err, alipayplus.ErrConflict))
				require.Equal(w, cause == errDown, errors.Is(err, alipayplus.ErrOutcomeUnknown)) //nolint:errorlint // it is this one
				require.Equal(w, before, w.snapshot(), "it is under review as before")
				require.Equal(w, alipayplus.ReleaseUnderReview, w.read(r.ID).Status)
				require.Equal(w, alipayplus.RequestUnderReview, w.request(r.ReleaseRequestID).Status)

				back, err := w.owner.Releases.Withdraw(w.Context(), in)
				require.NoError(w, err)
				require.Equal(w, alipayplus.ReleaseNewVersionCreated, back.Status)
			}, platform.WithTargetBackends(app))
		})
	}
}

// Links and pages.

// at gives a member a client that reaches the platform under an address of its own.
func (w *world) at(base, member string) *alipayplus.Client {
	w.Helper()
	c, err := w.p.Client(w.Context(), w.workspace, member, alipayplus.WithBaseURL(base))
	require.NoError(w, err)
	return c
}

// Whoever has the page can give the authorization, so who may not release does
// not see it.
func TestThePageIsShownToThoseWhoMayRelease(t *testing.T) {
	inWorld(t, func(w *world) {
		program := w.program().ID
		begun := w.begin(program)
		in := alipayplus.AuthorizationInput{ProgramID: program, TargetApp: cn}
		w.member("max", alipayplus.RoleMaster)
		w.member("ann", alipayplus.RoleDeveloper, program)
		w.member("dan", alipayplus.RoleDeveloper, w.program().ID)
		for name, sees := range map[string]bool{"olga": true, "max": true, "ann": true, "dan": false} {
			got := w.hand(name).call(contract.AuthorizationQuery, in)
			require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, name)
			require.Equal(w, sees, strings.Contains(got.Body, begun.State), "%s: %s", name, got.Body)
			require.Equal(w, sees, strings.Contains(got.Body, "/authorize"), "%s: %s", name, got.Body)
			var a alipayplus.Authorization
			require.NoError(w, json.Unmarshal(got.Data, &a))
			require.Equal(w, alipayplus.AuthorizationPending, a.Status, "%s may know how it stands", name)
			require.Equal(w, sees, a.State != "" && a.URL != "", name)
		}
	}, platform.WithPermissionPolicy(alipayplus.PolicyAssignedDevelopersRelease))
}

// The Host of a call is the caller's word. It may lead the caller astray, not
// somebody else.
func TestALinkIsMadeOfTheReadersOwnAddress(t *testing.T) {
	inWorld(t, func(w *world) {
		program := w.program().ID
		w.member("max", alipayplus.RoleMaster)
		olga, maxim := w.at("http://evil.example", "olga"), w.at("http://max.example:8080", "max")
		begun, err := olga.Authorizations.Begin(w.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: cn})
		require.NoError(w, err)
		require.True(w, strings.HasPrefix(begun.URL, "http://evil.example/targets/"), begun.URL)

		read, err := maxim.Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: program, TargetApp: cn})
		require.NoError(w, err)
		require.True(w, strings.HasPrefix(read.URL, "http://max.example:8080/targets/ALIPAY_CN/authorize?"), read.URL)
		require.Equal(w, begun.State, read.State)

		_, err = maxim.Releases.Create(w.Context(), alipayplus.CreateReleaseInput{
			ProgramID: program, Version: w.upload(program, "1.0.0"), TargetApp: cn,
		})
		needed, ok := errors.AsType[*alipayplus.AuthorizationRequiredError](err)
		require.True(w, ok, "%v", err)
		require.Equal(w, read.URL, needed.URL)
	})
}

func TestThePublicURLGoesBeforeEveryLink(t *testing.T) {
	for given, want := range map[string]string{
		"https://gateway.example":                "https://gateway.example",
		"https://gateway.example/":               "https://gateway.example",
		"http://gateway.example:8443/release":    "http://gateway.example:8443/release",
		"https://gateway.example/team/release//": "https://gateway.example/team/release",
	} {
		t.Run(given, func(t *testing.T) {
			inWorld(t, func(w *world) {
				program := w.program().ID
				begun := w.begin(program)
				require.True(w, strings.HasPrefix(begun.URL, want+"/targets/ALIPAY_CN/authorize?"), begun.URL)
				u, err := url.Parse(want)
				require.NoError(w, err)
				read, err := w.at("http://evil.example"+u.Path, "olga").Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: program, TargetApp: cn})
				require.NoError(w, err)
				require.Equal(w, begun.URL, read.URL)
			}, platform.WithPublicURL(given))
		})
	}
	for _, wrong := range []string{
		"", "gateway.example", "//gateway.example", "/release", "https://", "https:///release", "ftp://gateway.example",
		"mailto:olga@gateway.example", "https://gateway.example/?tenant=1", "https://gateway.example/#top", "https://gateway.example/%zz",
	} {
		_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithPublicURL(wrong))
		require.ErrorContains(t, err, "public URL: must be an http or https address", wrong)
	}
}

// remote is the owner's client over a socket.
func (w *world) remote(base string, opts ...alipayplus.Option) *alipayplus.Client {
	w.Helper()
	id, err := w.p.AddClient(w.Context(), w.workspace, "olga", testkey.FastClient().Public())
	require.NoError(w, err)
	c, err := alipayplus.New(append([]alipayplus.Option{
		alipayplus.WithBaseURL(base), alipayplus.WithClientID(id), alipayplus.WithSigner(testkey.FastClient()),
		alipayplus.WithPlatformKey("1", signing.PublicKeyPEM(w.p.PublicKey())),
	}, opts...)...)
	require.NoError(w, err)
	return c
}

// A platform below a path does all that one at the root does, whether the handler
// that mounts it strips the path or not: the signature covers the path that was
// sent, and the way back from the page is relative.
func TestAWholeReleaseBelowAPath(t *testing.T) {
	for name, mount := range map[string]func(http.Handler) http.Handler{
		"stripped": func(p http.Handler) http.Handler { return http.StripPrefix("/gw", p) },
		"as it is": func(p http.Handler) http.Handler { return p },
	} {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			server := httptest.NewServer(mux)
			defer server.Close()
			w := newWorld(t, platform.WithPublicURL(server.URL+"/gw"))
			mux.Handle("/gw/", mount(w.p))
			w.owner = w.remote(server.URL+"/gw", alipayplus.WithHTTPClient(server.Client()))

			program := w.program().ID
			page := w.begin(program).URL
			require.True(t, strings.HasPrefix(page, server.URL+"/gw/targets/ALIPAY_CN/authorize?"), page)
			person := browser{t, server.Client()}
			first := person.get(page)
			require.Equal(t, http.StatusOK, first.status)
			second := person.click(page, first.html, "确认选择")
			require.Equal(t, http.StatusOK, second.status)
			redirect := person.click(page, second.html, "确认授权")
			require.Equal(t, http.StatusSeeOther, redirect.status)
			back := person.follow(page, redirect)
			require.Equal(t, server.URL+"/gw"+platform.CallbackPath, back.Scheme+"://"+back.Host+back.Path)
			require.Equal(t, http.StatusOK, person.get(back.String()).status)
			require.Equal(t, alipayplus.AuthorizationGranted, w.authorization(program).Status)

			r := w.grayscale(program, "1.0.0", 10)
			r, err := w.owner.Releases.Raise(t.Context(), r.GrayscaleTo(alipayplus.FullRatio))
			require.NoError(t, err)
			require.Equal(t, alipayplus.ReleaseFull, r.Status)
			require.Equal(t, r, w.read(r.ID))
		})
	}
}

// submit sends a body of any kind to a page.
func (b browser) submit(method, address, contentType string, body []byte) shown {
	b.Helper()
	req, err := http.NewRequestWithContext(b.Context(), method, address, bytes.NewReader(body))
	require.NoError(b, err)
	req.Header.Set("Content-Type", contentType)
	resp, err := b.client.Do(req)
	require.NoError(b, err)
	defer resp.Body.Close()
	html, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	return shown{resp.StatusCode, resp.Header, string(html)}
}

func inParts(t testing.TB, form url.Values) (contentType string, body []byte) {
	t.Helper()
	var buf bytes.Buffer
	parts := multipart.NewWriter(&buf)
	for name := range form {
		require.NoError(t, parts.WriteField(name, form.Get(name)))
	}
	require.NoError(t, parts.Close())
	return parts.FormDataContentType(), buf.Bytes()
}

// The confirmation is a small form that was posted, and nothing else is one.
func TestOnlyASmallPostedFormConfirms(t *testing.T) {
	const encoded = "application/x-www-form-urlencoded"
	inWorld(t, func(w *world) {
		program := w.program().ID
		address, query, _ := strings.Cut(w.begin(program).URL, "?")
		form, err := url.ParseQuery(query)
		require.NoError(w, err)
		form.Set("step", "confirm")
		w.Log("What is confirmed leads back with a code; this client would follow it, and be authorized.")
		padded := func(n int) []byte {
			with := url.Values{"padding": {strings.Repeat("x", n)}}
			return []byte(form.Encode() + "&" + with.Encode())
		}
		multipartType, parts := inParts(w, form)
		for _, tt := range []struct {
			name, method, address, contentType string
			body                               []byte
			want                               int
		}{
			{"a form of 1 MB", http.MethodPost, address, encoded, padded(1 << 20), http.StatusBadRequest},
			{"a form that is a little too long", http.MethodPost, address, encoded, padded(64 << 10), http.StatusBadRequest},
			{"a multipart body", http.MethodPost, address, multipartType, parts, http.StatusBadRequest},
			{"a post of the address", http.MethodPost, address + "?" + form.Encode(), encoded, nil, http.StatusBadRequest},
			{"a GET with the form in the address", http.MethodGet, address + "?" + form.Encode(), "", nil, http.StatusOK},
			{"a HEAD with the form in the address", http.MethodHead, address + "?" + form.Encode(), "", nil, http.StatusOK},
			{"a GET with the form in the body", http.MethodGet, address + "?" + query, encoded, padded(0), http.StatusOK},
			{"a HEAD with the form in the body", http.MethodHead, address + "?" + query, encoded, padded(0), http.StatusOK},
		} {
			got := w.browser().submit(tt.method, tt.address, tt.contentType, tt.body)
			require.Equal(w, tt.want, got.status, tt.name)
			require.NotContains(w, got.html, "The authorization is complete.", tt.name)
			require.Equal(w, alipayplus.AuthorizationPending, w.authorization(program).Status, tt.name)
		}
		got := w.browser().submit(http.MethodPost, address, encoded, padded(60<<10))
		require.Contains(w, got.html, "The authorization is complete.")
		require.Equal(w, alipayplus.AuthorizationGranted, w.authorization(program).Status)
	})
}

// How much there may be.

// languages gives n names, in the English of one country after another, from the
// first on.
func languages(first, n int) []alipayplus.Localization {
	countries := strings.Fields(`AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL
		BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU`)
	var all []alipayplus.Localization
	for _, country := range countries[first : first+n] {
		all = append(all, alipayplus.Localization{Language: "en-" + country, Name: "Blue Lake"})
	}
	return all
}

func TestAMiniProgramHasAtMostFiftyLanguages(t *testing.T) {
	inWorld(t, func(w *world) {
		h := w.hand("olga")
		got := h.call(contract.ProgramCreate, alipayplus.CreateProgramInput{Languages: languages(0, 51), RequestID: "1"})
		require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code)
		require.Equal(w, []alipayplus.FieldError{{Path: "languages", Message: "must have at most 50 entries"}}, got.Details.Fields)

		program, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: languages(0, 30)})
		require.NoError(w, err)
		add := func(which []alipayplus.Localization) error {
			_, err := w.owner.Programs.AddLanguages(w.Context(), alipayplus.AddLanguagesInput{ProgramID: program.ID, Languages: which})
			return err
		}
		err = add(languages(30, 21))
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.ErrorContains(w, err, "languages must have at most 50 entries in all; would have 51")
		have := func() int {
			p, err := w.owner.Programs.Get(w.Context(), program.ID)
			require.NoError(w, err)
			return len(p.Languages)
		}
		require.Equal(w, 30, have())

		require.NoError(w, add(languages(30, 20)))
		require.NoError(w, add(languages(0, 50)), "to replace is not to add")
		require.ErrorIs(w, add(languages(50, 1)), alipayplus.ErrInvalid)
		require.Equal(w, 50, have())
	})
}

// A call that was captured is good as long as the window is open to either side,
// so its key must be remembered at least as long, whichever was set first.
func TestAKeyIsRememberedLongerThanACallIsGood(t *testing.T) {
	const window = time.Minute
	for retention, ok := range map[time.Duration]bool{
		2 * window: true, 2*window - time.Nanosecond: false, window: false, time.Nanosecond: false,
	} {
		for _, opts := range [][]platform.Option{
			{platform.WithTimeWindow(window), platform.WithIdempotencyRetention(retention)},
			{platform.WithIdempotencyRetention(retention), platform.WithTimeWindow(window)},
		} {
			_, err := platform.New(append(opts, platform.WithSigner(testkey.FastKey()))...)
			if ok {
				require.NoError(t, err, retention)
				continue
			}
			require.ErrorContains(t, err, "idempotency retention: must be at least twice the time window", retention)
		}
	}
	_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTimeWindow(13*time.Hour))
	require.ErrorContains(t, err, "idempotency retention", "that of the default")
}

// Verdicts that time brings.

func TestAVerdictThatCannotBeAppliedIsOneWorkspacesMatter(t *testing.T) {
	var lines bytes.Buffer
	store := storage.NewMemory()
	inWorld(t, func(w *world) {
		lost := w.submitted()
		other := w.neighbour()
		later := other.submitted()
		require.NoError(w, store.Update(w.Context(), func(tx storage.Tx) error {
			return tx.Delete("service/" + w.workspace + "/" + lost.ID)
		}))
		time.Sleep(2 * time.Hour)
		require.Equal(w, alipayplus.ServiceOnline, other.service(later.ID).Status)
		require.Equal(w, alipayplus.RequestUnderReview, w.request(lost.ReleaseRequestID).Status, "and not half applied")
		require.Equal(w, 1, strings.Count(lines.String(), "is dropped"), lines.String())
		require.Contains(w, lines.String(), lost.ReleaseRequestID)
		require.Zero(w, w.kept(store, "i/due/"))
	}, platform.WithStore(store), platform.WithAutoReview(approveIn(time.Hour)), platform.WithLogger(slog.New(slog.NewTextHandler(&lines, nil))))
}

func TestAVerdictOfTheFarFutureIsNotDueNow(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.submitted()
		for _, d := range []time.Duration{0, 24 * time.Hour, 365 * 24 * time.Hour} {
			time.Sleep(d)
			require.Equal(w, alipayplus.ServicePendingReview, w.service(s.ID).Status, d)
		}
	}, platform.WithAutoReview(approveIn(math.MaxInt64)))
	inWorld(t, func(w *world) {
		s := w.service(w.submitted().ID)
		require.Equal(w, alipayplus.ServiceOnline, s.Status, "and one of the past is due now")
		request := w.request(s.ReleaseRequestID)
		require.Equal(w, request.CreatedAt, request.FinishedAt, "not before it was asked for")
	}, platform.WithAutoReview(approveIn(math.MinInt64)))
}

func TestARejectionByAFunctionHasAReason(t *testing.T) {
	for given, want := range map[string]string{"": "no reason was given", "too many ads": "too many ads"} {
		inWorld(t, func(w *world) {
			s := w.submitted()
			require.Equal(w, alipayplus.ServiceTurnedDown, w.service(s.ID).Status)
			require.Equal(w, want, w.request(s.ReleaseRequestID).Reviews[0].Reason)
		}, platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
			return platform.RejectAfter(0, given)
		}))
	}
}

func TestTargetsThatCannotBeToldApartAreRefused(t *testing.T) {
	by := func(parties ...alipayplus.Party) platform.TargetBackend { return reviewedBy{newPartnerApp(), parties} }
	for want, targets := range map[string][]platform.TargetBackend{
		"targets: must have at least one":                                             {},
		"targets[0]: must not be nil":                                                 {nil},
		"targets[1]: must not be nil":                                                 {newNoting(), nil},
		"targets[1]: ALIPAY_CN is there already":                                      {platform.NewSimulatedAlipayCN(), newNoting()},
		`targets[0]: party "": must be a name of its own, without a slash`:            {by("")},
		`targets[0]: party "LAKE/2": must be a name of its own, without a slash`:      {by("LAKE", "LAKE/2")},
		`targets[0]: party "LAKE": must be a name of its own, without a slash`:        {by("LAKE", "LAKE")},
		`targets[1]: party "ALIPAY_PLUS": must be a name of its own, without a slash`: {newNoting(), by("LAKE", alipayplus.PartyAlipayPlus)},
	} {
		_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTargetBackends(targets...))
		require.EqualError(t, err, "platform: "+want)
	}
	_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTargetBackends(newNoting(), by("LAKE", "RIVER")))
	require.NoError(t, err)
}

// Who may what.

// An image belongs to a service, which every member may manage; a package to a
// mini program, which must be the developer's.
func TestADeveloperWithoutMiniProgramsMayOfferAService(t *testing.T) {
	inWorld(t, func(w *world) {
		program := w.program().ID
		dan := &world{T: w.T, p: w.p, workspace: w.workspace, owner: w.member("dan", alipayplus.RoleDeveloper)}
		require.Equal(w, alipayplus.ServicePendingReview, dan.submitted().Status)

		build := zipPackage(w, "1.0.0")
		_, err := dan.owner.Programs.UploadVersion(w.Context(), alipayplus.UploadVersionInput{
			ProgramID: program, Version: alipayplus.VersionNumber{Major: 1}, Package: bytes.NewReader(build), Size: int64(len(build)),
		})
		require.ErrorIs(w, err, alipayplus.ErrPermission)
		versions, err := w.owner.Programs.ListVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: program})
		require.NoError(w, err)
		require.Empty(w, versions.Items)
	}, platform.WithPermissionPolicy(alipayplus.PolicyAssignedDevelopersRelease))
}

// What passes and what does not.

// quiet is a server that says nothing of what its clients do wrong.
func quiet(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(server.Close)
	return server
}

func TestOnlyWhatMayPassIsRetryable(t *testing.T) {
	w := newWorld(t)
	untrusted := quiet(t, w.p)
	untrusted.StartTLS()
	oversized := quiet(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyN(rw, zeros{}, 17<<20)
	}))
	oversized.Start()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, closed.Close())

	for name, tt := range map[string]struct {
		base      string
		retryable bool
		attempts  int
		unknown   bool
	}{
		"a certificate that is not trusted": {untrusted.URL, false, 1, false},
		"an answer that is too large":       {oversized.URL, false, 1, true},
		"a connection that is refused":      {"http://" + closed.Addr().String(), true, 3, false},
	} {
		client := w.remote(tt.base, alipayplus.WithRetry(3, 0, 0))
		_, err := client.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: chinese()})
		e, ok := errors.AsType[*alipayplus.Error](err)
		require.True(t, ok, "%s: %v", name, err)
		require.Equal(t, tt.retryable, alipayplus.IsRetryable(err), "%s: %v", name, err)
		require.Equal(t, tt.attempts, e.Attempts, name)
		require.Equal(t, tt.unknown, errors.Is(err, alipayplus.ErrOutcomeUnknown), name)
	}
	require.Zero(t, w.programs())
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// hiccup is a signer that lives elsewhere and is out of reach for some of the
// signatures, counted from 1.
type hiccup struct {
	crypto.Signer
	calls atomic.Int32
	fails func(n int32) bool
}

var errSigner = errors.New("the key store is out of reach")

func (h *hiccup) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if h.fails(h.calls.Add(1)) {
		return nil, errSigner
	}
	return h.Signer.Sign(random, digest, opts)
}

// A wait of days must not end because the key store was out of reach for a moment.
// One that is gone for good is told all the same.
func TestASignerThatFailsOnceDoesNotEndAWait(t *testing.T) {
	inWorld(t, func(w *world) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		var passedOver []error
		wait := alipayplus.ReleaseWait{
			Interval: 10 * time.Minute, TolerateErrors: 2,
			OnError: func(err error) { passedOver = append(passedOver, err) },
		}
		once := asOwner(w, alipayplus.WithSigner(&hiccup{Signer: testkey.FastKey(), fails: func(n int32) bool { return n == 2 }}))
		approved, err := once.Releases.WaitReviewed(w.Context(), r.ID, wait)
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleasePreparation, approved.Status)
		require.Len(w, passedOver, 1)
		require.ErrorIs(w, passedOver[0], errSigner)

		gone := asOwner(w, alipayplus.WithSigner(&hiccup{Signer: testkey.FastKey(), fails: func(int32) bool { return true }}))
		_, err = gone.Releases.WaitReviewed(w.Context(), r.ID, wait)
		require.ErrorIs(w, err, errSigner)
		require.Len(w, passedOver, 3)
	}, platform.WithAutoReview(approveIn(time.Hour)))
}

// A fault that never happens would prove nothing.
func TestInjectKnowsItsOperations(t *testing.T) {
	w := newWorld(t)
	for _, wrong := range []string{"releases.aply", "release/apply", "RELEASES.APPLY", " "} {
		require.PanicsWithValue(t, fmt.Sprintf("platform: Inject: there is no operation %q", wrong), func() {
			w.p.Inject(platform.Fault{Operation: wrong, Times: 1000, CutBefore: true})
		})
	}
	_, err := w.owner.Workspace.Get(t.Context())
	require.NoError(t, err, "and nothing was injected")
	for _, op := range contract.Operations() {
		require.NotPanics(t, func() { w.p.Inject(platform.Fault{Operation: op.Name}) }, op.Name)
	}
	require.NotPanics(t, func() { w.p.Inject(platform.Fault{}) })
}

// entries are those of the audit log that are about one kind of thing.
func (w *world) entries(kind string) []string {
	w.Helper()
	all := []string{}
	for e, err := range w.p.Audit(w.Context(), w.workspace) {
		require.NoError(w, err)
		if e.Kind == kind {
			all = append(all, fmt.Sprintf("%s %s %s: %s to %s", e.At.Format(time.TimeOnly), e.Who, e.ID, e.From, e.To))
		}
	}
	return all
}

// Audit tells what the operator did, and all that time has brought, also when
// nobody has called since.
func TestTheLogIsComplete(t *testing.T) {
	inWorld(t, func(w *world) {
		s := w.submitted()
		time.Sleep(10 * time.Minute)
		h := w.hand("olga")
		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "dan", Role: alipayplus.RoleDeveloper}))
		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "dan", Role: alipayplus.RoleMaster}))
		require.NoError(w, w.p.RemoveClient(w.Context(), h.clientID))
		time.Sleep(3 * time.Hour)

		require.Equal(w, []string{
			"00:00:00 olga " + s.ID + ":  to DRAFT",
			"00:00:00 olga " + s.ID + ": DRAFT to PENDING_REVIEW",
			"01:00:00 ALIPAY_PLUS " + s.ID + ": PENDING_REVIEW to ONLINE",
		}, w.entries("service"), "as the first thing after three hours")
		require.Equal(w, []string{
			"00:00:00 olga " + s.ReleaseRequestID + ":  to UNDER_REVIEW",
			"01:00:00 ALIPAY_PLUS " + s.ReleaseRequestID + ": UNDER_REVIEW to APPROVED",
		}, w.entries("request"))
		require.Equal(w, []string{"00:00:00 operator " + w.workspace + ":  to CREATED"}, w.entries("workspace"))
		require.Equal(w, []string{
			"00:00:00 operator olga:  to OWNER", "00:10:00 operator dan:  to DEVELOPER", "00:10:00 operator dan: DEVELOPER to MASTER",
		}, w.entries("member"))
		require.Equal(w, []string{
			"00:10:00 operator " + h.clientID + ":  to ADDED", "00:10:00 operator " + h.clientID + ": ADDED to REMOVED",
		}, w.entries("client"), "but not those in process, which nobody can use from outside")
	}, platform.WithAutoReview(approveIn(time.Hour)))
}

// listing answers every call with an empty page, signed as the platform does,
// whose cursor is that of its place.
func (w *world) listing(cursors func(n int) string) (*alipayplus.Client, *int) {
	w.Helper()
	calls := new(int)
	answer := through(func(r *http.Request) (*http.Response, error) {
		*calls++
		id, at := r.Header.Get("Client-Id"), time.Now().Format(time.RFC3339Nano)
		body := fmt.Appendf(nil, `{"result":{"resultStatus":"S","resultCode":"SUCCESS","resultMessage":""},"data":{"items":[],"nextCursor":%q}}`, cursors(*calls))
		digest := signing.Digest(r.Method, r.URL.EscapedPath(), id, at, body)
		signature, err := signing.Sign(testkey.FastKey(), digest[:])
		if err != nil {
			return nil, err
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Header: http.Header{
			"Client-Id": {id}, "Response-Time": {at}, "Signature": {signing.Header{KeyVersion: "1", Signature: signature}.String()},
		}}, nil
	})
	return asOwner(w, alipayplus.WithHTTPClient(&http.Client{Transport: answer})), calls
}

// A platform in which two pages lead to each other does not keep a program for
// ever. One with many pages is read to its end.
func TestAListWhosePagesGoRoundEnds(t *testing.T) {
	const most, long = 20, 100
	inWorld(t, func(w *world) {
		client, calls := w.listing(func(n int) string {
			if n > most {
				return "" // so that the test ends
			}
			return []string{"A", "B"}[n%2]
		})
		var last error
		for _, err := range client.Releases.All(w.Context(), alipayplus.ListReleasesInput{}) {
			last = err
		}
		require.ErrorContains(w, last, "the list would never end")
		require.False(w, alipayplus.IsRetryable(last))
		require.LessOrEqual(w, *calls, 8, "soon")

		client, calls = w.listing(func(n int) string {
			if n > long {
				return ""
			}
			return fmt.Sprintf("page %d", n)
		})
		require.Empty(w, gather(w, client.Releases.All(w.Context(), alipayplus.ListReleasesInput{})))
		require.Equal(w, long+1, *calls)
	})
}
