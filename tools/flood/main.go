// Command flood measures what honest callers of a platform notice of others who slow it down: connections that send
// slowly, large bodies with forged signatures, idle connections, and forged calls, all at once. A floor, which is the
// same HTTP server with a handler that reads a small body and answers a constant, stands the same beside it.
//
//	go run ./tools/flood
//
// Each server is a process of its own. The last lines are the honest calls' latencies and the servers' memory.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/signing"
	"github.com/alipayplus-go/alipayplus/platform"
)

// load is what stands at a server at once.
type load struct {
	slow, large, idle, forged, honest int
	duration                          time.Duration
}

func main() {
	log.SetFlags(0)
	var l load
	var serves, dir string
	flag.IntVar(&l.slow, "slow", 500, "connections that send a byte a second")
	flag.IntVar(&l.large, "large", 60, "connections that send 32 MiB with a forged signature, again and again")
	flag.IntVar(&l.idle, "idle", 6000, "connections that send nothing")
	flag.IntVar(&l.forged, "forged", 2000, "forged calls a second")
	flag.IntVar(&l.honest, "honest", 20, "honest calls a second")
	flag.DurationVar(&l.duration, "for", 20*time.Second, "how long")
	flag.StringVar(&serves, "serve", "", "what a process of this command serves")
	flag.StringVar(&dir, "dir", "", "where that process tells how it is reached")
	flag.Parse()
	var err error
	if serves == "" {
		err = run(context.Background(), l)
	} else {
		err = serve(serves, dir)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// reached is what callers need to know of a server.
type reached struct {
	Address, ClientID string
	Key, PlatformKey  []byte
}

// serve is the process of a server: "platform" or "floor".
func serve(what, dir string) error {
	p, err := platform.New()
	if err != nil {
		return err
	}
	ctx := context.Background()
	workspace, err := p.AddWorkspace(ctx, alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG", Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	})
	if err != nil {
		return err
	}
	if err := p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: "olga", Role: alipayplus.RoleOwner}); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	id, err := p.AddClient(ctx, workspace, "olga", key.Public())
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	text, err := json.Marshal(reached{
		Address: listener.Addr().String(), ClientID: id, PlatformKey: p.PublicKeyPEM(),
		Key: pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "new"), text, 0o600); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, what)); err != nil {
		return err
	}
	server := p.Server("")
	server.ErrorLog = log.New(io.Discard, "", 0)
	if what == "floor" {
		server.Handler = http.HandlerFunc(floor)
	}
	return server.Serve(listener)
}

func floor(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength <= 16<<10 {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"result":{"resultStatus":"S","resultCode":"SUCCESS","resultMessage":"success"},"data":{}}`)
}

// run stands the load at both servers and reports.
func run(ctx context.Context, l load) error {
	dir, err := os.MkdirTemp("", "flood")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	var all []*target
	for _, what := range []string{"floor", "platform"} {
		t, err := start(ctx, what, dir)
		if err != nil {
			return err
		}
		defer t.stop()
		all = append(all, t)
	}
	for _, t := range all {
		t.attack(ctx, l)
	}
	for _, t := range all {
		fmt.Printf("%-8s  honest calls: %d, failed %d, p50 %v, p99 %v; peak memory %d MB; forged calls answered %d, large bodies ended %d\n",
			t.what, len(t.took), t.failed, t.quantile(0.5), t.quantile(0.99), t.memory()>>20, t.forged.Load(), t.large.Load())
	}
	fmt.Printf("the platform's p99 is %.2f times the floor's\n", float64(all[1].quantile(0.99))/float64(all[0].quantile(0.99)))
	return nil
}

// target is a server that is loaded.
type target struct {
	reached
	what   string
	cmd    *exec.Cmd
	client *http.Client
	key    *rsa.PrivateKey

	took          []time.Duration
	failed        int
	forged, large atomic.Int64
}

func start(ctx context.Context, what, dir string) (*target, error) {
	t := &target{what: what, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 10 * time.Second}}
	t.cmd = exec.CommandContext(ctx, os.Args[0], "-serve", what, "-dir", dir) //nolint:gosec // itself
	t.cmd.Stderr = os.Stderr
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		text, err := os.ReadFile(filepath.Join(dir, what))
		if err == nil {
			if err := json.Unmarshal(text, &t.reached); err != nil {
				return nil, err
			}
			t.key, err = signing.ParsePrivateKey(t.Key)
			return t, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, fmt.Errorf("%s does not start", what)
}

func (t *target) stop() {
	_ = t.cmd.Process.Kill()
	_ = t.cmd.Wait()
}

// memory is the most that the server has held, in bytes; 0 where the system does not tell.
func (t *target) memory() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kilobytes, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kilobytes << 10
		}
	}
	return 0
}

func (t *target) quantile(q float64) time.Duration {
	if len(t.took) == 0 {
		return 0
	}
	slices.Sort(t.took)
	return t.took[int(q*float64(len(t.took)-1))].Round(100 * time.Microsecond)
}

// attack stands the load at the server, waits until its connections are there, and measures.
func (t *target) attack(ctx context.Context, l load) {
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	for range l.idle {
		running.Go(func() { t.again(ctx, "", 0) })
	}
	for i := range l.slow {
		head := t.head(contractPath("file/upload"), 32<<20)
		if i%2 == 0 {
			head = head[:20] + "X"
		}
		running.Go(func() { t.again(ctx, head, time.Second) })
	}
	for range l.large {
		running.Go(func() { t.again(ctx, t.head(contractPath("file/upload"), 32<<20), 0) })
	}
	time.Sleep(5 * time.Second)
	running.Go(func() { t.forge(ctx, l.forged) })
	t.honest(l)
	stop()
	running.Wait()
}

func contractPath(operation string) string { return "/api/open/v2/" + operation }

// head is the header of a call with a forged signature.
func (t *target) head(path string, size int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\nClient-Id: %s\r\nRequest-Time: %s\r\nSignature: %s\r\n\r\n",
		path, size, t.ClientID, time.Now().Format(time.RFC3339), forgedSignature())
}

func forgedSignature() string {
	return signing.Header{KeyVersion: "1", Signature: bytes.Repeat([]byte{7}, 256)}.String()
}

// again connects, sends a head, then its body: nothing when there is no head, a byte every so often, or all that fits, and
// begins again when the server has had enough.
func (t *target) again(ctx context.Context, head string, every time.Duration) {
	var dialer net.Dialer
	for ctx.Err() == nil {
		conn, err := dialer.DialContext(ctx, "tcp", t.Address)
		if err != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		ended := make(chan struct{})
		unhook := context.AfterFunc(ctx, func() { _ = conn.Close() })
		go func() {
			defer close(ended)
			_, _ = io.Copy(io.Discard, conn)
			_ = conn.Close()
		}()
		_, err = io.WriteString(conn, head)
		piece := make([]byte, 64<<10)
		for sent := 0; err == nil && head != ""; {
			if every > 0 {
				time.Sleep(every)
				piece = piece[:1]
			} else if sent >= 32<<20 {
				break
			}
			var n int
			n, err = conn.Write(piece)
			sent += n
		}
		<-ended
		unhook()
		if head != "" && every == 0 {
			t.large.Add(1)
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// forge sends forged calls at a rate over some connections: half with a client id that exists.
func (t *target) forge(ctx context.Context, rate int) {
	const connections = 40
	var running sync.WaitGroup
	for i := range connections {
		running.Go(func() {
			tick := time.NewTicker(time.Second * connections / time.Duration(max(rate, 1)))
			defer tick.Stop()
			for ctx.Err() == nil {
				t.forgeOn(ctx, tick.C, i%2 == 0)
			}
		})
	}
	running.Wait()
}

func (t *target) forgeOn(ctx context.Context, tick <-chan time.Time, known bool) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		call := t.head(contractPath("workspace/query"), 2) + "{}"
		if !known {
			call = strings.Replace(call, "Client-Id: ", "Client-Id: 9", 1)
		}
		if _, err := io.WriteString(conn, call); err != nil {
			return
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			return
		}
		_, err = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return
		}
		t.forged.Add(1)
	}
}

// honest sends signed calls and keeps how long each took; signing is not counted.
func (t *target) honest(l load) {
	const callers = 4
	var mu sync.Mutex
	var running sync.WaitGroup
	end := time.Now().Add(l.duration)
	for range callers {
		running.Go(func() {
			tick := time.NewTicker(time.Second * callers / time.Duration(max(l.honest, 1)))
			defer tick.Stop()
			for time.Now().Before(end) {
				<-tick.C
				took, err := t.call()
				mu.Lock()
				if err != nil {
					t.failed++
					log.Printf("%s: %v", t.what, err)
				} else {
					t.took = append(t.took, took)
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
}

func (t *target) call() (time.Duration, error) {
	path, at, body := contractPath("workspace/query"), time.Now().Format(time.RFC3339Nano), []byte("{}")
	digest := signing.Digest(http.MethodPost, path, t.ClientID, at, body)
	signature, err := signing.Sign(t.key, digest[:])
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequest(http.MethodPost, "http://"+t.Address+path, bytes.NewReader(body)) //nolint:noctx // the client has a time limit
	if err != nil {
		return 0, err
	}
	req.Header = http.Header{
		"Client-Id": {t.ClientID}, "Request-Time": {at}, "Content-Type": {"application/json"},
		"Signature": {signing.Header{KeyVersion: "1", Signature: signature}.String()},
	}
	began := time.Now()
	resp, err := t.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d: %.100s", resp.StatusCode, text)
	}
	return took, err
}
