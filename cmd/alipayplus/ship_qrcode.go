package main

import (
	"cmp"
	"context"
	"fmt"
	"io"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/terminal"
)

// finish makes the QR code after all users have the version.
func (s *shipment) finish(ctx context.Context) error {
	wanted := s.manifest.QRCode
	if wanted == nil {
		return nil
	}
	code, err := s.client.QRCodes.Create(ctx, alipayplus.CreateQRCodeInput{
		AppID: s.program.ID, Page: wanted.Page, Params: wanted.Params, Description: wanted.Description,
	})
	path := s.qrPath()
	if err == nil {
		err = code.Save(path)
	}
	if err != nil {
		return fmt.Errorf("all users have the version, but there is no QR code: %w", err)
	}
	s.showQRCode(code.Value)
	s.say("QR code", "%s, for", path)
	s.sayWhole(code.Value)
	return nil
}

// qrPath is the path of the PNG file.
func (s *shipment) qrPath() string { return cmp.Or(s.qrFile, besides(s.file, s.manifest.QRCode.File)) }

// showQRCode draws a QR code on the terminal that standard error is, if there is one that is
// large enough.
func (s *shipment) showQRCode(value string) {
	drawn, width, err := terminal.QRCode(value, terminal.Options{Color: true})
	if err == nil && s.redraw && width < s.width {
		_, _ = io.WriteString(s.stderr, drawn)
	}
}
