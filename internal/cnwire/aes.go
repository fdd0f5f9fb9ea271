package cnwire

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// ErrDecrypt says that a text could not be decrypted. It is the same whatever
// the reason, because a difference between bad padding and other damage would
// let who sends texts find out what is in others.
var ErrDecrypt = errors.New("cannot decrypt: the ciphertext is damaged, or it was made with another AES key")

// aesKeySize is the only documented key length: AES-128.
const aesKeySize = 16

// AESKey encrypts the bodies of requests and decrypts those of answers by
// AES-128 in CBC mode with PKCS#7 padding. The documents prescribe an
// initialisation vector of 16 zero bytes, so equal texts give equal ciphertexts.
// It may be used by several goroutines at once.
type AESKey struct{ block cipher.Block }

// ParseAESKey reads the key that Alipay's console shows: 16 bytes in standard
// base64; space around it does not matter. The error never contains any part of
// the text.
func ParseAESKey(text []byte) (*AESKey, error) {
	key, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
	if err != nil {
		return nil, errors.New("AES key is not standard base64: copy it from the console as it is shown there")
	}
	if len(key) != aesKeySize {
		return nil, fmt.Errorf("AES key has %d bytes behind its base64, where %d are needed: copy it whole from the console", len(key), aesKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("AES key: %w", err)
	}
	return &AESKey{block}, nil
}

// Format keeps the key out of whatever is printed or logged.
func (*AESKey) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "AES key") }

// Encrypt returns plaintext as a body for the wire: ciphertext in standard
// base64. It is this text that is signed.
func (k *AESKey) Encrypt(plaintext []byte) []byte {
	n := aes.BlockSize - len(plaintext)%aes.BlockSize
	padded := make([]byte, 0, len(plaintext)+n)
	padded = append(append(padded, plaintext...), bytes.Repeat([]byte{byte(n)}, n)...)
	iv := make([]byte, aes.BlockSize)
	cipher.NewCBCEncrypter(k.block, iv).CryptBlocks(padded, padded) //nolint:gosec // the platform prescribes the zero vector
	return base64.StdEncoding.AppendEncode(nil, padded)
}

// Decrypt undoes [AESKey.Encrypt]. Verify the signature of the text first. An
// error is [ErrDecrypt]. One in about 256 texts made with another key passes for
// well padded, and then what is returned makes no sense.
func (k *AESKey) Decrypt(text []byte) ([]byte, error) {
	padded, err := base64.StdEncoding.Strict().AppendDecode(nil, text)
	if err != nil || len(padded) == 0 || len(padded)%aes.BlockSize != 0 {
		return nil, ErrDecrypt
	}
	iv := make([]byte, aes.BlockSize)
	cipher.NewCBCDecrypter(k.block, iv).CryptBlocks(padded, padded)
	n := int(padded[len(padded)-1])
	if n == 0 || n > aes.BlockSize || !bytes.HasSuffix(padded, bytes.Repeat([]byte{byte(n)}, n)) {
		return nil, ErrDecrypt
	}
	return padded[:len(padded)-n], nil
}
