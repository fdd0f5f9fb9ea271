package alipayplus

import (
	"errors"
	"os"
	"time"

	"github.com/alipayplus-go/alipayplus/internal/clientoptions"
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
	takeKey := func(name, field string, option func(key []byte) Option) {
		if !take(name+"_FILE", func(path string) Option { return fromFile(path, name, field, option) }) {
			take(name, func(key string) Option { return option([]byte(key)) })
		}
	}
	take("ALIPAYPLUS_BASE_URL", WithBaseURL)
	take("ALIPAYPLUS_CLIENT_ID", WithClientID)
	takeKey("ALIPAYPLUS_PRIVATE_KEY", "private key", WithPrivateKey)
	take("ALIPAYPLUS_KEY_VERSION", WithKeyVersion)
	takeKey("ALIPAYPLUS_PLATFORM_PUBLIC_KEY", "platform public key", func(key []byte) Option {
		version := os.Getenv("ALIPAYPLUS_PLATFORM_KEY_VERSION")
		if version == "" {
			version = "1"
		}
		return WithPlatformKeyText(version, key)
	})
	take("ALIPAYPLUS_ATTEMPT_TIMEOUT", attemptTimeout)
	return opts
}

// fromVariable names the variable in whatever is wrong with the option.
func fromVariable(name string, option Option) Option {
	return func(cfg *config) error {
		err := option(cfg)
		if invalid, ok := errors.AsType[*ValidationError](err); ok {
			for i := range invalid.Fields {
				invalid.Fields[i].Message += " (from " + name + ")"
			}
		}
		return err
	}
}

// fromFile is an option whose key is in a file. name is the variable for the key
// itself.
func fromFile(path, name, field string, option func(key []byte) Option) Option {
	return func(cfg *config) error {
		content, err := clientoptions.ReadFile(path, name, field)
		if err != nil {
			return shared(err)
		}
		return option(content)(cfg)
	}
}

func attemptTimeout(text string) Option {
	return func(cfg *config) error {
		limit, err := time.ParseDuration(text)
		if err != nil {
			return badOption("attempt timeout", "is not a duration such as 45s")
		}
		return WithAttemptTimeout(limit)(cfg)
	}
}
