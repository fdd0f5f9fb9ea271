package platform_test

import (
	"bufio"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// TestWhoDoesNotSignProperlyIsNobody sends good calls with headers that are not.
func TestWhoDoesNotSignProperlyIsNobody(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		path, body := contract.Prefix+contract.ProgramCreate.Path, []byte(`{"requestId":"1","languages":[{"language":"en","name":"Tea"}]}`)
		sign := func(path, at string, body []byte) http.Header {
			return signedHeader(w, testkey.FastClient(), http.MethodPost, path, h.clientID, at, body)
		}
		edited := func(header http.Header, from, to string) http.Header {
			header.Set("Signature", strings.Replace(header.Get("Signature"), from, to, 1))
			return header
		}
		now := time.Now().Format(time.RFC3339)
		without := func(name string) http.Header {
			header := sign(path, now, body)
			header.Del(name)
			return header
		}
		twice := func(name string) http.Header {
			header := sign(path, now, body)
			header[name] = []string{header.Get(name), header.Get(name)}
			return header
		}
		forged := sign(path, now, body)
		forged.Set("Signature", "algorithm=RSA256, keyVersion=1, signature=AAAA")
		before := w.snapshot()
		for name, tt := range map[string]struct {
			header  http.Header
			code    alipayplus.Code
			message string
		}{
			"no client id":            {without("Client-Id"), alipayplus.CodeUnknownClient, "the client id is not known here"},
			"no signature":            {without("Signature"), alipayplus.CodeInvalidSignature, "the Signature header cannot be used: "},
			"another algorithm":       {edited(sign(path, now, body), "RSA256", "ECC224"), alipayplus.CodeInvalidSignature, "the Signature header cannot be used: "},
			"a forged signature":      {forged, alipayplus.CodeInvalidSignature, "the signature does not fit the request"},
			"of another body":         {sign(path, now, []byte(`{}`)), alipayplus.CodeInvalidSignature, "the signature does not fit the request"},
			"of another operation":    {sign(contract.Prefix+"release/create", now, body), alipayplus.CodeInvalidSignature, "the signature does not fit the request"},
			"no time":                 {without("Request-Time"), alipayplus.CodeTimestampInvalid, "Request-Time is neither an ISO 8601 time nor milliseconds"},
			"a client id given twice": {twice("Client-Id"), alipayplus.CodeInvalidSignature, "the header Client-Id is there more than once"},
			"a time given twice":      {twice("Request-Time"), alipayplus.CodeInvalidSignature, "the header Request-Time is there more than once"},
			"two signatures":          {twice("Signature"), alipayplus.CodeInvalidSignature, "the header Signature is there more than once"},
			"two content types":       {twice("Content-Type"), alipayplus.CodeInvalidSignature, "the header Content-Type is there more than once"},
			"a key version that is not there": {
				edited(sign(path, now, body), "keyVersion=1", "keyVersion=2"), alipayplus.CodeInvalidSignature, `the client has no key of version "2"`,
			},
			"a time that is none": {
				sign(path, "yesterday", body), alipayplus.CodeTimestampInvalid, "Request-Time is neither an ISO 8601 time nor milliseconds",
			},
			"a time just outside": {
				sign(path, time.Now().Add(-5*time.Minute-time.Second).Format(time.RFC3339), body), alipayplus.CodeTimestampInvalid,
				"Request-Time is 5m1s away from the platform's time; at most 5m0s is allowed",
			},
		} {
			got := h.sendSigned(http.MethodPost, path, tt.header, body)
			require.Equal(w, http.StatusUnauthorized, got.HTTP, name)
			require.Equal(w, tt.code, got.Result.Code, name)
			require.Contains(w, got.Result.Message, tt.message, name)
		}
		long := sign(path, now, body)
		long.Set("Client-Id", strings.Repeat("9", 65))
		got := h.sendSigned(http.MethodPost, path, long, body)
		require.Equal(w, alipayplus.CodeUnknownClient, got.Result.Code)
		require.Empty(w, got.Header.Get("Client-Id"), "what is too long is not repeated")
		require.Equal(w, before, w.snapshot())

		w.Log("At the border, in milliseconds, and without a key version it is accepted.")
		for i, header := range []http.Header{
			sign(path, time.Now().Add(-5*time.Minute).Format(time.RFC3339), []byte(`{"requestId":"0","languages":[{"language":"en","name":"Tea"}]}`)),
			edited(sign(path, fmt.Sprint(time.Now().Add(5*time.Minute).UnixMilli()), body), ", keyVersion=1", ""),
		} {
			got := h.sendSigned(http.MethodPost, path, header, fmt.Appendf(nil, `{"requestId":"%d","languages":[{"language":"en","name":"Tea"}]}`, i))
			require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
		}
	})
}

// What the URL says behind the host is signed, its query too: one that was added
// on the way does not fit, and one that was signed changes nothing.
func TestTheQueryIsPartOfTheSignedPath(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		path, body := contract.Prefix+contract.WorkspaceQuery.Path, []byte("{}")
		plain := signedHeader(w, testkey.FastClient(), http.MethodPost, path, h.clientID, time.Now().Format(time.RFC3339Nano), body)
		for _, added := range []string{"?x=1", "?requestId=2", "?"} {
			require.Equal(w, alipayplus.CodeInvalidSignature, h.sendSigned(http.MethodPost, path+added, plain, body).Result.Code, added)
			require.Equal(w, alipayplus.CodeSuccess, h.send(http.MethodPost, path+added, "application/json", body).Result.Code, added)
		}
	})
}

// An operation has one spelling.
func TestAnEscapedPathIsNoOperation(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		for _, path := range []string{"workspace%2Fquery", "workspace/%71uery", "workspace//query", "workspace/query/", "Workspace/query"} {
			require.Equal(w, alipayplus.CodeInvalidAPI, h.send(http.MethodPost, contract.Prefix+path, "application/json", []byte("{}")).Result.Code, path)
		}
	})
}

// TestALongMessageIsCutButTheFieldsAreNot: result messages have up to 256
// characters, as documented.
func TestALongMessageIsCutButTheFieldsAreNot(t *testing.T) {
	withFixture(t, func(w *fixture) {
		var languages []alipayplus.Localization
		for i := range 10 {
			languages = append(languages, alipayplus.Localization{Language: fmt.Sprintf("%d!", i)})
		}
		got := w.rawClient("olga").call(contract.ProgramCreate, alipayplus.CreateProgramInput{Languages: languages, RequestID: "1"})
		require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code)
		require.Len(w, []rune(got.Result.Message), 256)
		require.True(w, strings.HasSuffix(got.Result.Message, "..."))
		require.Len(w, got.Details.Fields, 20)
		require.True(w, json.Valid([]byte(got.Body)))
	})
}

// through is a transport that is a function.
type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// inProcessID is a client id of the owner that is good in process only.
func (w *fixture) inProcessID() string {
	w.Helper()
	var id string
	spy := through(func(r *http.Request) (*http.Response, error) {
		id = r.Header.Get("Client-Id")
		return w.p.HTTPClient().Transport.RoundTrip(r)
	})
	_, err := w.as("olga", alipayplus.WithHTTPClient(&http.Client{Transport: spy})).Workspace.Get(w.Context())
	require.NoError(w, err)
	return id
}

// signedMessage is one that is signed with any key.
func (w *fixture) signedMessage(op contract.Operation, id string, key crypto.Signer, body string) message {
	w.Helper()
	path := contract.Prefix + op.Path
	header := signedHeader(w, key, http.MethodPost, path, id, time.Now().Format(time.RFC3339Nano), []byte(body))
	header.Set("Content-Type", "application/json; charset=UTF-8")
	return message{http.MethodPost, path, header, []byte(body)}
}

// sentBack makes a request of an answer: both are signed over the same five parts.
func sentBack(m message, answer rawAnswer) message {
	return message{m.method, m.path, http.Header{
		"Content-Type": {"application/json; charset=UTF-8"},
		"Client-Id":    {answer.Header.Get("Client-Id")},
		"Request-Time": {answer.Header.Get("Response-Time")},
		"Signature":    {answer.Header.Get("Signature")},
	}, []byte(answer.Body)}
}

// An in-process client signs with the platform's own key. Whoever learns its id
// gains nothing by it over a network, not even with a signature that fits.
func TestAnInProcessIDIsUnknownToTheNetworkWhateverItSigns(t *testing.T) {
	w := newFixture(t)
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
	_, err := w.as("olga", alipayplus.WithBaseURL(server.URL), alipayplus.WithHTTPClient(server.Client())).Workspace.Get(t.Context())
	require.ErrorIs(t, err, alipayplus.ErrUnauthenticated)
}

// The platform signs every answer, also to somebody who only says who he is. What
// he gets is a message signed with the platform's key; it must open no door.
func TestARefusalSentBackAsARequestIsRefused(t *testing.T) {
	w := newFixture(t)
	server := httptest.NewServer(w.p)
	defer server.Close()
	for name, tt := range map[string]struct {
		victim string
		want   alipayplus.Code
	}{
		"of an in-process client": {w.inProcessID(), alipayplus.CodeUnknownClient},
		"of any other client":     {w.rawClient("olga").clientID, alipayplus.CodeInvalidSignature},
		"of nobody":               {"2021550000000009", alipayplus.CodeUnknownClient},
	} {
		forged := w.signedMessage(contract.WorkspaceQuery, tt.victim, testkey.FastClient(), "{}")
		forged.header.Set("Signature", "algorithm=RSA256, keyVersion=1, signature=AAAA")
		answer := forged.deliver(t, server.Client(), server.URL)
		require.Equal(t, http.StatusUnauthorized, answer.HTTP, name)

		back := sentBack(forged, answer)
		requireSigned(t, w.p, http.MethodPost, back.path, back.header.Get("Client-Id"), back.header.Get("Request-Time"), back.header.Get("Signature"), back.body)

		got := back.deliver(t, server.Client(), server.URL)
		require.Equal(t, http.StatusUnauthorized, got.HTTP, name)
		require.Equal(t, tt.want, got.Result.Code, name)
	}
}

// A client with the platform's key could be played by its answers.
func TestThePlatformsOwnKeyIsNobodysKey(t *testing.T) {
	store := storage.NewMemory()
	w := newFixture(t, platform.WithStore(store))
	own := publicKey(t, w.p)
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

// quiet is a server that says nothing of what its clients do wrong.
func quiet(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(server.Close)
	return server
}

func TestOnlyWhatMayPassIsRetryable(t *testing.T) {
	w := newFixture(t)
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
// One that is gone for good is reported all the same.
func TestASignerThatFailsOnceDoesNotEndAWait(t *testing.T) {
	withFixture(t, func(w *fixture) {
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		var passedOver []error
		wait := alipayplus.ReleaseWait{
			Interval: 10 * time.Minute, TolerateErrors: 2,
			OnError: func(err error) { passedOver = append(passedOver, err) },
		}
		once := w.as("olga", alipayplus.WithSigner(&hiccup{Signer: testkey.FastKey(), fails: func(n int32) bool { return n == 2 }}))
		approved, err := once.Releases.WaitReviewed(w.Context(), r.ID, wait)
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleasePreparation, approved.Status)
		require.Len(w, passedOver, 1)
		require.ErrorIs(w, passedOver[0], errSigner)

		gone := w.as("olga", alipayplus.WithSigner(&hiccup{Signer: testkey.FastKey(), fails: func(int32) bool { return true }}))
		_, err = gone.Releases.WaitReviewed(w.Context(), r.ID, wait)
		require.ErrorIs(w, err, errSigner)
		require.Len(w, passedOver, 3)
	}, platform.WithAutoReview(approveIn(time.Hour)))
}

// Whoever sits in between cannot give the answer of one question to another, not
// even an older one to the same.
func TestAnAnswerFitsOneQuestion(t *testing.T) {
	withFixture(t, func(w *fixture) {
		first, second := w.program().ID, w.program().ID
		w.authorize(first)
		one, two := w.release(first, "1.0.0"), w.release(first, "1.1.0")
		kept := map[string]*http.Response{}
		var swap string
		between := through(func(r *http.Request) (*http.Response, error) {
			if old := kept[swap]; old != nil {
				return &http.Response{StatusCode: old.StatusCode, Header: old.Header, Body: io.NopCloser(strings.NewReader(old.Status)), Request: r}, nil
			}
			resp, err := w.p.HTTPClient().Transport.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			text, err := io.ReadAll(resp.Body)
			kept[swap] = &http.Response{StatusCode: resp.StatusCode, Header: resp.Header, Status: string(text)}
			resp.Body = io.NopCloser(strings.NewReader(string(text)))
			return resp, err
		})
		c := w.as("olga", alipayplus.WithHTTPClient(&http.Client{Transport: between}), alipayplus.WithRetry(1, 0, 0))
		page := must(c.Programs.List(w.Context(), alipayplus.ListProgramsInput{ListOptions: alipayplus.ListOptions{Limit: 1}}))
		clear(kept)
		list := func(cursor string, order alipayplus.SortOrder) error {
			_, err := c.Programs.List(w.Context(), alipayplus.ListProgramsInput{ListOptions: alipayplus.ListOptions{Limit: 1, Cursor: cursor, Order: order}})
			return err
		}
		release := func(id string) error { _, err := c.Releases.Get(w.Context(), id); return err }
		program := func(id string) error { _, err := c.Programs.Get(w.Context(), id); return err }
		versions := func(id string) error {
			_, err := c.Programs.ListVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: id})
			return err
		}
		authorization := func(id string) error {
			_, err := c.Authorizations.Get(w.Context(), alipayplus.AuthorizationInput{ProgramID: id, TargetApp: cn})
			return err
		}
		history := func(id string) error {
			_, err := c.Releases.History(w.Context(), alipayplus.ListHistoryInput{ReleaseID: id})
			return err
		}
		upload := func(content []byte) error {
			_, err := c.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: strings.NewReader(string(content)), Size: int64(len(content))})
			return err
		}
		for name, tt := range map[string]struct{ before, asked func() error }{
			"another release":       {func() error { return release(one.ID) }, func() error { return release(two.ID) }},
			"the release before":    {func() error { return release(one.ID) }, func() error { return release(one.ID) }},
			"no such release":       {func() error { _ = release("rel_none"); return nil }, func() error { return release(one.ID) }},
			"another program":       {func() error { return program(first) }, func() error { return program(second) }},
			"another's versions":    {func() error { return versions(first) }, func() error { return versions(second) }},
			"no versions":           {func() error { return versions(second) }, func() error { return versions(first) }},
			"another authorization": {func() error { return authorization(first) }, func() error { return authorization(second) }},
			"another history":       {func() error { return history(one.ID) }, func() error { return history(two.ID) }},
			"another page":          {func() error { return list("", "") }, func() error { return list(page.NextCursor, "") }},
			"another order":         {func() error { return list("", "") }, func() error { return list("", alipayplus.OldestFirst) }},
			"another file":          {func() error { return upload(pngImage(w)) }, func() error { return upload(append(pngImage(w), 1)) }},
		} {
			swap = name
			require.NoError(w, tt.before(), name)
			time.Sleep(time.Second)
			err := tt.asked()
			_, untrusted := errors.AsType[*alipayplus.SignatureError](err)
			require.True(w, untrusted, "%s: %v", name, err)
			require.ErrorContains(w, err, "it belongs to another request", name)
		}
	})
}

// An answer whose headers two readers could read differently is nobody's.
func TestAnAnswerWithAHeaderTwiceIsNotTrusted(t *testing.T) {
	withFixture(t, func(w *fixture) {
		for _, name := range []string{"Signature", "Client-Id", "Response-Time"} {
			doubling := through(func(r *http.Request) (*http.Response, error) {
				resp, err := w.p.HTTPClient().Transport.RoundTrip(r)
				if err == nil {
					resp.Header.Add(name, resp.Header.Get(name))
				}
				return resp, err
			})
			_, err := w.as("olga", alipayplus.WithHTTPClient(&http.Client{Transport: doubling})).Workspace.Get(w.Context())
			require.ErrorContains(w, err, "it has the header "+name+" more than once")
		}
	})
}

// What a connection can cost without sending a call is bounded by the server that
// the platform gives.
func TestAServerBoundsWhatAConnectionCosts(t *testing.T) {
	const page = "GET /authorization/callback HTTP/1.1\r\nHost: platform.example\r\n"
	// send writes a text, in pieces of one byte a second where it drips, and returns the status line and after
	// what time the connection was closed.
	send := func(w *fixture, text string, drips bool) (status string, after time.Duration) {
		conn, began := w.served(func(*http.Server) {}).dial(), time.Now()
		ended := make(chan error)
		go func() { ended <- writeTo(conn, text, drips) }()
		answer := bufio.NewReader(conn)
		status, _ = answer.ReadString('\n')
		_, _ = io.Copy(io.Discard, answer)
		after = time.Since(began)
		require.NoError(w, conn.Close())
		<-ended
		return status, after
	}
	sentence(t, "a header that drips", func(w *fixture) {
		_, after := send(w, page+strings.Repeat("x", 1000), true)
		require.Less(w, after, 11*time.Second)
	})
	sentence(t, "a header that is long", func(w *fixture) {
		status, _ := send(w, page+"X: "+strings.Repeat("x", 64<<10), false)
		require.Contains(w, status, "431")
	})
	sentence(t, "a connection that is idle after a call", func(w *fixture) {
		status, after := send(w, page+"\r\n", false)
		require.Contains(w, status, "400")
		require.Equal(w, time.Minute, after.Round(time.Second))
	})
	sentence(t, "a connection that says nothing", func(w *fixture) {
		_, after := send(w, "", false)
		require.Less(w, after, 11*time.Second)
	})
}

func writeTo(conn net.Conn, text string, drips bool) error {
	if !drips {
		_, err := io.WriteString(conn, text)
		return err
	}
	for _, piece := range []byte(text) {
		if _, err := conn.Write([]byte{piece}); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	return nil
}

func TestMiddlewareWrapsWhatIsServed(t *testing.T) {
	var seen []string
	named := func(name string) platform.Option {
		return platform.WithMiddleware(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, name)
				next.ServeHTTP(w, r)
			})
		})
	}
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), named("inner"), named("outer"))
	require.NoError(t, err)
	answer := httptest.NewRecorder()

	p.Server("").Handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))

	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, []string{"outer", "inner"}, seen)
}
