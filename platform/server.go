package platform

import (
	"net/http"
	"time"
)

// Server returns an HTTP server of the platform for an address such as
// "127.0.0.1:8480", with the limits that keep slow, idle and large callers from
// slowing down the others: a header of 16 KiB that arrives within 10 seconds, a
// minute for a connection that is idle, and as long for an answer as the largest
// body may take plus a minute. How fast a body has to arrive, and how much may be
// held at once, the platform itself limits, on any server; see [WithMaxInFlight].
// None of the limits is documented by Alipay+.
//
// The caller starts and stops it, and may change it first: its Handler, to serve
// the platform beside others, its TLSConfig, or its ErrorLog.
func (p *Platform) Server(address string) *http.Server {
	slowest := bodyGrace + time.Duration(max(p.cfg.maxFile, p.cfg.maxBody)/minBodyRate)*time.Second
	return &http.Server{
		Addr:              address,
		Handler:           p,
		MaxHeaderBytes:    16 << 10,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		WriteTimeout:      slowest + time.Minute,
	}
}
