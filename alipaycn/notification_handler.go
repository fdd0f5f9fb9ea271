package alipaycn

import (
	"context"
	"crypto"
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
	"sync"
	"time"

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
	// AESKey is the app's AES key as the console shows it (接口内容加密方式), with
	// which the content of notifications is decrypted. Without it an encrypted
	// notification is an [UnknownNotification] that says so.
	AESKey []byte
	// AppPrivateKey is the app's own private key, as PEM or bare base64: with it the
	// answer to the console's check of the gateway address is signed, and shows the
	// app's public key. Nothing else is signed with it.
	AppPrivateKey []byte
	// AppSigner is AppPrivateKey as a signer, which may live in a KMS or an HSM.
	AppSigner crypto.Signer
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
// service; in UTF-8 and in GBK. The form is decoded once, verified with sign_type and
// empty values kept and left out, as senders differ, and parsed into a
// [Notification]. Behind a middleware that has called ParseForm, PostForm is taken.
// What comes in the query of the address is ignored: it is not signed.
//
// The console's own check of the address (alipay.service.check) is answered as
// documented; Handle does not see it.
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
// and in another order than they were sent, and a signature stays valid for ever.
// The signed text does not mark where a parameter ends; a notification that can be
// read in two ways, as far as ids, app, kind and content go, is refused.
type NotificationHandler struct {
	verifier     *NotificationVerifier
	check        checkAnswers
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
	var p problems
	return opts.newHandler(newNotificationVerifier(opts, &p), &p)
}

// NewNotificationHandler returns a handler of the notifications for the app that the client
// calls as. What verifies, decrypts and signs is the client's, so opts must have Handle and
// none of AppID, keys, certificates and signer; the rest is as for [NewNotificationHandler].
func (c *Client) NewNotificationHandler(opts NotificationOptions) (*NotificationHandler, error) {
	var p problems
	if opts.AppID != "" || len(opts.AlipayPublicKey)+len(opts.AlipayCertificates)+len(opts.AESKey)+len(opts.AppPrivateKey) > 0 || opts.AppSigner != nil {
		p.Add("AppID", "and keys are the client's: leave them out")
	}
	opts.AppSigner = c.signer
	return opts.newHandler(&NotificationVerifier{appID: c.appID, keys: c.trust.keys, aes: c.aes}, &p)
}

func (opts NotificationOptions) newHandler(verifier *NotificationVerifier, p *problems) (*NotificationHandler, error) {
	h := &NotificationHandler{
		verifier: verifier, handle: opts.Handle, seen: opts.Seen, seenFor: opts.SeenFor,
		maxBodyBytes: opts.MaxBodyBytes, logger: opts.Logger,
	}
	h.check.signer = appSigner(opts, p)
	if opts.Handle == nil {
		p.Add("Handle", "is required")
	}
	if opts.SeenFor < 0 {
		p.Add("SeenFor", "must not be negative")
	}
	if opts.MaxBodyBytes < 0 {
		p.Add("MaxBodyBytes", "must not be negative")
	}
	if err := p.err("notification options"); err != nil {
		return nil, err
	}
	h.addDefaults()
	return h, nil
}

// appSigner is nil without a key.
func appSigner(opts NotificationOptions, p *problems) crypto.Signer {
	switch {
	case opts.AppSigner != nil && len(opts.AppPrivateKey) > 0:
		p.Add("AppPrivateKey", "and AppSigner are both given: give one of them")
	case opts.AppSigner != nil:
		if _, err := signing.CheckSigner(opts.AppSigner); err != nil {
			p.Add("AppSigner", "is not one: "+err.Error())
		}
		return opts.AppSigner
	case len(opts.AppPrivateKey) > 0:
		key, err := signing.ParsePrivateKey(opts.AppPrivateKey)
		if err != nil {
			p.Add("AppPrivateKey", "is not one: "+err.Error())
			return nil
		}
		return key
	}
	return nil
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
	params, charset, invalid := h.receive(w, r)
	var signed signedFields
	if invalid == nil {
		signed, invalid = h.verifier.verify(params, charset)
	}
	if params.Get("service") == cnwire.GatewayCheckService {
		h.answerCheck(w, r, signed.fields, invalid)
		return
	}
	if invalid != nil {
		h.logger.WarnContext(r.Context(), "a notification was refused", "reason", invalid.reason)
		answerNotification(w, invalid.status, "fail")
		return
	}
	n := h.verifier.read(signed)
	if unknown, ok := n.(*UnknownNotification); ok && unknown.Problem != "" {
		h.logger.WarnContext(r.Context(), "a notification cannot be read", "notification", n, "problem", unknown.Problem)
	}
	if err := h.deliver(r.Context(), signed.fields, n); err != nil {
		h.logger.ErrorContext(r.Context(), "a notification failed", "notification", n, "error", withoutSecrets(signed.fields, err.Error()))
		answerNotification(w, http.StatusInternalServerError, "fail")
		return
	}
	answerNotification(w, http.StatusOK, "success")
}

// answerCheck answers the console's check of the gateway address. A check that is not
// Alipay's, or is for another app, is answered that it failed, as documented.
func (h *NotificationHandler) answerCheck(w http.ResponseWriter, r *http.Request, fields map[string]string, invalid *invalidNotification) {
	if invalid == nil {
		appID, err := cnwire.ReadGatewayCheck(fields["biz_content"])
		switch {
		case err != nil:
			invalid = invalidNotificationf(http.StatusForbidden, "%v", err)
		case appID != h.verifier.appID:
			invalid = invalidNotificationf(http.StatusForbidden, "it is for app %.64q, not for %q", appID, h.verifier.appID)
		}
	}
	answer, err := h.check.answer(invalid == nil)
	if err != nil {
		h.logger.ErrorContext(r.Context(), "the console's check of the gateway could not be answered", "error", err)
		answerNotification(w, http.StatusInternalServerError, "fail")
		return
	}
	if invalid != nil {
		h.logger.WarnContext(r.Context(), "the console's check of the gateway was refused", "reason", invalid.reason)
	}
	w.Header().Set("Content-Type", "text/xml; charset=GBK")
	_, _ = io.WriteString(w, answer) // the connection may be closed
}

// checkAnswers are the answers to the console's check, which never change: each is
// signed once, whoever asks how often.
type checkAnswers struct {
	signer crypto.Signer // nil: they are not signed
	mu     sync.Mutex
	made   map[bool]string
}

func (c *checkAnswers) answer(good bool) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, ok := c.made[good]; ok {
		return answer, nil
	}
	answer, err := cnwire.AnswerGatewayCheck(c.signer, good)
	if err != nil {
		return "", err
	}
	if c.made == nil {
		c.made = map[bool]string{}
	}
	c.made[good] = answer
	return answer, nil
}

func answerNotification(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the connection may be closed
}

// receive returns the parameters of the form, decoded once, as they came, and the
// charset of the content type.
func (h *NotificationHandler) receive(w http.ResponseWriter, r *http.Request) (url.Values, string, *invalidNotification) {
	charset, invalid := checkRequest(r)
	if invalid != nil {
		return nil, "", invalid
	}
	if len(r.PostForm) > 0 { // a middleware has called ParseForm
		params, invalid := h.parsedForm(r.PostForm)
		return params, charset, invalid
	}
	body, err := readAll(w, r, h.maxBodyBytes)
	_, tooLong := errors.AsType[*http.MaxBytesError](err)
	switch {
	case tooLong:
		return nil, "", h.tooLong()
	case r.PostForm != nil && len(body) == 0: // it is neither in the form nor put back
		_, invalid := h.parsedForm(r.PostForm)
		return nil, "", invalid
	case err == nil && len(body) == 0 || errors.Is(err, http.ErrBodyReadAfterClose):
		return nil, "", invalidNotificationf(http.StatusBadRequest, "the body is empty: if a middleware reads it, it must call r.ParseForm, or put the body back")
	case err != nil:
		return nil, "", invalidNotificationf(http.StatusBadRequest, "the body could not be read: %v", err)
	}
	params, err := url.ParseQuery(strings.TrimRight(string(body), "\r\n"))
	if err != nil {
		return nil, "", invalidNotificationf(http.StatusBadRequest, "the body is no form: it has a percent sign or a semicolon that is not encoded")
	}
	return params, charset, nil
}

func readAll(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, most))
}

// parsedForm is what somebody has read before. Its query is not in it.
func (h *NotificationHandler) parsedForm(form url.Values) (url.Values, *invalidNotification) {
	var size int64
	for name, values := range form {
		for _, value := range values {
			size += int64(len(name) + len(value) + len("=&"))
		}
	}
	switch {
	case len(form) == 0:
		return nil, invalidNotificationf(http.StatusBadRequest, "the form is empty: a middleware has read the body before r.ParseForm was called, and must put it back")
	case size > h.maxBodyBytes+1: // the last parameter has no & behind it
		return nil, h.tooLong()
	}
	return form, nil
}

func (h *NotificationHandler) tooLong() *invalidNotification {
	return invalidNotificationf(http.StatusRequestEntityTooLarge, "the body exceeds %d bytes (MaxBodyBytes)", h.maxBodyBytes)
}

func checkRequest(r *http.Request) (charset string, invalid *invalidNotification) {
	if r.Method != http.MethodPost {
		return "", invalidNotificationf(http.StatusMethodNotAllowed, "the method is %.16q, notifications come by POST", r.Method)
	}
	kind, charset := mediaType(r.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" {
		return "", invalidNotificationf(http.StatusUnsupportedMediaType, "the content type is %.64q, notifications are application/x-www-form-urlencoded", kind)
	}
	return charset, nil
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

// deliver returns nil when the notification was handled, now or before.
func (h *NotificationHandler) deliver(ctx context.Context, fields map[string]string, n Notification) error {
	id := h.seenKey(fields)
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

// seenKey names a notification for the [SeenStore], which several apps may share:
// by its notify_id or, where it has none, by its signature, of which each signed
// text has one, however it is taken apart.
func (h *NotificationHandler) seenKey(fields map[string]string) string {
	key := "notification:" + h.verifier.appID + ":"
	if id := fields["notify_id"]; isID(id) {
		return key + id
	}
	return key + sha256Hex(fields["sign"])
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// SeenStore records ids until a time, so that a notification is not handled
// twice and a state is not accepted twice. Processes that share the work
// need one that they share, such as a database table or a cache; ids are at
// most a few hundred bytes and hold no secrets.
//
// A notification is added after it was handled. So two processes that get one
// notification at the same moment may both handle it; within a process
// deliveries wait for each other.
//
// Its methods are called concurrently.
type SeenStore interface {
	// Seen reports whether the id is recorded.
	Seen(ctx context.Context, id string) (bool, error)
	// Add records the id until the time, and reports whether it did: false
	// means that the id was recorded already. Of two concurrent calls with
	// one id, one gets true.
	Add(ctx context.Context, id string, until time.Time) (added bool, err error)
}

// defaultSeenIDs takes about ten megabytes when full.
const defaultSeenIDs = 1 << 16

// MemorySeenStore is a [SeenStore] in the memory of one process, bounded in
// size; make it with [NewMemorySeenStore]. It is empty when
// the process starts.
type MemorySeenStore struct {
	mu    sync.Mutex
	most  int
	until map[string]time.Time
	queue []seenID // in the order in which they came; an id that expired and came again is in it twice
}

type seenID struct {
	id    string
	until time.Time
}

// NewMemorySeenStore returns a store of at most so many ids; 0 or less means
// 65536. When it is full, the id that came first is dropped first, even before
// its time.
func NewMemorySeenStore(most int) *MemorySeenStore {
	if most <= 0 {
		most = defaultSeenIDs
	}
	return &MemorySeenStore{most: most, until: map[string]time.Time{}}
}

// Seen reports whether the id is recorded. The error is always nil.
func (s *MemorySeenStore) Seen(_ context.Context, id string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until[id]), nil
}

// Add records the id until the time, and reports whether it did. The error
// is always nil.
func (s *MemorySeenStore) Add(_ context.Context, id string, until time.Time) (added bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.until[id]) {
		return false, nil
	}
	for len(s.queue) > 0 && (len(s.queue) >= s.most || !now.Before(s.queue[0].until)) {
		s.dropFirst()
	}
	s.until[id] = until
	s.queue = append(s.queue, seenID{id: id, until: until})
	return true, nil
}

func (s *MemorySeenStore) dropFirst() {
	first := s.queue[0]
	s.queue = s.queue[1:]
	if s.until[first.id].Equal(first.until) { // it did not come again
		delete(s.until, first.id)
	}
}
