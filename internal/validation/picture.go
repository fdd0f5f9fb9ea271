package validation

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// PictureSize is what the headers of a picture say.
type PictureSize struct {
	// Width and Height are in pixels, above 0.
	Width, Height int
	// CMYK says that it is a JPEG of four color components.
	CMYK bool
}

var errNoPicture = errors.New("is not a readable picture")

// MeasurePicture reads the size of a PNG or JPEG from its headers alone: pictures that
// Go's decoders do not know, such as a JPEG with unusual chroma sampling, are pictures too.
func MeasurePicture(content io.Reader) (PictureSize, error) {
	r := bufio.NewReader(content)
	head, err := r.Peek(24)
	if err != nil {
		return PictureSize{}, errNoPicture
	}
	if string(head[:8]) == "\x89PNG\r\n\x1a\n" && string(head[8:16]) == "\x00\x00\x00\rIHDR" {
		return PictureSize{Width: int(binary.BigEndian.Uint32(head[16:])), Height: int(binary.BigEndian.Uint32(head[20:]))}.checked()
	}
	if head[0] != 0xff || head[1] != 0xd8 {
		return PictureSize{}, errNoPicture
	}
	_, _ = r.Discard(2)
	return measureJPEG(r)
}

// measureJPEG looks for the frame header among the segments (ITU-T T.81, B.2).
func measureJPEG(r *bufio.Reader) (PictureSize, error) {
	for {
		marker, err := nextMarker(r)
		switch {
		case err != nil || marker == 0xd8 || marker == 0xd9 || marker == 0xda:
			return PictureSize{}, errNoPicture // the picture itself begins, or ends, without a frame header
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7:
			continue // without a segment
		}
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err != nil {
			return PictureSize{}, errNoPicture
		}
		n := int(binary.BigEndian.Uint16(length[:])) - len(length)
		if isFrame(marker) {
			return readFrame(r, n)
		}
		if _, err := r.Discard(n); err != nil { // it refuses a length below 0
			return PictureSize{}, errNoPicture
		}
	}
}

// isFrame says whether a segment is a frame header, of whatever kind of JPEG.
func isFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}

// readFrame reads a frame header of n bytes.
func readFrame(r *bufio.Reader, n int) (PictureSize, error) {
	var header [6]byte
	if _, err := io.ReadFull(r, header[:]); err != nil || n < len(header) {
		return PictureSize{}, errNoPicture
	}
	return PictureSize{
		Width: int(binary.BigEndian.Uint16(header[3:])), Height: int(binary.BigEndian.Uint16(header[1:])), CMYK: header[5] == 4,
	}.checked()
}

// nextMarker reads a marker. What is between two segments and none is skipped, as the
// usual decoders do: bytes that fill the space, and others that belong nowhere.
func nextMarker(r *bufio.Reader) (byte, error) {
	for before := byte(0); ; {
		b, err := r.ReadByte()
		if err != nil || before == 0xff && b != 0xff && b != 0 {
			return b, err
		}
		before = b
	}
}

func (s PictureSize) checked() (PictureSize, error) {
	if s.Width <= 0 || s.Height <= 0 {
		return PictureSize{}, errNoPicture
	}
	return s, nil
}
