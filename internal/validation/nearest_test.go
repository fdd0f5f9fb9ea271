package validation_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

func TestWhatWasProbablyMeant(t *testing.T) {
	words := []string{"approval", "bake", "deadline", "gates", "ratio", "reviewDeadline", "steps"}
	for word, want := range map[string]string{
		"pproval": "approval", "aprpoval": "approval", "Gates": "gates", "gate": "gates", "raito": "ratio", "reviewdeadline": "reviewDeadline",
		"dead": "deadline", "speed": "", "colour": "", "x": "", "": "",
	} {
		require.Equal(t, want, validation.Nearest(word, words), word)
	}
	require.Empty(t, validation.Nearest("bake", nil))
}
