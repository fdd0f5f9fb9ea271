package rollout

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// NDJSONSink writes each event as one JSON object in a line of its own, in a single
// Write. It is safe for concurrent use; its error is that of the writer.
func NDJSONSink(w io.Writer) Sink {
	var mu sync.Mutex
	return func(_ context.Context, e Event) error {
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("rollout: write the event %s: %w", e.Kind, err)
		}
		mu.Lock()
		defer mu.Unlock()
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("rollout: write the event %s: %w", e.Kind, err)
		}
		return nil
	}
}
