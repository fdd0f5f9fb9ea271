package bench_test

import (
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// An application with three screenshots from disk, in all of the given size. The
// bytes allocated for one are to be the same for all sizes.
func BenchmarkApplyWithScreenshots(b *testing.B) {
	for _, kilobytes := range []int64{30, 300, 3_000, 10_000} {
		b.Run(fmt.Sprintf("files=%dkB", kilobytes), func(b *testing.B) {
			c := cnClientOverLoopback(b)
			in := cnApplication(b, kilobytes*1000)
			b.SetBytes(kilobytes * 1000)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Versions.Apply(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func cnClientOverLoopback(tb testing.TB) *alipaycn.Client {
	tb.Helper()
	base, via := loopback(tb, alipayCN().peer(tb))
	return cnClient(tb, base, via)
}

func cnApplication(tb testing.TB, size int64) alipaycn.ApplyInput {
	tb.Helper()
	in := alipaycn.ApplyInput{Version: alipayplus.VersionNumber{Patch: 1}, Description: "signing in every day, and paying mended"}
	for i := range 3 {
		in.ScreenShots = append(in.ScreenShots, screenshot(tb, fmt.Sprintf("shot%d.png", i), size/3))
	}
	return in
}

// screenshot is a file on disk: a picture, and zeros behind its end.
func screenshot(tb testing.TB, name string, size int64) alipaycn.File {
	tb.Helper()
	file, err := os.Create(filepath.Join(tb.TempDir(), name))
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = file.Close() })
	require.NoError(tb, png.Encode(file, image.NewGray(image.Rect(0, 0, 100, 200))))
	require.NoError(tb, file.Truncate(size))
	return alipaycn.File{Name: name, Content: file, Size: size}
}
