package platform

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// readyTimeout is how long the store may take to answer [Platform.ready].
const readyTimeout = 5 * time.Second

// healthy answers GET /healthz: the process serves.
func (*Platform) healthy(w http.ResponseWriter, _ *http.Request) { writeHealth(w, http.StatusOK, "ok") }

// ready answers GET /readyz: calls can be answered, because the store reads.
func (p *Platform) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	err := p.cfg.store.View(ctx, func(tx storage.Tx) error {
		_, _, err := tx.Get("ready")
		return err
	})
	if err != nil {
		p.cfg.logger.WarnContext(ctx, "the platform is not ready: its store does not answer", "error", err)
		writeHealth(w, http.StatusServiceUnavailable, "the store does not answer; the log says why")
		return
	}
	writeHealth(w, http.StatusOK, "ready")
}

func writeHealth(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // the connection may be closed
}
