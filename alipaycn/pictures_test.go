package alipaycn_test

import (
	"bytes"
	"image"
	"image/png"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// squarePNG is a picture of that many pixels in both directions.
func squarePNG(side int) *alipaycn.File {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewRGBA(image.Rect(0, 0, side, side))); err != nil {
		panic(err)
	}
	return &alipaycn.File{Name: "logo.png", Content: bytes.NewReader(out.Bytes()), Size: int64(out.Len())}
}
