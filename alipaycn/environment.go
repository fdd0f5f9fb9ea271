package alipaycn

import (
	"bytes"
	"errors"
	"os"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/clientoptions"
)

// NewFromEnv makes a client from environment variables, then applies opts over
// them. It reads the files they name.
//
//	ALIPAYCN_ENDPOINT             address of the gateway (default: production)
//	ALIPAYCN_APP_ID               id of the app that calls
//	ALIPAYCN_PRIVATE_KEY_FILE     file with the app's private key, or
//	ALIPAYCN_PRIVATE_KEY          the private key itself
//	ALIPAYCN_PUBLIC_KEY_FILE      file with Alipay's public key, or
//	ALIPAYCN_PUBLIC_KEY           the public key itself
//	ALIPAYCN_APP_CERT_FILE        in place of Alipay's public key: the app's certificate,
//	ALIPAYCN_ALIPAY_CERT_FILE     Alipay's certificate
//	ALIPAYCN_ROOT_CERT_FILE       and the root certificates
//	ALIPAYCN_APP_AUTH_TOKEN_FILE  file with the merchant's token, or
//	ALIPAYCN_APP_AUTH_TOKEN       the token itself; none: the app acts for itself
//	ALIPAYCN_AES_KEY_FILE         file with the AES key, or
//	ALIPAYCN_AES_KEY              the AES key itself; none: content is not encrypted
//
// The error is that of [New]; it names every variable that is missing or wrong,
// and never a secret.
func NewFromEnv(opts ...Option) (*Client, error) {
	return New(append(envOptions(), opts...)...)
}

// envOptions are the options that the environment sets. What is wrong with one
// shows when it is applied, so that New can name everything at once.
func envOptions() []Option {
	var opts []Option
	take := func(name string, option func(text string) Option) bool {
		text := os.Getenv(name)
		if text != "" {
			opts = append(opts, fromVariable(name, option(text)))
		}
		return text != ""
	}
	takeSecret := func(name, field string, option func(content []byte) Option) {
		if !take(name+"_FILE", func(path string) Option { return fromFile(path, name, field, option) }) {
			take(name, func(text string) Option { return option([]byte(text)) })
		}
	}
	take("ALIPAYCN_ENDPOINT", WithEndpoint)
	take("ALIPAYCN_APP_ID", WithAppID)
	takeSecret("ALIPAYCN_PRIVATE_KEY", "private key", WithPrivateKey)
	takeSecret("ALIPAYCN_PUBLIC_KEY", "Alipay public key", WithAlipayPublicKeyText)
	takeSecret("ALIPAYCN_APP_AUTH_TOKEN", "app auth token", func(token []byte) Option {
		return WithAppAuthToken(string(bytes.TrimSpace(token)))
	})
	takeSecret("ALIPAYCN_AES_KEY", "AES key", WithAESKey)
	if certificateVariables() {
		opts = append(opts, certificatesFromEnv)
	}
	return opts
}

const (
	appCertVariable    = "ALIPAYCN_APP_CERT_FILE"
	alipayCertVariable = "ALIPAYCN_ALIPAY_CERT_FILE"
	rootCertVariable   = "ALIPAYCN_ROOT_CERT_FILE"
)

func certificateVariables() bool {
	return os.Getenv(appCertVariable)+os.Getenv(alipayCertVariable)+os.Getenv(rootCertVariable) != ""
}

// certificatesFromEnv is an option that reads the three certificate files.
func certificatesFromEnv(cfg *config) error {
	var p problems
	var texts [3][]byte
	for i, name := range []string{appCertVariable, alipayCertVariable, rootCertVariable} {
		path := os.Getenv(name)
		if path == "" {
			p.add("certificates", "need all three files: "+name+" is not set")
			continue
		}
		text, err := clientoptions.ReadFile(path, name, "certificates")
		if err != nil {
			p.addError(shared(err))
		}
		texts[i] = text
	}
	if err := p.err("client options"); err != nil {
		return err
	}
	return WithCertificates(texts[0], texts[1], texts[2])(cfg)
}

// fromVariable names the variable in whatever is wrong with the option.
func fromVariable(name string, option Option) Option {
	return func(cfg *config) error {
		err := option(cfg)
		if invalid, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
			for i := range invalid.Fields {
				invalid.Fields[i].Message += " (from " + name + ")"
			}
		}
		return err
	}
}

// fromFile is an option whose content is in a file. name is the variable for the
// content itself.
func fromFile(path, name, field string, option func(content []byte) Option) Option {
	return func(cfg *config) error {
		content, err := clientoptions.ReadFile(path, name, field)
		if err != nil {
			return shared(err)
		}
		return option(content)(cfg)
	}
}
