package polling_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/polling"
)

func TestANumberIsBelowOneAndComesFromTheOneSource(t *testing.T) {
	given := rand.Reader
	t.Cleanup(func() { rand.Reader = given })
	for drawn, want := range map[[8]byte]float64{
		{}:     0,
		{0x80}: 0.5,
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}: 1 - 1.0/(1<<53),
	} {
		rand.Reader = bytes.NewReader(drawn[:])
		require.Equal(t, want, polling.Jitter()) //nolint:testifylint // these are exact
	}
}
