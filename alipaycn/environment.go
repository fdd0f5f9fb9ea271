package alipaycn

import (
	"bytes"
	"errors"
	"os"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/transport"
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

// envOptions are the options that the environment sets.
func envOptions() []Option {
	env := transport.Environment[config, Option]{Wrong: wrongVariable}
	env.Text("ALIPAYCN_ENDPOINT", WithEndpoint)
	env.Text("ALIPAYCN_APP_ID", WithAppID)
	env.Secret("ALIPAYCN_PRIVATE_KEY", "private key", WithPrivateKey)
	env.Secret("ALIPAYCN_PUBLIC_KEY", "Alipay public key", WithAlipayPublicKey)
	env.Secret("ALIPAYCN_APP_AUTH_TOKEN", "app auth token", func(token []byte) Option {
		return WithAppAuthToken(string(bytes.TrimSpace(token)))
	})
	env.Secret("ALIPAYCN_AES_KEY", "AES key", WithAESKey)
	if certificateVariables() {
		env.Options = append(env.Options, certificatesFromEnv)
	}
	return env.Options
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
		text, err := transport.ReadFile(path, "", "certificates")
		if err != nil {
			p.addError(wrongVariable(err, name))
		}
		texts[i] = text
	}
	if err := p.err("client options"); err != nil {
		return err
	}
	return WithCertificates(texts[0], texts[1], texts[2])(cfg)
}

// wrongVariable names the variable in whatever is wrong with an option.
func wrongVariable(err error, variable string) error {
	err = optionError(err)
	if invalid, ok := errors.AsType[*alipayplus.ValidationError](err); ok {
		for i := range invalid.Fields {
			invalid.Fields[i].Message += " (from " + variable + ")"
		}
	}
	return err
}
