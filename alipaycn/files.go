package alipaycn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/alipayplus-go/alipayplus/internal/validation"
)

// File is a file to send. Its content is read in pieces and more than once: to
// check it, and for each attempt to send it.
type File struct {
	// Name is the file's name with an ending that fits the content, for example
	// "logo.png". AlipayCN refuses files without one.
	Name string
	// Content is the content; [os.File] and [bytes.Reader] will do.
	Content io.ReaderAt
	// Size is the size in bytes.
	Size int64
}

// reader returns the content from its beginning.
func (f *File) reader() io.Reader { return io.NewSectionReader(f.Content, 0, f.Size) }

// filePart is a file with the name of its multipart part.
type filePart struct {
	name string
	file *File
}

// fileRule is what AlipayCN documents about a file. A limit of 0 is none, and so are no types.
type fileRule struct {
	types     []fileType
	bytes     int64
	width     int
	height    int
	square    bool
	describes string
}

const megabyte = 1 << 20

// logoRule: jpeg, png, jpg, at most 2 MB, square; 180 x 180 pixels are advised.
func logoRule() fileRule {
	return fileRule{types: imageTypes(), bytes: 2 * megabyte, square: true, describes: "png, jpg or jpeg"}
}

// pictureRule: png, jpg, at most 4 MB, at most 2160 pixels wide and 3840 high.
func pictureRule() fileRule {
	return fileRule{types: imageTypes(), bytes: 4 * megabyte, width: 2160, height: 3840, describes: "png or jpg"}
}

// testFileRule: zip, rar, at most 10 MB.
func testFileRule() fileRule {
	return fileRule{types: archiveTypes(), bytes: 10 * megabyte, describes: "zip or rar"}
}

// fileType is a type of file: how its content begins, and how its name may end.
type fileType struct {
	begins  string
	endings []string
}

func imageTypes() []fileType {
	return []fileType{
		{"\x89PNG\r\n\x1a\n", []string{".png"}},
		{"\xff\xd8\xff", []string{".jpg", ".jpeg"}},
	}
}

func archiveTypes() []fileType {
	return []fileType{
		{"PK\x03\x04", []string{".zip"}},
		{"Rar!\x1a\x07", []string{".rar"}},
	}
}

// file checks a file that may be left out, by its content and not by its name.
func (p *problems) file(field string, f *File, rule fileRule) {
	if f == nil {
		return
	}
	if problem := f.problem(rule); problem != "" {
		p.Add(field, problem)
	}
}

func (f *File) problem(rule fileRule) string {
	switch {
	case f.Content == nil || f.Size <= 0:
		return "must have a content and its size"
	case rule.bytes > 0 && f.Size > rule.bytes:
		return fmt.Sprintf("must have at most %d MB; has %d bytes", rule.bytes/megabyte, f.Size)
	}
	head := make([]byte, min(f.Size, 16))
	if err := f.readAll(head, 0); err != nil {
		return err.Error()
	}
	if err := f.readAll(make([]byte, 1), f.Size-1); err != nil {
		return err.Error()
	}
	if len(rule.types) == 0 {
		return nameProblem(f.Name, nil)
	}
	i := slices.IndexFunc(rule.types, func(t fileType) bool { return bytes.HasPrefix(head, []byte(t.begins)) })
	if i < 0 {
		return "must be " + rule.describes + " by its content, whatever its name"
	}
	if problem := nameProblem(f.Name, rule.types[i].endings); problem != "" {
		return problem
	}
	return f.imageProblem(rule)
}

func (f *File) readAll(into []byte, offset int64) error {
	n, err := f.Content.ReadAt(into, offset)
	switch {
	case n == len(into):
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("has fewer bytes than the %d given as its size", f.Size)
	default:
		return fmt.Errorf("cannot be read: %w", err)
	}
}

// nameProblem keeps out of the multipart header what could break it.
func nameProblem(name string, endings []string) string {
	if name == "" || name != path.Base(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' || r == 0x7f }) {
		return "must have a file name without folders, quotes and control characters"
	}
	if endings != nil && !slices.Contains(endings, strings.ToLower(path.Ext(name))) {
		return "must have a file name that ends with " + strings.Join(endings, " or ") + ", as its content is"
	}
	return ""
}

func (f *File) imageProblem(rule fileRule) string {
	if rule.width == 0 && !rule.square {
		return ""
	}
	size, err := validation.MeasurePicture(f.reader())
	switch {
	case err != nil:
		return "begins like an image but cannot be read as one"
	case size.CMYK:
		return "must be saved in RGB, not in CMYK"
	case rule.square && size.Width != size.Height:
		return fmt.Sprintf("must be square; is %d x %d pixels", size.Width, size.Height)
	case rule.width > 0 && (size.Width > rule.width || size.Height > rule.height):
		return fmt.Sprintf("must be at most %d pixels wide and %d high; is %d x %d", rule.width, rule.height, size.Width, size.Height)
	default:
		return ""
	}
}
