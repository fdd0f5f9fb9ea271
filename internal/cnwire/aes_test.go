package cnwire_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

func TestAESVectors(t *testing.T) {
	v := load[aesVectors](t, "aes.json")
	require.Len(t, v.Cases, 6)
	for _, c := range v.Cases {
		t.Run(c.Name, func(t *testing.T) {
			key := aesKey(t, c.Key)

			plain, err := key.Decrypt([]byte(c.Ciphertext))

			require.NoError(t, err)
			require.Equal(t, string(c.Plaintext), string(plain))
			require.Equal(t, c.Ciphertext, string(key.Encrypt(c.Plaintext)))
		})
	}
	require.Len(t, v.Invalid, 3)
	for _, c := range v.Invalid {
		t.Run(c.Name, func(t *testing.T) {
			plain, err := aesKey(t, c.Key).Decrypt([]byte(c.Ciphertext))

			require.Equal(t, cnwire.ErrDecrypt, err)
			require.Nil(t, plain)
		})
	}
}

// From the tests of the official SDK for .NET.
func TestAESAgainstAPublishedCiphertext(t *testing.T) {
	require.Equal(t, "ILpoMowjIQjfYMR847rnFQ==", string(aesKey(t, "aa4BtZ4tspm2wnXLb1ThQA==").Encrypt([]byte("test1234567"))))
}

// Where padding is wrong, the ciphertext was made for this test with openssl and no padding,
// so that exactly the named fault is in it. The error never tells which.
func TestDecryptSaysTheSameOfEveryFault(t *testing.T) {
	key := aesKey(t, "c2hhcmVkLWFlcy1rZXktMQ==")
	for name, ciphertext := range map[string]string{
		"nothing":                      "",
		"only line breaks":             "\r\n",
		"no base64":                    "*",
		"URL-safe base64":              "-_-_",
		"base64 with stray bits":       "2YA1tiyLG/JlDDJ2G+NuioEOVki5DHYqRT/QaPeBRel=",
		"half a block":                 "AAAAAAAAAAA=",
		"padding of 0":                 "CthU1fFXt+C5CPwb6GVDfw==",
		"padding of 17":                "tbLLlYsPYtYA9pLVEKHtJTSBQb+KSDd7wb/5hMEGf2Q=",
		"padding not all the same":     "lhReEfe8mH7L7A4HXrEM2w==",
		"full block of wrong padding":  "70kSzL2i1lWrOM3IgPOLWg==",
		"first byte of padding is off": "LXt2+nWD91YIjGAReBNcDg==",
	} {
		t.Run(name, func(t *testing.T) {
			plain, err := key.Decrypt([]byte(ciphertext))

			require.Equal(t, cnwire.ErrDecrypt, err)
			require.Nil(t, plain)
		})
	}
}

func TestParseAESKey(t *testing.T) {
	key := aesKey(t, " c2hhcmVkLWFlcy1rZXktMQ==\r\n")
	require.Equal(t, "2YA1tiyLG/JlDDJ2G+NuioEOVki5DHYqRT/QaPeBRek=", string(key.Encrypt([]byte("shared-plain-1234"))))

	for name, c := range map[string]struct{ text, reason string }{
		"empty":          {"", "has 0 bytes"},
		"no base64":      {"secret-secret-16", "not standard base64"},
		"AES-256":        {"c2hhcmVkLWFlcy1rZXktMXNoYXJlZC1hZXMta2V5LTE=", "has 32 bytes"},
		"AES-192":        {"c2hhcmVkLWFlcy1rZXktMXNoYXJlZC1h", "has 24 bytes"},
		"one byte short": {"c2hhcmVkLWFlcy1rZXkt", "has 15 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := cnwire.ParseAESKey([]byte(c.text))

			require.ErrorContains(t, err, c.reason)
			require.Nil(t, key)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestAESKeyIsNeverPrinted(t *testing.T) {
	key := aesKey(t, "c2hhcmVkLWFlcy1rZXktMQ==")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		require.Equal(t, "AES key", fmt.Sprintf(verb, key))
	}
	text, err := json.Marshal(map[string]any{"key": key})
	require.NoError(t, err)
	require.JSONEq(t, `{"key":{}}`, string(text))
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "key", key)
	require.Contains(t, log.String(), `key="AES key"`)
}

func TestDecryptUndoesEncrypt(t *testing.T) {
	key := aesKey(t, "c2hhcmVkLWFlcy1rZXktMQ==")
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(t, "plain")
		given := bytes.Clone(plain)

		got, err := key.Decrypt(key.Encrypt(plain))

		require.NoError(t, err)
		require.True(t, bytes.Equal(given, got))
		require.True(t, bytes.Equal(given, plain), "the input is left alone")
	})
}

func FuzzDecrypt(f *testing.F) {
	key := aesKey(f, "c2hhcmVkLWFlcy1rZXktMQ==")
	for _, c := range load[aesVectors](f, "aes.json").Cases {
		f.Add([]byte(c.Ciphertext))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		given := bytes.Clone(text)
		plain, err := key.Decrypt(text)
		require.Equal(t, string(given), string(text), "the input is left alone")
		if err != nil {
			require.Equal(t, cnwire.ErrDecrypt, err)
			return
		}
		// The decoder skips line breaks; apart from them there is one ciphertext.
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r"), nil), []byte("\n"), nil)
		require.Equal(t, string(text), string(key.Encrypt(plain)))
	})
}

func aesKey(tb testing.TB, text string) *cnwire.AESKey {
	tb.Helper()
	key, err := cnwire.ParseAESKey([]byte(text))
	require.NoError(tb, err)
	return key
}
