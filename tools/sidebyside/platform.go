package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
	"github.com/alipayplus-go/alipayplus/platform/storage/bolt"
)

const (
	requestsPath  = "/api/open/v2/request/list"
	configurePath = "/api/open/v2/miniprogram/configuration/update"
	listed        = 100
	// stored is how many requests there are: a filtered page reads all of them.
	stored = 500
)

// platform are calls that a platform answers, without their way and the client's part. A floor is the two RSA operations:
// it verifies the call, and signs the answer that the platform gave.
func (r *rows) platform(ctx context.Context) error {
	file, err := bolt.Open(filepath.Join(r.dir, "platform"))
	if err != nil {
		return err
	}
	r.closers = append(r.closers, func() { _ = file.Close() })
	for _, in := range []struct {
		name  string
		store storage.Store
	}{{"in memory", storage.NewMemory()}, {"in a file", file}} {
		if err := r.platformOn(ctx, in.store, in.name); err != nil {
			return err
		}
	}
	return nil
}

func (r *rows) platformOn(ctx context.Context, store storage.Store, name string) error {
	workspace, program, err := filled(ctx, store)
	if err != nil {
		return err
	}
	p, err := platform.New(platform.WithStore(store), platform.WithSigner(testkey.Key()))
	if err != nil {
		return err
	}
	lister, err := newCaller(ctx, p, workspace, testkey.Client())
	if err != nil {
		return err
	}
	page := alipayplus.ListOptions{Limit: listed}
	for _, list := range []struct {
		name string
		in   alipayplus.ListRequestsInput
	}{
		{"list of 100 ", alipayplus.ListRequestsInput{ListOptions: page}},
		{"title among 500 ", alipayplus.ListRequestsInput{ListOptions: page, Title: "number 7 of"}},
	} {
		body, err := json.Marshal(list.in)
		if err != nil {
			return err
		}
		r.add(lister.row("platform: "+list.name+name, requestsPath, func() []byte { return body }))
	}
	writer, err := newCaller(ctx, p, workspace, testkey.FastClient()) // each write is signed anew
	if err != nil {
		return err
	}
	n := 0
	write := writer.row("platform: write "+name, configurePath, func() []byte {
		n++
		return fmt.Appendf(nil, `{"programId":%q,"configuration":{"serverDomains":["api%d.bluelake.example"]},"requestId":"call-%d"}`, program, n, n)
	})
	r.add(write)
	return nil
}

// filled fills a store: with a mini program and many requests.
func filled(ctx context.Context, store storage.Store) (workspace, program string, err error) {
	p, err := platform.New(platform.WithStore(store), platform.WithSigner(testkey.FastKey()))
	if err != nil {
		return "", "", err
	}
	workspace, err = p.AddWorkspace(ctx, alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG", Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	})
	if err != nil {
		return "", "", err
	}
	if err := p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: "olga", Role: alipayplus.RoleOwner}); err != nil {
		return "", "", err
	}
	id, err := p.AddClient(ctx, workspace, "olga", testkey.FastClient().Public())
	if err != nil {
		return "", "", err
	}
	c, err := alipayplus.New(
		alipayplus.WithBaseURL("https://platform.example.com"), alipayplus.WithClientID(id), alipayplus.WithSigner(testkey.FastClient()),
		alipayplus.WithPlatformKey("1", p.PublicKeyPEM()), alipayplus.WithHTTPClient(p.HTTPClient()),
	)
	if err != nil {
		return "", "", err
	}
	made, err := c.Programs.Create(ctx, alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "Tea"}},
	})
	if err != nil {
		return "", "", err
	}
	return workspace, made.ID, submitted(ctx, c)
}

// submitted makes the requests.
func submitted(ctx context.Context, c *alipayplus.Client) error {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		return err
	}
	file, err := c.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(picture.Bytes()), Size: int64(picture.Len())})
	if err != nil {
		return err
	}
	for i := range stored {
		service, err := c.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: alipayplus.ServiceDescription{
			Name: fmt.Sprintf("Tea number %d of Blue Lake", i), Industry: "Food", Type: alipayplus.ServiceMiniProgramDevelopment, Description: "tea", ImageFileID: file.ID,
			ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN}, PaymentInformation: alipayplus.Content{alipayplus.TextBlock("by month")},
		}})
		if err != nil {
			return err
		}
		if _, err := c.Services.Submit(ctx, alipayplus.ServiceInput{ServiceID: service.ID}); err != nil {
			return err
		}
	}
	return nil
}

// caller calls a platform without a network.
type caller struct {
	p   *platform.Platform
	id  string
	key crypto.Signer
}

func newCaller(ctx context.Context, p *platform.Platform, workspace string, key crypto.Signer) (*caller, error) {
	id, err := p.AddClient(ctx, workspace, "olga", key.Public())
	return &caller{p, id, key}, err
}

// row is a call and its floor; body makes what is sent, and the same one again where it is a read.
func (c *caller) row(name, path string, body func() []byte) *row {
	asked := &askedCall{caller: c, path: path, body: body}
	var answer []byte
	return &row{
		name: name, times: 7, most: noLimit,
		subject: func(ctx context.Context) error {
			w := httptest.NewRecorder()
			req, err := asked.next(ctx)
			if err != nil {
				return err
			}
			c.p.ServeHTTP(w, req)
			if w.Code != http.StatusOK {
				return fmt.Errorf("HTTP %d: %s", w.Code, w.Body)
			}
			answer = w.Body.Bytes()
			return nil
		},
		floor: func(ctx context.Context) error {
			w := httptest.NewRecorder()
			req, err := asked.next(ctx)
			if err != nil {
				return err
			}
			return c.floor(w, req, answer)
		},
	}
}

// floor verifies a call and signs an answer.
func (c *caller) floor(w *httptest.ResponseRecorder, req *http.Request, answer []byte) error {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return err
	}
	content := func(at string, body []byte) []byte {
		return append([]byte("POST "+req.URL.Path+"\n"+c.id+"."+at+"."), body...)
	}
	_, escaped, _ := strings.Cut(req.Header.Get("Signature"), "signature=")
	given, err := url.PathUnescape(escaped)
	if err != nil {
		return err
	}
	key, _ := c.key.Public().(*rsa.PublicKey)
	if err := verify(key, content(req.Header.Get("Request-Time"), body), given); err != nil {
		return err
	}
	at := time.Now().Format(time.RFC3339Nano)
	signed, err := signature(testkey.Key(), content(at, answer))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", jsonUTF8)
	h.Set("Client-Id", c.id)
	h.Set("Response-Time", at)
	h.Set("Signature", plusHeader(signed))
	_, err = w.Write(answer)
	return err
}

// askedCall is a call that is asked again and again.
type askedCall struct {
	*caller
	path string
	body func() []byte

	sent   []byte
	at     time.Time
	header http.Header
}

// next is the call, signed when it is another one, or when the signature is older than a minute.
func (a *askedCall) next(ctx context.Context) (*http.Request, error) {
	body := a.body()
	if !bytes.Equal(body, a.sent) || time.Since(a.at) > time.Minute {
		a.sent, a.at = body, time.Now()
		at := a.at.Format(time.RFC3339Nano)
		digest := signing.Digest(http.MethodPost, a.path, a.id, at, body)
		signed, err := signing.Sign(a.key, digest[:])
		if err != nil {
			return nil, err
		}
		a.header = http.Header{
			"Content-Type": {jsonUTF8}, "Client-Id": {a.id}, "Request-Time": {at},
			"Signature": {signing.Header{KeyVersion: "1", Signature: signed}.String()},
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://platform.example.com"+a.path, bytes.NewReader(body))
	if err == nil {
		req.Header = a.header
	}
	return req, err
}
