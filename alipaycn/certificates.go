package alipaycn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
	"github.com/alipayplus-go/alipayplus/internal/locks"
	"github.com/alipayplus-go/alipayplus/internal/transport"
)

const (
	// downloadPause is how long nothing is downloaded after a certificate that does not fit.
	downloadPause = time.Minute
	// mostDownloaded is how many certificates one process may need: Alipay's are good for years.
	mostDownloaded = 8
)

// downloads are the certificates of Alipay's that were downloaded and checked.
type downloads struct {
	flight locks.Keyed // one download at a time

	mu        sync.Mutex
	checked   []*cnwire.Certificate
	refused   error     // why the last one is not used
	refusedAt time.Time // and when
}

// keys are those that were given, and those that were downloaded.
func (c *Client) keys() cnwire.Keys {
	c.downloads.mu.Lock()
	defer c.downloads.mu.Unlock()
	keys := c.trust.keys
	keys.Certificates = slices.Concat(keys.Certificates, c.downloads.checked)
	return keys
}

// verify checks the signature of an answer. A certificate that is missing is
// downloaded, where that is switched on, once.
func (c *Client) verify(ctx context.Context, op cnwire.Operation, a *transport.Answer) (cnwire.SignatureStatus, error) {
	if op == cnwire.CertificateDownload {
		return cnwire.SignatureMissing, nil // it is not signed; what it brings is checked against the roots
	}
	signature, err := cnwire.VerifyResponse(a.Status, a.Header, a.Body, c.keys())
	missing, ok := errors.AsType[*cnwire.SerialError](err)
	if !ok || !c.trust.download {
		return signature, err
	}
	if why := c.downloadCertificate(ctx, missing.Received); why != nil {
		return signature, fmt.Errorf("%w; %w", err, why)
	}
	return cnwire.VerifyResponse(a.Status, a.Header, a.Body, c.keys())
}

// downloadCertificate makes the certificate of a serial one of the keys.
func (c *Client) downloadCertificate(ctx context.Context, serial string) error {
	unlock, err := c.downloads.flight.Lock(ctx, "download")
	if err != nil {
		return fmt.Errorf("wait for the download of it: %w", err)
	}
	defer unlock()
	if done, err := c.downloads.state(serial); done || err != nil {
		return err
	}
	content, err := c.fetchCertificate(ctx, serial)
	if err != nil {
		return fmt.Errorf("it cannot be downloaded: %w", err)
	}
	certificate, err := c.trust.roots.VerifyDownloaded(content, serial, c.trust.keys.Certificates, c.now())
	c.downloads.add(certificate, err)
	return err
}

// state says whether the certificate is there, or why it is not to be downloaded now.
func (d *downloads) state(serial string) (done bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case slices.ContainsFunc(d.checked, func(c *cnwire.Certificate) bool { return c.SN == serial }):
		return true, nil
	case d.refused != nil && time.Since(d.refusedAt) < downloadPause:
		return false, d.refused
	case len(d.checked) >= mostDownloaded:
		return false, fmt.Errorf("%d certificates were downloaded already, and no more are", mostDownloaded)
	}
	return false, nil
}

func (d *downloads) add(certificate *cnwire.Certificate, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refused = err; err != nil {
		d.refusedAt = time.Now()
		return
	}
	d.checked = append(d.checked, certificate)
}

// certificateInput is the input of certificates.download.
type certificateInput struct {
	Serial string `json:"alipay_cert_sn"`
}

// fetchCertificate downloads a certificate, in one attempt.
func (c *Client) fetchCertificate(ctx context.Context, serial string) (content string, err error) {
	out, err := c.encode(cnwire.CertificateDownload, certificateInput{serial})
	if err != nil {
		return "", err
	}
	ctx, end := c.begin(ctx, cnwire.CertificateDownload)
	defer func() { end(err) }()
	var got struct {
		Content string `json:"alipay_cert_content"`
	}
	if err := c.exchangeOf(ctx, 1, cnwire.CertificateDownload, out, &got); err != nil {
		return "", err
	}
	return got.Content, nil
}
