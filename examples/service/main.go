// Command service releases a service to the Service Market: it uploads an
// image, creates the service, submits it, and waits until it is online. On the
// platform that it embeds, a merchant orders it at the end.
//
// Before each step it reads what is there already, so that it can be stopped at
// any point and started again.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform"
)

type options struct {
	baseURL, credentials string
	json                 bool
}

func main() {
	var opts options
	flag.StringVar(&opts.baseURL, "base-url", os.Getenv("ALIPAYPLUS_BASE_URL"), "address of the platform; without it one is embedded (ALIPAYPLUS_BASE_URL)")
	flag.StringVar(&opts.credentials, "credentials", "", "folder that examples/platform wrote for a member; without it the ALIPAYPLUS_* variables are used")
	flag.BoolVar(&opts.json, "json", false, "print the service as one JSON object on stdout instead of a line")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, opts, flag.Args(), os.Stdout, log.New(os.Stderr, "", 0))
	stop()
	os.Exit(status)
}

func run(ctx context.Context, opts options, args []string, stdout io.Writer, progress *log.Logger) (status int) {
	if len(args) > 0 || opts.baseURL == "" && opts.credentials != "" {
		progress.Print("error: there are flags only, and -credentials need a -base-url")
		return 2
	}
	service, err := release(ctx, opts, progress)
	if err == nil {
		err = report(service, opts, stdout)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		progress.Printf("interrupted: %v\n%s", err, map[bool]string{
			true: "The embedded platform has forgotten everything: the next start begins anew.", false: "Run the same command again: what is done is not done twice.",
		}[opts.baseURL == ""])
		return 130 // as shells report SIGINT
	default:
		progress.Printf("error: %v", err)
		return 1
	}
}

func report(service *alipayplus.Service, opts options, stdout io.Writer) error {
	if opts.json {
		return json.NewEncoder(stdout).Encode(service)
	}
	_, err := fmt.Fprintf(stdout, "service %s %s\n", service.ID, service.Status)
	return err
}

// release takes the service to the market, from wherever an earlier run left it.
func release(ctx context.Context, opts options, progress *log.Logger) (*alipayplus.Service, error) {
	client, merchant, err := connect(ctx, opts)
	if err != nil {
		return nil, err
	}
	service, err := online(ctx, client, progress)
	if err == nil && merchant != nil {
		err = order(ctx, client, merchant, service.ID, progress)
	}
	return service, err
}

// online takes the service online.
func online(ctx context.Context, client *alipayplus.Client, progress *log.Logger) (*alipayplus.Service, error) {
	workspace, err := client.Workspace.Get(ctx)
	if err != nil {
		return nil, err
	}
	progress.Printf("workspace %q, as %s (%s)", workspace.Name, workspace.Member, workspace.Role)

	service, err := create(ctx, client, &workspace.ServicePolicy, progress)
	if err != nil {
		return nil, err
	}
	if service.Status.CanBecome(alipayplus.ServicePendingReview) {
		if service, err = client.Services.Submit(ctx, alipayplus.ServiceInput{ServiceID: service.ID}); err != nil {
			return nil, err
		}
		progress.Printf("submitted: %s, request %s", service.Status, service.ReleaseRequestID)
	}
	// The request is what To-Do List > My Requests shows. Waiting for the service
	// alone would do; this shows each review as it comes.
	if service.Status == alipayplus.ServicePendingReview {
		_, err := client.Requests.WaitDecided(ctx, service.ReleaseRequestID, alipayplus.RequestWait{
			OnChange: func(now *alipayplus.Request) {
				for _, review := range now.Reviews {
					progress.Printf("request %s: %s %s", now.Status, review.Party, review.Status)
				}
			},
			OnError: func(err error) { progress.Printf("still waiting: %v", err) },
		})
		if err != nil {
			return nil, err
		}
	}
	return client.Services.WaitOnline(ctx, service.ID, alipayplus.ServiceWait{})
}

// order has a merchant order the service in the Service Market, and takes the order on. From the confirmation
// on, the provider's client reaches the merchant's mini program as its own: examples/release goes on from there.
func order(ctx context.Context, provider, merchant *alipayplus.Client, serviceID string, progress *log.Logger) error {
	offer, err := merchant.Market.Get(ctx, serviceID)
	if err != nil {
		return err
	}
	program, err := merchant.Programs.Create(ctx, alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "红山咖啡"}, {Language: "en", Name: "Red Hill Coffee"}},
	})
	if err != nil {
		return err
	}
	placed, err := merchant.Orders.Place(ctx, alipayplus.PlaceOrderInput{ServiceID: offer.ID, ProgramID: program.ID, Note: "With our menu, please."})
	if err != nil {
		return err
	}
	progress.Printf("order %s by %s: %s", placed.ID, placed.Merchant, placed.Status)
	in := alipayplus.OrderInput{OrderID: placed.ID}
	if _, err := provider.Orders.Accept(ctx, in); err != nil {
		return err
	}
	confirmed, err := merchant.Orders.Confirm(ctx, in)
	if err != nil {
		return err
	}
	found, err := provider.Programs.Get(ctx, confirmed.ProgramID)
	if err == nil {
		progress.Printf("order %s: %s; the provider may release mini program %s (%s)", confirmed.ID, confirmed.Status, found.ID, found.Name())
	}
	return err
}

// create finds the service by its name, or uploads its image and creates it.
func create(ctx context.Context, client *alipayplus.Client, policy *alipayplus.ServicePolicy, progress *log.Logger) (*alipayplus.Service, error) {
	const name = "Mini program development by Blue Lake Studio"
	for service, err := range client.Services.All(ctx, alipayplus.ListServicesInput{}) {
		if err != nil {
			return nil, err
		}
		if service.Name == name {
			progress.Printf("service %s is there: %s", service.ID, service.Status)
			return service, nil
		}
	}
	picture, err := upload(ctx, client, color.RGBA{R: 0x16, G: 0x77, B: 0xff, A: 0xff})
	if err != nil {
		return nil, fmt.Errorf("service image: %w", err)
	}
	service, err := client.Services.Create(ctx, alipayplus.CreateServiceInput{
		ServiceDescription: alipayplus.ServiceDescription{
			Name: name, Industry: "Food and beverage", Type: alipayplus.ServiceMiniProgramDevelopment,
			Description: "We design, build and release ordering mini programs for tea houses, bakeries and restaurants.",
			ImageFileID: picture.ID, ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN},
			PaymentInformation: alipayplus.Content{
				alipayplus.TextBlock("Half on order, half when the mini program is released."),
				alipayplus.TableBlock(
					[]string{"Package", "Price", "Delivered within"},
					[]string{"Menu only", "2,000 USD", "2 weeks"}, []string{"Menu and payment", "5,000 USD", "4 weeks"},
				),
			},
			Tutorial: alipayplus.Content{
				alipayplus.TextBlock("Order the service, confirm the quotation, send us your menu, test, release."),
				alipayplus.ImageBlock(picture.ID, "The four steps from order to release"),
			},
			SuccessStory: alipayplus.Content{alipayplus.TextBlock("A tea house in Hangzhou serves 40 % of its guests through its mini program.")},
		},
		// With the policy that this platform announces, what it would refuse is found
		// before anything is sent, and the error names every broken field.
		Policy: policy,
	})
	if err != nil {
		return nil, err
	}
	progress.Printf("service %s created: %s", service.ID, service.Status)
	return service, nil
}

// upload uploads a picture of one color. A file of yours is uploaded alike: an *os.File is an io.ReaderAt.
func upload(ctx context.Context, client *alipayplus.Client, c color.Color) (*alipayplus.File, error) {
	picture := image.NewPaletted(image.Rect(0, 0, 256, 256), color.Palette{c})
	var content bytes.Buffer
	if err := png.Encode(&content, picture); err != nil {
		return nil, err
	}
	return client.Files.Upload(ctx, alipayplus.UploadFileInput{Content: bytes.NewReader(content.Bytes()), Size: int64(content.Len())})
}

// connect returns a client of the platform at -base-url, or of one in this process,
// which has a merchant too.
func connect(ctx context.Context, opts options) (client, merchant *alipayplus.Client, err error) {
	if opts.baseURL == "" {
		return embed(ctx)
	}
	with := []alipayplus.Option{alipayplus.WithBaseURL(opts.baseURL)}
	if opts.credentials != "" {
		with = append(with, alipayplus.WithCredentials(opts.credentials))
	}
	client, err = alipayplus.NewFromEnv(with...)
	return client, nil, err
}

// embed starts a platform in this process, with a provider and a merchant, and the owner of
// each. Every service is approved after a second.
func embed(ctx context.Context) (client, merchant *alipayplus.Client, err error) {
	approve := func(alipayplus.Party, *alipayplus.Request) platform.Decision {
		return platform.ApproveAfter(time.Second)
	}
	p, err := platform.New(platform.WithAutoReview(approve))
	if err != nil {
		return nil, nil, err
	}
	client, err = p.AddOwner(ctx, alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}, "owner")
	if err != nil {
		return nil, nil, err
	}
	merchant, err = p.AddOwner(ctx, alipayplus.BusinessRegistration{
		CompanyName: "Red Hill Coffee Pte. Ltd.", RegistrationNumber: "201700456B", Country: "SG",
		Address: "2 Hill Road, Singapore 000002", ContactName: "Ravi Tan", ContactEmail: "ravi@redhill.example",
	}, "owner")
	return client, merchant, err
}
