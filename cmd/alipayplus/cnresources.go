package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// atAlipayCN is the dialer of a resource of AlipayCN.
func atAlipayCN[C any](a *app, of func(*alipaycn.Client) C) dialer[C] {
	return func(cmd *cobra.Command) (c C, err error) {
		client, err := a.alipaycnClient(cmd)
		if err != nil {
			return c, err
		}
		return of(client), nil
	}
}

// alipaycn is the group of commands that call AlipayCN itself.
func (a *app) alipaycn() *cobra.Command {
	return group("alipaycn", "Call AlipayCN itself, by its OpenAPI V3", `Call AlipayCN itself, by its OpenAPI V3, for the mini program of the ALIPAYCN_*
variables. With ALIPAYCN_APP_AUTH_TOKEN_FILE a third-party app acts for a
merchant.`,
		a.cnVersions(), a.cnGray(), a.cnExperience(), a.cnApp(), a.cnCategories(), a.cnDomains(), a.cnMembers(), a.cnQRCodes(),
		a.cnTemplates(), a.cnOrders(), a.cnAuthorization(), a.cnRaw())
}

// cnVersions is the group of commands about versions at AlipayCN.
func (a *app) cnVersions() *cobra.Command {
	type client = *alipaycn.VersionsClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.Versions })
	one := []string{"app_version"}
	list := func(c client, ctx context.Context, in alipaycn.ListVersionsInput) ([]alipaycn.VersionSummary, error) {
		if len(in.Statuses) == 0 {
			in.Statuses = alipaycn.VersionStatuses()
		}
		got, err := c.List(ctx, in)
		if err != nil {
			return nil, err
		}
		return got.Versions, nil
	}
	return group("version", "Take versions from upload to release", "Take versions of the mini program from upload to release.",
		returning(a, dial, list, spec{
			use: "list", short: "List versions, the newest 20", late: true, calls: []any{client.List},
			columns: []string{"version=app_version", "status=version_status", "created=create_time", "description=version_description"},
			example: []string{"alipaycn version list --status WAIT_RELEASE,GRAY"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get VERSION", short: "Show a version", args: one, example: []string{"alipaycn version get 1.2.0"},
		}),
		returning(a, dial, client.Upload, spec{
			use: "upload VERSION", short: "Build a version from a template", args: one,
			example: []string{"alipaycn version upload 1.2.0 --template 2021000000000003"},
		}),
		returning(a, dial, client.QueryBuild, spec{
			use: "build VERSION", short: "Show how far a build is", args: one, example: []string{"alipaycn version build 1.2.0"},
		}),
		waiting(a, dial, client.WaitBuilt, spec{
			use: "wait-built VERSION", short: "Wait until a version is built and scanned", args: one,
			columns: []string{"build.build_status", "build.create_status", "version.status", "version.scan_result"},
			example: []string{"alipaycn version wait-built 1.2.0 --timeout 30m"},
		}),
		a.cnApply(dial),
		changing(a, dial, client.CancelAudit, spec{
			use: "cancel-audit VERSION", short: "Withdraw a version from review", args: one,
			example: []string{"alipaycn version cancel-audit 1.2.0"},
		}),
		waiting(a, dial, client.WaitReviewed, spec{
			use: "wait VERSION", short: "Wait until the review of a version has ended", args: one,
			columns: []string{"app_version", "status", "base_audit", "promote_audit"},
			example: []string{"alipaycn version wait 1.2.0 --timeout 5h50m"},
		}),
		changing(a, dial, client.Publish, spec{
			use: "publish VERSION", short: "Put a version online for all users", args: one,
			warning: "All users get the version.", example: []string{"alipaycn version publish 1.2.0"},
		}),
		changing(a, dial, client.TakeOffline, spec{
			use: "take-offline VERSION", short: "Take the version that is online away from all users", args: one,
			warning: "No user has the mini program any more.", example: []string{"alipaycn version take-offline 1.2.0"},
		}),
		changing(a, dial, client.Rollback, spec{
			use: "roll-back VERSION", short: "Take this version, which is online, away for the one before it", args: one,
			warning: "All users get the version before this one.", example: []string{"alipaycn version roll-back 1.2.0"},
		}),
		changing(a, dial, client.ReturnToDevelopment, spec{
			use: "return-to-development VERSION", short: "Take a version that was reviewed back to development", args: one,
			warning: "The version needs a new review.", example: []string{"alipaycn version return-to-development 1.2.0"},
		}),
		changing(a, dial, client.Delete, spec{
			use: "delete VERSION", short: "Remove a version in development", args: one,
			warning: "The version is deleted.", example: []string{"alipaycn version delete 1.2.0"},
		}),
	)
}

// cnApply applies for a review with what the file of a rollout's --application has.
func (a *app) cnApply(dial dialer[*alipaycn.VersionsClient]) *cobra.Command {
	var file string
	type versionOnly struct {
		alipaycn.VersionInput
	}
	return returning(a, dial, func(c *alipaycn.VersionsClient, ctx context.Context, in versionOnly) (*alipaycn.ApplyResult, error) {
		application, err := readApplication(file, in.Version)
		if err != nil {
			return nil, err
		}
		application.BundleID = in.BundleID
		return c.Apply(ctx, application)
	}, spec{
		use: "apply VERSION", short: "Submit a version for review", args: []string{"app_version"},
		flags: func(cmd *cobra.Command) {
			cmd.Flags().StringVarP(&file, "file", "f", "application.yaml", "the `file` with what AlipayCN reviews")
		},
		example: []string{"alipaycn version apply 1.2.0 -f application.yaml"}, calls: []any{(*alipaycn.VersionsClient).Apply},
	})
}

// cnGray is the group of commands about the grayscale release.
func (a *app) cnGray() *cobra.Command {
	type client = *alipaycn.VersionsClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.Versions })
	args := []string{"app_version", "gray_strategy"}
	return group("gray", "Put a version online for a share of the users", "Put a version online for a share of the users: 10, 30 or 50 percent.",
		changing(a, dial, client.StartGray, spec{
			use: "start VERSION RATIO", short: "Start the grayscale release", args: args, example: []string{"alipaycn gray start 1.2.0 10"},
		}),
		changing(a, dial, client.RaiseGray, spec{
			use: "raise VERSION RATIO", short: "Give the version to a larger share of the users", args: args,
			example: []string{"alipaycn gray raise 1.2.0 30"},
		}),
		changing(a, dial, client.CancelGray, spec{
			use: "cancel VERSION", short: "End the grayscale release", args: args[:1],
			warning: "Nobody has the version then.", example: []string{"alipaycn gray cancel 1.2.0"},
		}),
	)
}

// cnExperience is the group of commands about trial versions.
func (a *app) cnExperience() *cobra.Command {
	type client = *alipaycn.ExperienceClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.Experience })
	one := []string{"app_version"}
	return group("experience", "Make trial versions for members", "Make trial versions, which members can try before the review.",
		changing(a, dial, client.Create, spec{
			use: "create VERSION", short: "Make a version the trial version", args: one, example: []string{"alipaycn experience create 1.2.0"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get VERSION", short: "Show the state of a trial version, and its QR code", args: one,
			example: []string{"alipaycn experience get 1.2.0"},
		}),
		changing(a, dial, client.Cancel, spec{
			use: "cancel VERSION", short: "End a trial version", args: one, example: []string{"alipaycn experience cancel 1.2.0"},
		}),
	)
}

// cnApp is the group of commands about what AlipayCN has saved about the mini program.
func (a *app) cnApp() *cobra.Command {
	type client = *alipaycn.BaseInfoClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.BaseInfo })
	get := func(c client, ctx context.Context, _ noInput) (*alipaycn.BaseInfo, error) { return c.Get(ctx) }
	var logo string
	modify := func(c client, ctx context.Context, in alipaycn.ModifyBaseInfoInput) error {
		file, err := readLogo(logo)
		if err != nil {
			return err
		}
		in.AppLogo = file
		return c.Modify(ctx, in)
	}
	return group("app", "Show and change name, logo and texts of the mini program", "Show and change what AlipayCN has saved about the mini program.",
		returning(a, dial, get, spec{
			use: "get", short: "Show what is saved about the mini program", calls: []any{client.Get}, example: []string{"alipaycn app get"},
		}),
		changing(a, dial, modify, spec{
			use: "modify", short: "Change it, before the first release only", late: true, calls: []any{client.Modify},
			flags:   logoFlag(&logo),
			example: []string{"alipaycn app modify --slogan 'Tea from the blue lake' --logo logo.png"},
		}),
		returning(a, dial, client.CheckName, spec{
			use: "check-name NAME", short: "Say whether a name may be used", args: []string{"app_name"},
			example: []string{"alipaycn app check-name BlueLakeTea"},
		}),
	)
}

// cnCategories is the group of commands about categories.
func (a *app) cnCategories() *cobra.Command {
	type client = *alipaycn.CategoriesClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.Categories })
	list := func(c client, ctx context.Context, in alipaycn.ListCategoriesInput) ([]alipaycn.Category, error) {
		got, err := c.List(ctx, in)
		if err != nil {
			return nil, err
		}
		return got.Categories, nil
	}
	requirements := func(c client, ctx context.Context, in alipaycn.CategoryRequirementsInput) ([]alipaycn.CategoryRequirement, error) {
		got, err := c.Requirements(ctx, in)
		if err != nil {
			return nil, err
		}
		return got.Requirements, nil
	}
	return group("category", "List categories, and what each needs", "List the categories of mini programs, and what each needs.",
		returning(a, dial, list, spec{
			use: "list", short: "List the categories, in three levels", calls: []any{client.List},
			columns: []string{"id=category_id", "parent=parent_category_id", "name=category_name", "has_child"},
			example: []string{"alipaycn category list --only-available"},
		}),
		returning(a, dial, requirements, spec{
			use: "requirements CATEGORIES", short: "List which licences categories need, comma separated",
			args: []string{"category_code_list"}, calls: []any{client.Requirements},
			columns: []string{"category=category_code", "name=category_name", "licence=business_licence_required", "special=special_licence_required", "door_photo=door_photo_required"},
			example: []string{"alipaycn category requirements XS1001_XS2001_XS3002"},
		}),
	)
}

// cnDomains is the group of commands about the servers of the mini program.
func (a *app) cnDomains() *cobra.Command {
	type client = *alipaycn.SafeDomainsClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.SafeDomains })
	list := func(c *alipaycn.BaseInfoClient, ctx context.Context, _ noInput) ([]safeDomain, error) {
		info, err := c.Get(ctx)
		if err != nil {
			return nil, err
		}
		all := make([]safeDomain, len(info.SafeDomains))
		for i, domain := range info.SafeDomains {
			all[i] = safeDomain{domain}
		}
		return all, nil
	}
	one := []string{"safe_domain"}
	return group("domain", "Manage the servers that the mini program may talk to", `Manage the servers that the mini program may talk to, for versions that are
uploaded afterwards.`,
		returning(a, atAlipayCN(a, func(c *alipaycn.Client) *alipaycn.BaseInfoClient { return &c.BaseInfo }), list, spec{
			use: "list", short: "List the servers", columns: []string{"domain=safe_domain"}, example: []string{"alipaycn domain list"},
		}),
		changing(a, dial, client.Add, spec{
			use: "add DOMAIN", short: "Allow a server", args: one, example: []string{"alipaycn domain add api.example.com"},
		}),
		changing(a, dial, client.Remove, spec{
			use: "remove DOMAIN", short: "No longer allow a server", args: one, example: []string{"alipaycn domain remove api.example.com"},
		}),
	)
}

// safeDomain is a server that the mini program may talk to.
type safeDomain struct {
	Domain string `json:"safe_domain"`
}

// cnMembers is the group of commands about members.
func (a *app) cnMembers() *cobra.Command {
	type client = *alipaycn.MembersClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.Members })
	list := func(c client, ctx context.Context, in alipaycn.ListMembersInput) ([]alipaycn.Member, error) {
		got, err := c.List(ctx, in)
		if err != nil {
			return nil, err
		}
		return got.Members, nil
	}
	return group("member", "Manage who may develop and try the mini program", "Manage the people who may develop and try the mini program.",
		returning(a, dial, list, spec{
			use: "list", short: "List the members with a role", calls: []any{client.List},
			columns: []string{"user_id", "logon_id", "nick_name", "role", "status", "joined=gmt_join"},
			example: []string{"alipaycn member list --role DEVELOPER"},
		}),
		changing(a, dial, client.Add, spec{
			use: "add ACCOUNT", short: "Invite a person by the Alipay account", args: []string{"logon_id"},
			example: []string{"alipaycn member add mei@bluelake.example --role EXPERIENCER"},
		}),
		changing(a, dial, client.Remove, spec{
			use: "remove", short: "Take a role away from a person", example: []string{"alipaycn member remove --user-id 2088000000000001 --role DEVELOPER"},
		}),
	)
}

// cnQRCodes is the group of commands about QR codes.
func (a *app) cnQRCodes() *cobra.Command {
	type client = *alipaycn.QRCodesClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.QRCodes })
	most := 0
	list := func(c client, ctx context.Context, _ noInput) (all []alipaycn.QRCodeRule, err error) {
		const page = 10 // the most that AlipayCN allows
		return pages(most, page, func(n int) ([]alipaycn.QRCodeRule, error) {
			got, err := c.List(ctx, alipaycn.ListQRCodesInput{Page: n, PageSize: page})
			if err != nil {
				return nil, err
			}
			return got.Rules, nil
		})
	}
	to := ""
	create := func(c client, ctx context.Context, in alipaycn.CreateQRCodeInput) (*alipaycn.QRCode, error) {
		code, err := c.Create(ctx, in)
		if err != nil || to == "" {
			return code, err
		}
		picture, err := c.Picture(ctx, code.URL)
		if err != nil {
			return nil, err
		}
		return code, os.WriteFile(to, picture, 0o600)
	}
	return group("qrcode", "Make QR codes of the mini program, and bind ordinary ones", "Make QR codes of the mini program, and bind ordinary ones to it.",
		returning(a, dial, create, spec{
			use: "create PAGE", short: "Make a QR code, in three pictures", args: []string{"url_param"}, calls: []any{client.Create, client.Picture},
			flags: func(cmd *cobra.Command) {
				cmd.Flags().StringVar(&to, "to", "", "write the square picture to this `file`")
			},
			example: []string{"alipaycn qrcode create pages/menu/index --description menu --size m --to menu.png"},
		}),
		returning(a, dial, client.Bind, spec{
			use: "bind ADDRESS", short: "Have an ordinary QR code with an address open the mini program", args: []string{"route_url"},
			example: []string{"alipaycn qrcode bind https://example.com/shop --page pages/index/index --mode EXACT"},
		}),
		returning(a, dial, list, spec{
			use: "list", short: "List the rules of bound QR codes", flags: limitFlag(&most), calls: []any{client.List},
			columns: []string{"rule=route_group", "mode", "address=route_url"}, example: []string{"alipaycn qrcode list"},
		}),
		changing(a, dial, client.Unbind, spec{
			use: "unbind RULE", short: "Remove a rule", args: []string{"route_group"}, example: []string{"alipaycn qrcode unbind 1a2b"},
		}),
	)
}

// pages reads page after page, from the first one, until there are most entries; 0: all.
func pages[T any](most, size int, page func(n int) ([]T, error)) (all []T, err error) {
	for n := 1; ; n++ {
		got, err := page(n)
		if err != nil {
			return nil, err
		}
		if all = append(all, got...); most > 0 && len(all) >= most {
			return all[:most], nil
		}
		if len(got) < size {
			return all, nil
		}
	}
}

// cnTemplates is the group of commands about templates.
func (a *app) cnTemplates() *cobra.Command {
	type client = *alipaycn.TemplatesClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.Templates })
	most := 0
	usages := func(c client, ctx context.Context, in alipaycn.TemplateUsagesInput) ([]alipaycn.TemplateUsage, error) {
		in.PageSize = 50 // the most that AlipayCN allows
		return pages(most, in.PageSize, func(n int) ([]alipaycn.TemplateUsage, error) {
			in.Page = n
			got, err := c.Usages(ctx, in)
			if err != nil {
				return nil, err
			}
			return got.Usages, nil
		})
	}
	return group("template", "List what is built from a template", "List the mini programs that are built from a template of the third-party app.",
		returning(a, dial, usages, spec{
			use: "usages TEMPLATE", short: "List the mini programs built from a template", args: []string{"template_id"}, flags: limitFlag(&most),
			hidden: []string{"page_num", "page_size"}, calls: []any{client.Usages},
			columns: []string{"app=mini_app_id", "version=app_version"}, example: []string{"alipaycn template usages 2021000000000003"},
		}),
	)
}

// cnOrders is the group of commands about orders of AlipayCN's service market.
func (a *app) cnOrders() *cobra.Command {
	type client = *alipaycn.OrdersClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.Orders })
	one := []string{"commodity_order_id"}
	var logo string
	create := func(c client, ctx context.Context, in alipaycn.CreateOrderInput) (*alipaycn.CreatedOrder, error) {
		file, err := readLogo(logo)
		if err != nil {
			return nil, err
		}
		in.AppLogo = file
		return c.Create(ctx, in)
	}
	return group("order", "Work on what merchants order in AlipayCN's service market", `Work on what merchants order in AlipayCN's own service market. It is another
market than Alipay+'s. The third-party app calls for itself, but confirms for the
merchant whose token it has.`,
		returning(a, dial, create, spec{
			use: "create SERVICE", short: "Order a service for a merchant, with a new mini program", args: []string{"merchandise_id"}, calls: []any{client.Create},
			flags: logoFlag(&logo),
			example: []string{
				"alipaycn order create AM010401000000018130 --merchant 2088000000000001 --name BlueLakeTea --english-name BlueLakeTea --categories XS1001_XS2001_XS3002",
			},
		}),
		returning(a, dial, client.Get, spec{
			use: "get ORDER", short: "Show an order and its items", args: one, example: []string{"alipaycn order get 2026112100000001"},
		}),
		changing(a, dial, client.Accept, spec{
			use: "accept ORDER", short: "Take an order on", args: one, example: []string{"alipaycn order accept 2026112100000001"},
		}),
		changing(a, dial, client.Reject, spec{
			use: "reject ORDER", short: "Turn an order down", args: one, warning: "The order ends.",
			example: []string{"alipaycn order reject 2026112100000001 --reason 'fully booked'"},
		}),
		changing(a, dial, client.CompleteItem, spec{
			use: "complete-item ORDER", short: "Say that the work on an item is done", args: one,
			example: []string{"alipaycn order complete-item 2026112100000001 --mini-app 2021000000000008"},
		}),
		changing(a, dial, client.ConfirmItem, spec{
			use: "confirm-item ORDER", short: "Confirm an item for the merchant", args: one,
			warning: "The merchant cannot turn the item down any more.",
			example: []string{"alipaycn order confirm-item 2026112100000001 --mini-app 2021000000000008"},
		}),
		changing(a, dial, client.CancelItem, spec{
			use: "cancel-item ORDER", short: "End the work on an item", args: one, warning: "The item ends.",
			example: []string{"alipaycn order cancel-item 2026112100000001 --mini-app 2021000000000008 --reason 'not possible'"},
		}),
	)
}

// logoFlag adds the flag of a logo's file.
func logoFlag(name *string) func(cmd *cobra.Command) {
	return func(cmd *cobra.Command) {
		cmd.Flags().StringVar(name, "logo", "", "the `file` with the logo, PNG or JPEG")
	}
}

// readLogo reads the logo of a flag; nil where it is not given.
func readLogo(name string) (*alipaycn.File, error) {
	if name == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	file, err := readPart("", name)
	if err != nil {
		return nil, wrongUse{err}
	}
	return file, nil
}

// cnToken is a token of a merchant as it is printed: without what is secret.
type cnToken struct {
	// AuthAppID is the merchant's app, under which the token is stored.
	AuthAppID string `json:"auth_app_id"`
	// UserID is the merchant's Alipay user id.
	UserID string `json:"user_id,omitempty"`
	// StoredIn is the file that has the token.
	StoredIn string `json:"stored_in"`
}

// cnAuthorization is the group of commands about the tokens of merchants.
func (a *app) cnAuthorization() *cobra.Command {
	type client = *alipaycn.AuthorizationClient
	dial := atAlipayCN(a, func(c *alipaycn.Client) client { return &c.Authorization })
	var store, secret string
	storing := func(call func(client, context.Context, string) (*alipaycn.Tokens, error)) func(client, context.Context, noInput) ([]cnToken, error) {
		return func(c client, ctx context.Context, _ noInput) ([]cnToken, error) {
			text, err := a.readSecret(secret)
			if err != nil {
				return nil, err
			}
			tokens, err := call(c, ctx, text)
			if err != nil {
				return nil, err
			}
			return keep(ctx, store, tokens.All())
		}
	}
	flags := func(what string) func(cmd *cobra.Command) {
		return func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&secret, "from", "-", "the `file` with "+what+"; -: standard input")
			cmd.Flags().StringVar(&store, "store", "tokens.json", "the `file` in which the tokens are kept, for its owner alone")
		}
	}
	query := func(c client, ctx context.Context, _ noInput) (*alipaycn.TokenInfo, error) {
		token, err := appAuthToken()
		if err == nil && token == "" {
			err = errors.New("no token is given: set ALIPAYCN_APP_AUTH_TOKEN_FILE")
		}
		if err != nil {
			return nil, wrongUse{err}
		}
		return c.Query(ctx, token)
	}
	return group("authorize", "Get and check the tokens of merchants", `Get and check the tokens by which a third-party app acts for merchants. Tokens
and codes are secrets: they are read from a file or standard input, kept in a
file, and never printed.`,
		returning(a, dial, storing(client.Exchange), spec{
			use: "exchange", short: "Get tokens for the code of an authorization", flags: flags("the code"), calls: []any{client.Exchange},
			columns: tokenColumns(), example: []string{"alipaycn authorize exchange --from code.txt --store tokens.json"},
		}),
		returning(a, dial, storing(client.Refresh), spec{
			use: "refresh", short: "Get a new token for a refresh token", flags: flags("the refresh token"), calls: []any{client.Refresh},
			columns: tokenColumns(), example: []string{"alipaycn authorize refresh --from refresh-token.txt --store tokens.json"},
		}),
		returning(a, dial, query, spec{
			use: "get", short: "Show what the merchant's token allows", calls: []any{client.Query}, example: []string{"alipaycn authorize get"},
		}),
	)
}

func tokenColumns() []string { return []string{"app=auth_app_id", "user_id", "stored_in"} }

// readSecret reads a secret from a file or standard input.
func (a *app) readSecret(name string) (string, error) {
	content, err := readAll(name, a.stdin)
	if err != nil {
		return "", wrongUse{err}
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return "", misused("--from: it is empty")
	}
	return text, nil
}

// keep keeps tokens in a file, and says which.
func keep(ctx context.Context, name string, tokens []alipaycn.Token) (kept []cnToken, err error) {
	store := alipaycn.NewFileTokenStore(name)
	for _, token := range tokens {
		if err := store.Put(ctx, token); err != nil {
			return nil, err
		}
		kept = append(kept, cnToken{token.AuthAppID, token.UserID, name})
	}
	return kept, nil
}

// rawInput is the input of a call that the library does not wrap.
type rawInput struct {
	Method string `json:"method"`
	Path   string `json:"path"`
}

// cnRaw calls what the library does not wrap.
func (a *app) cnRaw() *cobra.Command {
	var (
		file              string
		parts             []string
		repeatable, alone bool
	)
	dial := atAlipayCN(a, func(c *alipaycn.Client) *alipaycn.Client { return c })
	return returning(a, dial, func(c *alipaycn.Client, ctx context.Context, in rawInput) (json.RawMessage, error) {
		request := alipaycn.Request{Method: strings.ToUpper(in.Method), Path: in.Path, Repeatable: repeatable, WithoutToken: alone}
		if strings.Contains(strings.ReplaceAll(in.Path, "/", "."), "open.auth.token.app") {
			return nil, misused("the answer would hold tokens, which are secrets: use alipaycn authorize")
		}
		if file != "" {
			var input any
			if err := readFile(file, a.stdin, &input); err != nil {
				return nil, misused("%s: %w", file, err)
			}
			request.Input = input
		}
		for _, part := range parts {
			name, path, found := strings.Cut(part, "=")
			if !found {
				return nil, misused("--part: %q is no name=path", part)
			}
			content, err := readPart("", path)
			if err != nil {
				return nil, wrongUse{err}
			}
			content.Name = filepath.Base(path)
			request.Files = append(request.Files, alipaycn.FilePart{Name: name, File: content})
		}
		var out json.RawMessage
		if _, err := c.Do(ctx, request, &out); err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(out)) == 0 {
			out = json.RawMessage("{}")
		}
		return out, nil
	}, spec{
		use: "raw METHOD PATH", short: "Call any operation of AlipayCN's OpenAPI V3: signed, verified, decrypted",
		args: []string{"method", "path"}, calls: []any{(*alipaycn.Client).Do},
		flags: func(cmd *cobra.Command) {
			cmd.Flags().StringVarP(&file, "file", "f", "", "the `file` with the input, YAML or JSON; -: standard input")
			cmd.Flags().StringArrayVar(&parts, "part", nil, "a file to send, `name=path`; may be given several times")
			cmd.Flags().BoolVar(&repeatable, "repeatable", false, "sending the call twice does no harm")
			cmd.Flags().BoolVar(&alone, "for-itself", false, "call for the app itself, without the merchant's token")
		},
		example: []string{
			"alipaycn raw GET /v3/alipay/open/mini/baseinfo/query",
			"alipaycn raw POST alipay.open.mini.version.audit.cancel -f input.yaml",
		},
	})
}

// cnNotFound tells a version that is not there from wrong use: AlipayCN has one code for
// both, and each command names its version.
func cnNotFound(err error) bool {
	e, ok := errors.AsType[*alipaycn.Error](err)
	return ok && e.Code == alipaycn.CodeVersionIsBlank
}
