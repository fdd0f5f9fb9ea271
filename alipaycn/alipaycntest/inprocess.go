package alipaycntest

import (
	"net/http"

	"github.com/alipayplus-go/alipayplus/internal/inprocess"
)

// HTTPClient returns an HTTP client whose every request goes to the gateway in
// process, whatever its host, without a socket.
func (g *Gateway) HTTPClient() *http.Client {
	return &http.Client{Transport: inprocess.Transport{Handler: g}}
}
