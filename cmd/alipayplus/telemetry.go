package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	global "go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/alipayplus-go/alipayplus/otel/export"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// telemetry sends spans, metrics and logs to where the OTEL_* variables say.
type telemetry struct {
	*export.Export

	// span is that of the command; nil for one that serves, and where none is sent.
	span trace.Span
}

// observe begins the span of the command, within the trace that TRACEPARENT names, if an OTEL_*
// variable says where to send spans, metrics or logs.
func (a *app) observe(cmd *cobra.Command) error {
	serves := cmd.Name() == "serve" // beside others of its name; a command's series go on where those of the one before have ended
	sent, err := export.FromEnv(cmd.Context(), export.Service{Name: "alipayplus", Version: builtVersion(), Instance: serves})
	if err != nil {
		return misused("the OTEL_* variables: %w", err)
	}
	if sent == nil {
		return nil
	}
	a.telemetry.Export = sent
	global.SetErrorHandler(&export.Warnings{Say: func(err error) { a.say("warning: OpenTelemetry: %v", err) }})
	ctx := propagation.TraceContext{}.Extract(cmd.Context(), propagation.MapCarrier{
		"traceparent": os.Getenv("TRACEPARENT"), "tracestate": os.Getenv("TRACESTATE"),
	})
	if !serves { // whose spans are those of its calls
		ctx, a.telemetry.span = sent.Tracer("github.com/alipayplus-go/alipayplus/cmd/alipayplus").Start(ctx, cmd.CommandPath())
	}
	cmd.SetContext(ctx)
	return nil
}

// end ends the command's span, and sends what is left. What cannot be sent is a warning.
func (t *telemetry) end(ctx context.Context, exit report.Exit) {
	if t.span != nil {
		t.span.SetAttributes(semconv.ProcessExitCode(int(exit)))
		if exit != report.ExitDone && exit != report.ExitPending {
			t.span.SetStatus(codes.Error, exit.String())
		}
		t.span.End()
	}
	t.Shutdown(ctx)
}
