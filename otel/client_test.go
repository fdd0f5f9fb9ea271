package otel_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestAnAttemptHasTheAttributesOfTheConventions(t *testing.T) {
	r := record(t)
	w := r.world(t)
	w.platform.Inject(platform.Fault{Operation: "programs.get", Status: 503, RetryAfter: time.Second})
	r.spans.Reset()

	_, err := w.client.Programs.Get(t.Context(), w.program.ID)

	require.NoError(t, err)
	w.server.Close() // which waits for the last handler
	tree := r.tree("alipayplus programs.get", "http.request.method", "http.response.status_code", "error.type", "http.request.resend_count", "alipayplus.result_code", "url.template")
	require.Equal(t, `internal alipayplus programs.get
  client POST /api/open/v2/miniprogram/query POST 503 503 /api/open/v2/miniprogram/query
    server POST /api/open/v2/miniprogram/query POST 503 503
  client POST /api/open/v2/miniprogram/query POST 200 1 SUCCESS /api/open/v2/miniprogram/query
    server POST /api/open/v2/miniprogram/query POST 200
`, tree)
	for _, s := range r.spans.GetSpans() {
		if s.SpanKind.String() != "client" {
			continue
		}
		full, _ := attributeOf(s, "url.full")
		require.Equal(t, w.address+"/api/open/v2/miniprogram/query", full)
		host, _ := attributeOf(s, "server.address")
		require.Equal(t, "127.0.0.1", host)
		port, _ := attributeOf(s, "server.port")
		require.Equal(t, w.address, "http://127.0.0.1:"+port)
	}
	got := r.metrics(t)
	require.InDelta(t, 1, got["alipayplus.client.retries{alipayplus.api=alipayplus,alipayplus.operation=programs.get}"], 0)
	require.InDelta(t, 1, got["alipayplus.client.operation.duration{alipayplus.api=alipayplus,alipayplus.operation=programs.get}"], 0)
	require.InDelta(t, 1, got["alipayplus.client.attempt.duration{alipayplus.api=alipayplus,alipayplus.operation=programs.get,http.response.status_code=200}"], 0)
	require.InDelta(t, 1, got["alipayplus.client.attempt.duration{alipayplus.api=alipayplus,alipayplus.operation=programs.get,error.type=503,http.response.status_code=503}"], 0)
}

func TestWhatAFailedOperationIsCalled(t *testing.T) {
	r := record(t)
	w := r.world(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	input := alipayplus.CreateReleaseInput{ProgramID: w.program.ID, Version: alipayplus.VersionNumber{Major: 1}, TargetApp: alipayplus.TargetAlipayCN}
	for name, tt := range map[string]struct {
		ctx    context.Context
		fault  platform.Fault
		want   string
		unsent bool
	}{
		"refused":         {want: "NOT_FOUND"},
		"canceled":        {ctx: canceled, want: "canceled", unsent: true},
		"outcome unknown": {fault: platform.Fault{CutAfter: true, Times: 4}, want: "_OTHER"},
		"signed badly":    {fault: platform.Fault{WrongSignature: true}, want: "signature"},
		"a proxy's":       {fault: platform.Fault{Status: http.StatusBadGateway, Times: 4}, want: "502"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.ctx == nil {
				tt.ctx = t.Context()
			}
			if tt.fault != (platform.Fault{}) {
				tt.fault.Operation = "releases.create"
				w.platform.Inject(tt.fault)
			}
			r.spans.Reset()

			_, err := w.client.Releases.Create(tt.ctx, input)

			require.Error(t, err)
			spans := r.spans.GetSpans()
			operation := spans[len(spans)-1]
			require.Equal(t, "alipayplus releases.create", operation.Name)
			require.Equal(t, codes.Error, operation.Status.Code)
			got, _ := attributeOf(operation, "error.type")
			require.Equal(t, tt.want, got, err)
			if tt.unsent {
				require.Len(t, spans, 1)
				require.Equal(t, "attempt not sent", operation.Events[0].Name)
			}
			if errors.Is(err, alipayplus.ErrOutcomeUnknown) {
				require.Positive(t, r.metrics(t)["alipayplus.client.outcomes_unknown{alipayplus.api=alipayplus,alipayplus.operation=releases.create}"])
			}
		})
	}
	require.InDelta(t, 3, r.metrics(t)["alipayplus.client.outcomes_unknown{alipayplus.api=alipayplus,alipayplus.operation=releases.create}"], 0)
}
