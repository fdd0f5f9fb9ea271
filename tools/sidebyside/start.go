package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// starts are programs that read keys, make clients, and end.
func (r *rows) starts(ctx context.Context) error {
	private, public := filepath.Join(r.dir, "private.pem"), filepath.Join(r.dir, "public.pem")
	if err := errors.Join(os.WriteFile(private, testkey.ClientPEM(), 0o600), os.WriteFile(public, testkey.PublicPEM(), 0o600)); err != nil {
		return err
	}
	binary := func(name string) (func(context.Context) error, error) {
		path := filepath.Join(r.dir, name)
		out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/alipayplus-go/alipayplus/tools/sidebyside/start/"+name).CombinedOutput() //nolint:gosec // one of two names
		if err != nil {
			return nil, fmt.Errorf("build %s: %w: %s", name, err, out)
		}
		return func(ctx context.Context) error { return exec.CommandContext(ctx, path, private, public).Run() }, nil //nolint:gosec // it was just built
	}
	floor, err := binary("floor")
	if err != nil {
		return err
	}
	subject, err := binary("client")
	if err != nil {
		return err
	}
	r.add(&row{name: "start of a program", times: 5, most: noLimit, elsewhere: true, floor: floor, subject: subject})
	return nil
}
