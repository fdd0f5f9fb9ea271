package bench_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

const (
	appID       = "2021009900000101"
	appToken    = "202611BBshared"
	detailPath  = "/v3/alipay/open/mini/version/detail/query"
	grayPath    = "/v3/alipay/open/mini/version/gray/online"
	offlinePath = "/v3/alipay/open/mini/version/offline"
	auditPath   = "/v3/alipay/open/mini/version/audit/apply"
	jsonOnly    = "application/json"
	cnDetail    = `{"app_version":"0.0.1","status":"WAIT_RELEASE","version_desc":"the first one","scan_result":"True",` +
		`"gmt_create":"2026-11-21 10:11:12","gmt_apply_audit":"2026-11-21 11:11:12","gmt_audit_end":"2026-11-21 12:11:12",` +
		`"app_name":"Blue Lake Tea","app_slogan":"tea by the lake","app_desc":"orders tea","service_phone":"0571-12345678"}`
)

func alipayCN() api {
	return api{
		name:    "alipaycn",
		answers: map[string]string{detailPath: cnDetail, grayPath: "{}", offlinePath: "{}", auditPath: "{}"},
		signed: func(tb testing.TB, _, body string) http.Header {
			tb.Helper()
			at := strconv.FormatInt(time.Now().UnixMilli(), 10)
			return http.Header{
				"Content-Type": {jsonOnly}, "Alipay-Timestamp": {at}, "Alipay-Nonce": {"n"}, "Alipay-Trace-Id": {"trace"},
				"Alipay-Signature": {platformSignature(tb, at+"\nn\n"+body+"\n")},
			}
		},
		exchanges: func(tb testing.TB, base string, via *http.Client) []exchange {
			tb.Helper()
			c := cnClient(tb, base, via)
			version := alipayplus.VersionNumber{Patch: 1}
			gray := alipaycn.GrayInput{Version: version, Strategy: alipaycn.GrayP10}
			read := func(ctx context.Context) error {
				target := detailPath + "?" + url.Values{"app_version": {version.String()}}.Encode()
				return cnFloor(ctx, via, http.MethodGet, base, target, nil, new(alipaycn.VersionDetail))
			}
			write := func(ctx context.Context, path string, in any) error {
				body, err := json.Marshal(in)
				if err != nil {
					return err
				}
				return cnFloor(ctx, via, http.MethodPost, base, path, body, new(struct{}))
			}
			return []exchange{
				{"read", 1, func(ctx context.Context) error {
					_, err := c.Versions.Get(ctx, alipaycn.VersionInput{Version: version})
					return err
				}, read},
				{"write", 1, func(ctx context.Context) error {
					return c.Versions.TakeOffline(ctx, alipaycn.VersionInput{Version: version})
				}, func(ctx context.Context) error {
					return write(ctx, offlinePath, alipaycn.VersionInput{Version: version})
				}},
				{"write-after-read", 2, func(ctx context.Context) error { return c.Versions.StartGray(ctx, gray) }, func(ctx context.Context) error {
					if err := read(ctx); err != nil {
						return err
					}
					return write(ctx, grayPath, gray)
				}},
			}
		},
	}
}

func cnClient(tb testing.TB, base string, via *http.Client) *alipaycn.Client {
	tb.Helper()
	c, err := alipaycn.New(
		alipaycn.WithEndpoint(base), alipaycn.WithAppID(appID), alipaycn.WithAppAuthToken(appToken),
		alipaycn.WithSigner(testkey.Client()), alipaycn.WithAlipayPublicKey(testkey.PublicPEM()), alipaycn.WithHTTPClient(via),
	)
	require.NoError(tb, err)
	return c
}

// cnFloor is one call of AlipayCN's V3. body is nil for a read.
func cnFloor(ctx context.Context, via *http.Client, method, base, target string, body []byte, got any) error {
	var sent io.Reader
	if body != nil {
		sent = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, base+target, sent)
	if err != nil {
		return err
	}
	auth := "app_id=" + appID + ",nonce=" + rand.Text() + ",timestamp=" + strconv.FormatInt(time.Now().UnixMilli(), 10)
	signed, err := signature(testkey.Client(), []byte(auth+"\n"+method+"\n"+target+"\n"+string(body)+"\n"+appToken+"\n"))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "ALIPAY-SHA256withRSA "+auth+",sign="+signed)
	if body != nil {
		req.Header.Set("Content-Type", jsonOnly)
	}
	req.Header.Set("Accept", jsonOnly)
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "alipayplus-go")
	req.Header.Set("Alipay-Request-Id", rand.Text())
	req.Header.Set("Alipay-App-Auth-Token", appToken)
	h, text, err := fetched(via, req)
	if err != nil {
		return err
	}
	content := h.Get("Alipay-Timestamp") + "\n" + h.Get("Alipay-Nonce") + "\n" + string(text) + "\n"
	if err := verify(&testkey.Key().PublicKey, []byte(content), h.Get("Alipay-Signature")); err != nil {
		return err
	}
	return json.Unmarshal(text, got)
}
