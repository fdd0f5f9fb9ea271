package alipaycntest

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// Option sets something about a new [Gateway].
type Option func(*config) error

// defaultWindow is how far a request's time may be off; not documented.
const defaultWindow = 10 * time.Minute

// WithKey makes the gateway sign with this RSA key of at least 2048 bits; without
// it the gateway makes one.
func WithKey(key crypto.Signer) Option {
	return func(c *config) error {
		if key == nil {
			return errors.New("key: it is nil")
		}
		c.key = key
		return nil
	}
}

// WithCertificates adds the header alipay-sn to answers, with the serial of
// Alipay's certificate, and refuses requests that name other root certificates.
// Both texts are PEM; the certificate must be that of the key of [WithKey]. A client
// may download it ([alipaycn.WithCertificateDownload]), with its issuers where they are
// in the text. [Gateway.ChangeCertificate] replaces it.
func WithCertificates(alipay, roots []byte) Option {
	return func(c *config) (err error) {
		if c.certificate, err = cnwire.ParseCertificate(alipay); err != nil {
			return err
		}
		c.certificateText = bytes.Clone(alipay)
		c.roots, err = cnwire.ParseRoots(roots)
		return err
	}
}

// WithTimeWindow sets how far a request's time may be off, in either direction;
// the default is 10 minutes. AlipayCN documents no window. A request that names
// expired_seconds is good for that long instead.
func WithTimeWindow(d time.Duration) Option {
	return positive("time window", d, func(c *config) { c.window = d })
}

// WithBuildDelay sets how long an uploaded version is built; the default is not
// at all. [Gateway.AdvanceBuild] ends it earlier.
func WithBuildDelay(d time.Duration) Option {
	return positive("build delay", d, func(c *config) { c.buildDelay = d })
}

// WithScanDelay sets how long the security scan of an uploaded version takes
// after its build; the default is not at all.
func WithScanDelay(d time.Duration) Option {
	return positive("scan delay", d, func(c *config) { c.scanDelay = d })
}

// WithAutoReview approves each version this long after it was applied for.
// Without it, [Gateway.Approve] and [Gateway.Reject] decide.
func WithAutoReview(d time.Duration) Option {
	return func(c *config) error {
		if d < 0 {
			return errors.New("auto review: the delay is negative")
		}
		c.autoReview, c.autoReviews = d, true
		return nil
	}
}

// WithUnsignedErrors leaves the signature out of error answers. Whether AlipayCN
// signs all of them is not documented; the gateway does.
func WithUnsignedErrors() Option {
	return func(c *config) error {
		c.unsignedErrors = true
		return nil
	}
}

// WithGrayOnlyWhenOnline refuses a grayscale release with MINI_APP_NOT_ONLINE
// while no version is online. That code suggests it; it is not documented.
func WithGrayOnlyWhenOnline() Option {
	return func(c *config) error {
		c.grayNeedsApp = true
		return nil
	}
}

// WithGrayRequired refuses publishing with CAN_NOT_ONLINE_WITHOUT_GRAY when a
// version did not go through a grayscale release. That code suggests that it is
// so for some mini programs; which, is not documented.
func WithGrayRequired() Option {
	return func(c *config) error {
		c.grayRequired = true
		return nil
	}
}

// WithCategories sets the categories that there are, and refuses any other.
// Without it the gateway lists a few and accepts all that are well formed.
func WithCategories(categories ...alipaycn.Category) Option {
	return func(c *config) error {
		c.categories, c.closedList = append([]alipaycn.Category(nil), categories...), true
		return nil
	}
}

// WithAnyTemplate accepts uploads from any template_id and by any app, also by a
// mini program that calls for itself, which AlipayCN does not allow. It spares
// trials a template; without it only those of [Gateway.AddTemplate] are there.
func WithAnyTemplate() Option {
	return func(c *config) error {
		c.anyTemplate = true
		return nil
	}
}

// WithNotificationClient sets the client of [Gateway.SendNotification]; the
// default is one without a timeout: the context is the deadline.
func WithNotificationClient(client *http.Client) Option {
	return func(c *config) error {
		if client == nil {
			return errors.New("notification client: it is nil")
		}
		c.client = client
		return nil
	}
}

// WithEncryptedNotifications encrypts the content of notifications with the AES
// key of the app that is notified, see [App.AESKey], as for an app that encrypts
// the content of messages too.
func WithEncryptedNotifications() Option {
	return func(c *config) error {
		c.encryptNotifications = true
		return nil
	}
}

func positive(what string, d time.Duration, set func(*config)) Option {
	return func(c *config) error {
		if d <= 0 {
			return fmt.Errorf("%s: it must be above 0", what)
		}
		set(c)
		return nil
	}
}
