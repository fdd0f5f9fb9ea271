// Command stdout releases a mini program through a platform that it serves itself, and prints the
// spans and metrics of both as JSON. It needs no account. In earnest the exporter is that of OTLP, and
// job and gateway are two programs.
package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/otel"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// sample is how the version is released. In earnest a ratio is watched for hours or days.
const sample = `
version: 1
gates: {errors: {every: 1s}}
steps:
  - {ratio: 10, bake: 1s, gates: [errors]}
  - {ratio: 100}
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	spans, err1 := stdouttrace.New(stdouttrace.WithWriter(out))
	metrics, err2 := stdoutmetric.New(stdoutmetric.WithWriter(out))
	if err := cmp.Or(err1, err2); err != nil {
		return err
	}
	tracer := trace.NewTracerProvider(trace.WithBatcher(spans))
	meter := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(metrics)))
	telemetry, err := otel.New(otel.Options{TracerProvider: tracer, MeterProvider: meter})
	if err != nil {
		return err
	}

	p, address, stop, err := serve(ctx, telemetry)
	if err != nil {
		return err
	}
	traced, job := tracer.Tracer("example").Start(ctx, "job")
	release, err := releaseOn(traced, p, address, telemetry)
	job.End()

	// What is not shut down may lose its last spans and figures.
	late := context.WithoutCancel(ctx)
	if err := errors.Join(err, stop(), tracer.Shutdown(late), meter.Shutdown(late)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "rolled out %s 100%%, traced\n", release)
	return err
}

// serve serves a platform whose reviewers approve after a second.
func serve(ctx context.Context, telemetry *otel.Telemetry) (p *platform.Platform, address string, stop func() error, err error) {
	p, err = platform.New(platform.WithAutoReview(func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(time.Second)
	}))
	if err != nil {
		return nil, "", nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	server := p.Server(listener.Addr().String())
	server.Handler = telemetry.Handler(p)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	stop = func() error {
		err := server.Shutdown(context.WithoutCancel(ctx))
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	}
	return p, "http://" + listener.Addr().String(), stop, nil
}

// releaseOn releases version 1.0.0 of a new mini program.
func releaseOn(ctx context.Context, p *platform.Platform, address string, telemetry *otel.Telemetry) (release string, err error) {
	client, workspace, err := owner(ctx, p, address, telemetry.Client())
	if err != nil {
		return "", err
	}
	program, err := client.Programs.Create(ctx, alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
	if err != nil {
		return "", err
	}
	var build bytes.Buffer // a zip file
	archive := zip.NewWriter(&build)
	_, err1 := archive.Create("app.json")
	err2 := archive.Close()
	version, err3 := client.Programs.UploadVersion(ctx, alipayplus.UploadVersionInput{
		ProgramID: program.ID, Version: alipayplus.VersionNumber{Major: 1}, Package: bytes.NewReader(build.Bytes()), Size: int64(build.Len()),
	})
	err4 := p.GrantAuthorization(ctx, workspace, program.ID, alipayplus.TargetAlipayCN)
	if err := cmp.Or(err1, err2, err3, err4); err != nil {
		return "", err
	}
	made, err := client.Releases.Create(ctx, alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: version.Number, TargetApp: alipayplus.TargetAlipayCN})
	if err != nil {
		return "", err
	}
	spec, err := rollout.ParseSpec([]byte(sample))
	if err != nil {
		return "", err
	}
	gate := func(context.Context, rollout.Step) (rollout.Verdict, error) {
		return rollout.Bound{Max: new(0.01)}.Evaluate("error rate", 0.002) // made up
	}
	runner, err := rollout.New(rollout.ForRelease(client, made.ID), *spec, rollout.NewMemoryStore(),
		rollout.WithInterval(200*time.Millisecond), rollout.WithGate("errors", gate), rollout.WithSink(telemetry.Sink()))
	if err != nil {
		return "", err
	}
	_, err = runner.Run(ctx)
	return made.ID, err
}

// owner is a client of the owner of a new workspace, who calls the platform at its address.
func owner(ctx context.Context, p *platform.Platform, address string, opts []alipayplus.Option) (client *alipayplus.Client, workspace string, err error) {
	workspace, err = p.AddWorkspace(ctx, alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	})
	if err != nil {
		return nil, "", err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, "", err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, "", err
	}
	if err := p.PutMember(ctx, platform.Member{WorkspaceID: workspace, Name: "mei", Role: alipayplus.RoleOwner}); err != nil {
		return nil, "", err
	}
	id, err := p.AddClient(ctx, workspace, "mei", key.Public())
	if err != nil {
		return nil, "", err
	}
	client, err = alipayplus.New(append([]alipayplus.Option{
		alipayplus.WithBaseURL(address), alipayplus.WithClientID(id),
		alipayplus.WithPrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})),
		alipayplus.WithPlatformKey("1", p.PublicKeyPEM()),
	}, opts...)...)
	return client, workspace, err
}
