package alipaycnapp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	_ "image/jpeg" // what AlipayCN's pictures are is not documented
	"image/png"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
)

// CreateQRCode implements [platform.TargetQRCodes] by alipay.open.app.qrcode.create. What is in
// the code AlipayCN does not say: its Value is the address of its picture there.
func (a *App) CreateQRCode(ctx context.Context, workspaceID string, program *alipayplus.Program, in alipayplus.CreateQRCodeInput) (*alipayplus.QRCode, error) {
	if in.Page == "" {
		return nil, refuse(alipayplus.ErrInvalid, "appQrCodePage is required for AlipayCN: give the path of a page, such as pages/index/index")
	}
	var code *alipaycn.QRCode
	var picture []byte
	err := a.authorized(ctx, workspaceID, program.ID, func(_ string, client *alipaycn.Client) (err error) {
		code, err = client.QRCodes.Create(ctx, alipaycn.CreateQRCodeInput{
			Page: in.Page, Query: in.Params, Description: cmp.Or(in.Description, program.Name()),
		})
		if err != nil {
			return certain(err)
		}
		if picture, err = client.QRCodes.Picture(ctx, code.URL); err != nil {
			return fmt.Errorf("read the picture of the QR code: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if picture, err = asPNG(picture); err != nil {
		return nil, fmt.Errorf("the picture of the QR code: %w", err)
	}
	return &alipayplus.QRCode{Value: code.URL, Picture: base64.StdEncoding.EncodeToString(picture), PictureType: "PNG"}, nil
}

// asPNG makes a PNG of a picture that is none.
func asPNG(picture []byte) ([]byte, error) {
	const widest = 4096
	size, kind, err := image.DecodeConfig(bytes.NewReader(picture))
	switch {
	case err != nil:
		return nil, err
	case size.Width > widest || size.Height > widest:
		return nil, fmt.Errorf("has %d x %d pixels; at most %d x %d are read", size.Width, size.Height, widest, widest)
	case kind == "png":
		return picture, nil
	}
	decoded, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = png.Encode(&out, decoded)
	return out.Bytes(), err
}
