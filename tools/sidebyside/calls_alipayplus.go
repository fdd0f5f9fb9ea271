package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

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

// callsOfPlatform are calls of the client of a platform: a whole call each, from encoding the input to decoding the answer.
func (r *rows) callsOfPlatform(context.Context) error {
	p := peer{}
	for _, path := range []string{queryPath, applyPath} {
		at := time.Now().Format(time.RFC3339Nano)
		signed, err := signature(testkey.Key(), plusContent(path, at, []byte(plusRelease)))
		if err != nil {
			return err
		}
		p[path] = signedReply{http.Header{
			"Content-Type": {jsonUTF8}, "Client-Id": {clientID}, "Response-Time": {at}, "Signature": {plusHeader(signed)},
		}, plusRelease}
	}
	business := alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG", Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
	for _, n := range r.networks(p) {
		c, err := alipayplus.New(
			alipayplus.WithBaseURL(n.base), alipayplus.WithClientID(clientID), alipayplus.WithSigner(testkey.Client()),
			alipayplus.WithPlatformKey("1", testkey.PublicPEM()), alipayplus.WithMaxClockSkew(24*time.Hour), alipayplus.WithHTTPClient(n.via),
		)
		if err != nil {
			return err
		}
		r.add(&row{
			name: "alipayplus: read " + n.name, times: 7, most: 15 + n.most,
			floor: func(ctx context.Context) error {
				return plusFloor(ctx, n, queryPath, plusQuery{ReleaseID: "rel_1"})
			},
			subject: func(ctx context.Context) error {
				_, err := c.Releases.Get(ctx, "rel_1")
				return err
			},
		}, &row{
			name: "alipayplus: write " + n.name, times: 7, most: 28 + n.most,
			floor: func(ctx context.Context) error {
				return plusFloor(ctx, n, applyPath, plusApply{ReleaseID: "rel_1", BasicInfo: plusBusiness(business), RequestID: "k"})
			},
			subject: func(ctx context.Context) error {
				_, err := c.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: "rel_1", RequestID: "k", BasicInfo: &business})
				return err
			},
		})
	}
	return nil
}

type plusQuery struct {
	ReleaseID string `json:"releaseId"`
}

type plusApply struct {
	ReleaseID string       `json:"releaseId"`
	BasicInfo plusBusiness `json:"basicInfo"`
	RequestID string       `json:"requestId"`
}

type plusBusiness struct {
	CompanyName        string `json:"companyName"`
	RegistrationNumber string `json:"registrationNumber"`
	Country            string `json:"country"`
	Address            string `json:"address"`
	ContactName        string `json:"contactName"`
	ContactEmail       string `json:"contactEmail"`
	ContactPhone       string `json:"contactPhone,omitempty"`
}

// plusFloor is one call written with net/http, crypto/rsa and encoding/json alone: the same headers and the same limit of
// time, and the whole answer is read, verified and decoded.
func plusFloor(ctx context.Context, n network, path string, in any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.base+path, bytes.NewReader(body))
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
	h, text, err := fetched(n.via, req)
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
		Data   struct {
			ID, ProgramID, Version, TargetApp, Status string
			Configuration                             struct{ ServerDomains []string }
			Grayscale                                 struct {
				Ratio  int
				Ladder []int
			}
			CreatedBy, UpdatedBy string
			CreatedAt, UpdatedAt time.Time
		}
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
