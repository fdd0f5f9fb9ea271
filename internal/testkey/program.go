package testkey

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// ClearEnv unsets the variables that begin with one of the prefixes, so that no
// test of a program calls with the credentials of a developer.
func ClearEnv(prefixes ...string) {
	for _, variable := range os.Environ() {
		for _, prefix := range prefixes {
			if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, prefix) {
				_ = os.Unsetenv(name)
			}
		}
	}
}

// Folder makes a folder of files that only their owner can read, such as credentials.
func Folder(t testing.TB, files map[string][]byte) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// Output is what a program has written; it can be read meanwhile.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements [io.Writer].
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String returns all that was written.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Serve runs a program that serves until its context ends, and returns the
// address that it shows behind label. stop ends it; it is to exit with status 0,
// and to let the calls in flight finish.
func Serve(t testing.TB, label string, run func(ctx context.Context, stderr io.Writer) (status int)) (address string, stderr *Output, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stderr = new(Output)
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, stderr) }()
	stop = func() {
		t.Helper()
		cancel()
		if status := <-ended; status != 0 || !strings.Contains(stderr.String(), "calls in flight may finish") {
			t.Errorf("status %d: %s", status, stderr)
		}
	}
	shown := regexp.MustCompile(label + ` on (http://[^\s,;]+)[,;]`)
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(time.Millisecond) {
		if at := shown.FindStringSubmatch(stderr.String()); at != nil {
			return at[1], stderr, stop
		}
	}
	stop()
	t.Fatalf("it never served: %s", stderr)
	return "", nil, nil
}
