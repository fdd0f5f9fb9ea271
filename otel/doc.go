// Package otel makes traces and metrics of what this library does, by OpenTelemetry: of
// calls of the platform and of AlipayCN, of a platform that answers them, and of rollouts.
// It needs OpenTelemetry's API alone; the SDK and an exporter are the program's to choose.
//
//	telemetry, err := otel.New(otel.Options{})
//	client, err := alipayplus.NewFromEnv(telemetry.Client()...)       // spans and metrics of calls
//	gateway, err := alipaycn.NewFromEnv(telemetry.AlipayCN()...)      // of calls of AlipayCN
//	server := p.Server(":8480"); server.Handler = telemetry.Handler(p) // of a platform
//	runner, err := rollout.New(target, spec, store, rollout.WithSink(telemetry.Sink()))
//
// # Spans
//
// An operation is a span, "alipayplus releases.create" or "alipaycn versions.apply", and
// each of its attempts is a span of kind client within it, "POST /api/open/v2/release/create",
// with the attributes of OpenTelemetry's semantic conventions for HTTP. The trace goes on in
// the platform, by the header traceparent, which is not signed, and from there to AlipayCN's
// calls; AlipayCN itself is sent nothing of it. Attributes of this package's own begin with
// "alipayplus.": the operation, the result code, and the ids by which an attempt is found in
// the logs of the platform and of AlipayCN.
//
// # Metrics
//
//	alipayplus.client.operation.duration  s          by alipayplus.api, alipayplus.operation, error.type
//	alipayplus.client.attempt.duration    s          the same, and http.response.status_code
//	alipayplus.client.retries             {retry}    by alipayplus.api, alipayplus.operation
//	alipayplus.client.outcomes_unknown    {operation}  the same: nobody knows whether a write took effect
//	http.server.request.duration          s          by http.request.method, http.route, http.response.status_code, error.type, url.scheme
//	alipayplus.rollout.ratio              %          by alipayplus.rollout: what is live
//	alipayplus.rollout.step.duration      s          by alipayplus.rollout.ratio: how long a ratio was live
//	alipayplus.rollout.gate.verdicts      {verdict}  by alipayplus.rollout.gate, alipayplus.rollout.decision
//	alipayplus.rollout.waiting            {rollout}  by alipayplus.rollout.wait: how many wait for that now
//	alipayplus.rollout.wait.duration      s          the same: the time waited, in all
//	alipayplus.rollout.events             {event}    by alipayplus.rollout.event
//
// The names are this project's own where the conventions have none. All but
// alipayplus.rollout.ratio have few series, however many mini programs there are.
//
// # Logs
//
// The library logs by log/slog, with the context of the call, so that a bridge joins its
// lines to the traces: give slog.New(otelslog.NewHandler("alipayplus")) of
// go.opentelemetry.io/contrib/bridges/otelslog to WithLogger, and
// [rollout.SlogSink] of it to [rollout.WithSink].
//
// # Secrets
//
// No span and no metric holds a body, a query, a header, a key, a signature or a token.
package otel
