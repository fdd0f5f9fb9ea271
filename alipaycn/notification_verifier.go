package alipaycn

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// NotificationVerifier verifies notifications whose form was decoded elsewhere, and
// reads them: for a framework that has read the request, a queue, a test. A
// [NotificationHandler] does it by itself. It is safe for concurrent use.
type NotificationVerifier struct {
	appID string
	keys  cnwire.Keys
	aes   *cnwire.AESKey
}

// NewNotificationVerifier returns a verifier. Of the options, those about
// delivery (Handle, Seen, SeenFor, MaxBodyBytes, Logger, AppPrivateKey, AppSigner)
// play no part. The error is an *alipayplus.ValidationError with every broken option.
func NewNotificationVerifier(opts NotificationOptions) (*NotificationVerifier, error) {
	var p problems
	v := newNotificationVerifier(opts, &p)
	if err := p.err("notification options"); err != nil {
		return nil, err
	}
	return v, nil
}

func newNotificationVerifier(opts NotificationOptions, p *problems) *NotificationVerifier {
	v := &NotificationVerifier{appID: opts.AppID}
	if p.required("AppID", opts.AppID) {
		p.appID("AppID", opts.AppID)
	}
	v.addKeys(opts, p)
	if len(opts.AESKey) > 0 {
		key, err := cnwire.ParseAESKey(opts.AESKey)
		if err != nil {
			p.Add("AESKey", "is not one: "+err.Error())
		}
		v.aes = key
	}
	return v
}

func (v *NotificationVerifier) addKeys(opts NotificationOptions, p *problems) {
	if len(opts.AlipayPublicKey) == 0 && len(opts.AlipayCertificates) == 0 {
		p.Add("AlipayPublicKey", "is required, or AlipayCertificates: without it no notification can be verified")
	}
	if len(opts.AlipayPublicKey) > 0 {
		key, err := signing.ParsePublicKey(opts.AlipayPublicKey)
		if err != nil {
			p.Add("AlipayPublicKey", "is not one: "+err.Error())
		}
		v.keys.Public = key
	}
	for i, text := range opts.AlipayCertificates {
		certificate, err := cnwire.ParseCertificate(text)
		if err != nil {
			p.Add(fmt.Sprintf("AlipayCertificates[%d]", i), "is not one: "+err.Error())
			continue
		}
		v.keys.Certificates = append(v.keys.Certificates, certificate)
	}
}

// Verify checks that Alipay signed the parameters for the app, and reads them. The
// parameters are those of the body after decoding its form once, such as PostForm
// of an http.Request after ParseForm; not its Form, which has the query of the
// address in it. Values in GBK may be left as they came, or be in UTF-8 already.
//
// What is signed but cannot be read is an [UnknownNotification], as is the console's
// check of the gateway address, which a [NotificationHandler] alone answers. Nothing
// is remembered: whether the notification came before is for the caller to find out,
// by [NotificationInfo.NotifyID].
//
// The error says in words why the parameters cannot be trusted. It quotes no content.
func (v *NotificationVerifier) Verify(params url.Values) (Notification, error) {
	fields, invalid := v.verify(params, "")
	if invalid != nil {
		return nil, invalid
	}
	return v.read(fields), nil
}

// invalidNotification is why a request is not a notification that can be trusted. Only
// the status leaves the process.
type invalidNotification struct {
	status int
	reason string
}

func (n *invalidNotification) Error() string { return "notification: " + n.reason }

func invalidNotificationf(status int, format string, args ...any) *invalidNotification {
	return &invalidNotification{status: status, reason: fmt.Sprintf(format, args...)}
}

// signedFields are the parameters of a verified notification.
type signedFields struct {
	fields  map[string]string // in UTF-8; without empty ones, which not every sender signs
	charset cnwire.Charset    // what they were sent in
}

// verify returns the parameters of a notification that Alipay signed for this
// app. headerCharset is that of the Content-Type, which is not signed: it counts
// where the parameters name none and are no UTF-8.
func (v *NotificationVerifier) verify(params url.Values, headerCharset string) (signedFields, *invalidNotification) {
	for name, values := range params {
		if len(values) != 1 {
			return signedFields{}, invalidNotificationf(http.StatusBadRequest, "parameter %.64q comes %d times", name, len(values))
		}
	}
	name := params.Get("charset")
	if name == "" && !isUTF8(params) {
		name = headerCharset
		if header, err := cnwire.ParseCharset(name); err == nil && header.UTF8() {
			name = "GBK" // the other charset that the console offers
		}
	}
	charset, err := cnwire.ParseCharset(name)
	if err != nil {
		return signedFields{}, invalidNotificationf(http.StatusBadRequest, "%v", err)
	}
	texts, invalid := v.checkSignature(params, charset)
	if invalid != nil {
		return signedFields{}, invalid
	}
	if got := texts["app_id"]; got != "" && got != v.appID {
		return signedFields{}, invalidNotificationf(http.StatusForbidden, "it is for app %.64q, not for %q", got, v.appID)
	}
	return signedFields{texts, charset}, nil
}

// checkSignature returns the parameters in UTF-8. What is signed are the bytes in the
// notification's charset; a framework may have decoded them.
func (v *NotificationVerifier) checkSignature(params url.Values, charset cnwire.Charset) (map[string]string, *invalidNotification) {
	decoded, decodable := converted(params, charset.Decode)
	if charset.UTF8() && !decodable {
		return nil, invalidNotificationf(http.StatusBadRequest, "it is not UTF-8, and names no other charset: set UTF-8 in the console")
	}
	invalid := v.checkKeys(params)
	if invalid != nil && !charset.UTF8() && isUTF8(params) {
		if encoded, ok := converted(params, charset.Encode); ok && v.checkKeys(encoded) == nil {
			invalid, decoded, decodable = nil, params, true
		}
	}
	switch {
	case invalid != nil:
		return nil, invalid
	case !decodable:
		return nil, invalidNotificationf(http.StatusBadRequest, "it is not in the charset %.32q that it names: set UTF-8 in the console", params.Get("charset"))
	}
	texts := make(map[string]string, len(decoded))
	for name, values := range decoded {
		if values[0] != "" {
			texts[name] = values[0]
		}
	}
	return texts, nil
}

func (v *NotificationVerifier) checkKeys(params url.Values) *invalidNotification {
	serial := params.Get("alipay_cert_sn")
	invalid := invalidNotificationf(http.StatusForbidden, "no certificate has the serial %.64q: add Alipay's new certificate to AlipayCertificates", serial)
	for _, key := range v.keys.For(serial) {
		err := cnwire.VerifyNotification(key, params)
		if err == nil {
			return nil
		}
		invalid = invalidNotificationf(http.StatusForbidden, "%s", strings.TrimPrefix(err.Error(), "notification: "))
	}
	return invalid
}

// converted returns the parameters in another encoding; false when one cannot be.
func converted(params url.Values, convert func(string) (string, error)) (url.Values, bool) {
	out := make(url.Values, len(params))
	for name, values := range params {
		text, err := convert(values[0])
		convertedName, nameErr := convert(name)
		if err != nil || nameErr != nil {
			return nil, false
		}
		out[convertedName] = []string{text}
	}
	return out, len(out) == len(params)
}

func isUTF8(params url.Values) bool {
	for name, values := range params {
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return false
		}
	}
	return true
}

// read gives verified parameters their meaning, and decrypts their content.
func (v *NotificationVerifier) read(signed signedFields) Notification {
	problem := v.decrypt(signed)
	n := parseNotification(signed.fields)
	if problem != "" {
		return &UnknownNotification{NotificationInfo: n.Info(), Problem: problem}
	}
	return n
}

// decrypt replaces an encrypted biz_content by its plaintext. The problem says why
// it could not, and what to do.
func (v *NotificationVerifier) decrypt(signed signedFields) (problem string) {
	method, content := signed.fields["encrypt_type"], strings.TrimSpace(signed.fields["biz_content"])
	switch {
	case method == "" || strings.HasPrefix(content, "{"):
		return ""
	case !strings.EqualFold(method, "AES"):
		return "biz_content is encrypted in another way than AES"
	case v.aes == nil:
		return "biz_content is encrypted: give the AES key that the console shows for the app (NotificationOptions.AESKey)"
	}
	plain, err := v.aes.Decrypt([]byte(content))
	var text string
	if err == nil {
		text, err = signed.charset.Decode(string(plain))
	}
	if err != nil {
		return "biz_content cannot be decrypted: check that NotificationOptions.AESKey is the AES key that the console shows for the app"
	}
	signed.fields["biz_content"] = text
	return ""
}
