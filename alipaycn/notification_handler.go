package alipaycn

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/locks"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// NotificationOptions are what a [NotificationHandler] needs: AppID, Handle,
// and the public key or a certificate. The rest has defaults, none of which
// AlipayCN documents.
type NotificationOptions struct {
	// AppID is the id of the app whose gateway address this is; required.
	// Notifications for another app are refused, even when Alipay signed them.
	AppID string
	// AlipayPublicKey is Alipay's public key from the console, as PEM or bare
	// base64. It is not the app's own public key.
	AlipayPublicKey []byte
	// AlipayCertificates are Alipay's certificates as PEM, where the app uses
	// certificates: the present one and, during a change, the next one. A
	// notification names its certificate in alipay_cert_sn.
	AlipayCertificates [][]byte
	// Handle gets each notification; required. AlipayCN is answered "success" only
	// after it returned nil, and sends the notification again otherwise. It must be
	// idempotent: after a crash, or when the store has dropped the id, a notification
	// comes again. The context ends when AlipayCN closes the connection.
	Handle func(ctx context.Context, n Notification) error
	// Seen records which notifications were handled. The default is a
	// [MemorySeenStore], which does not outlive the process and is not shared.
	Seen SeenStore
	// SeenFor is how long the id of a notification is kept; 0 means 48 hours.
	SeenFor time.Duration
	// MaxBodyBytes is how long a notification may be; 0 means 1 MiB.
	MaxBodyBytes int64
	// Logger gets what was rejected and what failed, without tokens and codes.
	// The default logs nothing.
	Logger *slog.Logger
}

// The defaults.
const (
	defaultSeenFor      = 48 * time.Hour
	defaultMaxBodyBytes = 1 << 20
)

// recordTimeout bounds recording the id of a notification that was handled.
const recordTimeout = 10 * time.Second

// NotificationHandler takes the notifications that AlipayCN posts to the
// application gateway (应用网关) of an app. It is an [http.Handler], safe for
// concurrent use.
//
// Both protocols are understood: open_app_auth_notify, and the From-Ant message
// service. The form is decoded once, verified with sign_type kept and then
// removed, and parsed into a [Notification]. What comes in the query of the address is
// ignored: it is not signed.
//
// The answer is "success" with status 200 once Handle returned nil for the
// notification, now or at an earlier delivery with the same notify_id; deliveries of one
// notify_id wait for each other. It is "fail" with status 500 when Handle failed
// or panicked, and "fail" with status 403, or another of the 4xx, when the
// notification cannot be verified; why is in the log only.
//
// AlipayCN does not document how often and how long it repeats a notification.
//
// Treat a notification as a hint, and confirm what matters by asking AlipayCN
// ([VersionsClient.Get], [AuthorizationClient.Query]): deliveries may come late
// and in another order than they were sent, a signature stays valid for ever,
// and the signed text does not mark where a parameter ends.
type NotificationHandler struct {
	appID        string
	publicKey    *rsa.PublicKey
	certificates []*cnwire.Certificate
	handle       func(context.Context, Notification) error
	seen         SeenStore
	seenFor      time.Duration
	maxBodyBytes int64
	logger       *slog.Logger
	deliveries   locks.Keyed
}

// NewNotificationHandler returns a handler. It calls nobody. The error is an
// *alipayplus.ValidationError with every broken option.
func NewNotificationHandler(opts NotificationOptions) (*NotificationHandler, error) {
	h := &NotificationHandler{
		appID: opts.AppID, handle: opts.Handle, seen: opts.Seen, seenFor: opts.SeenFor,
		maxBodyBytes: opts.MaxBodyBytes, logger: opts.Logger,
	}
	var p problems
	if p.required("AppID", opts.AppID) {
		p.appID("AppID", opts.AppID)
	}
	if opts.Handle == nil {
		p.Add("Handle", "is required")
	}
	if opts.SeenFor < 0 {
		p.Add("SeenFor", "must not be negative")
	}
	if opts.MaxBodyBytes < 0 {
		p.Add("MaxBodyBytes", "must not be negative")
	}
	h.addKeys(opts, &p)
	if err := p.err("notification options"); err != nil {
		return nil, err
	}
	h.addDefaults()
	return h, nil
}

func (h *NotificationHandler) addKeys(opts NotificationOptions, p *problems) {
	if len(opts.AlipayPublicKey) == 0 && len(opts.AlipayCertificates) == 0 {
		p.Add("AlipayPublicKey", "is required, or AlipayCertificates: without it no notification can be verified")
	}
	if len(opts.AlipayPublicKey) > 0 {
		key, err := signing.ParsePublicKey(opts.AlipayPublicKey)
		if err != nil {
			p.Add("AlipayPublicKey", "is not one: "+err.Error())
		}
		h.publicKey = key
	}
	for i, text := range opts.AlipayCertificates {
		certificate, err := cnwire.ParseCertificate(text)
		if err != nil {
			p.Add(fmt.Sprintf("AlipayCertificates[%d]", i), "is not one: "+err.Error())
		}
		h.certificates = append(h.certificates, certificate)
	}
}

func (h *NotificationHandler) addDefaults() {
	if h.seen == nil {
		h.seen = NewMemorySeenStore(0)
	}
	if h.seenFor == 0 {
		h.seenFor = defaultSeenFor
	}
	if h.maxBodyBytes == 0 {
		h.maxBodyBytes = defaultMaxBodyBytes
	}
	if h.logger == nil {
		h.logger = slog.New(slog.DiscardHandler)
	}
}

// ServeHTTP takes one notification; see [NotificationHandler] for the answers.
func (h *NotificationHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fields, invalid := h.receive(w, r)
	if invalid != nil {
		h.logger.WarnContext(r.Context(), "a notification was refused", "reason", invalid.reason)
		answerNotification(w, invalid.status, "fail")
		return
	}
	n := parseNotification(fields)
	if err := h.deliver(r.Context(), fields, n); err != nil {
		h.logger.ErrorContext(r.Context(), "a notification failed", "notification", n, "error", withoutSecrets(fields, err.Error()))
		answerNotification(w, http.StatusInternalServerError, "fail")
		return
	}
	answerNotification(w, http.StatusOK, "success")
}

func answerNotification(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the connection may be closed
}

// invalidNotification is why a request is not a notification that can be trusted. Only
// the status leaves the process.
type invalidNotification struct {
	status int
	reason string
}

func invalidNotificationf(status int, format string, args ...any) *invalidNotification {
	return &invalidNotification{status: status, reason: fmt.Sprintf(format, args...)}
}

// receive returns the parameters of a notification that Alipay signed for this
// app. Empty parameters are left out: not every sender signs them.
func (h *NotificationHandler) receive(w http.ResponseWriter, r *http.Request) (map[string]string, *invalidNotification) {
	if invalid := checkRequest(r); invalid != nil {
		return nil, invalid
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.maxBodyBytes))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return nil, invalidNotificationf(http.StatusRequestEntityTooLarge, "the body exceeds %d bytes (MaxBodyBytes)", h.maxBodyBytes)
	}
	if err != nil {
		return nil, invalidNotificationf(http.StatusBadRequest, "the body could not be read: %v", err)
	}
	params, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidNotificationf(http.StatusBadRequest, "the body is no form")
	}
	if invalid := checkParams(params); invalid != nil {
		return nil, invalid
	}
	if invalid := h.verify(params); invalid != nil {
		return nil, invalid
	}
	return signedFields(params), nil
}

func checkRequest(r *http.Request) *invalidNotification {
	if r.Method != http.MethodPost {
		return invalidNotificationf(http.StatusMethodNotAllowed, "the method is %.16q, notifications come by POST", r.Method)
	}
	kind, charset := mediaType(r.Header.Get("Content-Type"))
	switch {
	case kind != "application/x-www-form-urlencoded":
		return invalidNotificationf(http.StatusUnsupportedMediaType, "the content type is %.64q, notifications are application/x-www-form-urlencoded", kind)
	case !isUTF8(charset):
		return invalidNotificationf(http.StatusBadRequest, "the charset of the content type is %.32q: set UTF-8 in the console", charset)
	default:
		return nil
	}
}

// mediaType reads a Content-Type as leniently as it takes: AlipayCN has been
// seen to send "application/x-www-form-urlencoded; text/html; charset=UTF-8",
// which package mime refuses because text/html is no parameter.
func mediaType(header string) (kind, charset string) {
	kind, params, _ := strings.Cut(header, ";")
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if strings.EqualFold(strings.TrimSpace(name), "charset") {
			charset = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return strings.ToLower(strings.TrimSpace(kind)), charset
}

// checkParams rejects parameters that are ambiguous.
func checkParams(params url.Values) *invalidNotification {
	for name, values := range params {
		if len(values) != 1 {
			return invalidNotificationf(http.StatusBadRequest, "parameter %.64q comes %d times", name, len(values))
		}
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return invalidNotificationf(http.StatusBadRequest, "parameter %.64q is not UTF-8: set UTF-8 in the console", name)
		}
	}
	if charset := params.Get("charset"); !isUTF8(charset) {
		return invalidNotificationf(http.StatusBadRequest, "the charset is %.32q: set UTF-8 in the console", charset)
	}
	return nil
}

func isUTF8(charset string) bool {
	return charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "utf8")
}

// verify checks the signature, and that the notification is for this app. The
// notifications of the service market may lack an app id; they are let through
// and become an [UnknownNotification], whereas the typed ones need an app id.
func (h *NotificationHandler) verify(params url.Values) *invalidNotification {
	keys := h.keysFor(params.Get("alipay_cert_sn"))
	if len(keys) == 0 {
		return invalidNotificationf(http.StatusForbidden, "no certificate has the serial %.64q: add Alipay's new certificate to AlipayCertificates", params.Get("alipay_cert_sn"))
	}
	var err error
	for _, key := range keys {
		if err = cnwire.VerifyNotification(key, params); err == nil {
			break
		}
	}
	if err != nil {
		return invalidNotificationf(http.StatusForbidden, "%v", err)
	}
	if got := params.Get("app_id"); got != "" && got != h.appID {
		return invalidNotificationf(http.StatusForbidden, "it is for app %.64q, not for %q", got, h.appID)
	}
	return nil
}

// keysFor returns the keys that a notification may be signed with.
func (h *NotificationHandler) keysFor(certSN string) []*rsa.PublicKey {
	var all []*rsa.PublicKey
	for _, c := range h.certificates {
		if c.SN == certSN {
			return []*rsa.PublicKey{c.PublicKey}
		}
		all = append(all, c.PublicKey)
	}
	switch {
	case h.publicKey != nil:
		return []*rsa.PublicKey{h.publicKey}
	case certSN == "":
		return all
	default:
		return nil
	}
}

func signedFields(params url.Values) map[string]string {
	fields := make(map[string]string, len(params))
	for name, values := range params {
		if values[0] != "" {
			fields[name] = values[0]
		}
	}
	return fields
}

// deliver returns nil when the notification was handled, now or before.
func (h *NotificationHandler) deliver(ctx context.Context, fields map[string]string, n Notification) error {
	id := seenKey(fields)
	unlock, err := h.deliveries.Lock(ctx, id)
	if err != nil {
		return fmt.Errorf("wait for another delivery of it: %w", err)
	}
	defer unlock()
	seen, err := h.seen.Seen(ctx, id)
	if err != nil {
		return fmt.Errorf("look whether it was seen before: %w", err)
	}
	if seen {
		h.logger.DebugContext(ctx, "a notification came again", "notification", n)
		return nil
	}
	if err := h.call(ctx, n); err != nil {
		return err
	}
	h.record(ctx, id, fields, n)
	return nil
}

// call converts a panic of the user's function, or of its error's text, to an
// error.
func (h *NotificationHandler) call(ctx context.Context, n Notification) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v; %s", p, debug.Stack())
		}
	}()
	if err := h.handle(ctx, n); err != nil {
		return errors.New(err.Error())
	}
	return nil
}

// record stores the id of a notification that was handled, even when AlipayCN has
// closed the connection. A failure does not change the answer: at worst the
// notification is handled a second time, which "fail" would make certain.
func (h *NotificationHandler) record(ctx context.Context, id string, fields map[string]string, n Notification) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if _, err := h.seen.Add(ctx, id, time.Now().Add(h.seenFor)); err != nil {
		h.logger.ErrorContext(ctx, "a notification was handled, but could not be recorded; it may be handled again",
			"notification", n, "error", withoutSecrets(fields, err.Error()))
	}
}

// seenKey names a notification for the [SeenStore]: by its notify_id or, where
// it has none, by its signature, of which each content has one.
func seenKey(fields map[string]string) string {
	if id := fields["notify_id"]; isID(id) {
		return "notification:" + id
	}
	return "notification:" + sha256Hex(fields["sign"])
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
