package alipayplus_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// borrowed is a file that its owner wants back when the upload has returned: from
// then on nobody else may touch it. That over is not guarded is on purpose: the
// race detector sees who reads it without having been waited for.
type borrowed struct {
	content []byte
	over    bool
	late    atomic.Int32
	mu      sync.Mutex
	sent    []int64
}

// paddedPicture is a file of some bytes that begins as a PNG image.
func paddedPicture(t *testing.T, size int) *borrowed {
	t.Helper()
	content := make([]byte, size)
	copy(content, picture(t))
	return &borrowed{content: content}
}

func (b *borrowed) ReadAt(p []byte, off int64) (int, error) {
	b.touch()
	return bytes.NewReader(b.content).ReadAt(p, off)
}

func (b *borrowed) progress(sent, _ int64) {
	b.touch()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, sent)
}

func (b *borrowed) touch() {
	if b.over {
		b.late.Add(1)
	}
}

func (b *borrowed) upload(ctx context.Context, c *alipayplus.Client) error {
	_, err := c.Files.Upload(ctx, alipayplus.UploadFileInput{Content: b, Size: int64(len(b.content)), Progress: b.progress})
	return err
}

// stored is the platform's success for the file.
func (b *borrowed) stored() reply {
	return signed(http.StatusOK, result("S", "SUCCESS", fmt.Sprintf(`,"data":{"id":"%x"}`, sha256.Sum256(b.content))))
}

// lingering is a transport that answers when it has read the first bytes of a body
// and goes on reading later, as net/http may.
type lingering struct {
	replies []reply
	bodies  []io.Reader
}

const firstBytes = 1000

func (l *lingering) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.CopyN(io.Discard, r.Body, firstBytes); err != nil {
		return nil, err
	}
	l.bodies = append(l.bodies, r.Body)
	return l.replies[len(l.bodies)-1](attempt{request: r, header: r.Header})
}

// goOn reads on, from another goroutine as net/http does, and says what came of it.
func goOn(body io.Reader) (n int64, err error) {
	var reading sync.WaitGroup
	reading.Go(func() { n, err = io.Copy(io.Discard, body) })
	reading.Wait()
	return n, err
}

// However an upload ends, it ends for the file as well.
func TestAnUploadThatHasReturnedTouchesNothing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		replies func(b *borrowed, hangUp func()) []reply
		is      error
	}{
		{"done before all was sent", func(b *borrowed, _ func()) []reply { return []reply{b.stored()} }, nil},
		{"refused", func(*borrowed, func()) []reply { return []reply{refuses(http.StatusForbidden, "ACCESS_DENIED")} }, alipayplus.ErrPermission},
		{"cut", func(*borrowed, func()) []reply { return []reply{fails(errReset), fails(errReset)} }, errReset},
		{"done in the end", func(b *borrowed, _ func()) []reply { return []reply{page(http.StatusBadGateway), b.stored()} }, nil},
		{"canceled", func(_ *borrowed, hangUp func()) []reply {
			return []reply{func(got attempt) (*http.Response, error) {
				hangUp()
				return hangs(got)
			}}
		}, context.Canceled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			file := paddedPicture(t, 10*firstBytes)
			network := &lingering{replies: tt.replies(file, hangUp)}
			client := newGateway(t).client(alipayplus.WithHTTPClient(&http.Client{Transport: network}), alipayplus.WithRetry(2, 0, 0))

			err := file.upload(ctx, client)

			file.over = true
			require.ErrorIs(t, err, tt.is)
			require.Len(t, network.bodies, len(network.replies))
			for _, body := range network.bodies {
				n, err := goOn(body)
				require.ErrorIs(t, err, io.ErrClosedPipe)
				require.Zero(t, n)
			}
			require.Zero(t, file.late.Load())
		})
	}
}

// The attempt before reads nothing more when the next one begins: progress is that
// of one attempt at a time.
func TestAttemptsOfAnUploadDoNotOverlap(t *testing.T) {
	const size = 10 * firstBytes
	file := paddedPicture(t, size)
	network := &lingering{}
	network.replies = []reply{page(http.StatusBadGateway), func(got attempt) (*http.Response, error) {
		n, err := goOn(network.bodies[0])
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.Zero(t, n)
		n, err = goOn(network.bodies[1])
		require.NoError(t, err)
		require.EqualValues(t, size-firstBytes, n)
		return file.stored()(got)
	}}

	require.NoError(t, file.upload(t.Context(), newGateway(t).client(
		alipayplus.WithHTTPClient(&http.Client{Transport: network}), alipayplus.WithRetry(2, 0, 0),
	)))

	file.over = true
	require.EqualValues(t, firstBytes, file.sent[0])
	require.EqualValues(t, firstBytes, file.sent[1], "from the beginning again")
	require.IsIncreasing(t, file.sent[1:])
	require.EqualValues(t, size, file.sent[len(file.sent)-1])
}

// slow is a file of which one read takes its time, once it is asked to.
type slow struct {
	*borrowed
	waits           atomic.Bool
	entered, leaves chan struct{}
	finished        bool // not guarded: the upload must have waited for it
}

func slowPicture(t *testing.T, size int) *slow {
	t.Helper()
	return &slow{borrowed: paddedPicture(t, size), entered: make(chan struct{}), leaves: make(chan struct{})}
}

func (s *slow) ReadAt(p []byte, off int64) (int, error) {
	if !s.waits.CompareAndSwap(true, false) {
		return s.borrowed.ReadAt(p, off)
	}
	close(s.entered)
	<-s.leaves
	for range 10_000 {
		runtime.Gosched() // long enough for an upload that does not wait to return
	}
	s.finished = true
	return s.borrowed.ReadAt(p, off)
}

// leaveAfter lets the slow read go on when the answer has been read.
func (s *slow) leaveAfter(resp *http.Response) *http.Response {
	body := resp.Body
	resp.Body = onClose{body, sync.OnceFunc(func() {
		_ = body.Close()
		close(s.leaves)
	})}
	return resp
}

// onClose calls a function instead of being closed.
type onClose struct {
	io.Reader
	close func()
}

func (c onClose) Close() error {
	c.close()
	return nil
}

// roundTrip is a transport that is a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A read that is under way when the answer comes is waited for.
func TestAnUploadWaitsForItsReader(t *testing.T) {
	file := slowPicture(t, firstBytes)
	var reading sync.WaitGroup
	client := newGateway(t).client(alipayplus.WithHTTPClient(&http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		file.waits.Store(true)
		reading.Go(func() { _, _ = io.Copy(io.Discard, r.Body) })
		<-file.entered
		resp, err := refuses(http.StatusForbidden, "ACCESS_DENIED")(attempt{request: r, header: r.Header})
		if err != nil {
			return nil, err
		}
		return file.leaveAfter(resp), nil
	})}))

	_, err := client.Files.Upload(t.Context(), alipayplus.UploadFileInput{Content: file, Size: firstBytes})

	require.ErrorIs(t, err, alipayplus.ErrPermission)
	require.True(t, file.finished)
	file.over = true
	reading.Wait()
	require.Zero(t, file.late.Load())
}

// The same with net/http's own client, and a server that answers before it has
// read the body.
func TestAnUploadOverASocketWaitsForItsReader(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	const size, begun = 1 << 20, 64 << 10
	for name, end := range map[string]func(*borrowed) reply{
		"done":    (*borrowed).stored,
		"refused": func(*borrowed) reply { return refuses(http.StatusForbidden, "ACCESS_DENIED") },
		"proxied": func(*borrowed) reply { return page(http.StatusBadGateway) },
	} {
		t.Run(name, func(t *testing.T) {
			file, returned := slowPicture(t, size), make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
					t.Error(err)
				}
				<-file.entered
				resp, err := end(file.borrowed)(attempt{request: r, header: r.Header})
				if err != nil {
					t.Error(err)
					return
				}
				maps.Copy(w.Header(), resp.Header)
				w.Header().Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
				w.WriteHeader(resp.StatusCode)
				_, _ = io.Copy(w, resp.Body)
				_ = http.NewResponseController(w).Flush()
				<-returned // or the connection would be cut, and the answer perhaps lost
			}))
			defer server.Close()
			defer close(returned)
			network := roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := server.Client().Transport.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				return file.leaveAfter(resp), nil
			})
			client := newGateway(t).client(
				alipayplus.WithBaseURL(server.URL), alipayplus.WithHTTPClient(&http.Client{Transport: network}), alipayplus.WithRetry(1, 0, 0),
			)
			var begin sync.Once

			_, err := client.Files.Upload(t.Context(), alipayplus.UploadFileInput{Content: file, Size: size, Progress: func(sent, _ int64) {
				if sent >= begun {
					begin.Do(func() { file.waits.Store(true) })
				}
			}})

			require.Equal(t, name == "done", err == nil, "%v", err)
			require.True(t, file.finished)
			file.over = true
			require.Zero(t, file.late.Load())
		})
	}
}
