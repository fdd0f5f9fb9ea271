package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/manifest"
)

// services is the group of commands about services.
func (a *app) services() *cobra.Command {
	type client = *alipayplus.ServicesClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Services })
	one := []string{"serviceId"}
	return group("service", "Release services to the Service Market", `Release services to the Service Market: apply does it all from one file.`,
		a.serviceApply(),
		listing(a, dial, client.All, spec{
			use: "list", short: "List services",
			columns: []string{"id", "name", "status", "revision=revision.status", "updatedAt"},
			example: []string{"service list --status ONLINE"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get SERVICE", short: "Show a service", example: []string{"service get svc_1"},
		}),
		returning(a, dial, client.Submit, spec{
			use: "submit SERVICE", short: "Send a service, or its revision, to review", args: one, example: []string{"service submit svc_1"},
		}),
		returning(a, dial, client.Withdraw, spec{
			use: "withdraw SERVICE", short: "Take a service, or its revision, back from review", args: one,
			example: []string{"service withdraw svc_1"},
		}),
		returning(a, dial, client.Archive, spec{
			use: "archive SERVICE", short: "Take a service out of the Service Market for good", args: one,
			warning: "The service leaves the Service Market for good.", example: []string{"service archive svc_1"},
		}),
		waiting(a, dial, client.WaitOnline, spec{
			use: "wait SERVICE", short: "Wait until what was submitted is online", columns: serviceState(),
			example: []string{"service wait svc_1 --timeout 24h"},
		}),
	)
}

func serviceState() []string { return []string{"id", "status", "revision.status"} }

// localService is a service as a file describes it, with the pictures by their ids.
type localService struct {
	id string
	alipayplus.ServiceDescription
	// pictures are the paths of the pictures, by id.
	pictures map[string]string
}

// readService reads what a service is to be. It calls nobody.
func (a *app) readService(name string) (*localService, error) {
	content, err := readAll(name, a.stdin)
	if err != nil {
		return nil, misused("-f: %w", err)
	}
	file, err := manifest.ParseService(content)
	if err != nil {
		return nil, misused("%s: %w", name, err)
	}
	local := &localService{id: file.ID, pictures: make(map[string]string)}
	local.ServiceDescription, err = file.Describe(func(path string) (string, error) { return local.picture(besides(name, path)) })
	if err != nil {
		return nil, misused("%s: %w", name, err)
	}
	return local, nil
}

// picture returns the id of a picture.
func (s *localService) picture(name string) (id string, err error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	file, err := alipayplus.DescribeFile(content)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	s.pictures[file.ID] = name
	return file.ID, nil
}

// serviceApplication is one call of service apply.
type serviceApplication struct {
	*app
	client          *alipayplus.Client
	local           *localService
	draft, resubmit bool
}

// serviceApply makes a service what a file says, and takes it online.
func (a *app) serviceApply() *cobra.Command {
	var (
		s    = serviceApplication{app: a}
		name string
		wait bool
		w    waitFlags
	)
	cmd := &cobra.Command{
		Use: "apply", Short: "Make a service what a file says: create or change it, submit it, wait", Args: noArguments,
		Long: `Make a service what a file says: create it, or change the one of that id or
name, upload its pictures, and submit it. The same command again does only what
is left to do, and nothing when the service is online as the file says.`,
		Example: examples([]string{"service apply -f service.yaml --wait"}),
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := s.read(cmd, name)
			if err != nil {
				return err
			}
			service, err := s.apply(cmd.Context())
			if err == nil && wait && !s.draft {
				ctx, stop := w.context(cmd.Context())
				defer stop()
				var online *alipayplus.Service
				online, err = s.client.Services.WaitOnline(ctx, service.ID, waitOptions[alipayplus.Service](a, w, serviceState()))
				service = cmp.Or(online, service)
			}
			return a.printWith(cmd, service, err)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVarP(&name, "file", "f", "service.yaml", "the `file` with the service, YAML or JSON; -: standard input")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait until the service is online as the file says")
	cmd.Flags().BoolVar(&s.draft, "draft", false, "create or change it, and do not submit it")
	cmd.Flags().BoolVar(&s.resubmit, "resubmit", false, "submit again what was turned down or withdrawn, unchanged")
	w.add(cmd)
	a.result(cmd, new(alipayplus.Service))
	a.methods[cmd] = methodNames((*alipayplus.ServicesClient).Create, (*alipayplus.ServicesClient).Update, (*alipayplus.ServicesClient).Submit,
		(*alipayplus.ServicesClient).WaitOnline, (*alipayplus.FilesClient).Upload)
	return cmd
}

// read reads the file, and makes the client.
func (s *serviceApplication) read(cmd *cobra.Command, name string) (err error) {
	if s.local, err = s.readService(name); err != nil {
		return err
	}
	s.client, err = s.platformClient(cmd)
	return err
}

// apply does what is left to do, and returns the service.
func (s *serviceApplication) apply(ctx context.Context) (*alipayplus.Service, error) {
	workspace, err := s.client.Workspace.Get(ctx)
	if err != nil {
		return nil, err
	}
	if err := workspace.ServicePolicy.Check(s.local.ServiceDescription); err != nil {
		return nil, err
	}
	service, archived, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	change, submit, err := s.left(ctx, service)
	if err != nil {
		return nil, err
	}
	if change {
		if service, err = s.change(ctx, service, archived); err != nil {
			return nil, err
		}
	}
	if _, status := textOf(service); !submit || status == alipayplus.ServiceOnline { // it has its text of before again
		return service, nil
	}
	service, err = s.client.Services.Submit(ctx, alipayplus.ServiceInput{ServiceID: service.ID})
	if err == nil {
		s.progress("submitted: " + stateLine(service, serviceState()))
	}
	return service, err
}

// left says what is left to do: whether the text must be changed, and submitted.
func (s *serviceApplication) left(ctx context.Context, service *alipayplus.Service) (change, submit bool, err error) {
	text, status := textOf(service)
	same := service != nil && sameText(*text, s.local.ServiceDescription)
	reviewed := status == alipayplus.ServiceTurnedDown || status == alipayplus.ServiceWithdrawn
	switch {
	case same && (status == alipayplus.ServiceOnline || status == alipayplus.ServicePendingReview):
		return false, false, nil
	case status == alipayplus.ServicePendingReview:
		return false, false, fmt.Errorf("service %s is under review with another text; withdraw it first (service withdraw %s): %w", service.ID, service.ID, alipayplus.ErrConflict)
	case same && reviewed && !s.draft && !s.resubmit:
		return false, false, s.turnedDown(ctx, service, status)
	default:
		return !same, !s.draft, nil
	}
}

// find finds the service that is meant, or nil, and counts the archived ones of its name.
func (s *serviceApplication) find(ctx context.Context) (found *alipayplus.Service, archived int, err error) {
	if s.local.id != "" {
		found, err = s.client.Services.Get(ctx, s.local.id)
		return found, 0, err
	}
	for service, err := range s.client.Services.All(ctx, alipayplus.ListServicesInput{}) {
		switch {
		case err != nil:
			return nil, 0, err
		case service.Name != s.local.Name && (service.Revision == nil || service.Revision.Name != s.local.Name):
		case service.Status == alipayplus.ServiceArchived:
			archived++
		case found != nil:
			return nil, 0, misused("services %s and %s have the name %q; give the id in the file", found.ID, service.ID, s.local.Name)
		default:
			found = service
		}
	}
	return found, archived, nil
}

// textOf returns the newest text of a service, and its status: that of a revision where
// there is one.
func textOf(service *alipayplus.Service) (*alipayplus.ServiceDescription, alipayplus.ServiceStatus) {
	switch {
	case service == nil:
		return nil, ""
	case service.Revision != nil:
		return &service.Revision.ServiceDescription, service.Revision.Status
	default:
		return &service.ServiceDescription, service.Status
	}
}

// sameText says whether two descriptions are the same on the wire.
func sameText(a, b alipayplus.ServiceDescription) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// turnedDown is the error for a text that a review has refused already, or that somebody
// has withdrawn: the same text is not submitted again and again.
func (s *serviceApplication) turnedDown(ctx context.Context, service *alipayplus.Service, status alipayplus.ServiceStatus) error {
	request := service.ReleaseRequestID
	if service.Revision != nil {
		request = service.Revision.ReleaseRequestID
	}
	ended := &alipayplus.ReviewError{Subject: "service " + service.ID, Outcome: alipayplus.RequestWithdrawn}
	if status == alipayplus.ServiceTurnedDown {
		ended.Outcome = alipayplus.RequestRejected
	}
	if r, err := s.client.Requests.Get(ctx, request); err == nil {
		ended.Reviews = r.Reviews
	}
	return fmt.Errorf("%w; change the file, or give --resubmit", ended)
}

// change creates the service, or gives it another text.
func (s *serviceApplication) change(ctx context.Context, service *alipayplus.Service, archived int) (changed *alipayplus.Service, err error) {
	for id, name := range s.local.pictures {
		if _, err := uploadFile(ctx, &s.client.Files, name, s.uploading(name)); err != nil {
			return nil, fmt.Errorf("picture %s (%s): %w", name, id, err)
		}
	}
	word := "changed: "
	if service == nil {
		word = "created: "
		changed, err = s.client.Services.Create(ctx, alipayplus.CreateServiceInput{
			ServiceDescription: s.local.ServiceDescription, Policy: noPolicy(), RequestID: s.requestID(archived),
		})
	} else {
		changed, err = s.client.Services.Update(ctx, alipayplus.UpdateServiceInput{
			ServiceID: service.ID, ServiceDescription: s.local.ServiceDescription, Policy: noPolicy(),
		})
	}
	if err == nil {
		s.progress(word + stateLine(changed, serviceState()))
	}
	return changed, err
}

// noPolicy limits nothing: the workspace's policy was checked before.
func noPolicy() *alipayplus.ServicePolicy { return new(alipayplus.ServicePolicy) }

// requestID is the same for two calls that would create the same service at the same time,
// and another one once that service is archived.
func (s *serviceApplication) requestID(archived int) string {
	content, err := json.Marshal(s.local.ServiceDescription)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(content, "%d", archived))
	return "apply-" + hex.EncodeToString(sum[:16])
}

// printWith prints a result that there may be besides an error.
func (a *app) printWith(cmd *cobra.Command, out any, err error) error {
	if v := reflect.ValueOf(out); v.IsValid() && !v.IsNil() {
		if failed := a.print(cmd, out); err == nil {
			err = failed
		}
	}
	if err != nil {
		return failure{err}
	}
	return nil
}
