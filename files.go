package alipayplus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/transport"
	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// The content types of files that can be uploaded.
const (
	// ContentPNG is a PNG image.
	ContentPNG = "image/png"
	// ContentJPEG is a JPEG image.
	ContentJPEG = "image/jpeg"
	// ContentZip is a zip archive: the package of a version.
	ContentZip = "application/zip"
)

func imageTypes() []string   { return []string{ContentPNG, ContentJPEG} }
func packageTypes() []string { return []string{ContentZip} }

// File is an uploaded file. Its id is the SHA-256 of its content, in
// hexadecimal: uploading it again gives the same file.
type File struct {
	// ID names the file: the SHA-256 of its content.
	ID string `json:"id"`
	// ContentType is what the content was recognized as.
	ContentType string `json:"contentType"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// Width is that of an image in pixels; 0 for other files.
	Width int `json:"width,omitempty"`
	// Height is that of an image in pixels; 0 for other files.
	Height int `json:"height,omitempty"`
}

// UploadFileInput is what [FilesClient.Upload] takes.
type UploadFileInput struct {
	// Content is the file; it is read in pieces, more than once ([os.File] and
	// [bytes.Reader] will do).
	Content io.ReaderAt `json:"-" validate:"required,nostructlevel"`
	// Size is its size in bytes.
	Size int64 `json:"-" validate:"required,min=1"`
	// Progress is called with the bytes sent so far and Size, from 0 again when
	// the upload is repeated; may be nil. One call follows another, and none comes
	// after the upload has returned; it may be another goroutine that calls.
	Progress func(sent, size int64) `json:"-"`
}

// Validate checks the fields.
func (in UploadFileInput) Validate() error { return validate("file", in, nil) }

// FilesClient uploads files. It is safe for concurrent use.
type FilesClient struct{ client *Client }

// Upload uploads an image for a service: PNG or JPEG, by its content. Formats
// and sizes are not documented by Alipay+; the platform announces the largest
// size in [ServicePolicy]. Errors: [ValidationError], [ErrPermission].
func (c *FilesClient) Upload(ctx context.Context, in UploadFileInput) (*File, error) {
	return c.upload(ctx, contract.FileUpload.Name, in, imageTypes())
}

// expectAbove is the size, in bytes, above which a file is sent only after the
// platform has said that it will read it: a refusal then costs no upload.
const expectAbove = 1 << 20

// upload sends a file of one of the given types. The bytes go up raw; the
// signature covers them, and their SHA-256 names them.
func (c *FilesClient) upload(ctx context.Context, operation string, in UploadFileInput, types []string) (*File, error) {
	op := contract.FileUpload
	op.Name = operation
	if err := in.Validate(); err != nil {
		return nil, notSent(op, err)
	}
	described, err := describe(in, types)
	if err != nil {
		return nil, notSent(op, err)
	}
	sending := upload{in: in}
	defer sending.end()
	var got answer[File]
	err = c.client.exchange(ctx, op, "", &transport.Call{
		ContentType: described.ContentType,
		Size:        in.Size,
		Open:        sending.open,
		Sign: func(_ context.Context, h http.Header) error {
			if in.Size > expectAbove {
				h.Set("Expect", "100-continue")
			}
			return c.client.signStream(op, h, sending.content())
		},
	}, &got)
	if err != nil {
		return nil, err
	}
	file := got.Data
	if file.ID != described.ID {
		return nil, &Error{Operation: op.Name, Message: "the platform stored another content than was sent", Hint: "upload it again"}
	}
	return file, nil
}

// describe reads a file once: what it is, and its SHA-256.
func describe(in UploadFileInput, types []string) (File, error) {
	head := make([]byte, min(in.Size, 512))
	if _, err := in.Content.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return File{}, fmt.Errorf("read the file: %w", err)
	}
	file := File{ContentType: http.DetectContentType(head), Size: in.Size}
	if err := file.checkType(types); err != nil {
		return File{}, err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, io.NewSectionReader(in.Content, 0, in.Size))
	if err != nil {
		return File{}, fmt.Errorf("read the file: %w", err)
	}
	if n != in.Size {
		return File{}, invalidFile("has %d bytes, not the %d given as its size", n, in.Size)
	}
	file.ID = hex.EncodeToString(hash.Sum(nil))
	if file.ContentType == ContentZip {
		return file, nil
	}
	return file, file.measure(io.NewSectionReader(in.Content, 0, in.Size))
}

// DescribeFile says what a content is, by its bytes and whatever its name: its
// id, type, size and, for an image, its measures. What is neither a PNG or JPEG
// image nor a zip archive is a [ValidationError]. The client calls it before an
// upload and the platform after.
func DescribeFile(content []byte) (*File, error) {
	in := UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content))}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	file, err := describe(in, slices.Concat(imageTypes(), packageTypes()))
	if err != nil {
		return nil, err
	}
	return &file, nil
}

func (f *File) checkType(types []string) error {
	if slices.Contains(types, f.ContentType) {
		return nil
	}
	return invalidFile("must be one of %v by its content; it is %s", types, f.ContentType)
}

func (f *File) measure(content io.Reader) error {
	size, err := validation.MeasurePicture(content)
	if err != nil {
		return invalidFile("begins like %s but is not a readable image", f.ContentType)
	}
	f.Width, f.Height = size.Width, size.Height
	return nil
}

func invalidFile(format string, args ...any) error {
	return &ValidationError{Subject: "file", Fields: []FieldError{{Path: "content", Message: fmt.Sprintf(format, args...)}}}
}

// upload gives each attempt the content anew. net/http may go on reading a body
// after it has answered, so a reader is ended before the next one begins and before
// the call returns: after that neither the content nor the progress function of the
// caller is used.
type upload struct {
	in      UploadFileInput
	current *progressReader
}

func (u *upload) content() *io.SectionReader { return io.NewSectionReader(u.in.Content, 0, u.in.Size) }

func (u *upload) open() (io.ReadCloser, error) {
	u.end()
	u.current = &progressReader{content: u.content(), size: u.in.Size, report: u.in.Progress}
	return u.current, nil
}

func (u *upload) end() {
	if u.current != nil {
		_ = u.current.Close()
	}
}

// progressReader reports how much of the content was read.
type progressReader struct {
	mu      sync.Mutex
	ended   bool
	content *io.SectionReader
	sent    int64
	size    int64
	report  func(sent, size int64)
}

func (r *progressReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return 0, io.ErrClosedPipe
	}
	n, err := r.content.Read(p)
	r.sent += int64(n)
	if r.report != nil && n > 0 {
		r.report(r.sent, r.size)
	}
	return n, err
}

// Close ends the reading, for good, after a Read that is under way.
func (r *progressReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	return nil
}
