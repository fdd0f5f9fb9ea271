// Command service releases a service to the Service Market: it uploads the
// images, creates the service from a description in a file, submits it, and
// follows its request until the service is online.
//
// It looks before each step at what is there already, so that it can be stopped
// at any point and started again.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
)

func main() {
	command.Main(func(ctx context.Context) int { return run(ctx, os.Args[1:], os.Stdout, os.Stderr) })
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var flags setup.Flags
	set := flag.NewFlagSet("service", flag.ContinueOnError)
	flags.Register(set)
	file := set.String("file", "examples/service/sample/service.json", "service description")
	asJSON := set.Bool("json", false, "print the service as one JSON object on stdout instead of a line")
	return command.Run(set, args, stderr, func() error {
		service, err := release(ctx, flags, *file, console.New(stderr))
		if err != nil {
			return command.Resumable(ctx, err)
		}
		return report(service, *asJSON, stdout)
	})
}

func report(s *alipayplus.Service, asJSON bool, stdout io.Writer) error {
	var err error
	if asJSON {
		err = json.NewEncoder(stdout).Encode(s)
	} else {
		_, err = fmt.Fprintf(stdout, "service %s %s\n", s.ID, s.Status)
	}
	if err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	return nil
}

func release(ctx context.Context, flags setup.Flags, file string, show *console.Console) (*alipayplus.Service, error) {
	described, err := readDescription(file)
	if err != nil {
		return nil, err
	}
	session, err := flags.Open(ctx)
	if err != nil {
		return nil, err
	}
	workspace, err := session.Client.Workspace.Get(ctx)
	if err != nil {
		return nil, err
	}
	show.Step("workspace %s on %s, as %s (%s)", workspace.Name, session.Where, workspace.Member, workspace.Role)
	r := releaser{client: session.Client, show: show, described: described, policy: &workspace.ServicePolicy}
	service, err := r.create(ctx)
	if err != nil {
		return nil, err
	}
	if service, err = r.submit(ctx, service); err != nil {
		return nil, err
	}
	return r.wait(ctx, service)
}

// releaser carries out a description, step by step.
type releaser struct {
	client    *alipayplus.Client
	show      *console.Console
	described *description
	policy    *alipayplus.ServicePolicy
}

// create finds the service by its name, or uploads its images and creates it.
func (r *releaser) create(ctx context.Context) (*alipayplus.Service, error) {
	for s, err := range r.client.Services.All(ctx, alipayplus.ListServicesInput{}) {
		if err != nil {
			return nil, err
		}
		if s.Name == r.described.Name {
			r.show.Step("service %s (%s) is there: %s", s.ID, s.Name, s.Status)
			return s, nil
		}
	}
	text, err := r.described.upload(ctx, r.client.Files, r.show)
	if err != nil {
		return nil, err
	}
	s, err := r.client.Services.Create(ctx, alipayplus.CreateServiceInput{ServiceDescription: text, Policy: r.policy})
	if err != nil {
		return nil, err
	}
	r.show.Step("service %s (%s) created: %s", s.ID, s.Name, s.Status)
	return s, nil
}

func (r *releaser) submit(ctx context.Context, s *alipayplus.Service) (*alipayplus.Service, error) {
	if !s.Status.CanBecome(alipayplus.ServicePendingReview) {
		return s, nil
	}
	s, err := r.client.Services.Submit(ctx, alipayplus.ServiceInput{ServiceID: s.ID})
	if err != nil {
		return nil, err
	}
	r.show.Step("submitted: %s, request %s", s.Status, s.ReleaseRequestID)
	return s, nil
}

// wait follows the request, as To-Do List > My Requests shows it, and then looks
// that the service is online.
func (r *releaser) wait(ctx context.Context, s *alipayplus.Service) (*alipayplus.Service, error) {
	if s.Status == alipayplus.ServicePendingReview {
		_, err := r.client.Requests.WaitDecided(ctx, s.ReleaseRequestID, alipayplus.RequestWait{
			Interval: 500 * time.Millisecond,
			OnChange: func(now *alipayplus.Request) {
				r.show.Step("request %q: %s (%s)", now.Title, now.Status, console.Reviews(now.Reviews))
			},
			OnError: func(err error) { r.show.Detail("still waiting: %v", err) },
		})
		if err != nil {
			return nil, err
		}
	}
	return r.client.Services.WaitOnline(ctx, s.ID, alipayplus.ServiceWait{
		OnChange: func(now *alipayplus.Service) { r.show.Step("service %s: %s", now.ID, now.Status) },
	})
}
