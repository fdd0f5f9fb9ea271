package alipaycn

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

func textFile(name, content string) *File {
	return &File{Name: name, Content: strings.NewReader(content), Size: int64(len(content))}
}

// aPicture is a PNG or JPEG of the given measures, by the ending of its name.
func aPicture(t *testing.T, name string, width, height int) *File {
	t.Helper()
	pixels := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.White})
	var content bytes.Buffer
	if strings.HasSuffix(name, ".png") {
		require.NoError(t, png.Encode(&content, pixels))
	} else {
		require.NoError(t, jpeg.Encode(&content, pixels, nil))
	}
	return textFile(name, content.String())
}

// cmyk is the beginning of a JPEG with four colour components.
func cmyk(width, height uint16) *File {
	frame := []byte{0xff, 0xd8, 0xff, 0xc0, 0, 20, 8, 0, 0, 0, 0, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0}
	binary.BigEndian.PutUint16(frame[7:], height)
	binary.BigEndian.PutUint16(frame[9:], width)
	scan := []byte{0xff, 0xda, 0, 14, 4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0}
	return textFile("logo.jpg", string(append(frame, scan...)))
}

// padded is a file made larger behind its end.
func padded(f *File, size int64) *File {
	content := make([]byte, size)
	_, _ = f.Content.ReadAt(content, 0)
	return &File{Name: f.Name, Content: bytes.NewReader(content), Size: size}
}

func TestFilesAreCheckedByTheirContent(t *testing.T) {
	t.Parallel()
	const megabytes = 1 << 20
	zip := textFile("report.zip", "PK\x03\x04rest")
	for _, tt := range []struct {
		name string
		file *File
		rule fileRule
		want string
	}{
		{"a logo", aPicture(t, "logo.png", 180, 180), logoRule(), ""},
		{"a JPEG logo", aPicture(t, "logo.jpg", 180, 180), logoRule(), ""},
		{"another ending of JPEG, in capitals", aPicture(t, "logo.JPEG", 180, 180), logoRule(), ""},
		{"a name in Chinese", aPicture(t, "图标.png", 180, 180), logoRule(), ""},
		{"a large logo", padded(aPicture(t, "logo.png", 180, 180), 2*megabytes), logoRule(), ""},
		{"a logo that is too large", padded(aPicture(t, "logo.png", 180, 180), 2*megabytes+1), logoRule(), "must have at most 2 MB; has 2097153 bytes"},
		{"a logo that is not square", aPicture(t, "logo.png", 180, 181), logoRule(), "must be square; is 180 x 181 pixels"},
		{"a logo in CMYK", cmyk(180, 180), logoRule(), "must be saved in RGB, not in CMYK"},
		{"a GIF", textFile("logo.gif", "GIF89a\x01\x00\x01\x00"), logoRule(), "must be png, jpg or jpeg by its content, whatever its name"},
		{"a GIF that calls itself PNG", textFile("logo.png", "GIF89a\x01\x00\x01\x00"), logoRule(), "must be png, jpg or jpeg by its content, whatever its name"},
		{"a PNG that calls itself JPEG", &File{Name: "logo.jpg", Content: aPicture(t, "logo.png", 9, 9).Content, Size: 60}, logoRule(), "must have a file name that ends with .png, as its content is"},
		{"a JPEG that calls itself PNG", &File{Name: "logo.png", Content: aPicture(t, "logo.jpg", 9, 9).Content, Size: 60}, logoRule(), "must have a file name that ends with .jpg or .jpeg, as its content is"},
		{"a picture that ends early", textFile("logo.png", "\x89PNG\r\n\x1a\n and no more"), logoRule(), "begins like an image but cannot be read as one"},
		{"no ending", &File{Name: "logo", Content: aPicture(t, "logo.png", 9, 9).Content, Size: 60}, logoRule(), "must have a file name that ends with .png, as its content is"},

		{"a screenshot", aPicture(t, "shot.png", 2160, 3840), pictureRule(), ""},
		{"a screenshot that is too wide", aPicture(t, "shot.png", 2161, 10), pictureRule(), "must be at most 2160 pixels wide and 3840 high; is 2161 x 10"},
		{"a screenshot that is too high", aPicture(t, "shot.png", 10, 3841), pictureRule(), "must be at most 2160 pixels wide and 3840 high; is 10 x 3841"},
		{"a large screenshot", padded(aPicture(t, "shot.png", 9, 9), 4*megabytes), pictureRule(), ""},
		{"a screenshot that is too large", padded(aPicture(t, "shot.png", 9, 9), 4*megabytes+1), pictureRule(), "must have at most 4 MB; has 4194305 bytes"},
		{"a screenshot in CMYK", cmyk(10, 20), pictureRule(), "must be saved in RGB, not in CMYK"},

		{"a zip", zip, testFileRule(), ""},
		{"a rar", textFile("report.rar", "Rar!\x1a\x07\x01\x00"), testFileRule(), ""},
		{"a large zip", padded(zip, 10*megabytes), testFileRule(), ""},
		{"a zip that is too large", padded(zip, 10*megabytes+1), testFileRule(), "must have at most 10 MB; has 10485761 bytes"},
		{"a rar that calls itself zip", textFile("report.zip", "Rar!\x1a\x07\x01\x00"), testFileRule(), "must have a file name that ends with .rar, as its content is"},
		{"a text", textFile("report.zip", "hello"), testFileRule(), "must be zip or rar by its content, whatever its name"},

		{"nothing", &File{Name: "logo.png"}, logoRule(), "must have a content and its size"},
		{"no size", &File{Name: "report.zip", Content: zip.Content}, testFileRule(), "must have a content and its size"},
		{"a size above the content's", &File{Name: "report.zip", Content: zip.Content, Size: 9}, testFileRule(), "has fewer bytes than the 9 given as its size"},
		{"a size far above the content's", &File{Name: "report.zip", Content: zip.Content, Size: 100}, testFileRule(), "has fewer bytes than the 100 given as its size"},
		{"a size far above the content's, which begins well", &File{Name: "logo.png", Content: aPicture(t, "logo.png", 9, 9).Content, Size: 9999}, logoRule(), "has fewer bytes than the 9999 given as its size"},
		{"a disk that fails", &File{Name: "logo.png", Content: brokenDisk{}, Size: 100}, logoRule(), "cannot be read: disk is on fire"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, tt.file.problem(tt.rule))
		})
	}
}

type brokenDisk struct{}

func (brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk is on fire") }

func TestAFileNameCannotBreakTheMessage(t *testing.T) {
	for _, name := range []string{"", ".", "..", "/", "folder/a.zip", `folder\a.zip`, "a\".zip", "a\r\nX: y.zip", "a\x00.zip", "a\x7f.zip"} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			require.NotEmpty(t, textFile(name, "PK\x03\x04rest").problem(testFileRule()))
		})
	}
	require.Equal(t, "must have a file name without folders, quotes and control characters", textFile("a\r\n.zip", "PK\x03\x04rest").problem(testFileRule()))
}

func TestAFileIsReadFromItsBeginningEachTime(t *testing.T) {
	file := textFile("a.zip", "PK\x03\x04rest")
	file.Size = 6
	for range 2 {
		content, err := io.ReadAll(file.reader())
		require.NoError(t, err)
		require.Equal(t, "PK\x03\x04re", string(content))
	}
}

func TestAFormCarriesDataAndFilesWithTheirNames(t *testing.T) {
	logo := aPicture(t, "logo.png", 180, 180)
	shot := aPicture(t, "shot.jpg.png", 100, 200)
	_, c := newStub(t, func(_ int, r *http.Request, body []byte) stubAnswer {
		if r.Method == http.MethodGet {
			return stubAnswer{status: 400, body: `{"code":"NO_PERMISSION"}`}
		}
		require.Equal(t, int64(len(body)), r.ContentLength)
		_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		require.NoError(t, err)
		form, err := multipart.NewReader(bytes.NewReader(body), params["boundary"]).ReadForm(1 << 20)
		require.NoError(t, err)
		require.Contains(t, form.Value["data"][0], `"app_version":"0.0.1"`)
		require.Len(t, form.File, 2)
		for name, file := range map[string]*File{"app_logo": logo, "first_screen_shot": shot} {
			got := form.File[name][0]
			require.Equal(t, file.Name, got.Filename)
			require.Equal(t, "image/png", got.Header.Get("Content-Type"))
			opened, err := got.Open()
			require.NoError(t, err)
			content, err := io.ReadAll(opened)
			require.NoError(t, err)
			want, err := io.ReadAll(file.reader())
			require.NoError(t, err)
			require.Equal(t, want, content)
		}
		return stubAnswer{status: 200, body: `{"speed_up":"true","speed_up_memo":"ok"}`}
	}, WithRetry(1, 0, 0))
	in := application()
	in.AppLogo, in.ScreenShots = logo, []File{*shot}
	got, err := c.Versions.Apply(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, &ApplyResult{Answer: got.Answer, SpeedUp: true, SpeedUpMemo: "ok"}, got)
}

// zeros is a picture of any size: a real beginning, then nothing but zeros.
type zeros struct{ head []byte }

func (z zeros) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at < int64(len(z.head)) {
		copy(p, z.head[at:])
	}
	return len(p), nil
}

func TestMemoryDoesNotGrowWithTheFiles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	small := aPicture(t, "shot.png", 100, 200)
	head, err := io.ReadAll(small.reader())
	require.NoError(t, err)
	spent := func(size int64) int64 {
		c, err := New(WithAppID(stubAppID), WithSigner(testkey.FastClient()), WithAlipayPublicKey(testkey.FastKey().PublicPEM()),
			WithRetry(1, 0, 0), WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				if r.Body != nil {
					_, _ = io.Copy(io.Discard, r.Body)
				}
				return nil, errors.New("no answer")
			})}))
		require.NoError(t, err)
		in := application()
		for range 3 {
			in.ScreenShots = append(in.ScreenShots, File{Name: "shot.png", Content: zeros{head}, Size: size})
		}
		result := testing.Benchmark(func(b *testing.B) {
			for b.Loop() {
				_, err := c.Versions.Apply(b.Context(), in)
				if err == nil {
					b.Fatal("an answer from nowhere")
				}
			}
		})
		return result.AllocedBytesPerOp()
	}
	few, many := spent(10<<10), spent(4<<20)
	require.Less(t, many, few+64<<10, "12 MB of pictures against 30 KB")
}

func TestFilesAreSentAsWhatTheyAre(t *testing.T) {
	for name, kind := range map[string]string{"a.PNG": "image/png", "a.jpeg": "image/jpeg", "a.jpg": "image/jpeg", "a.zip": "application/zip", "a.rar": "application/octet-stream"} {
		require.Equal(t, kind, contentType(name))
	}
}
