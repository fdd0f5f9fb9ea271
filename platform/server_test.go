package platform_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a connection can cost without sending a call is bounded by the server that
// the platform gives.
func TestAServerBoundsWhatAConnectionCosts(t *testing.T) {
	const page = "GET /authorization/callback HTTP/1.1\r\nHost: platform.example\r\n"
	// send writes a text, in pieces of one byte a second where it drips, and returns the status line and after
	// what time the connection was closed.
	send := func(w *world, text string, drips bool) (status string, after time.Duration) {
		conn, began := w.served(func(*http.Server) {}).dial(), time.Now()
		ended := make(chan error)
		go func() { ended <- writeTo(conn, text, drips) }()
		answer := bufio.NewReader(conn)
		status, _ = answer.ReadString('\n')
		_, _ = io.Copy(io.Discard, answer)
		after = time.Since(began)
		require.NoError(w, conn.Close())
		<-ended
		return status, after
	}
	sentence(t, "a header that drips", func(w *world) {
		_, after := send(w, page+strings.Repeat("x", 1000), true)
		require.Less(w, after, 11*time.Second)
	})
	sentence(t, "a header that is long", func(w *world) {
		status, _ := send(w, page+"X: "+strings.Repeat("x", 64<<10), false)
		require.Contains(w, status, "431")
	})
	sentence(t, "a connection that is idle after a call", func(w *world) {
		status, after := send(w, page+"\r\n", false)
		require.Contains(w, status, "400")
		require.Equal(w, time.Minute, after.Round(time.Second))
	})
	sentence(t, "a connection that says nothing", func(w *world) {
		_, after := send(w, "", false)
		require.Less(w, after, 11*time.Second)
	})
}

func writeTo(conn net.Conn, text string, drips bool) error {
	if !drips {
		_, err := io.WriteString(conn, text)
		return err
	}
	for _, piece := range []byte(text) {
		if _, err := conn.Write([]byte{piece}); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	return nil
}
