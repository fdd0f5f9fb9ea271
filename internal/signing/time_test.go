package signing_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/signing"
)

func TestParseTimeReadsBothForms(t *testing.T) {
	want := time.Date(2019, 4, 4, 6, 38, 56, 253e6, time.UTC)
	for _, text := range []string{"2019-04-04T12:08:56.253+05:30", "2019-04-04T06:38:56.253Z", "1554359936253"} {
		got, err := signing.ParseTime(text)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), text)
	}
}

func TestParseTimeRefusesLessThanAWholeTime(t *testing.T) {
	for _, text := range []string{"", "2019-04-04", "2019-04-04T12:08:56", "2019-04-04T12:08:56.253", "1554359936.253", "now"} {
		_, err := signing.ParseTime(text)
		require.Error(t, err, text)
	}
}
