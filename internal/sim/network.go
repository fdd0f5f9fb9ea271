package sim

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/inprocess"
)

// network carries HTTP between processes, as well as the scheduler lets it.
type network struct {
	scheduler *scheduler
	history   *history
	// hosts are the servers by the host of their address: one of several that stand behind it, nil when there is none.
	hosts map[string]func(choice uint64) *server
	// earlier are the last answers, by what they are to.
	earlier map[operation][]*exchange
}

// server is a process that serves HTTP.
type server struct {
	*process

	handler http.Handler
	// signature is the header in which answers are signed.
	signature string
}

// exchange is a request that has reached a server, and what that did.
type exchange struct {
	from, to, host, path string
	method               string
	header               http.Header
	request              []byte
	// begun says that the server has only just got it: there is no answer yet.
	begun bool
	// arrived is when the server got it.
	arrived time.Time
	// kept is when the answer was kept, which is not before it was made.
	kept   time.Time
	status int
	answer []byte
	// answered are the headers of the answer.
	answered http.Header
	// call is what the request is an attempt of; nil where the rules need not know.
	call *call
}

// wire is how one process reaches the others.
type wire struct {
	*network

	from *process
}

// client is an HTTP client in a process.
func (n *network) client(from *process) *http.Client {
	return &http.Client{Transport: wire{n, from}}
}

// RoundTrip implements [http.RoundTripper].
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	body, err := readAll(r.Body)
	if err != nil {
		return nil, err
	}
	what, of := fmt.Sprintf("%s %s%s", r.Method, r.URL.Host, r.URL.Path), callOf(ctx)
	if of != nil {
		of.replayed = false
	}
	f, err := w.scheduler.pass(ctx, w.from, request, what)
	if err != nil {
		return nil, err
	}
	if f.fault != none {
		w.history.add(w.from.name, what, string(f.fault), nil)
	}
	var to *server
	if find := w.hosts[r.URL.Host]; find != nil {
		to = find(f.choice)
	}
	switch {
	case to == nil || to.dead() || f.fault == refused:
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case f.fault == cutBefore:
		return nil, io.ErrUnexpectedEOF
	case f.fault == maintenance:
		return page(r, f, false), nil
	case f.fault == duplicated:
		go w.serve(context.WithValue(context.WithoutCancel(ctx), callKey{}, nil), to, r, body, what, nil)
	}
	sent, answers := time.Now(), make(chan answered, 1)
	serving, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer hangUp()
		w.serve(serving, to, r, body, what, answers)
	}()
	select {
	case a := <-answers:
		if to.dead() {
			return nil, w.closed(ctx, what, sent)
		}
		if of != nil {
			of.replayed = a.replayed
		}
		return a.response, a.err
	case <-ctx.Done():
	case <-w.from.ctx.Done():
	}
	if f.choice&1 == 0 { // otherwise the server does not notice
		hangUp()
	}
	if w.from.dead() {
		return nil, errKilled
	}
	return nil, ctx.Err()
}

// closed waits until the end of the connection to a server that was killed is noticed. All who wait for such a server are
// woken at once; each of them learns of it at an instant of its own, also those of one process that ask for the same: no two
// sent it at one instant.
func (w wire) closed(ctx context.Context, what string, sent time.Time) error {
	_, err := w.scheduler.pass(ctx, w.from, closed, what+" of "+sent.Format(time.RFC3339Nano))
	return cmp.Or(err, io.ErrUnexpectedEOF)
}

type answered struct {
	response *http.Response
	err      error
	// replayed says that it is the answer to another request.
	replayed bool
}

// serve lets a server answer a request. Nobody waits for the answer when answers is nil.
func (w wire) serve(ctx context.Context, to *server, r *http.Request, body []byte, what string, answers chan<- answered) {
	e := &exchange{from: w.from.name, to: to.name, host: r.URL.Host, path: r.URL.Path, method: r.Method, header: r.Header, request: body, begun: true, arrived: time.Now(), call: callOf(ctx)}
	who, what := to.name, what+" from "+w.from.name
	if answers == nil {
		if _, err := w.scheduler.pass(ctx, to.process, decision, what); err != nil {
			return
		}
	}
	begun := *e
	w.history.add(who, what, "arrived", &begun)
	ctx, cancel := joined(ctx, to.ctx)
	defer cancel()
	in := r.Clone(ctx)
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response, err := inprocess.Transport{Handler: to.handler}.RoundTrip(in)
	if to.dead() {
		response, err = nil, io.ErrUnexpectedEOF
	}
	if err == nil {
		e.begun, e.status, e.answered = false, response.StatusCode, response.Header.Clone()
		e.answer, err = readAll(response.Body)
		w.history.add(who, what, outcomeOf(response.StatusCode, e.answer), e)
	}
	if answers == nil {
		return
	}
	f, late := w.scheduler.pass(context.WithoutCancel(ctx), to.process, reply, what)
	if f.fault == forged && e.host == platformHost { // whose answers have nothing to forge
		f.fault = replayed
	}
	var other *exchange
	if err == nil && late == nil && to.signature != "" {
		if f.fault == replayed {
			other = w.another(e, to)
		}
		w.keep(e)
	}
	switch {
	case err != nil || late != nil || f.fault == cutAfter:
		response, err = nil, io.ErrUnexpectedEOF
	case f.fault == maintenance:
		response = page(r, f, true)
	case other != nil:
		response.StatusCode, response.Header, response.Body = other.status, other.answered.Clone(), io.NopCloser(bytes.NewReader(other.answer))
		response.ContentLength, response.Request = int64(len(other.answer)), r
	default:
		content := inprocess.Fault{Corrupt: f.fault == corrupted, Unsigned: f.fault == unsigned, WrongSignature: f.fault == missigned}.
			Tamper(response.Header, forge(f.fault, to, e.answer), to.signature, "algorithm=RSA256, keyVersion=1, signature=d3Jvbmc%3D")
		response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
		response.Request = r
	}
	if f.fault != none && (f.fault != replayed || other != nil) {
		w.history.add(who, what, string(f.fault), nil)
	}
	answers <- answered{response, err, other != nil}
}

// forge is an answer that somebody else could have made, of a server that signs its own: all is well.
func forge(f fault, from *server, answer []byte) []byte {
	if f != forged || from.signature == "" {
		return answer
	}
	return forgery.ReplaceAll(answer, []byte(`"RELEASE"`))
}

// forgery is where an answer of AlipayCN says how a version stands.
var forgery = regexp.MustCompile(`"(?:INIT|AUDITING|WAIT_RELEASE|GRAY)"`)

// joined is a context that ends with the request or with the server.
func joined(ctx, server context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(server, cancel)
	return ctx, func() { stop(); cancel() }
}

func readAll(body io.ReadCloser) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	content, err := io.ReadAll(body)
	return content, cmp.Or(err, body.Close())
}

// page is what a proxy answers with in the server's place, which has got the request or not: then it may also be that there
// are too many.
func page(r *http.Request, f fate, arrived bool) *http.Response {
	statuses := []int{http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusOK}
	if !arrived {
		statuses = append(statuses, http.StatusTooManyRequests)
	}
	status := statuses[f.choice%uint64(len(statuses))]
	content := inprocess.Page(status)
	header := http.Header{"Content-Type": {"text/html"}}
	if status == http.StatusServiceUnavailable {
		header.Set("Retry-After", strconv.Itoa(int(f.choice%60)))
	}
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(content)), ContentLength: int64(len(content)), Request: r,
	}
}

// outcomeOf is an answer in few words.
func outcomeOf(status int, answer []byte) string {
	_, code, found := strings.Cut(string(answer), `"resultCode":"`)
	if !found {
		if _, code, found = strings.Cut(string(answer), `"code":"`); !found {
			return strconv.Itoa(status)
		}
	}
	code, _, _ = strings.Cut(code, `"`)
	return code
}
