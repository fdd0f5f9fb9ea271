package main

import (
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// programs is the group of commands about mini programs.
func (a *app) programs() *cobra.Command {
	type client = *alipayplus.ProgramsClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Programs })
	one := []string{"programId"}
	return group("program", "Work on mini programs", `Work on the mini programs of the workspace: their names and configuration.`,
		listing(a, dial, client.All, spec{
			use: "list", short: "List mini programs",
			columns: []string{"id", "name=languages.0.name", "latestVersion", "languages=languages.language", "updatedAt"},
			example: []string{"program list --limit 10"},
		}),
		returning(a, dial, client.Get, spec{
			use: "get PROGRAM", short: "Show a mini program", example: []string{"program get 2171000000000001"},
		}),
		returning(a, dial, client.Create, spec{
			use: "create", short: "Make a mini program", file: "its languages, and perhaps its configuration",
			example: []string{"program create -f program.yaml"},
		}),
		returning(a, dial, client.AddLanguages, spec{
			use: "add-languages PROGRAM", short: "Add or replace names in languages", args: one, file: "the languages",
			example: []string{"program add-languages 2171000000000001 -f languages.yaml"},
		}),
		returning(a, dial, client.UpdateConfiguration, spec{
			use: "configure PROGRAM", short: "Replace the configuration that later releases start with", args: one,
			file:    "the configuration, in the field configuration",
			example: []string{"program configure 2171000000000001 -f program.yaml"},
		}),
	)
}

// versions are the commands about uploaded versions.
func (a *app) versions() []*cobra.Command {
	type client = *alipayplus.ProgramsClient
	dial := atPlatform(a, func(c *alipayplus.Client) client { return &c.Programs })
	columns := []string{"version", "size", "uploadedBy", "uploadedAt", "description"}
	return []*cobra.Command{
		listing(a, dial, client.AllVersions, spec{
			use: "list PROGRAM", short: "List the uploaded versions of a mini program", args: []string{"programId"}, columns: columns,
			example: []string{"version list 2171000000000001"},
		}),
		a.versionUpload(dial),
	}
}

// versionUpload uploads a build.
func (a *app) versionUpload(dial dialer[*alipayplus.ProgramsClient]) *cobra.Command {
	var name string
	return returning(a, dial, func(c *alipayplus.ProgramsClient, ctx context.Context, in alipayplus.UploadVersionInput) (*alipayplus.Version, error) {
		file, size, err := openFile(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = file.Close() }()
		in.Package, in.Size, in.Progress = file, size, a.uploading(name)
		return c.UploadVersion(ctx, in)
	}, spec{
		use: "upload PROGRAM VERSION PACKAGE", short: "Upload a build, a zip, as a version of a mini program",
		args: []string{"programId", "version"}, late: true, last: &name,
		example: []string{"version upload 2171000000000001 1.2.0 build.zip --description 'Pay by card'"},
		calls:   []any{(*alipayplus.ProgramsClient).UploadVersion},
	})
}

// files is the group of commands about files.
func (a *app) files() *cobra.Command {
	var name string
	dial := atPlatform(a, func(c *alipayplus.Client) *alipayplus.FilesClient { return &c.Files })
	return group("file", "Upload pictures", "Upload pictures, which services and mini programs name by their ids.",
		returning(a, dial, func(c *alipayplus.FilesClient, ctx context.Context, _ noInput) (*alipayplus.File, error) {
			return uploadFile(ctx, c, name, a.uploading(name))
		}, spec{
			use: "upload FILE", short: "Upload a picture, PNG or JPEG", last: &name, example: []string{"file upload logo.png"},
			calls: []any{(*alipayplus.FilesClient).Upload},
		}))
}

// noInput is the input of a call that takes none.
type noInput struct{}

// uploadFile uploads a file.
func uploadFile(ctx context.Context, c *alipayplus.FilesClient, name string, progress func(sent, size int64)) (*alipayplus.File, error) {
	file, size, err := openFile(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return c.Upload(ctx, alipayplus.UploadFileInput{Content: file, Size: size, Progress: progress})
}

// openFile opens a file to send.
func openFile(name string) (file *os.File, size int64, err error) {
	if file, err = os.Open(name); err != nil {
		return nil, 0, wrongUse{err}
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, 0, wrongUse{err}
	}
	return file, info.Size(), nil
}

// uploading shows on a terminal how much of a file is sent.
func (a *app) uploading(name string) func(sent, size int64) {
	if !isTerminal(a.stderr) {
		return nil
	}
	const wide = 30
	return func(sent, size int64) {
		done := int(wide * sent / size)
		line := "\r" + strings.Repeat("#", done) + strings.Repeat(".", wide-done) + " " + report.OneLine(name)
		if sent == size {
			line += "\n"
		}
		_, _ = io.WriteString(a.stderr, line)
	}
}
