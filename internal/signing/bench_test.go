package signing_test

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

// What these need in memory is part of the cost of every call, so it is held
// to here and not only measured below.
func TestAllocations(t *testing.T) {
	digest, small, large := callOf(1<<10), callOf(4000), callOf(1<<20)
	key := loadVectors(t, vectorFiles[0]).private(t, "1")
	sum := digest()
	signature, err := signing.Sign(key, sum[:])
	require.NoError(t, err)
	header := signing.Header{KeyVersion: "1", Signature: signature}
	slashes := signing.Header{KeyVersion: "1", Signature: bytes.Repeat([]byte{0xff}, 256)}
	value := header.String()

	for name, c := range map[string]struct {
		atMost float64
		call   func()
	}{
		"Digest of 1 KiB":            {0, func() { digest() }},
		"Digest of 4000 B":           {0, func() { small() }},
		"Digest of 1 MiB":            {3, func() { large() }},
		"Header.String":              {1, func() { _ = header.String() }},
		"Header.String, all escaped": {1, func() { _ = slashes.String() }},
		"ParseHeader":                {1, func() { _, _ = signing.ParseHeader(value) }},
		"CheckSigner":                {0, func() { _, _ = signing.CheckSigner(key) }},
	} {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, testing.AllocsPerRun(100, c.call), c.atMost)
		})
	}
}

// A large body is hashed where it lies, and never copied.
func TestDigestDoesNotCopyALargeBody(t *testing.T) {
	digest := callOf(8 << 20)
	var before, after runtime.MemStats

	runtime.ReadMemStats(&before)
	digest()
	runtime.ReadMemStats(&after)

	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
}

func BenchmarkDigest(b *testing.B) {
	for name, size := range map[string]int{"1KiB": 1 << 10, "4000B": 4000, "64KiB": 64 << 10} {
		digest := callOf(size)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				digest()
			}
		})
	}
}

func BenchmarkSign(b *testing.B) {
	key := loadVectors(b, vectorFiles[0]).private(b, "1")
	digest := callOf(1 << 10)()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = signing.Sign(key, digest[:])
	}
}

func BenchmarkVerify(b *testing.B) {
	key := loadVectors(b, vectorFiles[0]).private(b, "1")
	digest := callOf(1 << 10)()
	signature, err := signing.Sign(key, digest[:])
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_ = signing.Verify(&key.PublicKey, digest[:], signature)
	}
}

func BenchmarkHeaderString(b *testing.B) {
	header := signing.Header{KeyVersion: "1", Signature: bytes.Repeat([]byte{0x6b, 0xf5, 0x1c, 0x02}, 64)}
	b.ReportAllocs()
	for b.Loop() {
		_ = header.String()
	}
}

func BenchmarkParseHeader(b *testing.B) {
	value := signing.Header{KeyVersion: "1", Signature: bytes.Repeat([]byte{0x6b, 0xf5, 0x1c, 0x02}, 64)}.String()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = signing.ParseHeader(value)
	}
}

func callOf(size int) func() [32]byte {
	body := bytes.Repeat([]byte("x"), size)
	return func() [32]byte {
		return signing.Digest("POST", "/api/open/v2/service/create", "2021550000000001", "2026-11-21T10:11:12+08:00", body)
	}
}
