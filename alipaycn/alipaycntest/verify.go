package alipaycntest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// call is a verified call.
type call struct {
	op     cnwire.Operation
	caller *app // who signed
	app    *app // the mini program that it is for; nil where it is for none
	isv    *app // the third-party app; nil when a mini program calls for itself
	data   []byte
	fields map[string]any
	files  map[string]*alipaycn.File
	aes    *cnwire.AESKey // encrypts the call and its answer; may be nil
	now    time.Time

	// origin is the address under which the call reached the gateway.
	origin string
	// dataType is the content type of what is signed: the body, or the part data.
	dataType string
}

func (c *call) miniID() string {
	if c.app == nil {
		return ""
	}
	return c.app.id
}

// owner is the app that an effect is counted for.
func (c *call) owner() *app {
	if c.app == nil {
		return c.caller
	}
	return c.app
}

// text returns a field as text; numbers and booleans as they are written.
func (c *call) text(name string) string {
	if c.fields[name] == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(c.fields[name]))
}

// verify authenticates a request and reads its input. With an error it returns the
// part of the call that was read.
func (g *Gateway) verify(r *http.Request, route route, body []byte) (*call, error) {
	if route.handle == nil {
		return nil, refuse(alipaycn.GatewayInvalidMethod, "there is no operation %s %.200s", r.Method, r.URL.Path)
	}
	caller, auth, err := g.authorization(r)
	if err != nil {
		return nil, err
	}
	c := &call{op: route.op, caller: caller}
	signed, err := c.unpack(r, body)
	if err != nil {
		return c, err
	}
	token := r.Header.Get("Alipay-App-Auth-Token")
	if len(r.Header.Values("Alipay-App-Auth-Token")) > 1 {
		return c, refuse(alipaycn.GatewayInvalidAppAuthToken, "alipay-app-auth-token is given twice")
	}
	if err := cnwire.VerifyRequest(caller.key, auth, r.Method, r.RequestURI, signed, token); err != nil {
		return c, refuse(alipaycn.GatewayInvalidSignature, "%v", err)
	}
	if err := g.checkFresh(auth); err != nil {
		return c, err
	}
	if err := g.permit(c, route, token); err != nil {
		return c, err
	}
	return c, c.decode(r, signed)
}

// authorization reads the header and finds out who calls.
func (g *Gateway) authorization(r *http.Request) (*app, cnwire.Authorization, error) {
	values := r.Header.Values("Authorization")
	if len(values) > 1 {
		return nil, cnwire.Authorization{}, refuse(alipaycn.GatewayInvalidSignature, "authorization is given twice")
	}
	auth, err := cnwire.ParseAuthorization(r.Header.Get("Authorization"))
	switch {
	case errors.Is(err, signing.ErrNoSignature):
		return nil, auth, refuse("missing-signature", "%v", err)
	case errors.Is(err, signing.ErrAlgorithm):
		return nil, auth, refuse("invalid-signature-type", "%v", err)
	case err != nil:
		return nil, auth, refuse(alipaycn.GatewayInvalidSignature, "%v", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	caller := g.apps[auth.AppID]
	if caller == nil || caller.key == nil {
		return nil, auth, refuse(alipaycn.GatewayInvalidAppID, "there is no app %.32q that may call", auth.AppID)
	}
	return caller, auth, g.checkCertificates(caller, auth, r.Header)
}

// checkCertificates checks the serials that a request names.
func (g *Gateway) checkCertificates(caller *app, auth cnwire.Authorization, h http.Header) error {
	root := h.Get("Alipay-Root-Cert-Sn")
	switch {
	case caller.certSN != "" && auth.AppCertSN == "":
		return refuse("missing-app-cert-sn", "the app uses certificates")
	case auth.AppCertSN != caller.certSN:
		return refuse("app-cert-not-exist", "the app has no certificate %.64q", auth.AppCertSN)
	case root != "" && g.cfg.roots != nil && root != g.cfg.roots.SN:
		return refuse("invalid-alipay-root-cert-sn", "the root certificates are others")
	}
	return nil
}

// unpack returns the signed part of a body, and keeps the files.
func (c *call) unpack(r *http.Request, body []byte) (signed []byte, err error) {
	if c.op.Kind != cnwire.Multipart {
		return body, nil
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, refuse("invalid-request-data", "content-type must be multipart/form-data with a boundary")
	}
	c.files = map[string]*alipaycn.File{}
	reader := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return signed, nil
		}
		if err != nil {
			return nil, refuse("invalid-request-data", "the multipart body is malformed")
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, refuse("invalid-request-data", "the multipart body is cut short")
		}
		if err := c.addPart(part, content, &signed); err != nil {
			return nil, err
		}
	}
}

func (c *call) addPart(part *multipart.Part, content []byte, signed *[]byte) error {
	name := part.FormName()
	if name == cnwire.DataPart && *signed == nil {
		c.dataType, _, _ = mime.ParseMediaType(part.Header.Get("Content-Type"))
		*signed = content
		return nil
	}
	switch {
	case !slices.Contains(fileParts(c.op), name):
		return refuse("invalid-request-data", "there is no part %.64q, or it is given twice", name)
	case c.files[name] != nil:
		return refuse("invalid-request-data", "the part %s is given twice", name)
	case part.FileName() == "":
		return refuse("invalid-file-extension", "the part %s has no file name", name)
	}
	c.files[name] = &alipaycn.File{Name: part.FileName(), Content: bytes.NewReader(content), Size: int64(len(content))}
	return nil
}

// checkFresh refuses a verified request that is too old, or is sent again.
func (g *Gateway) checkFresh(auth cnwire.Authorization) error {
	now, sent := time.Now(), time.UnixMilli(auth.Timestamp)
	until := sent.Add(g.cfg.window)
	if auth.ExpiredSeconds > 0 {
		until = sent.Add(time.Duration(auth.ExpiredSeconds) * time.Second)
	}
	if now.After(until) || sent.After(now.Add(g.cfg.window)) {
		return refuse(alipaycn.GatewayIllegalTimestamp, "timestamp is %v away from the gateway's time", now.Sub(sent).Abs().Round(time.Second))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forgetNonces(now)
	key := auth.AppID + " " + auth.Nonce
	if end, used := g.nonces[key]; used && !now.After(end) {
		return refuse(alipaycn.GatewayInvalidSignature, "the nonce was used before: sign each attempt afresh")
	}
	g.nonces[key] = until
	return nil
}

// forgetNonces drops, now and then, the nonces of requests that are too old anyhow.
func (g *Gateway) forgetNonces(now time.Time) {
	if now.Sub(g.forgotten) < g.cfg.window {
		return
	}
	g.forgotten = now
	maps.DeleteFunc(g.nonces, func(_ string, end time.Time) bool { return now.After(end) })
}

// permit finds the mini program that the call is for, and checks that the caller
// may act for it.
func (g *Gateway) permit(c *call, route route, token string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case route.own:
		return nil
	case token == "" && c.caller.thirdParty:
		return refuse("self-invoke-forbidden", "a third-party app needs the merchant's app_auth_token")
	case token == "":
		c.app = c.caller
		return nil
	}
	granted := g.tokens[token]
	if granted == nil || !granted.valid() || granted.isv != c.caller {
		return refuse(alipaycn.GatewayInvalidAppAuthToken, "the app_auth_token is not valid for this app")
	}
	c.app, c.isv = granted.app, c.caller
	if granted.methods != nil && !slices.Contains(granted.methods, c.op.API) {
		return refuse(alipaycn.GatewayInvalidAppAuthTokenNoAPI, "the merchant did not grant %s", c.op.API)
	}
	return nil
}

// decode reads the input, after its signature was verified.
func (c *call) decode(r *http.Request, signed []byte) error {
	if c.op.Kind == cnwire.Query {
		return c.decodeQuery(r, signed)
	}
	if err := c.decrypt(r, &signed); err != nil {
		return err
	}
	if len(signed) == 0 {
		signed = []byte("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(signed))
	decoder.UseNumber()
	if err := decoder.Decode(&c.fields); err != nil || c.fields == nil || !json.Valid(signed) { // Valid: nothing follows the object
		return refuse("illegal-json", "the content is not a JSON object")
	}
	c.data = signed
	return nil
}

// decrypt checks the kind of content, and decrypts it where it is encrypted.
func (c *call) decrypt(r *http.Request, signed *[]byte) error {
	if err := c.readEncryption(r.Header); err != nil {
		return err
	}
	if c.op.Kind == cnwire.JSON {
		c.dataType, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type"))
	}
	switch {
	case c.op.Kind == cnwire.Multipart && *signed == nil: // files only
		return nil
	case c.aes == nil && c.dataType != "application/json":
		return refuse("invalid-request-data", "content-type must be application/json")
	case c.aes == nil:
		return nil
	case c.dataType != "text/plain" && c.op.Kind == cnwire.JSON:
		return refuse("invalid-request-data", "content-type must be text/plain when the content is encrypted")
	}
	plain, err := c.aes.Decrypt(*signed)
	if err != nil {
		return refuse("invalid-encrypt", "%v", err)
	}
	*signed = plain
	return nil
}

// readEncryption finds out whether the call and its answer are encrypted.
func (c *call) readEncryption(h http.Header) error {
	switch algorithm := h.Get("Alipay-Encrypt-Type"); {
	case algorithm == "":
		return nil
	case algorithm != "AES":
		return refuse("invalid-encrypt-type", "alipay-encrypt-type must be AES")
	case c.caller.aes == nil:
		return refuse("missing-encrypt-key", "the app has no AES key")
	}
	c.aes = c.caller.aes
	return nil
}

func (c *call) decodeQuery(r *http.Request, signed []byte) error {
	if len(signed) > 0 {
		return refuse("invalid-request-data", "the call has no body")
	}
	if err := c.readEncryption(r.Header); err != nil {
		return err
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return refuse("invalid-request-data", "the query string is malformed")
	}
	c.fields = map[string]any{}
	for name, all := range values {
		if len(all) > 1 {
			return refuse("invalid-request-data", "the parameter %.64q is given twice", name)
		}
		c.fields[name] = all[0]
	}
	return nil
}
