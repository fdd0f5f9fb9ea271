package platform_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
)

// untouched is a body that nobody may read.
type untouched struct{ t testing.TB }

func (u untouched) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// The header says who calls and when; only who is known then costs more than that.
func TestNoBodyIsReadBeforeTheHeaderIsChecked(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		for _, op := range []contract.Operation{contract.ProgramCreate, contract.FileUpload, {Path: "no/such"}} {
			path := contract.Prefix + op.Path
			for name, change := range map[string]func(http.Header){
				"no client id":      func(h http.Header) { h.Del("Client-Id") },
				"another client id": func(h http.Header) { h.Set("Client-Id", "2021550000000009") },
				"no signature":      func(h http.Header) { h.Del("Signature") },
				"no RSA":            func(h http.Header) { h.Set("Signature", "algorithm=ECC224, signature=AAAA") },
				"no such key":       func(h http.Header) { h.Set("Signature", "keyVersion=7, signature=AAAA") },
				"no time":           func(h http.Header) { h.Del("Request-Time") },
				"an old time": func(h http.Header) {
					h.Set("Request-Time", time.Now().Add(-time.Hour).Format(time.RFC3339))
				},
				"two times":    func(h http.Header) { h.Add("Request-Time", h.Get("Request-Time")) },
				"much too big": func(http.Header) {},
			} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://platform.example"+path, untouched{w})
				require.NoError(w, err)
				req.Header = signedHeader(w, testkey.FastClient(), http.MethodPost, path, h.clientID, time.Now().Format(time.RFC3339), nil)
				change(req.Header)
				if name == "much too big" {
					req.ContentLength = 1 << 40
				}
				resp, err := w.p.HTTPClient().Do(req)
				require.NoError(w, err)
				require.NoError(w, resp.Body.Close())
				require.GreaterOrEqual(w, resp.StatusCode, 400, name)
			}
		}
	})
}

// stalled sends the header of a call whose body never comes, and returns what ends it
// and gives its status.
func (w *fixture) stalled(h rawClient, op contract.Operation, size int) (end func() int) {
	w.Helper()
	path := contract.Prefix + op.Path
	body, sent := io.Pipe()
	req, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http://platform.example"+path, body)
	require.NoError(w, err)
	req.Header = signedHeader(w, testkey.FastClient(), http.MethodPost, path, h.clientID, time.Now().Format(time.RFC3339), nil)
	req.ContentLength = int64(size)
	status := make(chan int)
	go func() {
		resp, err := w.p.HTTPClient().Do(req)
		if err != nil {
			status <- 0
			return
		}
		_ = resp.Body.Close()
		status <- resp.StatusCode
	}()
	synctest.Wait()
	return func() int {
		_ = sent.CloseWithError(io.ErrUnexpectedEOF)
		return <-status
	}
}

// tight is a platform that holds little at once.
func tight() []platform.Option {
	return []platform.Option{platform.WithMaxBytes(100_000, 100_000), platform.WithMaxInFlight(190_000, 100_000)}
}

// A caller who can name a client id can make the platform hold so much, and no
// more; and what others send is not held up by it.
func TestBodiesAreHeldWithinABudget(t *testing.T) {
	withFixture(t, func(w *fixture) {
		mallory, other, third := w.rawClient("olga"), w.rawClient("olga"), w.rawClient("olga")
		large := bytes.Repeat([]byte("x"), 90_000)
		first := w.stalled(mallory, contract.FileUpload, 100_000)

		got := mallory.uploadFile("image/png", large)
		require.Equal(w, http.StatusTooManyRequests, got.HTTP)
		require.Equal(w, alipayplus.CodeTrafficExceedLimit, got.Result.Code)
		require.Equal(w, "2", got.Header.Get("Retry-After"))
		require.Equal(w, alipayplus.CodeParamIllegal, other.uploadFile("image/png", large).Result.Code, "another client id has room of its own")
		require.Equal(w, alipayplus.CodeSuccess, mallory.uploadFile("image/png", pngImage(w)).Result.Code, "what is small needs none")

		second := w.stalled(other, contract.FileUpload, 60_000)
		require.Equal(w, http.StatusTooManyRequests, third.uploadFile("image/png", large).HTTP, "all together have 190,000 bytes")
		require.Equal(w, alipayplus.CodeNotFound, other.call(contract.ProgramQuery, `{"programId":"`+strings.Repeat("1", 16)+`","x":"`+string(large)+`"}`).Result.Code, "no call but an upload waits for uploads")

		require.Equal(w, http.StatusServiceUnavailable, first())
		require.Equal(w, http.StatusServiceUnavailable, second())
		require.Equal(w, alipayplus.CodeParamIllegal, mallory.uploadFile("image/png", large).Result.Code, "and all of it was given back")

		var calls []func() int
		for range 8 {
			calls = append(calls, w.stalled(mallory, contract.ProgramQuery, 100_000))
		}
		require.Equal(w, http.StatusTooManyRequests, mallory.call(contract.ProgramQuery, `{"x":"`+string(large)+`"}`).HTTP, "large calls have a budget too")
		for _, finish := range calls {
			require.Equal(w, http.StatusServiceUnavailable, finish())
		}
	}, tight()...)
}

// The client waits for its turn, as Retry-After asks, without the user's help.
func TestAnUploadThatFindsNoRoomIsRepeated(t *testing.T) {
	withFixture(t, func(w *fixture) {
		first, second := w.stalled(w.rawClient("olga"), contract.FileUpload, 100_000), w.stalled(w.rawClient("olga"), contract.FileUpload, 90_000)
		noise := image.NewGray(image.Rect(0, 0, 200, 200))
		for i := range noise.Pix {
			noise.Pix[i] = byte(i * i * i >> 7)
		}
		var content bytes.Buffer
		require.NoError(w, png.Encode(&content, noise))
		require.Greater(w, content.Len(), 20_000)
		go func() {
			time.Sleep(time.Second)
			first()
			second()
		}()
		began := time.Now()
		_, err := w.owner.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(content.Bytes()), Size: int64(content.Len())})
		require.NoError(w, err)
		require.GreaterOrEqual(w, time.Since(began), 2*time.Second)
	}, tight()...)
}

// A refusal that needs no body comes before the body is sent.
func TestARefusedUploadIsNotSent(t *testing.T) {
	w := newFixture(t)
	server := httptest.NewServer(w.p)
	defer server.Close()
	noise := image.NewGray(image.Rect(0, 0, 1200, 1200))
	for i := range noise.Pix {
		noise.Pix[i] = byte(i * i * i >> 7)
	}
	var content bytes.Buffer
	require.NoError(t, (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&content, noise))
	var sent int64
	in := alipayplus.UploadFileInput{
		Content: bytes.NewReader(content.Bytes()), Size: int64(content.Len()),
		Progress: func(n, _ int64) { sent = n },
	}
	_, err := w.remote(server.URL, alipayplus.WithClientID("2021550000000009")).Files.Upload(t.Context(), in)
	require.ErrorIs(t, err, alipayplus.ErrUnauthenticated)
	require.Zero(t, sent)
	_, err = w.remote(server.URL).Files.Upload(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, in.Size, sent)
}

// pipes is a listener whose connections need no network, so that a server runs in
// virtual time.
type pipes struct {
	accept chan net.Conn
	once   sync.Once
}

func (l *pipes) Accept() (net.Conn, error) {
	conn, ok := <-l.accept
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *pipes) Close() error {
	l.once.Do(func() { close(l.accept) })
	return nil
}

func (l *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	l.accept <- theirs
	return ours
}

// served runs a server of the platform in virtual time.
func (w *fixture) served(change func(*http.Server)) *pipes {
	w.Helper()
	server, l := w.p.Server(""), &pipes{accept: make(chan net.Conn)}
	change(server)
	done := make(chan error)
	go func() { done <- server.Serve(l) }()
	w.Cleanup(func() {
		require.NoError(w, server.Close())
		require.ErrorIs(w, <-done, http.ErrServerClosed)
	})
	return l
}

// A body that drips keeps its connection for seconds, not for ever, whoever serves
// the platform, and whether the call is worth reading or not.
func TestASlowBodyEndsWithItsConnection(t *testing.T) {
	for name, ownServer := range map[string]func(*http.Server){
		"by the platform's server": func(*http.Server) {},
		"by another":               func(s *http.Server) { *s = http.Server{Handler: s.Handler} },
	} {
		for what, op := range map[string]string{"an upload": contract.FileUpload.Path, "a call": contract.ProgramCreate.Path, "no operation": "no/such"} {
			sentence(t, name+", "+what, func(w *fixture) {
				conn, began := w.served(ownServer).dial(), time.Now()
				defer conn.Close()
				path := contract.Prefix + op
				header := signedHeader(w, testkey.FastClient(), http.MethodPost, path, w.rawClient("olga").clientID, time.Now().Format(time.RFC3339), nil)
				header.Set("Content-Length", "100000")
				var head bytes.Buffer
				fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: platform.example\r\n", path)
				require.NoError(w, header.Write(&head))
				head.WriteString("\r\n")
				var sending sync.WaitGroup
				sending.Go(func() {
					_, err := conn.Write(head.Bytes())
					for err == nil {
						time.Sleep(time.Second)
						_, err = conn.Write([]byte("x"))
					}
				})
				_, err := io.Copy(io.Discard, conn)
				require.NoError(w, err)
				require.Less(w, time.Since(began), 15*time.Second)
				sending.Wait()
			})
		}
	}
}

// A body that arrives at a decent pace may take as long as it is large, and the
// connection is good for the next call.
func TestALargeBodyHasTheTimeThatItNeeds(t *testing.T) {
	withFixture(t, func(w *fixture) {
		conn := w.served(func(*http.Server) {}).dial()
		defer conn.Close()
		h, answers := w.rawClient("olga"), bufio.NewReader(conn)
		content := bytes.Repeat([]byte("x"), 4<<20)
		for range 2 {
			path, began := contract.Prefix+contract.FileUpload.Path, time.Now()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://platform.example"+path, &dripping{content: content, rate: 100 << 10})
			require.NoError(w, err)
			req.ContentLength = int64(len(content))
			req.Header = signedHeader(w, testkey.FastClient(), http.MethodPost, path, h.clientID, time.Now().Format(time.RFC3339), content)
			go func() { _ = req.Write(conn) }()
			resp, err := http.ReadResponse(answers, req)
			require.NoError(w, err)
			text, err := io.ReadAll(resp.Body)
			require.NoError(w, err)
			require.Equal(w, http.StatusBadRequest, resp.StatusCode, "%s", text)
			require.Greater(w, time.Since(began), 40*time.Second)
		}
	})
}

// dripping is a content that arrives at a rate, in bytes a second.
type dripping struct {
	content []byte
	rate    int
}

func (d *dripping) Read(p []byte) (int, error) {
	if len(d.content) == 0 {
		return 0, io.EOF
	}
	n := copy(p, d.content)
	time.Sleep(time.Duration(n) * time.Second / time.Duration(d.rate))
	d.content = d.content[n:]
	return n, nil
}

// Signing is what costs; callers who are nobody get it up to a rate. The client
// does not believe what is not signed: it is told to come back, and then learns why.
func TestRefusalsOfStrangersAreSignedUpToARate(t *testing.T) {
	withFixture(t, func(w *fixture) {
		forged := w.signedMessage(contract.WorkspaceQuery, "2021550000000009", testkey.FastClient(), "{}")
		signed := 0
		for range 1000 {
			got := forged.deliver(w, w.p.HTTPClient(), "http://platform.example")
			if got.Header.Get("Signature") == "" {
				require.Equal(w, http.StatusTooManyRequests, got.HTTP)
				require.Equal(w, "1", got.Header.Get("Retry-After"))
				require.Equal(w, alipayplus.CodeTrafficExceedLimit, got.Result.Code)
				continue
			}
			require.Equal(w, http.StatusUnauthorized, got.HTTP)
			signed++
		}
		require.Equal(w, 100, signed)
		require.NotEmpty(w, must(w.owner.Workspace.Get(w.Context())).Name, "who is somebody is answered as ever")

		late := w.as("olga", alipayplus.WithClientID("2021550000000009"), alipayplus.WithRetry(1, 0, 0))
		_, err := late.Workspace.Get(w.Context())
		require.ErrorIs(w, err, alipayplus.ErrRateLimited)
		require.True(w, alipayplus.IsRetryable(err))
		_, err = w.as("olga", alipayplus.WithClientID("2021550000000009")).Workspace.Get(w.Context())
		require.ErrorIs(w, err, alipayplus.ErrUnauthenticated, "a second later it is told")
	})
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// What a gateway in front of the platform reads in a body, the platform reads too,
// or it refuses the body.
func TestABodyHasOneReading(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		const field = `{"requestId":"1","languages":[{"language":"en","name":"Tea"}]`
		for name, tt := range map[string]struct{ body, message string }{
			"a field twice":            {field + `,"languages":[]}`, `body has the name "languages" twice in one object`},
			"an unknown field twice":   {field + `,"x":1,"x":1}`, `body has the name "x" twice in one object`},
			"twice, once escaped":      {field + `,"request\u0049d":"2"}`, `body has the name "requestId" twice in one object`},
			"twice deeper down":        {`{"requestId":"1","languages":[{"language":"en","name":"Tea","name":"Coffee"}]}`, `body has the name "name" twice in one object`},
			"another case":             {strings.Replace(field, "requestId", "RequestId", 1) + `}`, `requestId is spelled "RequestId" in the body; names are exact in case`},
			"another case beside it":   {field + `,"REQUESTID":"2"}`, `requestId is spelled "REQUESTID" in the body; names are exact in case`},
			"a long s":                 {field + `,"languageſ":[]}`, `languages is spelled "languageſ" in the body; names are exact in case`},
			"another case deeper down": {`{"requestId":"1","languages":[{"language":"en","Name":"Tea"}]}`, `name is spelled "Name" in the body; names are exact in case`},
			"NUL in a name":            {field + `,"requestId\u0000":"2"}`, `body has a name with a control or bidirectional character: "requestId\x00"`},
			"an override in a name":    {field + ",\"\u202edItseuqer\":\"2\"}", `body has a name with a control or bidirectional character: "\u202edItseuqer"`},
			"an isolate, deeper down":  {`{"requestId":"1","languages":[{"language":"en","name":"Tea","\u2066x":1}]}`, `body has a name with a control or bidirectional character: "\u2066x"`},
			"no UTF-8":                 {field + ",\"x\":\"\xc3\x28\"}", "body must be valid UTF-8 without halves of surrogate pairs"},
			"half a pair":              {strings.Replace(field, "Tea", `\ud83d`, 1) + `}`, "body must be valid UTF-8 without halves of surrogate pairs"},
			"half a pair, the other":   {strings.Replace(field, "Tea", `\udE00x`, 1) + `}`, "body must be valid UTF-8 without halves of surrogate pairs"},
			"a pair the wrong way":     {strings.Replace(field, "Tea", `\ude00\ud83d`, 1) + `}`, "body must be valid UTF-8 without halves of surrogate pairs"},
			"something behind it":      {field + `} {}`, "body is not the JSON of this operation"},
			"nothing":                  {"", "body is not the JSON of this operation"},
			"a comma too many":         {field + `,}`, "body is not the JSON of this operation"},
		} {
			got := h.call(contract.ProgramCreate, tt.body)
			require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code, name)
			require.Contains(w, got.Result.Message, tt.message, name)
		}
		require.Zero(w, w.programs())
		got := h.call(contract.ProgramCreate, strings.Replace(field, "Tea", `T\ud83d\ude00 \\ud83d \u0061`, 1)+`,"unknown":{"a":[1,{"b":null}],"requestId":"of something else"},"other":{"a":1}}`)
		require.Equal(w, alipayplus.CodeSuccess, got.Result.Code, got.Result.Message)
		var made alipayplus.Program
		require.NoError(w, json.Unmarshal(got.Data, &made))
		require.Equal(w, `T😀 \ud83d a`, made.Languages[0].Name)
		got = h.call(contract.ReleaseCreate, `{"requestId":"2","programId":"1","version":"1.0.0","targetApp":"ALIPAY_CN","major":1}`)
		require.Equal(w, alipayplus.CodeNotFound, got.Result.Code, "a version's parts are no names on the wire: "+got.Result.Message)
	})
}

// A refusal tells what is wrong, not all that was sent.
func TestARefusalEchoesLittle(t *testing.T) {
	long := strings.Repeat("蓝", 5_000)
	inputs := map[contract.Operation]any{
		contract.ProgramCreate: alipayplus.CreateProgramInput{}, contract.ProgramQuery: alipayplus.ProgramInput{}, contract.ProgramList: alipayplus.ListProgramsInput{},
		contract.ReleaseCreate: alipayplus.CreateReleaseInput{}, contract.ReleaseQuery: alipayplus.ReleaseInput{}, contract.ReleaseList: alipayplus.ListReleasesInput{},
		contract.ReleaseApply: alipayplus.ApplyInput{}, contract.ReleaseRaise: alipayplus.GrayscaleInput{}, contract.ServiceCreate: alipayplus.CreateServiceInput{},
		contract.ServiceQuery: alipayplus.ServiceInput{}, contract.RequestList: alipayplus.ListRequestsInput{}, contract.RequestQuery: alipayplus.RequestInput{},
		contract.AuthorizationBegin: alipayplus.BeginAuthorizationInput{}, contract.QRCodeCreate: alipayplus.CreateQRCodeInput{}, contract.ReviewDecide: alipayplus.DecideInput{}, contract.SessionBegin: alipayplus.BeginSessionInput{},
		contract.VersionUpload: alipayplus.RegisterVersionInput{}, contract.ProgramConfigure: alipayplus.UpdateProgramConfigurationInput{},
	}
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		require.NotEmpty(w, w.program().ID)
		little := func(got rawAnswer, what string) {
			w.Helper()
			require.NotContains(w, got.Body, strings.Repeat("蓝", 200), what)
			require.Less(w, len(got.Body), 64<<10, what)
		}
		for op, in := range inputs {
			for _, body := range filled(reflect.TypeOf(in), long) {
				little(h.call(op, body), op.Name+" "+cutText(body))
				little(h.call(op, `{"requestId":"1",`+body[1:]), op.Name+" "+cutText(body))
			}
		}
		for name, contentType := range map[string]string{"a content type": strings.Repeat("image/", 2000)} {
			got := h.uploadFile(contentType, pngImage(w))
			require.Less(w, len(got.Body), 1000, name)
		}
		little(h.send("POST", contract.Prefix+strings.Repeat("x", 5000), "application/json", []byte("{}")), "a path")
		many := `{"requestId":"1","paymentInformation":[{"type":"TABLE","table":{"header":["a","b"],"rows":[["` + strings.Repeat("x", 100) + `"]` + strings.Repeat(`,["x"]`, 150) + `]}}]}`
		got := h.call(contract.ServiceCreate, many)
		little(got, "many fields")
		require.Len(w, got.Details.Fields, 101)
		require.Contains(w, got.Details.Fields[100].Message, "more")
	})
}

func cutText(s string) string { return s[:min(len(s), 60)] }

// filled gives an object for each field of a type, with that text in it, as name, and as a wrong type.
func filled(t reflect.Type, text string) []string {
	bodies := []string{fmt.Sprintf(`{%q:1}`, text)}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" || name == "requestId" {
			continue
		}
		bodies = append(bodies, fmt.Sprintf(`{%q:%q}`, name, text), fmt.Sprintf(`{%q:[%q]}`, name, text), fmt.Sprintf(`{%q:{%q:%q}}`, name, text, text))
	}
	slices.Sort(bodies)
	return bodies
}
