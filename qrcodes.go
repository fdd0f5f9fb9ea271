package alipayplus

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"image/png"
	"os"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// QRCodeType is the kind of a QR code. It is open to unknown values.
type QRCodeType string

// QRCodePromo is the one type that Alipay+ documents.
const QRCodePromo QRCodeType = "PROMO"

// CreateQRCodeInput is what [QRCodesClient.Create] takes: the fields that Alipay+
// documents for /v2/miniprogram/qrcode/create. Their lengths are not documented
// there; the bounds are this library's.
type CreateQRCodeInput struct {
	// AppID is the mini program.
	AppID string `json:"appId" validate:"required,max=32"`
	// Type is the kind; empty: PROMO.
	Type QRCodeType `json:"appQrCodeType" validate:"required,max=32"`
	// Page is the page that the code opens; empty: the first.
	Page string `json:"appQrCodePage,omitempty" validate:"max=256"`
	// Params are the parameters that the page gets, as in a query.
	Params string `json:"appQrCodeParams,omitempty" validate:"max=256"`
	// Description is for people.
	Description string `json:"appQrCodeDesc,omitempty" validate:"max=64"`
}

// Validate checks the fields.
func (in CreateQRCodeInput) Validate() error { return validate("QR code", in, nil) }

// QRCode is a QR code as the platform returns it.
type QRCode struct {
	// Value is the text in the code.
	Value string `json:"appQrCode"`
	// Picture is the picture, in base64.
	Picture string `json:"appQrCodePicValue"`
	// PictureType is the kind of picture. Its values are not documented; the
	// platform of this project says "PNG".
	PictureType string `json:"appQrCodeResultPicType"`
}

// PNG returns the picture's bytes, which must be a PNG.
func (q *QRCode) PNG() ([]byte, error) {
	picture, err := base64.StdEncoding.DecodeString(q.Picture)
	if err != nil {
		return nil, errors.New("QR code: the picture is not base64")
	}
	if _, err := png.DecodeConfig(bytes.NewReader(picture)); err != nil {
		return nil, fmt.Errorf("QR code: the picture (type %q) is no PNG", q.PictureType)
	}
	return picture, nil
}

// Save writes the picture to a PNG file of the given name, which it replaces.
func (q *QRCode) Save(name string) error {
	picture, err := q.PNG()
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, picture, 0o644); err != nil { //nolint:gosec // a QR code is for everybody
		return fmt.Errorf("QR code: save the picture: %w", err)
	}
	return nil
}

// qrAnswer is the documented answer: its fields stand beside the result.
type qrAnswer struct {
	answerHead
	QRCode
}

func (a *qrAnswer) reset()      { *a = qrAnswer{} }
func (a *qrAnswer) empty() bool { return a.QRCode == QRCode{} }

// QRCodesClient makes QR codes. It is safe for concurrent use.
type QRCodesClient struct{ client *Client }

// Create makes a QR code for a mini program. The same mini program, type, page
// and parameters give the same code, as documented. Errors: [ValidationError],
// [ErrConflict] when no version is live, [ErrNotFound], [ErrPermission].
func (c *QRCodesClient) Create(ctx context.Context, in CreateQRCodeInput) (*QRCode, error) {
	if in.Type == "" {
		in.Type = QRCodePromo
	}
	var got qrAnswer
	if err := sendTo(ctx, c.client, contract.QRCodeCreate, "", in, &got); err != nil {
		return nil, err
	}
	return &got.QRCode, nil
}
