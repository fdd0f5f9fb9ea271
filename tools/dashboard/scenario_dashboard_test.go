// Package dashboard_test evaluates the queries of the dashboard of module otel by Prometheus' own engine.
package dashboard_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	client "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/otlptranslator"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/teststorage"
	"github.com/stretchr/testify/require"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/inprocess"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/otel"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// Every query finds figures in what a run emits, and every metric is shown.
func TestEveryQueryFindsWhatARunEmits(t *testing.T) {
	var scrapes []scrape
	synctest.Test(t, func(t *testing.T) { scrapes = aRun(t) })
	storage := teststorage.New(t)
	emitted := make(map[string]bool)
	for _, s := range scrapes {
		app := storage.Appender(t.Context())
		for _, sample := range s.samples {
			of := labels.NewBuilder(labels.EmptyLabels())
			for name, value := range sample.Metric {
				of.Set(string(name), string(value))
			}
			of.Set("job", "gateway")
			_, err := app.Append(0, of.Labels(), s.at.UnixMilli(), float64(sample.Value))
			require.NoError(t, err)
			emitted[string(sample.Metric[model.MetricNameLabel])] = true
		}
		require.NoError(t, app.Commit())
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{})})
	from, to := scrapes[0].at, scrapes[len(scrapes)-1].at
	var shown strings.Builder
	for _, query := range queries(t) {
		shown.WriteString(query)
		expr := strings.NewReplacer("$job", ".*", "$__rate_interval", "4m", "$__range", "6h").Replace(query)
		require.NotContains(t, expr, "$")
		q, err := engine.NewRangeQuery(t.Context(), storage, nil, expr, from, to, time.Minute)
		require.NoError(t, err, query)
		result := q.Exec(t.Context())
		require.NoError(t, result.Err, query)
		matrix, err := result.Matrix()
		require.NoError(t, err, query)
		require.True(t, hasFigures(matrix), "no figure above 0 from %s", query)
		q.Close()
	}
	for name := range emitted {
		metric := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
		if name != "target_info" && name != "otel_scope_info" {
			require.Contains(t, shown.String(), metric)
		}
	}
}

func hasFigures(m promql.Matrix) bool {
	for _, series := range m {
		for _, point := range series.Floats {
			if point.F > 0 { // which NaN is not
				return true
			}
		}
	}
	return false
}

// queries are those of all panels.
func queries(t *testing.T) (all []string) {
	t.Helper()
	text, err := os.ReadFile("../../otel/grafana/alipayplus.json")
	require.NoError(t, err)
	var dashboard struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	for _, panel := range dashboard.Panels {
		require.Equal(t, panel.Type == "row", len(panel.Targets) == 0, panel.Title)
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	require.NotEmpty(t, all)
	return all
}

// scrape are the metrics at one time.
type scrape struct {
	at      time.Time
	samples model.Vector
}

// aRun releases a version up a ladder, with a fault on the way, and scrapes each minute what that emits, by the names
// that the OpenTelemetry collector gives.
func aRun(t *testing.T) (all []scrape) {
	registry := client.NewRegistry()
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithTranslationStrategy(otlptranslator.UnderscoreEscapingWithSuffixes), exporter.WithoutScopeInfo())
	require.NoError(t, err)
	telemetry, err := otel.New(otel.Options{MeterProvider: metric.NewMeterProvider(metric.WithReader(reader))})
	require.NoError(t, err)
	stopped, stop := context.WithCancel(t.Context())
	scraped := make(chan struct{})
	go func() {
		defer close(scraped)
		for stopped.Err() == nil {
			families, err := registry.Gather()
			if err != nil {
				t.Error(err)
				return
			}
			at := time.Now()
			samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.TimeFromUnixNano(at.UnixNano())}, families...)
			if err != nil {
				t.Error(err)
				return
			}
			all = append(all, scrape{at, samples})
			time.Sleep(time.Minute)
		}
	}()

	release(t, telemetry)

	time.Sleep(5 * time.Minute) // so that the last figures are scraped
	stop()
	<-scraped
	return all
}

func release(t *testing.T, telemetry *otel.Telemetry) {
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(10 * time.Minute)
	}))
	require.NoError(t, err)
	workspace, err := p.AddWorkspace(t.Context(), alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	})
	require.NoError(t, err)
	require.NoError(t, p.PutMember(t.Context(), platform.Member{WorkspaceID: workspace, Name: "mei", Role: alipayplus.RoleOwner}))
	id, err := p.AddClient(t.Context(), workspace, "mei", testkey.Client().Public())
	require.NoError(t, err)
	c, err := alipayplus.New(append(telemetry.Client(),
		alipayplus.WithBaseURL("https://gateway.example"), alipayplus.WithClientID(id), alipayplus.WithSigner(testkey.Client()),
		alipayplus.WithPlatformKey("1", p.PublicKeyPEM()),
		alipayplus.WithHTTPClient(&http.Client{Transport: inprocess.Transport{Handler: telemetry.Handler(p)}}))...)
	require.NoError(t, err)
	program, err := c.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
	require.NoError(t, err)
	var build bytes.Buffer
	archive := zip.NewWriter(&build)
	_, err = archive.Create("app.json")
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	version, err := c.Programs.UploadVersion(t.Context(), alipayplus.UploadVersionInput{
		ProgramID: program.ID, Version: alipayplus.VersionNumber{Major: 1}, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	require.NoError(t, err)
	require.NoError(t, p.GrantAuthorization(t.Context(), workspace, program.ID, alipayplus.TargetAlipayCN))
	made, err := c.Releases.Create(t.Context(), alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version.Number, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)

	spec, err := rollout.ParseSpec([]byte(`
version: 1
gates: {errors: {every: 10m}}
steps:
  - {ratio: 10, bake: 1h, gates: [errors]}
  - {ratio: 50, bake: 1h}
  - {ratio: 100}
`))
	require.NoError(t, err)
	asked := 0
	gate := func(context.Context, rollout.Step) (rollout.Verdict, error) {
		switch asked++; asked {
		case 1, 3:
			p.Inject(platform.Fault{Operation: "releases.get", Status: http.StatusServiceUnavailable, Times: 4}) // as often as a call is sent
		case 5:
			p.Inject(platform.Fault{Operation: "releases.grayscale", CutAfter: true, Times: 4}) // nobody knows what became of the raise
		}
		return rollout.Bound{Max: new(0.01)}.Evaluate("error rate", 0.002)
	}
	runner, err := rollout.New(rollout.ForRelease(c, made.ID), *spec, rollout.NewMemoryStore(), rollout.WithGate("errors", gate), rollout.WithSink(telemetry.Sink()))
	require.NoError(t, err)
	state, err := runner.Run(t.Context())
	require.NoError(t, err)
	require.Equal(t, rollout.Done, state.Status, fmt.Sprint(state))
}
