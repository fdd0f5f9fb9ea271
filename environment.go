package alipayplus

import (
	"cmp"
	"errors"
	"os"

	"github.com/alipayplus-go/alipayplus/internal/transport"
)

// NewFromEnv makes a client from environment variables, then applies opts over
// them. It reads the key files they name.
//
//	ALIPAYPLUS_BASE_URL                  address of the platform
//	ALIPAYPLUS_CLIENT_ID                 client id of the member
//	ALIPAYPLUS_PRIVATE_KEY_FILE          file with the private key, or
//	ALIPAYPLUS_PRIVATE_KEY               the private key itself
//	ALIPAYPLUS_KEY_VERSION               version of the private key (default 1)
//	ALIPAYPLUS_PLATFORM_PUBLIC_KEY_FILE  file with the platform's public key, or
//	ALIPAYPLUS_PLATFORM_PUBLIC_KEY       the public key itself
//	ALIPAYPLUS_PLATFORM_KEY_VERSION      version of the public key (default 1)
//	ALIPAYPLUS_ATTEMPT_TIMEOUT           limit of one attempt, such as 45s
//
// The error is that of [New]; it names every variable that is missing or wrong,
// and never a key.
func NewFromEnv(opts ...Option) (*Client, error) {
	return New(append(envOptions(), opts...)...)
}

// envOptions are the options that the environment sets.
func envOptions() []Option {
	env := transport.Environment[config, Option]{Wrong: wrongVariable}
	env.Text("ALIPAYPLUS_BASE_URL", WithBaseURL)
	env.Text("ALIPAYPLUS_CLIENT_ID", WithClientID)
	env.Secret("ALIPAYPLUS_PRIVATE_KEY", "private key", WithPrivateKey)
	env.Text("ALIPAYPLUS_KEY_VERSION", WithKeyVersion)
	env.Secret("ALIPAYPLUS_PLATFORM_PUBLIC_KEY", "platform public key", func(key []byte) Option {
		return WithPlatformKey(cmp.Or(os.Getenv("ALIPAYPLUS_PLATFORM_KEY_VERSION"), "1"), key)
	})
	env.Duration("ALIPAYPLUS_ATTEMPT_TIMEOUT", "attempt timeout", WithAttemptTimeout)
	return env.Options
}

// wrongVariable names the variable in whatever is wrong with an option.
func wrongVariable(err error, variable string) error {
	err = shared(err)
	if invalid, ok := errors.AsType[*ValidationError](err); ok {
		for i := range invalid.Fields {
			invalid.Fields[i].Message += " (from " + variable + ")"
		}
	}
	return err
}
