package validation_test

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

func pictures(t require.TestingT) (asPNG, asJPEG []byte) {
	var p, j bytes.Buffer
	require.NoError(t, png.Encode(&p, image.NewRGBA(image.Rect(0, 0, 7, 5))))
	require.NoError(t, jpeg.Encode(&j, image.NewRGBA(image.Rect(0, 0, 9, 4)), nil))
	return p.Bytes(), j.Bytes()
}

func TestASizeIsReadFromTheHeadersAlone(t *testing.T) {
	asPNG, asJPEG := pictures(t)
	frame := bytes.Index(asJPEG, []byte{0xff, 0xc0})
	changed := func(at int, to ...byte) []byte {
		c := bytes.Clone(asJPEG)
		copy(c[at:], to)
		return c
	}
	for name, tt := range map[string]struct {
		content []byte
		want    validation.PictureSize
	}{
		"a PNG":                          {asPNG, validation.PictureSize{Width: 7, Height: 5}},
		"a JPEG":                         {asJPEG, validation.PictureSize{Width: 9, Height: 4}},
		"chroma 1x1 and 1x2":             {changed(frame+11, 0x22, 0, 2, 0x11, 1, 3, 0x12), validation.PictureSize{Width: 9, Height: 4}},
		"progressive":                    {changed(frame+1, 0xc2), validation.PictureSize{Width: 9, Height: 4}},
		"arithmetic coding, 12 bits":     {changed(frame+1, 0xc9, 0, 17, 12), validation.PictureSize{Width: 9, Height: 4}},
		"four components":                {changed(frame+9, 4), validation.PictureSize{Width: 9, Height: 4, CMYK: true}},
		"with bytes that belong nowhere": {append([]byte("\xff\xd80\x00\xff\x00x"), asJPEG[2:]...), validation.PictureSize{Width: 9, Height: 4}},
		"filled and with a long segment": {
			append(append([]byte("\xff\xd8\xff\xff\xe1\xff\xff"), make([]byte, 0xfffd)...), asJPEG[2:]...), validation.PictureSize{Width: 9, Height: 4},
		},
	} {
		got, err := validation.MeasurePicture(bytes.NewReader(tt.content))
		require.NoError(t, err, name)
		require.Equal(t, tt.want, got, name)
	}
	for name, content := range map[string][]byte{
		"nothing": nil, "cut off": asPNG[:20], "a JPEG cut off": asJPEG[:30], "no height": changed(frame+5, 0, 0),
		"another file": []byte(strings.Repeat("GIF89a", 9)), "no frame": changed(frame+1, 0xda),
	} {
		_, err := validation.MeasurePicture(bytes.NewReader(content))
		require.Error(t, err, name)
	}
}

// FuzzMeasure: what Go's decoders read has the same size.
func FuzzMeasure(f *testing.F) {
	asPNG, asJPEG := pictures(f)
	f.Add(asPNG)
	f.Add(asJPEG)
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := validation.MeasurePicture(bytes.NewReader(content))
		if want, _, known := image.DecodeConfig(bytes.NewReader(content)); known == nil && want.Width > 0 && want.Height > 0 {
			require.NoError(t, err)
			require.Equal(t, []int{want.Width, want.Height}, []int{got.Width, got.Height})
		}
	})
}
