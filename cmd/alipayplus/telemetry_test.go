package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// collector keeps what is sent to it by OTLP over HTTP, by path. Names are readable in it.
type collector struct {
	mu  sync.Mutex
	got map[string][]byte
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got[r.URL.Path] = append(c.got[r.URL.Path], body...)
}

func TestTheVariablesOfOpenTelemetrySendAllToACollector(t *testing.T) {
	c := &collector{got: make(map[string][]byte)}
	server := httptest.NewServer(c)
	defer server.Close()
	s := newPlace(t, stepwise, approving)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

	got, stderr := s.run()

	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	c.mu.Lock()
	defer c.mu.Unlock()
	var traces collectortrace.ExportTraceServiceRequest
	require.NoError(t, proto.Unmarshal(c.got["/v1/traces"], &traces), "messages one after another are one")
	var spans []string
	for _, of := range traces.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				spans = append(spans, span.GetName())
				require.Equal(t, []byte{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}, span.GetTraceId(), span.GetName())
			}
		}
	}
	require.Subset(t, spans, []string{"alipayplus rollout run", "alipayplus releases.grayscale", "POST /api/open/v2/release/grayscale"})
	require.Contains(t, string(c.got["/v1/metrics"]), "alipayplus.client.operation.duration")
	require.Contains(t, string(c.got["/v1/metrics"]), "alipayplus.rollout.ratio")
	require.Contains(t, string(c.got["/v1/logs"]), "attempt")
}

func TestACollectorThatIsNotThereChangesNoExitStatus(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	s := newPlace(t, stepwise, approving)
	t.Setenv("OTEL_TRACES_EXPORTER", "otlp")
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	t.Setenv("OTEL_LOGS_EXPORTER", "none")

	got, stderr := s.run()

	require.Equal(t, report.ExitDone, got.ExitStatus)
	require.Contains(t, stderr, "warning: OpenTelemetry: traces export: ")
}

func TestAVariableThatCannotBeUsedIsWrongUse(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon")
	var stderr bytes.Buffer
	require.Equal(t, int(report.ExitUsage), run(t.Context(), []string{"workspace"}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), "the OTEL_* variables: ")
	require.Contains(t, stderr.String(), "pigeon")
}
