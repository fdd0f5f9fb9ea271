package alipaycn

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// Request is a call of any operation of OpenAPI V3, for [Client.Do].
type Request struct {
	// Method is the HTTP method of AlipayCN's documents. Required.
	Method string
	// Path is the path of AlipayCN's documents, "/v3/alipay/open/mini/version/list/query",
	// or the operation's name, "alipay.open.mini.version.list.query". It may have a query
	// string, percent-encoded. Required.
	Path string
	// Input is what is sent; may be nil. For GET, HEAD and DELETE it is the query string:
	// [url.Values], or a struct or map that is a flat object in JSON. Otherwise it is
	// anything that is JSON, [json.RawMessage] included. One with a Validate method is
	// checked before it is sent.
	Input any
	// Files make the call multipart/form-data, with Input as its part "data".
	Files []FilePart
	// Repeatable says that sending the call twice does no harm. Without it only GET and HEAD
	// are repeated after an unknown outcome.
	Repeatable bool
	// ForItself calls for the app itself, whomever the client acts for: without app_auth_token.
	ForItself bool
}

// FilePart is a file of a [Request].
type FilePart struct {
	// Name is the name of the part in AlipayCN's documents, for example "app_logo".
	Name string
	// File is the file. Its content is not checked.
	File *File
}

// Response is what AlipayCN answered to [Client.Do].
type Response struct {
	Answer
	// HTTPStatus is the status of the last answer.
	HTTPStatus int
	// Header are its headers. They are not signed.
	Header http.Header
	// TraceID names the call in AlipayCN's log; may be empty.
	TraceID string
	// Attempts is how often the call was sent.
	Attempts int
	// Body holds the bytes as they came, which are those that the signature covers:
	// encrypted where AES is used. Whether they can be trusted, the error says.
	Body []byte
}

// Do makes a call that this package does not wrap: signed, verified, decrypted, traced and
// repeated as all calls are, and with the same errors. A success is in out, a pointer
// to what the answer's JSON is read into, as tolerantly as the answers of this package;
// a [json.RawMessage] takes it as it is, and nil ignores it.
//
// No answer is compared with the question: where it repeats an id, compare that yourself.
//
// A call that may change something is not repeated when its outcome is unknown, unless
// the request says so, and no state proves what became of it: the error matches
// [alipayplus.ErrOutcomeUnknown].
//
// The response is nil only when there was no answer; with an error it is that of the
// refusal, or of what cannot be trusted. The error is an [Error] with the operation's
// name by AlipayCN.
func (c *Client) Do(ctx context.Context, r Request, out any) (*Response, error) {
	op, target, err := r.operation()
	if err != nil {
		return nil, notSent(op, err)
	}
	if err := c.check(op, r.Input); err != nil {
		return nil, err
	}
	call, err := c.encodeRequest(op, target, r)
	if err != nil {
		return nil, notSent(op, err)
	}
	response := new(Response)
	call.response = response
	err = c.exchange(ctx, op, call, out)
	if response.HTTPStatus == 0 {
		return nil, err
	}
	return response, err
}

// operation checks a request and returns what it calls, and where.
func (r Request) operation() (cnwire.Operation, string, error) {
	path := r.Path
	if path != "" && !strings.Contains(path, "/") {
		path = cnwire.Operation{API: path}.Path()
	}
	at, err := url.ParseRequestURI(path)
	op := cnwire.Operation{Name: "do", Method: r.Method, Kind: cnwire.JSON, Write: r.Method != http.MethodGet && r.Method != http.MethodHead}
	var p problems
	switch {
	case r.Path == "":
		p.Add("path", "is required")
	case err != nil || at.Host != "" || strings.Contains(path, "#") || !strings.HasPrefix(path, "/v3/"):
		p.Add("path", "must be a path of OpenAPI V3 such as /v3/alipay/open/mini/version/list/query, or an operation's name")
	default:
		op.API = strings.ReplaceAll(strings.Trim(strings.TrimPrefix(at.Path, "/v3"), "/"), "/", ".")
		op.Name = op.API
	}
	r.checkMethod(&op, &p)
	r.checkFiles(&p)
	p.Problems = append(p.Problems, validation.Texts(r.Input)...)
	if err := p.err("request"); err != nil {
		return op, "", err
	}
	return op, at.RequestURI(), nil
}

// checkMethod says how the input travels.
func (r Request) checkMethod(op *cnwire.Operation, p *problems) {
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	if !slices.Contains(methods, r.Method) {
		p.Add("method", fmt.Sprintf("must be one of %v", methods))
	}
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodDelete}, r.Method) {
		op.Kind = cnwire.Query
	}
	if len(r.Files) > 0 {
		if op.Kind == cnwire.Query {
			p.Add("files", "cannot be sent with "+r.Method)
		}
		op.Kind = cnwire.Multipart
	}
}

func (r Request) checkFiles(p *problems) {
	for i, part := range r.Files {
		path := fmt.Sprintf("files[%d]", i)
		if part.Name == "" || strings.ContainsAny(part.Name, "\"\r\n") {
			p.Add(path+".name", "must be the name of a part")
		}
		if part.File == nil {
			p.Add(path+".file", "is required")
			continue
		}
		p.file(path+".file", part.File, fileRule{})
	}
}

func (c *Client) encodeRequest(op cnwire.Operation, target string, r Request) (outgoing, error) {
	call := outgoing{target: target, forItself: r.ForItself, unwrapped: true, repeatable: r.Repeatable}
	if op.Kind != cnwire.Query {
		if r.Input == nil && op.Kind == cnwire.JSON {
			return call, nil
		}
		return c.encodeBody(call, op, r.Input, r.parts())
	}
	values, given := r.Input.(url.Values)
	if !given && r.Input != nil {
		var err error
		if values, err = queryValues(r.Input); err != nil {
			return outgoing{}, err
		}
	}
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	if len(values) > 0 {
		call.target += separator + values.Encode()
	}
	return call, nil
}

func (r Request) parts() []filePart {
	parts := make([]filePart, len(r.Files))
	for i, part := range r.Files {
		parts[i] = filePart{part.Name, part.File}
	}
	return parts
}

// take keeps what came.
func (r *Response) take(status int, header http.Header, body []byte, attempt int) {
	*r = Response{HTTPStatus: status, Header: header, TraceID: shortened(header.Get(traceHeader), longestQuote), Attempts: attempt, Body: body}
}
