package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

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
	jsonOnly    = "application/json"
	cnDetail    = `{"app_version":"0.0.1","status":"WAIT_RELEASE","version_desc":"the first one","scan_result":"True",` +
		`"gmt_create":"2026-11-21 10:11:12","gmt_apply_audit":"2026-11-21 11:11:12","gmt_audit_end":"2026-11-21 12:11:12",` +
		`"app_name":"Blue Lake Tea","app_slogan":"tea by the lake","app_desc":"orders tea","service_phone":"0571-12345678"}`
)

// callsOfAlipayCN are calls of AlipayCN's own API. The write after a read is a write whose state before is read.
func (r *rows) callsOfAlipayCN(context.Context) error {
	p := peer{}
	for path, body := range map[string]string{detailPath: cnDetail, grayPath: "{}", offlinePath: "{}"} {
		at := strconv.FormatInt(time.Now().UnixMilli(), 10)
		signed, err := signature(testkey.Key(), []byte(at+"\nn\n"+body+"\n"))
		if err != nil {
			return err
		}
		p[path] = signedReply{http.Header{
			"Content-Type": {jsonOnly}, "Alipay-Timestamp": {at}, "Alipay-Nonce": {"n"}, "Alipay-Trace-Id": {"trace"}, "Alipay-Signature": {signed},
		}, body}
	}
	version := alipayplus.VersionNumber{Patch: 1}
	gray := alipaycn.GrayInput{Version: version, Strategy: alipaycn.GrayP10}
	for _, n := range r.networks(p) {
		c, err := alipaycn.New(
			alipaycn.WithEndpoint(n.base), alipaycn.WithAppID(appID), alipaycn.WithAppAuthToken(appToken),
			alipaycn.WithSigner(testkey.Client()), alipaycn.WithAlipayPublicKey(testkey.PublicPEM()), alipaycn.WithHTTPClient(n.via),
		)
		if err != nil {
			return err
		}
		read := func(ctx context.Context) error {
			return cnFloor(ctx, n, http.MethodGet, detailPath+"?"+url.Values{"app_version": {"0.0.1"}}.Encode(), nil, new(cnVersion))
		}
		write := func(ctx context.Context, path string, in any) error {
			body, err := json.Marshal(in)
			if err != nil {
				return err
			}
			return cnFloor(ctx, n, http.MethodPost, path, body, new(struct{}))
		}
		r.add(&row{
			name: "alipaycn: read " + n.name, times: 7, most: 9 + n.most,
			floor: read,
			subject: func(ctx context.Context) error {
				_, err := c.Versions.Get(ctx, alipaycn.VersionInput{Version: version})
				return err
			},
		}, &row{
			name: "alipaycn: write " + n.name, times: 7, most: 12 + n.most,
			floor: func(ctx context.Context) error { return write(ctx, offlinePath, cnInput{Version: "0.0.1"}) },
			subject: func(ctx context.Context) error {
				return c.Versions.TakeOffline(ctx, alipaycn.VersionInput{Version: version})
			},
		}, &row{
			name: "alipaycn: write after a read " + n.name, times: 7, most: 32 + 2*n.most,
			floor: func(ctx context.Context) error {
				if err := read(ctx); err != nil {
					return err
				}
				return write(ctx, grayPath, cnInput{Version: "0.0.1", Strategy: "p10"})
			},
			subject: func(ctx context.Context) error { return c.Versions.StartGray(ctx, gray) },
		})
	}
	return nil
}

type cnInput struct {
	Version  string `json:"app_version"`
	Strategy string `json:"gray_strategy,omitempty"`
}

type cnVersion struct {
	Version     string `json:"app_version"`
	Status      string `json:"status"`
	Description string `json:"version_desc"`
	ScanResult  string `json:"scan_result"`
	CreatedAt   string `json:"gmt_create"`
	AppliedAt   string `json:"gmt_apply_audit"`
	AuditedAt   string `json:"gmt_audit_end"`
	Name        string `json:"app_name"`
	Slogan      string `json:"app_slogan"`
	Text        string `json:"app_desc"`
	Phone       string `json:"service_phone"`
}

// cnFloor is one call of AlipayCN's V3, as [plusFloor] is one of a platform. body is nil for a read.
func cnFloor(ctx context.Context, n network, method, target string, body []byte, got any) error {
	var sent io.Reader
	if body != nil {
		sent = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, n.base+target, sent)
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
	h, text, err := fetched(n.via, req)
	if err != nil {
		return err
	}
	content := h.Get("Alipay-Timestamp") + "\n" + h.Get("Alipay-Nonce") + "\n" + string(text) + "\n"
	if err := verify(&testkey.Key().PublicKey, []byte(content), h.Get("Alipay-Signature")); err != nil {
		return err
	}
	return json.Unmarshal(text, got)
}
