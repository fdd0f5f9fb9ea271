package alipaycnapp

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPictureBecomesAPNG(t *testing.T) {
	var given bytes.Buffer
	require.NoError(t, jpeg.Encode(&given, image.NewGray(image.Rect(0, 0, 8, 8)), nil))
	got, err := asPNG(given.Bytes())
	require.NoError(t, err)
	size, err := png.DecodeConfig(bytes.NewReader(got))
	require.NoError(t, err)
	require.Equal(t, 8, size.Width)

	same, err := asPNG(got)
	require.NoError(t, err)
	require.Equal(t, got, same)

	given.Reset()
	require.NoError(t, png.Encode(&given, image.NewGray(image.Rect(0, 0, 5000, 1))))
	_, err = asPNG(given.Bytes())
	require.ErrorContains(t, err, "has 5000 x 1 pixels")
	_, err = asPNG([]byte("<html>"))
	require.Error(t, err)
}
