package rollout

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// The headers of a webhook.
const (
	// WebhookTimestamp is when the delivery was signed, in seconds since 1970.
	WebhookTimestamp = "Rollout-Timestamp"
	// WebhookSignature is "sha256=" and, in hexadecimal digits, the HMAC-SHA256 of
	// the timestamp as sent, a dot, and the body as sent; its key is the secret.
	WebhookSignature = "Rollout-Signature"
)

// WebhookOptions say where events go.
type WebhookOptions struct {
	// URL gets the events, by POST. It may itself be a secret, as with many chat
	// services: errors show its scheme and host alone.
	URL string
	// Secret is the key of the signature, which the receiver has too.
	Secret []byte
	// Client is copied, never changed; its redirect policy is not used. Nil: a client
	// that respects the proxy settings of the environment and keeps no connection open
	// between two events.
	Client *http.Client
	// Timeout is how long a delivery may take, all attempts together, 30 seconds at most; it
	// does not hold the rollout up, see [Sink]. 0: 10 seconds.
	Timeout time.Duration
	// Kinds are the events that are delivered; empty: all but WAITING, which comes with
	// every observation of the target. That is much for a chat: each change is two events,
	// and each evaluation of a gate is one.
	Kinds []EventKind
}

const (
	defaultWebhookTimeout = 10 * time.Second
	webhookAttempts       = 4
	maxWebhookAnswer      = 64 << 10
)

// Validate checks the options. The error is an [alipayplus.ValidationError], which
// shows neither the address nor the secret.
func (o WebhookOptions) Validate() error {
	fields := checkHook(o.URL, o.Timeout)
	if len(o.Secret) == 0 {
		fields = append(fields, alipayplus.FieldError{Path: "secret", Message: "is required: receivers must be able to tell who sends"})
	}
	return notValid("webhook", fields)
}

// checkHook says what is wrong with the options of anything that is posted to.
func checkHook(address string, timeout time.Duration) (fields []alipayplus.FieldError) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		fields = append(fields, alipayplus.FieldError{Path: "url", Message: "must be an http or https address, without user and password"})
	}
	if timeout < 0 {
		fields = append(fields, alipayplus.FieldError{Path: "timeout", Message: "must be at least 0"})
	}
	return fields
}

// WebhookSink posts each event as JSON, signed, and waits for an answer in the 200s.
// After no answer, HTTP 408, 429 and the 500s it is sent again, up to 4 times within
// the timeout, signed afresh; so one event may arrive twice, with the same body.
// Receivers check it by [VerifyWebhook]. It is safe for concurrent use. It does no I/O;
// the error is that of [WebhookOptions.Validate], so that what is wrong is found before
// the rollout begins, and not in its log.
func WebhookSink(options WebhookOptions) (Sink, error) {
	options.Secret, options.Kinds = slices.Clone(options.Secret), slices.Clone(options.Kinds)
	if err := options.Validate(); err != nil {
		return nil, err
	}
	options.Timeout = cmp.Or(options.Timeout, defaultWebhookTimeout)
	hook := &webhook{options: options, sending: newDelivery(options.Client)}
	return hook.deliver, nil
}

// newDelivery sends what is posted: by the client, nil for one of its own.
func newDelivery(client *http.Client) *transport.Transport {
	if client == nil {
		client = closingClient()
	}
	return transport.New(transport.Options{
		HTTPClient: client, UserAgent: "alipayplus-go", Attempts: webhookAttempts,
		MinWait: 500 * time.Millisecond, MaxWait: 5 * time.Second, MaxAnswerBytes: maxWebhookAnswer,
	})
}

type webhook struct {
	options WebhookOptions
	sending *transport.Transport
}

// wants says whether events of the kind are delivered.
func (h *webhook) wants(kind EventKind) bool {
	if len(h.options.Kinds) == 0 {
		return kind != EventWaiting
	}
	return slices.Contains(h.options.Kinds, kind)
}

func (h *webhook) deliver(ctx context.Context, e Event) error {
	if !h.wants(e.Kind) {
		return nil
	}
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("rollout: webhook: write the event %s: %w", e.Kind, err)
	}
	ctx, cancel := context.WithTimeout(ctx, h.options.Timeout)
	defer cancel()
	_, err = h.sending.Do(ctx, &transport.Call{
		Operation: "webhook", Method: http.MethodPost, URL: h.options.URL,
		ContentType: "application/json", Body: body, Repeatable: true, Classify: classifyDelivery,
		Sign: func(_ context.Context, header http.Header) error {
			signWebhook(header, body, h.options.Secret, time.Now())
			return nil
		},
	})
	return redactHook(h.options.URL, err)
}

func classifyDelivery(a *transport.Answer) transport.Classification {
	if a.Status >= 200 && a.Status < 300 {
		return transport.Classification{}
	}
	return transport.Classification{
		Err:      fmt.Errorf("HTTP %d", a.Status),
		Retry:    a.Status == http.StatusRequestTimeout || a.Status == http.StatusTooManyRequests || a.Status >= 500,
		NoEffect: true,
	}
}

// errHookAddress is the error of an address that Validate has read, and that cannot be read.
var errHookAddress = errors.New("rollout: webhook: its address cannot be read")

// redactHook removes the path and the query of the address, which may be secrets, from the
// text of an error.
func redactHook(address string, err error) error {
	if err == nil {
		return nil
	}
	u, parsed := url.Parse(address)
	if parsed != nil {
		return errHookAddress
	}
	origin, text := u.Scheme+"://"+u.Host, strings.TrimPrefix(err.Error(), "webhook: ")
	for _, secret := range []string{u.RawQuery, u.EscapedPath(), u.Path} {
		if strings.Trim(secret, "/") != "" {
			text = strings.ReplaceAll(text, secret, "/...")
		}
	}
	return &webhookError{text: fmt.Sprintf("rollout: webhook to %s: %s", origin, text), err: err}
}

// webhookError is an error with another text. It matches what the error matches, but does
// not unwrap to it, because that one's text holds the address.
type webhookError struct {
	text string
	err  error
}

func (e *webhookError) Error() string        { return e.text }
func (e *webhookError) Is(target error) bool { return errors.Is(e.err, target) }

// signWebhook sets the two headers.
func signWebhook(header http.Header, body, secret []byte, now time.Time) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	header.Set(WebhookTimestamp, timestamp)
	header.Set(WebhookSignature, webhookScheme+hex.EncodeToString(webhookMAC(timestamp, body, secret)))
}

const webhookScheme = "sha256="

func webhookMAC(timestamp string, body, secret []byte) []byte {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return mac.Sum(nil)
}

// defaultTolerance is far more than a delivery takes, and little for who replays one.
const defaultTolerance = 5 * time.Minute

// VerifyWebhook says whether a request was sent by a [WebhookSink] that has the
// secret: nil when it was. The body must be as received, before it is decoded. A
// timestamp further than the tolerance from now, to either side, is refused, so that
// a recorded request cannot be sent again later; 0 or less: 5 minutes. Within the
// tolerance receivers tell a repetition by its body. The comparison takes the same time
// whatever the signature is; errors hold no secret. Answer 401 to what is refused.
func VerifyWebhook(header http.Header, body, secret []byte, tolerance time.Duration) error {
	if len(secret) == 0 {
		return errors.New("rollout: verify a webhook: there is no secret to verify it with")
	}
	timestamp, err := singleHeader(header, WebhookTimestamp)
	if err != nil {
		return err
	}
	signature, err := singleHeader(header, WebhookSignature)
	if err != nil {
		return err
	}
	digits, known := strings.CutPrefix(signature, webhookScheme)
	given, err := hex.DecodeString(digits)
	if err != nil || !known {
		return fmt.Errorf("rollout: verify a webhook: the header %s is not %q and hexadecimal digits", WebhookSignature, webhookScheme)
	}
	if !hmac.Equal(given, webhookMAC(timestamp, body, secret)) {
		return errors.New("rollout: verify a webhook: the signature does not fit: another secret, or a body that was changed")
	}
	return checkAge(timestamp, tolerance)
}

// singleHeader reads a header that must be there once.
func singleHeader(header http.Header, name string) (string, error) {
	values := header.Values(name)
	if len(values) != 1 {
		return "", fmt.Errorf("rollout: verify a webhook: the header %s must be there once; there are %d", name, len(values))
	}
	return values[0], nil
}

func checkAge(timestamp string, tolerance time.Duration) error {
	if tolerance <= 0 {
		tolerance = defaultTolerance
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("rollout: verify a webhook: the header %s is not a number of seconds", WebhookTimestamp)
	}
	if off := time.Since(time.Unix(seconds, 0)).Abs(); off > tolerance {
		return fmt.Errorf("rollout: verify a webhook: it was signed %v from now; at most %v are accepted", off.Round(time.Second), tolerance)
	}
	return nil
}
