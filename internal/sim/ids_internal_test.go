package sim

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestIDs are found as a regular expression finds them, which takes a tenth of a world's time.
func TestIDs(t *testing.T) {
	as := regexp.MustCompile(`\b(?:([a-z]{2,4})_)?[A-Z2-7]{26}\b|\b[1-9][0-9]{15}\b`)
	const id = "ABCDEFGHIJKLMNOPQRSTUVWX27"
	parts := []string{id, "rel_" + id, "r_" + id, "abcde_" + id, "1234567890123456", "0234567890123456", "_", `"`, "/", "a", "Z", "7", "1", " ", "é", id[1:], "日本"}
	random := rand.New(rand.NewPCG(1, 2))
	found := 0
	for range 20_000 {
		var text strings.Builder
		for range random.IntN(6) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		var got []string
		for begin, end := range ids(text.String()) {
			got = append(got, text.String()[begin:end])
		}
		require.Equal(t, as.FindAllString(text.String(), -1), got, text.String())
		found += len(got)
	}
	require.NotZero(t, found)
}
