package main

import (
	"bytes"
	"context"
	"fmt"
	"os"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/alipaycntarget"
)

// version is a version at AlipayCN.
type version struct {
	*alipaycntarget.Target
	// application makes what to apply for review with.
	application func(context.Context) (alipaycn.ApplyInput, error)
}

// openVersion makes a version at AlipayCN a target.
func openVersion(ctx context.Context, opts *options) (rollout.Target, error) {
	client, err := opts.app.alipaycnClient(opts.cmd)
	if err != nil {
		return nil, err
	}
	app, err := miniProgram(ctx, client, opts)
	if err != nil {
		return nil, err
	}
	v := &version{application: func(context.Context) (alipaycn.ApplyInput, error) {
		return readApplication(opts.application, opts.number)
	}}
	v.Target = alipaycntarget.New(client, app, opts.number, alipaycntarget.WithApplication(v.application))
	return v, nil
}

// miniProgram is the id of the mini program that is released: the app that calls or, when
// that has a merchant's token, the one that AlipayCN says the token is for. Where -program
// says it too, orders and status go without asking.
func miniProgram(ctx context.Context, client *alipaycn.Client, opts *options) (string, error) {
	id, given := os.Getenv("ALIPAYCN_APP_ID"), opts.program
	token, err := appAuthToken()
	if err != nil {
		return "", err
	}
	if token != "" {
		if given != "" && !opts.asksTarget() {
			return given, nil
		}
		info, err := client.Authorization.Query(ctx, token)
		switch {
		case err == nil:
			id = info.AuthAppID
		case given == "":
			return "", fmt.Errorf("ask whose token ALIPAYCN_APP_AUTH_TOKEN is: %w", err)
		default: // the run meets what is wrong, unless it passes
			return given, nil
		}
	}
	if given != "" && given != id {
		return "", misused("--program is %s, but AlipayCN would be called for %s: give the token of that mini program (ALIPAYCN_APP_AUTH_TOKEN_FILE)", given, id)
	}
	return id, nil
}

// appAuthToken is the merchant's token that the client has taken from the environment.
func appAuthToken() (string, error) {
	token := []byte(os.Getenv("ALIPAYCN_APP_AUTH_TOKEN"))
	if name := os.Getenv("ALIPAYCN_APP_AUTH_TOKEN_FILE"); name != "" {
		var err error
		if token, err = os.ReadFile(name); err != nil { //nolint:gosec // the caller says which
			return "", err
		}
	}
	return string(bytes.TrimSpace(token)), nil
}

// Observe says of a version that is not there how to bring it there.
func (v *version) Observe(ctx context.Context) (*rollout.Observation, error) {
	o, err := v.Target.Observe(ctx)
	if cnNotFound(err) {
		err = fmt.Errorf("%s: %w at AlipayCN; upload it first: %w", v.ID(), alipayplus.ErrNotFound, err)
	}
	return o, err
}

// checkApplication says whether there is what to apply for review with.
func (v *version) checkApplication(ctx context.Context) error {
	_, err := v.application(ctx)
	return err
}
