package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// collector receives by OTLP over HTTP.
type collector struct {
	mu                   sync.Mutex
	spans, metrics, logs []string
	traces               [][]byte
	instances            []string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	switch r.URL.Path {
	case "/v1/traces":
		var got collectortrace.ExportTraceServiceRequest
		err = proto.Unmarshal(body, &got)
		for _, of := range got.GetResourceSpans() {
			for _, a := range of.GetResource().GetAttributes() {
				if a.GetKey() == "service.instance.id" {
					c.instances = append(c.instances, a.GetValue().GetStringValue())
				}
			}
			for _, scope := range of.GetScopeSpans() {
				for _, span := range scope.GetSpans() {
					c.spans, c.traces = append(c.spans, span.GetName()), append(c.traces, span.GetTraceId())
				}
			}
		}
	case "/v1/metrics":
		var got collectormetrics.ExportMetricsServiceRequest
		err = proto.Unmarshal(body, &got)
		for _, of := range got.GetResourceMetrics() {
			for _, scope := range of.GetScopeMetrics() {
				for _, m := range scope.GetMetrics() {
					c.metrics = append(c.metrics, m.GetName())
				}
			}
		}
	case "/v1/logs":
		var got collectorlogs.ExportLogsServiceRequest
		err = proto.Unmarshal(body, &got)
		for _, of := range got.GetResourceLogs() {
			for _, scope := range of.GetScopeLogs() {
				for _, record := range scope.GetLogRecords() {
					c.logs = append(c.logs, record.GetBody().GetStringValue())
				}
			}
		}
	}
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
}

func TestTheVariablesOfOpenTelemetrySendAllToACollector(t *testing.T) {
	c := new(collector)
	server := httptest.NewServer(c)
	defer server.Close()
	s := newPlace(t, stepwise, approving)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")

	got, stderr := s.run()

	require.Equal(t, report.ExitDone, got.ExitStatus, stderr)
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Contains(t, c.spans, "alipayplus rollout run")
	require.Contains(t, c.spans, "alipayplus releases.grayscale")
	require.Contains(t, c.spans, "POST /api/open/v2/release/grayscale")
	for _, id := range c.traces {
		require.Equal(t, []byte{0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c}, id)
	}
	require.Contains(t, c.metrics, "alipayplus.client.operation.duration")
	require.Contains(t, c.metrics, "alipayplus.rollout.ratio")
	require.Contains(t, c.logs, "attempt")
}

// Gateways behind one balancer have one name: what counts in each must not become one series.
func TestEachServerIsAnInstanceOfItsOwn(t *testing.T) {
	c := new(collector)
	server := httptest.NewServer(c)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", server.URL+"/v1/traces")
	record := func(serves bool) {
		made, tracer, err := newTelemetry(t.Context(), serves)
		require.NoError(t, err)
		_, span := tracer.Start(t.Context(), "a call")
		span.End()
		made.end(t.Context(), report.ExitDone)
	}
	record(true)
	record(true)
	record(false) // a command's series go on where those of the one before have ended
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=gateway-1")
	record(true)

	require.Len(t, c.spans, 4)
	require.Len(t, c.instances, 3)
	require.NotEqual(t, c.instances[0], c.instances[1])
	require.Equal(t, "gateway-1", c.instances[2])
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

// The address of the traces may be another than that of the metrics, and hang.
func TestWhatHangsAtTheEndDelaysNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := false
		made := &telemetry{ends: []func(context.Context) error{
			func(ctx context.Context) error { <-ctx.Done(); return nil },
			func(ctx context.Context) error { sent = ctx.Err() == nil; return nil },
		}}
		made.end(t.Context(), report.ExitDone)
		require.True(t, sent)
	})
}

func TestNothingIsSentUnlessAVariableSaysWhere(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"none":     {},
		"disabled": {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
		"switched off": {
			"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
			"OTEL_TRACES_EXPORTER":        "none", "OTEL_METRICS_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range variables {
				t.Setenv(variable, value)
			}
			made, _, err := newTelemetry(t.Context(), true)
			require.NoError(t, err)
			require.Nil(t, made)
		})
	}
	t.Setenv("OTEL_TRACES_EXPORTER", "pigeon")
	var stderr bytes.Buffer
	require.Equal(t, int(report.ExitUsage), run(t.Context(), []string{"workspace"}, io.Discard, &stderr))
	require.Contains(t, stderr.String(), "the OTEL_* variables: ")
	require.Contains(t, stderr.String(), "pigeon")
}
