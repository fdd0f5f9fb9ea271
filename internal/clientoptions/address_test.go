package clientoptions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/clientoptions"
)

func TestAddress(t *testing.T) {
	for _, right := range []string{"https://gateway.example.com", "http://127.0.0.1:8480/release"} {
		u, err := clientoptions.Address("base URL", right, "https://x.example")
		require.NoError(t, err)
		require.Equal(t, right, u.String())
	}
	for wrong, message := range map[string]string{
		"":                           "endpoint must be an http or https address with a host, such as https://x.example",
		"x.example":                  "endpoint must be an http or https address with a host, such as https://x.example",
		"ftp://x.example":            "endpoint must be an http or https address with a host, such as https://x.example",
		"https:///path":              "endpoint must be an http or https address with a host, such as https://x.example",
		"https://a b":                "endpoint must be an http or https address with a host, such as https://x.example",
		"127.0.0.1:8481":             "endpoint must be an http or https address with a host, such as https://x.example",
		"https://ann:s3cret@x.y":     "endpoint must not have user, query or fragment",
		"https://x.y/?token=s3cret":  "endpoint must not have user, query or fragment",
		"https://x.y/#s3cret":        "endpoint must not have user, query or fragment",
		"https://ann:s3cret@x.y/%zz": "endpoint must be an http or https address with a host, such as https://x.example",
	} {
		u, err := clientoptions.Address("endpoint", wrong, "https://x.example")
		require.EqualError(t, err, message, wrong)
		require.Nil(t, u)
	}
}
