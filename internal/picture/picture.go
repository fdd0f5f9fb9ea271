// Package picture reads the size of a PNG or JPEG from its headers alone: pictures that
// Go's decoders do not know, such as a JPEG with unusual chroma sampling, are pictures too.
package picture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// Size is what the headers of a picture say.
type Size struct {
	// Width and Height are in pixels, above 0.
	Width, Height int
	// CMYK says that it is a JPEG of four color components.
	CMYK bool
}

var errNone = errors.New("is not a readable picture")

// Measure reads the headers of a PNG or JPEG.
func Measure(content io.Reader) (Size, error) {
	r := bufio.NewReader(content)
	head, err := r.Peek(24)
	if err != nil {
		return Size{}, errNone
	}
	if string(head[:8]) == "\x89PNG\r\n\x1a\n" && string(head[8:16]) == "\x00\x00\x00\rIHDR" {
		return Size{Width: int(binary.BigEndian.Uint32(head[16:])), Height: int(binary.BigEndian.Uint32(head[20:]))}.checked()
	}
	if head[0] != 0xff || head[1] != 0xd8 {
		return Size{}, errNone
	}
	_, _ = r.Discard(2)
	return measureJPEG(r)
}

// measureJPEG looks for the frame header among the segments (ITU-T T.81, B.2).
func measureJPEG(r *bufio.Reader) (Size, error) {
	for {
		marker, err := nextMarker(r)
		if err != nil {
			return Size{}, errNone
		}
		if marker == 0x01 || marker >= 0xd0 && marker <= 0xd7 {
			continue // without a segment
		}
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err != nil || marker == 0xd9 || marker == 0xda {
			return Size{}, errNone // the picture itself begins, or ends, without a frame header
		}
		n := int(binary.BigEndian.Uint16(length[:])) - 2
		frame := marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
		switch {
		case n < 0 || frame && n < 6:
			return Size{}, errNone
		case frame:
			var header [6]byte
			if _, err := io.ReadFull(r, header[:]); err != nil {
				return Size{}, errNone
			}
			return Size{
				Width: int(binary.BigEndian.Uint16(header[3:])), Height: int(binary.BigEndian.Uint16(header[1:])), CMYK: header[5] == 4,
			}.checked()
		}
		if _, err := r.Discard(n); err != nil {
			return Size{}, errNone
		}
	}
}

// nextMarker reads a marker and the bytes that may fill the space before it.
func nextMarker(r *bufio.Reader) (byte, error) {
	if b, err := r.ReadByte(); err != nil || b != 0xff {
		return 0, errNone
	}
	for {
		if b, err := r.ReadByte(); err != nil || b != 0xff {
			return b, err
		}
	}
}

func (s Size) checked() (Size, error) {
	if s.Width <= 0 || s.Height <= 0 {
		return Size{}, errNone
	}
	return s, nil
}
