package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/console"
	"github.com/alipayplus-go/alipayplus/examples/internal/setup"
)

// description is the file that describes the service. It names images by file,
// relative to it, where the library names them by the id of the upload.
type description struct {
	Name               string                 `json:"name"`
	Industry           string                 `json:"industry"`
	Type               alipayplus.ServiceType `json:"type"`
	Description        string                 `json:"description"`
	Image              string                 `json:"image"`
	ApplicableApps     []alipayplus.TargetApp `json:"applicableApps"`
	PaymentInformation []block                `json:"paymentInformation"`
	Details            []block                `json:"details"`
	Tutorial           []block                `json:"tutorial"`
	SuccessStory       []block                `json:"successStory"`

	folder string
}

// block is a block of content whose image is a file.
type block struct {
	Type        alipayplus.BlockType `json:"type"`
	Text        string               `json:"text"`
	File        string               `json:"file"`
	Description string               `json:"description"`
	Table       *alipayplus.Table    `json:"table"`
}

func readDescription(name string) (*description, error) {
	d := description{folder: filepath.Dir(name)}
	if err := setup.ReadDescription("service", name, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// upload uploads all images and returns the description with their ids.
func (d *description) upload(ctx context.Context, files *alipayplus.FilesClient, show *console.Console) (alipayplus.ServiceDescription, error) {
	out := alipayplus.ServiceDescription{
		Name: d.Name, Industry: d.Industry, Type: d.Type, Description: d.Description, ApplicableApps: d.ApplicableApps,
	}
	u := uploader{ctx: ctx, files: files, show: show, folder: d.folder}
	out.ImageFileID = u.image(d.Image)
	out.PaymentInformation = u.content(d.PaymentInformation)
	out.Details = u.content(d.Details)
	out.Tutorial = u.content(d.Tutorial)
	out.SuccessStory = u.content(d.SuccessStory)
	return out, u.err
}

// uploader uploads images until one fails.
type uploader struct {
	ctx    context.Context
	files  *alipayplus.FilesClient
	show   *console.Console
	folder string
	err    error
}

func (u *uploader) content(blocks []block) alipayplus.Content {
	var out alipayplus.Content
	for _, b := range blocks {
		switch b.Type {
		case alipayplus.BlockImage:
			out = append(out, alipayplus.ImageBlock(u.image(b.File), b.Description))
		default:
			out = append(out, alipayplus.Block{Type: b.Type, Text: b.Text, Table: b.Table})
		}
	}
	return out
}

// image uploads one image and returns its id; nothing after a failure, and
// nothing for no image, which the validation then reports.
func (u *uploader) image(name string) string {
	if u.err != nil || name == "" {
		return ""
	}
	f, err := os.Open(filepath.Join(u.folder, name))
	if err != nil {
		u.err = fmt.Errorf("image: %w", err)
		return ""
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		u.err = fmt.Errorf("image: %w", err)
		return ""
	}
	file, err := u.files.Upload(u.ctx, alipayplus.UploadFileInput{Content: f, Size: info.Size(), Progress: u.show.Upload(name)})
	if err != nil {
		u.err = fmt.Errorf("image %s: %w", name, err)
		return ""
	}
	return file.ID
}
