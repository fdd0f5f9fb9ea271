package otel_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/otel"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp/alipaycnapptest"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// recorder keeps spans and metrics in memory.
type recorder struct {
	*otel.Telemetry

	tracer *trace.TracerProvider
	spans  *tracetest.InMemoryExporter
	reader *metric.ManualReader
}

func record(t *testing.T) *recorder {
	t.Helper()
	r := &recorder{spans: tracetest.NewInMemoryExporter(), reader: metric.NewManualReader()}
	r.tracer = trace.NewTracerProvider(trace.WithSyncer(r.spans))
	made, err := otel.New(otel.Options{TracerProvider: r.tracer, MeterProvider: metric.NewMeterProvider(metric.WithReader(r.reader))})
	require.NoError(t, err)
	r.Telemetry = made
	return r
}

// tree are the spans of a trace, one a line: kind, name and the attributes named, indented below the parent.
func (r *recorder) tree(of string, show ...attribute.Key) string {
	spans := r.spans.GetSpans()
	slices.SortStableFunc(spans, func(a, b tracetest.SpanStub) int { return a.StartTime.Compare(b.StartTime) })
	var b strings.Builder
	var below func(parent tracetest.SpanStub, indent string)
	line := func(s tracetest.SpanStub, indent string) {
		fmt.Fprintf(&b, "%s%s %s", indent, s.SpanKind, s.Name)
		for _, key := range show {
			if value, ok := attributeOf(s, key); ok {
				fmt.Fprintf(&b, " %s", value)
			}
		}
		b.WriteString("\n")
		below(s, indent+"  ")
	}
	below = func(parent tracetest.SpanStub, indent string) {
		for _, s := range spans {
			if s.Parent.SpanID() == parent.SpanContext.SpanID() && s.SpanContext.TraceID() == parent.SpanContext.TraceID() {
				line(s, indent)
			}
		}
	}
	for _, s := range spans {
		if s.Name == of && !s.Parent.IsValid() {
			line(s, "")
		}
	}
	return b.String()
}

func attributeOf(s tracetest.SpanStub, key attribute.Key) (string, bool) {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.String(), true
		}
	}
	return "", false
}

// metrics are the sums, gauges and counts of histograms by name and attributes: "name{a=b}".
func (r *recorder) metrics(t *testing.T) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, r.reader.Collect(context.Background(), &all))
	got := make(map[string]float64)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			add := func(of attribute.Set, value float64) {
				got[m.Name+"{"+of.Encoded(attribute.DefaultEncoder())+"}"] = value
			}
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, float64(p.Value))
				}
			case metricdata.Sum[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, float64(p.Value))
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					add(p.Attributes, float64(p.Count))
					got[m.Name+".sum{"+p.Attributes.Encoded(attribute.DefaultEncoder())+"}"] = p.Sum
				}
			}
		}
	}
	return got
}

// world is a platform that releases to a stand-in for AlipayCN, served over HTTP, with a member who calls it.
type world struct {
	platform *platform.Platform
	alipayCN *alipaycntest.Gateway
	server   *httptest.Server
	address  string
	client   *alipayplus.Client
	program  *alipayplus.Program
	// toAlipayCN are the headers of all attempts as AlipayCN gets them.
	toAlipayCN []http.Header
}

func (r *recorder) world(t *testing.T, opts ...alipayplus.Option) *world {
	t.Helper()
	store := storage.NewMemory()
	w := new(world)
	innermost := alipaycn.WithRoundTripper(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(r *http.Request) (*http.Response, error) {
			w.toAlipayCN = append(w.toAlipayCN, r.Header)
			return next.RoundTrip(r)
		})
	})
	app, alipayCN, err := alipaycnapptest.New(store, []alipaycntest.Option{alipaycntest.WithKey(testkey.FastKey())}, append([]alipaycn.Option{innermost}, r.AlipayCN()...)...)
	require.NoError(t, err)
	w.alipayCN = alipayCN
	w.platform, err = platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(store), platform.WithTargetBackends(app), platform.WithPublicURL("https://gateway.example"))
	require.NoError(t, err)
	w.server = httptest.NewServer(r.Handler(w.platform))
	t.Cleanup(w.server.Close)
	w.address = w.server.URL
	workspace, err := w.platform.AddWorkspace(t.Context(), company())
	require.NoError(t, err)
	require.NoError(t, w.platform.PutMember(t.Context(), platform.Member{WorkspaceID: workspace, Name: "mei", Role: alipayplus.RoleOwner}))
	id, err := w.platform.AddClient(t.Context(), workspace, "mei", testkey.Client().Public())
	require.NoError(t, err)
	w.client, err = alipayplus.New(append(append([]alipayplus.Option{
		alipayplus.WithBaseURL(w.address), alipayplus.WithClientID(id), alipayplus.WithSigner(testkey.Client()),
		alipayplus.WithPlatformKey("1", w.platform.PublicKeyPEM()), alipayplus.WithRetry(4, time.Millisecond, time.Millisecond),
	}, r.Client()...), opts...)...)
	require.NoError(t, err)
	w.program, err = w.client.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
	require.NoError(t, err)
	return w
}

func company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// authorize does what the merchant does in the browser, over HTTP.
func (w *world) authorize(ctx context.Context, t *testing.T) {
	t.Helper()
	begun, err := w.client.Authorizations.Begin(ctx, alipayplus.BeginAuthorizationInput{ProgramID: w.program.ID, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)
	browser := &http.Client{Transport: toServer(w.address)}
	require.NoError(t, alipaycnapptest.Confirm(w.alipayCN)(ctx, browser, begun.URL))
}

// toServer sends each request to a server, whatever its host.
func toServer(address string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(address, "http://")
		return http.DefaultTransport.RoundTrip(r)
	})
}

// release is one of version 1.0.0, there at AlipayCN too, that may be applied for.
func (w *world) release(t *testing.T) *alipayplus.Release {
	t.Helper()
	require.NoError(t, w.alipayCN.AddVersion(alipaycnapptest.MiniProgram, "1.0.0"))
	var build bytes.Buffer
	archive := zip.NewWriter(&build)
	_, err := archive.Create("app.json")
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	version, err := w.client.Programs.UploadVersion(t.Context(), alipayplus.UploadVersionInput{
		ProgramID: w.program.ID, Version: alipayplus.VersionNumber{Major: 1}, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	require.NoError(t, err)
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 180, 180))))
	logo, err := w.client.Files.Upload(t.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(picture.Bytes()), Size: int64(picture.Len())})
	require.NoError(t, err)
	release, err := w.client.Releases.Create(t.Context(), alipayplus.CreateReleaseInput{ProgramID: w.program.ID, Version: version.Number, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)
	release, err = w.client.Releases.UpdateConfiguration(t.Context(), alipayplus.UpdateReleaseConfigurationInput{
		ReleaseID: release.ID, Configuration: alipayplus.Configuration{AlipayCN: &alipayplus.AlipayCNApplication{
			Description: "The first version: order tea from the lake, and have it brought to your door.",
			Name:        "蓝湖茶", EnglishName: "BlueLakeTea", Slogan: "湖畔好茶送到家门口", Introduction: "蓝湖茶把湖畔的好茶送到你的家门口，随时下单。",
			Categories: []string{"XS1001_XS2001_XS3002"}, ServicePhone: "13110101010", RegionType: "CHINA", LogoFileID: logo.ID, TwoStageReview: true,
		}},
	})
	require.NoError(t, err)
	return release
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
