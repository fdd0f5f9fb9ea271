package alipayplus

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func encoded(t *testing.T, encode func(io.Writer, image.Image) error, width, height int) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, encode(&buf, image.NewGray(image.Rect(0, 0, width, height))))
	return buf.Bytes()
}

func asJPEG(w io.Writer, m image.Image) error { return jpeg.Encode(w, m, nil) }

func zipped(t *testing.T) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	f, err := z.Create("app.json")
	require.NoError(t, err)
	_, err = f.Write([]byte("{}"))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return buf.Bytes()
}

func TestDescribeFile(t *testing.T) {
	for _, tt := range []struct {
		name    string
		content []byte
		want    File
	}{
		{"PNG", encoded(t, png.Encode, 3, 7), File{ContentType: "image/png", Width: 3, Height: 7}},
		{"JPEG", encoded(t, asJPEG, 9, 5), File{ContentType: "image/jpeg", Width: 9, Height: 5}},
		{"a PNG beyond the first 512 bytes", append(encoded(t, png.Encode, 3, 7), make([]byte, 600)...), File{ContentType: "image/png", Width: 3, Height: 7}},
		{"zip", zipped(t), File{ContentType: "application/zip"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sum := sha256.Sum256(tt.content)
			tt.want.ID, tt.want.Size = hex.EncodeToString(sum[:]), int64(len(tt.content))

			got, err := DescribeFile(tt.content)
			require.NoError(t, err)
			require.Equal(t, &tt.want, got)
		})
	}
}

func TestDescribeFileRefuses(t *testing.T) {
	asGIF := func(w io.Writer, m image.Image) error { return gif.Encode(w, m, nil) }
	const one = "file: 1 field not valid: content "
	const types = one + "must be one of [image/png image/jpeg application/zip] by its content; it is "
	for _, tt := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "file: 1 field not valid: size is required"},
		{"text", []byte("tea"), types + "text/plain; charset=utf-8"},
		{"garbage", []byte{0, 1, 2, 3}, types + "application/octet-stream"},
		{"a page", []byte("<html>"), types + "text/html; charset=utf-8"},
		{"GIF", encoded(t, asGIF, 3, 3), types + "image/gif"},
		{"a PNG cut off in its head", encoded(t, png.Encode, 3, 7)[:20], one + "begins like image/png but is not a readable image"},
		{"a JPEG cut off in its head", encoded(t, asJPEG, 9, 5)[:30], one + "begins like image/jpeg but is not a readable image"},
		{"the first bytes of a PNG and then garbage", append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 64)...), one + "begins like image/png but is not a readable image"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DescribeFile(tt.content)
			require.EqualError(t, err, tt.want)
			require.ErrorIs(t, err, ErrInvalid)
			require.Nil(t, got)
		})
	}
}

func TestAFileThatIsShorterThanSaidIsRefused(t *testing.T) {
	for _, content := range [][]byte{zipped(t), append(zipped(t), make([]byte, 600)...)} {
		in := UploadFileInput{Content: bytes.NewReader(content), Size: int64(len(content)) + 1}
		_, err := describe(in, packageTypes())
		require.ErrorIs(t, err, ErrInvalid)
		require.ErrorContains(t, err, "given as its size")
	}
}

// Of a longer file, what was said is what goes up.
func TestOfALongerFileTheSizeCounts(t *testing.T) {
	content := zipped(t)
	whole, err := DescribeFile(content)
	require.NoError(t, err)
	in := UploadFileInput{Content: bytes.NewReader(append(content, "more"...)), Size: int64(len(content))}
	part, err := describe(in, packageTypes())
	require.NoError(t, err)
	require.Equal(t, *whole, part)
}

// An image is no package and a package is no image.
func TestFilesAreTakenForWhatTheyAreFor(t *testing.T) {
	picture, archive := encoded(t, png.Encode, 1, 1), zipped(t)
	_, err := describe(UploadFileInput{Content: bytes.NewReader(picture), Size: int64(len(picture))}, packageTypes())
	require.EqualError(t, err, "file: 1 field not valid: content must be one of [application/zip] by its content; it is image/png")
	_, err = describe(UploadFileInput{Content: bytes.NewReader(archive), Size: int64(len(archive))}, imageTypes())
	require.EqualError(t, err, "file: 1 field not valid: content must be one of [image/png image/jpeg] by its content; it is application/zip")
}

// brokenDisk fails once it has given so many bytes.
type brokenDisk struct {
	content []byte
	good    int64
}

var errDisk = errors.New("disk on fire")

func (d brokenDisk) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > d.good {
		return 0, errDisk
	}
	return copy(p, d.content[off:]), nil
}

func TestAFileThatCannotBeRead(t *testing.T) {
	content := append(zipped(t), make([]byte, 100_000)...)
	for _, good := range []int64{0, 512, 40_000} {
		_, err := describe(UploadFileInput{Content: brokenDisk{content, good}, Size: int64(len(content))}, packageTypes())
		require.ErrorIs(t, err, errDisk)
		require.EqualError(t, err, "read the file: disk on fire")
	}
}

func TestUploadProgress(t *testing.T) {
	var seen [][2]int64
	r := &progressReader{
		content: io.NewSectionReader(bytes.NewReader(make([]byte, 10)), 0, 10), size: 10,
		report: func(sent, size int64) { seen = append(seen, [2]int64{sent, size}) },
	}
	buf := make([]byte, 4)
	for range 4 {
		_, _ = r.Read(buf)
	}
	require.Equal(t, [][2]int64{{4, 10}, {8, 10}, {10, 10}}, seen, "the end is no progress")
	require.NoError(t, r.Close())

	silent := &progressReader{content: io.NewSectionReader(bytes.NewReader(make([]byte, 10)), 0, 10), size: 10}
	n, err := io.Copy(io.Discard, silent)
	require.NoError(t, err)
	require.EqualValues(t, 10, n)
}

// The fields of a caller's reader are not validated.
type oddReader struct {
	*bytes.Reader

	Label string `validate:"required"`
	Rule  string `validate:"no_such_rule"`
}

func TestAnyReaderCanBeUploaded(t *testing.T) {
	reader := &oddReader{Reader: bytes.NewReader([]byte("x"))}
	require.NoError(t, UploadFileInput{Content: reader, Size: 1}.Validate())
	require.NoError(t, UploadFileInput{Content: *reader, Size: 1}.Validate())
	require.NoError(t, UploadVersionInput{ProgramID: "p", Version: VersionNumber{Major: 1}, Package: reader, Size: 1}.Validate())
	require.Error(t, UploadFileInput{Content: (*oddReader)(nil), Size: 1}.Validate(), "a nil pointer reads nothing")
}
