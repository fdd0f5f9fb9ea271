package command_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/examples/internal/command"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

func TestACallInFlightFinishes(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	listener := listen(t)
	stopping := make(chan struct{})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		stop()
		<-stopping
		_, _ = io.WriteString(w, "finished")
	})}
	server.RegisterOnShutdown(func() { close(stopping) })
	var stderr strings.Builder
	served := make(chan error, 1)
	go func() { served <- command.Serve(ctx, server, listener, &stderr) }()

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String(), nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "finished", string(content))
	require.NoError(t, <-served)
	require.Equal(t, "stopping; calls in flight may finish\n", stderr.String())
}

func TestAServerThatCannotServeSaysSo(t *testing.T) {
	listener := listen(t)
	require.NoError(t, listener.Close())
	err := command.Serve(t.Context(), &http.Server{}, listener, io.Discard)
	require.ErrorIs(t, err, net.ErrClosed)
}
