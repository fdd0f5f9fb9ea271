package otel_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
)

// One trace shows what a job in CI asks of the gateway, and what the gateway asks of AlipayCN, which is sent nothing of it.
func TestOneTraceShowsJobGatewayAndAlipayCN(t *testing.T) {
	r := record(t)
	w := r.world(t)
	w.authorize(t.Context(), t)
	release := w.release(t)
	w.alipayCN.Inject(alipaycntest.Fault{Operation: "versions.get", Status: 502})
	r.spans.Reset()
	ctx, job := r.tracer.Tracer("ci").Start(t.Context(), "job")

	_, err := w.client.Releases.Apply(ctx, alipayplus.ApplyInput{ReleaseID: release.ID, BasicInfo: new(company())})
	job.End()
	w.server.Close() // which waits for the last handler

	require.NoError(t, err)
	require.Equal(t, `internal job
  internal alipayplus releases.apply
    client POST /api/open/v2/release/apply 200
      server POST /api/open/v2/release/apply 200
        internal alipaycn versions.get
          client GET /v3/alipay/open/mini/version/detail/query 502
          client GET /v3/alipay/open/mini/version/detail/query 200
        internal alipaycn versions.list
          client GET /v3/alipay/open/mini/version/list/query 200
        internal alipaycn versions.get
          client GET /v3/alipay/open/mini/version/detail/query 200
        internal alipaycn versions.apply
          internal alipaycn versions.get
            client GET /v3/alipay/open/mini/version/detail/query 200
          client POST /v3/alipay/open/mini/version/audit/apply 200
`, r.tree("job", "http.response.status_code"))
	require.NotEmpty(t, w.toAlipayCN)
	for _, header := range w.toAlipayCN {
		require.Empty(t, header.Get("Traceparent"))
	}
}

// Nothing that one could call with, and nothing that was said, is in a span: neither keys and
// tokens, nor what a browser brings back from an authorization, nor a program's texts.
func TestNoSpanHoldsASecret(t *testing.T) {
	r := record(t)
	w := r.world(t)
	w.authorize(t.Context(), t)
	_, err := w.client.Programs.Get(t.Context(), "no such program")
	require.Error(t, err)
	var tokens []string
	for _, header := range w.toAlipayCN {
		if token := header.Get("Alipay-App-Auth-Token"); token != "" {
			tokens = append(tokens, token)
		}
		tokens = append(tokens, header.Get("Authorization"))
	}
	require.NotEmpty(t, tokens)

	w.server.Close()
	text, err := json.Marshal(r.spans.GetSpans())

	require.NoError(t, err)
	require.Contains(t, string(text), "alipay.open.auth.token.app", "the exchange of the code for the token is there")
	for _, secret := range append(tokens, "app_auth_code", "code=", "sign=", "algorithm=RSA256", "蓝湖茶", "state=") {
		require.NotContains(t, string(text), secret)
	}
	for key := range r.metrics(t) {
		require.False(t, strings.ContainsAny(key, "?"), key)
	}
}
