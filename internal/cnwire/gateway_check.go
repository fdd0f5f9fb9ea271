package cnwire

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// GatewayCheck is the console's check of a gateway address: parameters as of a
// notification, with this as the service, and an event in XML as the biz_content.
const (
	GatewayCheckService = "alipay.service.check"
	gatewayCheckEvent   = "verifygw"
)

// ErrGatewayCheck says that the biz_content of a check cannot be read, or is of
// another event.
var ErrGatewayCheck = errors.New("the content is not that of a check of the gateway (verifygw)")

// GatewayCheckContent returns the biz_content of a check.
func GatewayCheckContent(appID string, at int64) string {
	return fmt.Sprintf("<XML><AppId><![CDATA[%s]]></AppId><CreateTime>%d</CreateTime><MsgType><![CDATA[event]]></MsgType><EventType><![CDATA[%s]]></EventType></XML>",
		appID, at, gatewayCheckEvent)
}

// ReadGatewayCheck returns the app that a check is for, "" when it names none, from
// its biz_content in UTF-8. The error is [ErrGatewayCheck].
func ReadGatewayCheck(content string) (appID string, err error) {
	var event struct {
		AppID string `xml:"AppId"`
		Event string `xml:"EventType"`
	}
	decoder := xml.NewDecoder(strings.NewReader(content))
	decoder.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 already
	if decoder.Decode(&event) != nil || strings.TrimSpace(event.Event) != gatewayCheckEvent {
		return "", ErrGatewayCheck
	}
	return strings.TrimSpace(event.AppID), nil
}

// AnswerGatewayCheck returns the answer to a check as XML in GBK, of ASCII alone:
// whether its signature was good, and with a signer the app's public key and a
// signature over what is between <response> and </response>. The answer is the
// same each time. An error is the signer's own.
//
// It follows the official samples; what the console demands of it today is not
// documented.
func AnswerGatewayCheck(s crypto.Signer, good bool) (string, error) {
	response := "<success>true</success>"
	if !good {
		response = "<success>false</success><error_code>VERIFY_FAILED</error_code>"
	}
	const head, tail = `<?xml version="1.0" encoding="GBK"?><alipay><response>`, "</alipay>"
	if s == nil {
		return head + response + "</response>" + tail, nil
	}
	public, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		return "", fmt.Errorf("answer the check of the gateway: %w", err)
	}
	response += "<biz_content>" + base64.StdEncoding.EncodeToString(public) + "</biz_content>"
	digest := sha256.Sum256([]byte(response))
	signature, err := signing.Sign(s, digest[:])
	if err != nil {
		return "", fmt.Errorf("answer the check of the gateway: %w", err)
	}
	return head + response + "</response><sign>" + base64.StdEncoding.EncodeToString(signature) + "</sign><sign_type>" + rsa2 + "</sign_type>" + tail, nil
}

// VerifyGatewayCheckAnswer checks what [AnswerGatewayCheck] made, with the app's
// public key: that it says success and is signed. With a nil key it need not be
// signed. The error says what is wrong.
func VerifyGatewayCheckAnswer(key *rsa.PublicKey, answer string) error {
	response, ok := between(answer, "<response>", "</response>")
	success, _ := between(response, "<success>", "</success>")
	switch {
	case !ok:
		return fmt.Errorf("the answer has no <response>: %.64q", answer)
	case success != "true":
		return fmt.Errorf("the answer says %.128q, not success", response)
	case key == nil:
		return nil
	}
	sign, _ := between(answer, "<sign>", "</sign>")
	signature, err := decodeSignature(sign)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(response))
	return signing.Verify(key, digest[:], signature)
}

func between(text, begin, end string) (inner string, found bool) {
	_, after, begins := strings.Cut(text, begin)
	inner, _, ends := strings.Cut(after, end)
	if !begins || !ends {
		return "", false
	}
	return inner, true
}
