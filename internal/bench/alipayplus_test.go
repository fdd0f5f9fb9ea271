package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const (
	clientID    = "2021550000000001"
	queryPath   = "/api/open/v2/release/query"
	applyPath   = "/api/open/v2/release/apply"
	jsonUTF8    = "application/json; charset=UTF-8"
	plusRelease = `{"result":{"resultStatus":"S","resultCode":"SUCCESS","resultMessage":"success"},"requestId":"k","data":` +
		`{"id":"rel_1","programId":"mp_1","version":"1.2.3","targetApp":"ALIPAY_CN","status":"UNDER_REVIEW",` +
		`"configuration":{"serverDomains":["api.bluelake.example"]},"grayscale":{"ratio":0,"ladder":[1,5,10,20,30,50,100]},` +
		`"createdBy":"olga","createdAt":"2026-11-21T10:11:12Z","updatedBy":"olga","updatedAt":"2026-11-21T10:11:12Z"}}`
)

func alipayPlus() api {
	return api{
		name:    "alipayplus",
		answers: map[string]string{queryPath: plusRelease, applyPath: plusRelease},
		signed: func(tb testing.TB, path, body string) http.Header {
			tb.Helper()
			at := time.Now().Format(time.RFC3339Nano)
			return http.Header{
				"Content-Type": {jsonUTF8}, "Client-Id": {clientID}, "Response-Time": {at},
				"Signature": {plusHeader(platformSignature(tb, string(plusContent(path, at, []byte(body)))))},
			}
		},
		exchanges: func(tb testing.TB, base string, via *http.Client) []exchange {
			tb.Helper()
			c, err := alipayplus.New(
				alipayplus.WithBaseURL(base), alipayplus.WithClientID(clientID), alipayplus.WithSigner(testkey.Client()),
				alipayplus.WithPlatformKey("1", testkey.PublicPEM()), alipayplus.WithMaxClockSkew(24*time.Hour),
				alipayplus.WithHTTPClient(via),
			)
			require.NoError(tb, err)
			return []exchange{
				{"read", 1, func(ctx context.Context) error {
					_, err := c.Releases.Get(ctx, "rel_1")
					return err
				}, func(ctx context.Context) error {
					return plusFloor(ctx, via, base, queryPath, alipayplus.ReleaseInput{ReleaseID: "rel_1"})
				}},
				{"write", 1, func(ctx context.Context) error {
					_, err := c.Releases.Apply(ctx, plusApplication())
					return err
				}, func(ctx context.Context) error { return plusFloor(ctx, via, base, applyPath, plusApplication()) }},
			}
		},
	}
}

func plusApplication() alipayplus.ApplyInput {
	return alipayplus.ApplyInput{
		ReleaseID: "rel_1", RequestID: "k",
		BasicInfo: &alipayplus.BusinessRegistration{
			CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
			Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
		},
	}
}

func plusFloor(ctx context.Context, via *http.Client, base, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	at := time.Now().Format("2006-01-02T15:04:05.000Z07:00")
	signed, err := signature(testkey.Client(), plusContent(path, at, body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", jsonUTF8)
	req.Header.Set("User-Agent", "alipayplus-go")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("Client-Id", clientID)
	req.Header.Set("Request-Time", at)
	req.Header.Set("Signature", plusHeader(signed))
	h, text, err := fetched(via, req)
	if err != nil {
		return err
	}
	_, escaped, _ := strings.Cut(h.Get("Signature"), "signature=")
	given, err := url.PathUnescape(escaped)
	if err != nil {
		return err
	}
	if err := verify(&testkey.Key().PublicKey, plusContent(path, h.Get("Response-Time"), text), given); err != nil {
		return err
	}
	var got struct {
		Result struct{ ResultStatus, ResultCode, ResultMessage string }
		Data   *alipayplus.Release
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return err
	}
	if got.Result.ResultStatus != "S" {
		return fmt.Errorf("refused: %s", got.Result.ResultCode)
	}
	return nil
}

// plusContent is what is signed of a request or an answer.
func plusContent(path, at string, body []byte) []byte {
	return append([]byte("POST "+path+"\n"+clientID+"."+at+"."), body...)
}

func plusHeader(signature string) string {
	return "algorithm=RSA256, keyVersion=1, signature=" + url.QueryEscape(signature)
}
