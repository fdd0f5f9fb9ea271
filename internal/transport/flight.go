package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// flight is one attempt in the network's hands. Each attempt has its own, because net/http may look at the trace of an
// attempt that is over, from a goroutine that still dials.
type flight struct {
	ctx    context.Context
	cancel context.CancelFunc
	trace  httptrace.ClientTrace
	// asked: the pool was asked for a connection. connected: it gave one, so that from here on bytes may have gone out.
	asked, connected atomic.Bool
}

// takeOff starts an attempt's clock; a limit of 0 is none.
func takeOff(ctx context.Context, limit time.Duration) *flight {
	f := &flight{ctx: ctx}
	if limit > 0 {
		f.ctx, f.cancel = context.WithTimeout(ctx, limit)
	}
	f.trace.GetConn = func(string) { f.asked.Store(true) }
	f.trace.GotConn = func(httptrace.GotConnInfo) { f.connected.Store(true) }
	f.ctx = httptrace.WithClientTrace(f.ctx, &f.trace)
	return f
}

// land frees what takeOff took. The answer must have been read.
func (f *flight) land() {
	if f.cancel != nil {
		f.cancel()
	}
}

// timedOut says that the attempt's own limit of time ended it, if the caller's context did not.
func (f *flight) timedOut() bool { return f.cancel != nil && f.ctx.Err() != nil }

// neverSent says that an attempt that failed with err surely sent nothing: there was no connection to send it on (no such
// host, refused, TLS handshake). A RoundTripper of the caller's that reports no connections is believed its dial errors.
func (f *flight) neverSent(err error) bool {
	return !f.connected.Load() && (f.asked.Load() || dialing(err))
}

func dialing(err error) bool {
	op, isOp := errors.AsType[*net.OpError](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	return isDNS || isOp && op.Op == "dial"
}

// hopeless says that the address is wrong rather than the moment: another attempt meets the same certificate, or the same
// server that does not speak TLS.
func hopeless(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	return certificate || noTLS || errors.Is(err, http.ErrSchemeMismatch)
}
