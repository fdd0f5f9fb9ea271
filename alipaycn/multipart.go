package alipaycn

import (
	"bytes"
	"crypto/rand"
	"io"
	"path"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// multipart makes the body a form: the part "data" with what was the body, which
// alone is signed, and the files. The files are read in pieces when the form is
// sent, anew for each attempt; only the headers of the parts are in memory.
func (out outgoing) multipart(files []filePart) outgoing {
	boundary := "alipayplus-" + rand.Text()
	pieces := []piece{textPiece("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + cnwire.DataPart + "\"\r\n" +
		"Content-Type: " + out.contentType + "\r\n\r\n"), bytesPiece(out.body)}
	for _, f := range files {
		pieces = append(pieces, textPiece("\r\n--"+boundary+"\r\nContent-Disposition: form-data; name=\""+f.name+
			"\"; filename=\""+f.file.Name+"\"\r\nContent-Type: "+contentType(f.file.Name)+"\r\n\r\n"))
		pieces = append(pieces, piece{f.file.Content, f.file.Size})
	}
	pieces = append(pieces, textPiece("\r\n--"+boundary+"--\r\n"))

	out.contentType = "multipart/form-data; boundary=" + boundary
	for _, p := range pieces {
		out.size += p.size
	}
	out.open = func() (io.ReadCloser, error) {
		readers := make([]io.Reader, len(pieces))
		for i, p := range pieces {
			readers[i] = io.NewSectionReader(p.content, 0, p.size)
		}
		return io.NopCloser(io.MultiReader(readers...)), nil
	}
	return out
}

// piece is a part of a form that can be read again from its beginning.
type piece struct {
	content io.ReaderAt
	size    int64
}

func bytesPiece(b []byte) piece   { return piece{bytes.NewReader(b), int64(len(b))} }
func textPiece(text string) piece { return piece{strings.NewReader(text), int64(len(text))} }

// contentType is that of a file whose name was checked to fit its content.
func contentType(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".png":
		return "image/png"
	case ".jpg", ".jpeg":
		return "image/jpeg"
	case ".zip":
		return "application/zip"
	default:
		return "application/octet-stream"
	}
}
