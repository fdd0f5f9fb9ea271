package export

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/alipayplus-go/alipayplus"
)

// collector receives spans by OTLP over HTTP.
type collector struct {
	mu        sync.Mutex
	spans     []string
	instances []string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var got collectortrace.ExportTraceServiceRequest
	if r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &got) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range got.GetResourceSpans() {
		for _, a := range of.GetResource().GetAttributes() {
			if a.GetKey() == "service.instance.id" {
				c.instances = append(c.instances, a.GetValue().GetStringValue())
			}
		}
		for _, scope := range of.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans = append(c.spans, span.GetName())
			}
		}
	}
}

// Servers behind one balancer have one name: what counts in each must not become one series.
func TestEachServerIsAnInstanceOfItsOwn(t *testing.T) {
	c := new(collector)
	server := httptest.NewServer(c)
	defer server.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", server.URL+"/v1/traces")
	record := func(instance bool) {
		sent, err := FromEnv(t.Context(), Service{Name: "gateway", Instance: instance})
		require.NoError(t, err)
		_, span := sent.Tracer("test").Start(t.Context(), "a call")
		span.End()
		sent.Shutdown(t.Context())
	}
	record(true)
	record(true)
	record(false)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.instance.id=gateway-1")
	record(true)

	require.Equal(t, []string{"a call", "a call", "a call", "a call"}, c.spans)
	require.Len(t, c.instances, 3)
	require.NotEqual(t, c.instances[0], c.instances[1])
	require.Equal(t, "gateway-1", c.instances[2])
}

// The address of the traces may be another than that of the metrics, and hang.
func TestWhatHangsAtTheEndDelaysNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := false
		sent := &Export{ends: []func(context.Context) error{
			func(ctx context.Context) error { <-ctx.Done(); return nil },
			func(ctx context.Context) error { done = ctx.Err() == nil; return nil },
		}}
		sent.Shutdown(t.Context())
		require.True(t, done)
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
			sent, err := FromEnv(t.Context(), Service{Name: "releases"})
			require.NoError(t, err)
			require.Nil(t, sent)
			require.Empty(t, sent.Client())
			require.Empty(t, sent.AlipayCN())
			require.Empty(t, sent.Sinks())
			sent.Shutdown(t.Context())
		})
	}
}

func TestAVariableThatCannotBeUsedIsSaidWithWhatToGive(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		want      string
	}{
		"an exporter that is not there": {
			map[string]string{"OTEL_METRICS_EXPORTER": "pigeon"},
			`OTEL_METRICS_EXPORTER is "pigeon"; give otlp, prometheus, console or none`,
		},
		"a protocol that is not there": {
			map[string]string{"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "smoke"},
			"give otlp, console or none, and grpc or http/protobuf as OTEL_EXPORTER_OTLP_PROTOCOL",
		},
		"an address without a scheme": {
			map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector.example:4318"},
			`is "collector.example:4318"; give a URL such as http://collector.example:4318`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range c.variables {
				t.Setenv(variable, value)
			}
			_, err := FromEnv(t.Context(), Service{Name: "releases"})
			require.ErrorIs(t, err, alipayplus.ErrInvalid)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestAWarningIsSaidOnceWhileItStaysTheSame(t *testing.T) {
	var said []string
	w := &Warnings{Say: func(err error) { said = append(said, err.Error()) }}
	for _, text := range []string{"refused", "refused", "timeout", "refused"} {
		w.Handle(errors.New(text))
	}
	require.Equal(t, []string{"refused", "timeout", "refused"}, said)
}

// Who has an SDK and exporters of their own does not get these.
func TestPackageOtelNeedsTheAPIAlone(t *testing.T) {
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "..")
	packages, err := list.Output()
	require.NoError(t, err)
	require.NotContains(t, string(packages), "/exporters/")
	require.NotContains(t, string(packages), "go.opentelemetry.io/otel/sdk")
	require.NotContains(t, string(packages), "grpc")
}
