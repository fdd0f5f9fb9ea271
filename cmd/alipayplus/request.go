package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/terminal"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// workspace is the group of commands about the workspace.
func (a *app) workspace() *cobra.Command {
	dial := atPlatform(a, func(c *alipayplus.Client) *alipayplus.WorkspaceClient { return &c.Workspace })
	return group("workspace", "Show the workspace", "Show the workspace: the company, the caller's role, limits and their use.",
		returning(a, dial, func(c *alipayplus.WorkspaceClient, ctx context.Context, _ noInput) (*alipayplus.Workspace, error) {
			return c.Get(ctx)
		}, spec{
			use: "get", short: "Show the company, the caller's role, limits and their use", example: []string{"workspace get"},
			calls: []any{(*alipayplus.WorkspaceClient).Get},
		}))
}

// console prints where a person signs in to the console.
func (a *app) console() *cobra.Command {
	type client = *alipayplus.SessionsClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Sessions })
	return returning(a, dial, client.Begin, spec{
		use: "console", short: "Sign in to the platform's console in the browser",
		long: `Print an address that signs in to the platform's console in the browser, as the
member or the reviewing party whose key signs the call. It works once, for a
minute: whoever has it can sign in.`,
		hidden: []string{"tokenHash"}, late: true, example: []string{"console"},
		show: func(out any) (string, error) {
			signIn, _ := out.(*alipayplus.SignIn)
			return report.OneLine(signIn.URL) + "\n", nil
		},
	})
}

// authorizations is the group of commands about authorizations.
func (a *app) authorizations() *cobra.Command {
	type client = *alipayplus.AuthorizationsClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Authorizations })
	one := []string{"programId"}
	return group("authorize", "Let the platform call the target app's APIs for a mini program", `Let the platform call the target app's APIs for a mini program: begin prints the
page that a person must visit, and wait waits until that is done.`,
		returning(a, dial, client.Begin, spec{
			use: "begin PROGRAM", short: "Print the page that a person must visit", args: one, defaults: targetAlipayCN(),
			example: []string{"authorize begin 2171000000000001"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get PROGRAM", short: "Show how the authorization stands", args: one, defaults: targetAlipayCN(),
			example: []string{"authorize get 2171000000000001"},
		}),
		waiting(a, dial, client.WaitGranted, spec{
			use: "wait PROGRAM", short: "Wait until the authorization is given", args: one, defaults: targetAlipayCN(),
			columns: []string{"programId", "status", "url"}, example: []string{"authorize wait 2171000000000001 --timeout 15m"},
		}),
	)
}

// requests is the group of commands about release requests.
func (a *app) requests() *cobra.Command {
	type client = *alipayplus.RequestsClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Requests })
	return group("request", "Follow release requests", "Follow the release requests of the workspace: To-Do List > My Requests.",
		listing(a, dial, client.All, spec{
			use: "list", short: "List requests", columns: requestColumns(),
			example: []string{"request list --title tea --status UNDER_REVIEW"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get REQUEST", short: "Show a request, with all reviews", example: []string{"request get req_1"},
		}),
		waiting(a, dial, client.WaitDecided, spec{
			use: "wait REQUEST", short: "Wait until a request is approved",
			columns: []string{"id", "status", "reviews.party", "reviews.status"}, example: []string{"request wait req_1 --timeout 24h"},
		}),
	)
}

func requestColumns() []string {
	return []string{"id", "status", "category", "title", "applicant", "createdAt", "finishedAt"}
}

// reviews is the group of commands of reviewers.
func (a *app) reviews() *cobra.Command {
	type client = *alipayplus.ReviewsClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Reviews })
	decide := func(approve bool) func(client, context.Context, alipayplus.DecideInput) (*alipayplus.Request, error) {
		return func(c client, ctx context.Context, in alipayplus.DecideInput) (*alipayplus.Request, error) {
			in.Approve = approve
			return c.Decide(ctx, in)
		}
	}
	return group("review", "Give verdicts, as a reviewer", "Give verdicts on requests. The credentials must be those of a reviewing party.",
		listing(a, dial, client.All, spec{
			use: "list", short: "List the requests that wait for a verdict", columns: requestColumns(), example: []string{"review list"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get REQUEST", short: "Show a request, with what was submitted", example: []string{"review get req_1"},
		}),
		a.reviewFile(dial),
		returning(a, dial, decide(true), spec{
			use: "approve REQUEST", short: "Approve a request", args: []string{"id"}, hidden: []string{"approve"}, late: true,
			example: []string{"review approve req_1"}, calls: []any{client.Decide},
		}),
		returning(a, dial, decide(false), spec{
			use: "reject REQUEST", short: "Reject a request", args: []string{"id"}, hidden: []string{"approve"},
			example: []string{"review reject req_1 --reason 'The icon is too small'"}, calls: []any{client.Decide},
		}),
	)
}

// reviewFile writes a picture of a submission to a file.
func (a *app) reviewFile(dial dialer[*alipayplus.ReviewsClient]) *cobra.Command {
	return writingFile(a, dial, (*alipayplus.ReviewsClient).File, spec{
		use: "file REQUEST FILE-ID TO", short: "Write a picture of a submission to the file TO", args: []string{"id", "fileId"},
		example: []string{"review file req_1 0f…9a picture.png"},
	})
}

// writingFile is a command of a method that reads a file, which it writes to its last
// argument.
func writingFile[C, In any](a *app, dial dialer[C], method func(C, context.Context, In) (*alipayplus.FileContent, error), s spec) *cobra.Command {
	var to string
	s.last, s.calls = &to, []any{method}
	return returning(a, dial, func(c C, ctx context.Context, in In) (*alipayplus.File, error) {
		content, err := method(c, ctx, in)
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(to, content.Content, 0o600); err != nil {
			return nil, err
		}
		return &content.File, nil
	}, s)
}

// qrcodes is the group of commands about QR codes.
func (a *app) qrcodes() *cobra.Command {
	var to string
	dial := atPlatform(a, func(c *alipayplus.Client) *alipayplus.QRCodesClient { return &c.QRCodes })
	create := returning(a, dial, func(c *alipayplus.QRCodesClient, ctx context.Context, in alipayplus.CreateQRCodeInput) (*alipayplus.QRCode, error) {
		code, err := c.Create(ctx, in)
		if err == nil && to != "" {
			err = code.Save(to)
		}
		return code, err
	}, spec{
		use: "create PROGRAM", short: "Make a QR code of a mini program, for the terminal and as a PNG file",
		args: []string{"appId"}, defaults: map[string]string{"appQrCodeType": string(alipayplus.QRCodePromo)},
		flags: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&to, "to", "", "write the picture to this PNG `file`")
		},
		show: func(out any) (string, error) {
			code, ok := out.(*alipayplus.QRCode)
			if !ok {
				return "", fmt.Errorf("%T is no QR code", out)
			}
			drawn, _, err := terminal.QRCode(code.Value, a.view())
			return drawn + code.Value + "\n", err
		},
		example: []string{"qrcode create 2171000000000001 --page pages/menu --to menu.png"},
		calls:   []any{(*alipayplus.QRCodesClient).Create},
	})
	return group("qrcode", "Make QR codes of released mini programs", "Make QR codes of released mini programs.", create)
}
