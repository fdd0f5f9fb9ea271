package cnwire

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// ErrNotification says that a notification has parameters that cannot be brought
// into one text to verify.
var ErrNotification = errors.New("notification is malformed")

// rsa2 is the sign_type of SHA-256. The older RSA, which is SHA-1, is refused.
const rsa2 = "RSA2"

// NotificationForm says what of a notification is signed, where senders differ.
type NotificationForm struct {
	// SignType: the parameter sign_type is signed too. It is so for orders of
	// the service market, and not for open_app_auth_notify.
	SignType bool
	// EmptyValues: parameters with an empty value are signed too. The documents
	// leave them out, and so does the official SDK for PHP; those for Java and
	// Node keep them.
	EmptyValues bool
}

// VerifyNotification checks with Alipay's public key that a notification comes
// from Alipay. Params are the parameters of the POST body after decoding it
// once, so the PostForm of an http.Request: not its Form, which has the query of
// the callback address in it.
//
// Signed are all parameters but sign, sorted by name, as name=value joined by &.
// Which of the four [NotificationForm]s a sender uses does not show, so each is tried, with
// sign_type first.
//
// The signed text does not mark where a value ends: whoever has a notification
// may draw two parameters together into one value, or take one apart, and the
// signature still fits. So a notification is refused as ambiguous where another
// reading of its text has another id, app or kind; see [checkUnambiguous].
//
// The error is an [ErrNotification], signing.ErrNoSignature,
// signing.ErrAlgorithm (a sign_type other than RSA2), signing.ErrEncoding or
// signing.ErrMismatch.
//
// An old notification stays valid. So take a notification for a hint, and confirm
// what matters with a query.
func VerifyNotification(key *rsa.PublicKey, params url.Values) error {
	if err := checkNotification(params); err != nil {
		return err
	}
	if kind := params.Get("sign_type"); kind != "" && kind != rsa2 {
		return fmt.Errorf("notification: %w: sign_type is %.32q, but only %s is accepted: choose it in the console", signing.ErrAlgorithm, kind, rsa2)
	}
	signature, err := decodeSignature(params.Get("sign"))
	if err != nil {
		return fmt.Errorf("notification: %w", err)
	}
	for _, form := range []NotificationForm{
		{SignType: true, EmptyValues: true},
		{SignType: false, EmptyValues: true},
		{SignType: true, EmptyValues: false},
		{SignType: false, EmptyValues: false},
	} {
		digest := sha256.Sum256([]byte(form.text(params)))
		if signing.Verify(key, digest[:], signature) == nil {
			return checkUnambiguous(params)
		}
	}
	return fmt.Errorf("notification: %w: a value differs from what was signed (decoded twice, or mixed with the query of the callback address), or the key is not Alipay's (the app's own public key is another)", signing.ErrMismatch)
}

// SignNotification makes the value of the parameter sign for a notification,
// which [VerifyNotification] accepts once it is added. A sign that is there
// already plays no part. An error is an [ErrNotification] or the signer's own.
func SignNotification(s crypto.Signer, params url.Values, form NotificationForm) (string, error) {
	if err := checkNotification(params); err != nil {
		return "", err
	}
	digest := sha256.Sum256([]byte(form.text(params)))
	signature, err := signing.Sign(s, digest[:])
	if err != nil {
		return "", fmt.Errorf("sign notification: %w", err)
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// checkNotification refuses what would let two sets of parameters give the same
// text more easily than the format does anyway.
func checkNotification(params url.Values) error {
	for name, values := range params {
		switch {
		case len(values) != 1:
			return fmt.Errorf("%w: %.64q is given %d times, where once is needed", ErrNotification, name, len(values))
		case name == "" || strings.ContainsAny(name, "=&"):
			return fmt.Errorf("%w: %.64q is no name for a parameter", ErrNotification, name)
		}
	}
	return nil
}

// What the parameters of both protocols and of orders are to the meaning of a
// notification. Names that are not here mean nothing to this library.
type meaning uint8

const (
	// token: its value is an id, a name, a number or a time, without & and =.
	token meaning = 1 << iota
	// telling: what the notification is, whom it is for, and whether it came before,
	// depend on it.
	telling
)

func meaningOf(name string) meaning {
	switch name {
	case "app_id", "auth_app_id", "msg_app_id", "notify_id", "notify_type", "msg_method", "msg_type", "service",
		"charset", "encrypt_type", "sign_type", "alipay_cert_sn", "notify_time", "utc_timestamp", "commodity_order_id":
		return token | telling
	case "merchant_pid", "consumer_miniAppId", "order_time", "order_item_num", "total_price", "service_code": // of orders
		return token | telling
	case "method", "status", "version":
		return token
	case "biz_content", "msg_uid", "order_ticket", "isv_ticket":
		return telling
	default:
		return 0
	}
}

// checkUnambiguous refuses parameters whose signed text can be read as others: a
// value of a token with a separator in it, or a value that holds the beginning of
// a telling parameter (&notify_id=). JSON may hold it, because JSON shows where it
// ends. What is left of a text has one reading as far as ids, app, kind and
// content go. The rule is this project's own.
func checkUnambiguous(params url.Values) error {
	for name, values := range params {
		value := values[0]
		if meaningOf(name)&token != 0 && strings.ContainsAny(value, "&=") {
			return fmt.Errorf("%w: the value of %s holds another parameter: two were drawn together", ErrNotification, name)
		}
		for _, part := range strings.Split(value, "&")[1:] {
			inner, _, found := strings.Cut(part, "=")
			if !found || meaningOf(inner)&telling == 0 || isJSON(value) {
				continue
			}
			return fmt.Errorf("%w: the value of %.64q holds the parameter %s: the signed text can be read in two ways", ErrNotification, name, inner)
		}
	}
	return nil
}

func isJSON(text string) bool {
	text = strings.TrimSpace(text)
	return (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && json.Valid([]byte(text))
}

// text is what is signed of params.
func (f NotificationForm) text(params url.Values) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		value := params.Get(name)
		switch {
		case name == "sign",
			name == "sign_type" && !f.SignType,
			value == "" && !f.EmptyValues:
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(value)
	}
	return b.String()
}
