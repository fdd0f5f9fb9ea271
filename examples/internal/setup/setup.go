// Package setup gives the examples a client: of a platform embedded in the
// program itself, or of one that is served elsewhere.
package setup

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
	"github.com/alipayplus-go/alipayplus/platform"
)

// Flags choose the platform.
type Flags struct {
	// BaseURL is where the platform is; empty: ALIPAYPLUS_BASE_URL, and without
	// that a platform embedded in the program.
	BaseURL string
	// Credentials is a folder as examples/platform writes it for a member; empty:
	// the ALIPAYPLUS_* variables.
	Credentials string
	// Confirm lets the program itself confirm the authorization page, which a
	// person does otherwise. It works with the simulated AlipayCN only.
	Confirm bool
}

// Register adds the flags to a flag set, but for the one of RegisterConfirm.
func (f *Flags) Register(set *flag.FlagSet) {
	set.StringVar(&f.BaseURL, "base-url", os.Getenv("ALIPAYPLUS_BASE_URL"),
		"address of the platform; without it one is embedded (ALIPAYPLUS_BASE_URL)")
	set.StringVar(&f.Credentials, "credentials", "",
		"folder with client-id, private-key.pem and platform-public-key.pem; without it the ALIPAYPLUS_* variables are used")
}

// RegisterConfirm adds the flag that only programs with an authorization page need.
func (f *Flags) RegisterConfirm(set *flag.FlagSet) {
	set.BoolVar(&f.Confirm, "confirm-authorization", false,
		"confirm the authorization page without a person (simulated AlipayCN only; always on with the embedded platform)")
}

// Session is a client and what goes with it.
type Session struct {
	// Client calls the platform.
	Client *alipayplus.Client
	// Where says which platform it is, for people.
	Where string

	browser *http.Client
}

// Open gives a session. options are added to the client's.
func (f *Flags) Open(ctx context.Context, options ...alipayplus.Option) (*Session, error) {
	if f.BaseURL == "" && f.Credentials != "" {
		return nil, command.Misuse(errors.New("-credentials are for a platform that is served: give -base-url too"))
	}
	if f.BaseURL == "" {
		return embedded(ctx, options)
	}
	opts, err := f.clientOptions()
	if err != nil {
		return nil, err
	}
	client, err := alipayplus.NewFromEnv(append(opts, options...)...)
	if err != nil {
		return nil, err
	}
	s := &Session{Client: client, Where: f.BaseURL}
	if f.Confirm {
		s.browser = http.DefaultClient
	}
	return s, nil
}

func (f *Flags) clientOptions() ([]alipayplus.Option, error) {
	opts := []alipayplus.Option{alipayplus.WithBaseURL(f.BaseURL)}
	if f.Credentials == "" {
		return opts, nil
	}
	read := func(name string) string { return filepath.Join(f.Credentials, name) }
	id, err := os.ReadFile(read("client-id"))
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	private, err := os.ReadFile(read("private-key.pem"))
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	public, err := os.ReadFile(read("platform-public-key.pem"))
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	return append(opts,
		alipayplus.WithClientID(strings.TrimSpace(string(id))),
		alipayplus.WithPrivateKey(private),
		alipayplus.WithPlatformKey("1", public),
	), nil
}

// embedded starts a platform in this process, with one company and its owner.
// Its reviewers approve: Alipay+ after one second, AlipayCN after two.
func embedded(ctx context.Context, options []alipayplus.Option) (*Session, error) {
	p, err := platform.New(platform.WithAutoReview(func(party alipayplus.Party, _ *alipayplus.Request) platform.Decision {
		if party == alipayplus.PartyAlipayCN {
			return platform.ApproveAfter(2 * time.Second)
		}
		return platform.ApproveAfter(time.Second)
	}))
	if err != nil {
		return nil, err
	}
	workspace, err := p.AddWorkspace(ctx, Company())
	if err != nil {
		return nil, err
	}
	return Enter(ctx, p, workspace, options...)
}

// Enter gives a session of the owner of a workspace, whom it makes, on a platform in
// this process. options are added to the client's.
func Enter(ctx context.Context, p *platform.Platform, workspace string, options ...alipayplus.Option) (*Session, error) {
	owner := platform.Member{WorkspaceID: workspace, Name: "owner", Role: alipayplus.RoleOwner}
	if err := p.PutMember(ctx, owner); err != nil {
		return nil, err
	}
	client, err := p.Client(ctx, workspace, owner.Name, options...)
	if err != nil {
		return nil, err
	}
	return &Session{Client: client, Where: "the embedded platform", browser: p.HTTPClient()}, nil
}

// Company is the made-up company of the examples.
func Company() alipayplus.BusinessRegistration {
	return alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea Pte. Ltd.", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore 000001", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}
}

// CanConfirm says whether the program confirms authorization pages itself.
func (s *Session) CanConfirm() bool { return s.browser != nil }

// Confirm visits an authorization page of the simulated AlipayCN and gives its
// two confirmations, 确认选择 and 确认授权, as a person would.
func (s *Session) Confirm(ctx context.Context, page string) error {
	address, err := url.Parse(page)
	if err != nil {
		return errors.New("the authorization page is no address")
	}
	form := address.Query()
	address.RawQuery = ""
	for _, step := range []string{"select", "confirm"} {
		form.Set("step", step)
		if err := s.post(ctx, address.String(), form); err != nil {
			return fmt.Errorf("confirm the authorization, step %s: %w", step, err)
		}
	}
	return nil
}

func (s *Session) post(ctx context.Context, address string, form url.Values) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.browser.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the page answered %s", resp.Status)
	}
	return nil
}
