package platform

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"strings"

	"github.com/boombuler/barcode/qr"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// maxQRText is how many bytes fit into the largest QR code at the level used here.
const maxQRText = 2331

// createQRCode makes the code for a mini program that is live somewhere: where that makes its
// codes itself, there. The same fields give the same code, as documented.
func createQRCode(c *call, in alipayplus.CreateQRCodeInput) (code *alipayplus.QRCode, err error) {
	program, err := c.programFor(alipayplus.ActionRelease, in.AppID)
	if err != nil {
		return nil, err
	}
	live, err := c.liveTarget(program.ID)
	if err != nil {
		return nil, err
	}
	if live == nil {
		return nil, conflict("no version of mini program %s is released; a QR code would lead nowhere", program.ID)
	}
	if maker, is := live.(TargetQRCodes); is {
		code, err = c.madeQRCode(maker, &program.Program, in)
	} else {
		code, err = drawQRCode(in)
	}
	if err != nil {
		return nil, err
	}
	c.audit("QR code", program.ID, "", "CREATED", strings.TrimSpace(string(in.Type)+" "+in.Page))
	return code, nil
}

// drawQRCode draws the platform's own code.
func drawQRCode(in alipayplus.CreateQRCodeInput) (*alipayplus.QRCode, error) {
	value := qrText(in)
	if len(value) > maxQRText {
		return nil, invalid("appQrCodeParams", "is too long for a QR code, together with appQrCodePage")
	}
	picture, err := qrPicture(value)
	if err != nil {
		return nil, fmt.Errorf("draw the QR code: %w", err)
	}
	return &alipayplus.QRCode{Value: value, Picture: base64.StdEncoding.EncodeToString(picture), PictureType: "PNG"}, nil
}

// qrCodeRecord is a code that a target app has made.
type qrCodeRecord struct {
	At   string            `json:"key"`
	Code alipayplus.QRCode `json:"code"`
}

func (r *qrCodeRecord) key() string     { return r.At }
func (*qrCodeRecord) indexes() []string { return nil }

// unmadeQRCodeError ends a transaction that needs a code which the target app has not made.
type unmadeQRCodeError struct {
	maker     TargetQRCodes
	workspace string
	program   alipayplus.Program
	in        alipayplus.CreateQRCodeInput
	at        string
}

func (e *unmadeQRCodeError) Error() string {
	return fmt.Sprintf("a QR code of %s is to be made by %s", e.in.AppID, e.maker.App())
}

// madeQRCode is the code that the target app has made.
func (c *call) madeQRCode(maker TargetQRCodes, program *alipayplus.Program, in alipayplus.CreateQRCodeInput) (*alipayplus.QRCode, error) {
	fields := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", in.Type, in.Page, in.Params))
	at := key("qrcode", c.workspace(), program.ID, string(maker.App()), hex.EncodeToString(fields[:]))
	r, err := load[qrCodeRecord](c.tx, at)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, &unmadeQRCodeError{maker, c.workspace(), *program, in, at}
	}
	return &r.Code, nil
}

// makeQRCode has a target app make a code, outside of transactions, and keeps it. The first
// one that is kept stays.
func (p *Platform) makeQRCode(ctx context.Context, e *unmadeQRCodeError) error {
	ctx, cancel := context.WithTimeout(ctx, targetCallTimeout)
	defer cancel()
	code, err := e.maker.CreateQRCode(ctx, e.workspace, &e.program, e.in)
	if err != nil {
		return fmt.Errorf("target app: %w", err)
	}
	return p.cfg.store.Update(ctx, func(tx storage.Tx) error {
		r, err := load[qrCodeRecord](tx, e.at)
		if err != nil || r != nil {
			return err
		}
		return save(tx, nil, &qrCodeRecord{e.at, *code})
	})
}

// liveTarget is where a version is in grayscale or fully released, one that makes QR codes
// itself before others; nil: nowhere.
func (c *call) liveTarget(program string) (live TargetBackend, err error) {
	for _, target := range c.p.targets {
		at := &releaseRecord{Workspace: c.workspace(), Release: alipayplus.Release{ProgramID: program, TargetApp: target.App()}}
		for _, status := range []alipayplus.ReleaseStatus{alipayplus.ReleaseGrayscale, alipayplus.ReleaseFull} {
			n, err := count(c.tx, c.releasesIn(at, status), 1)
			if err != nil {
				return nil, err
			}
			if _, makes := target.(TargetQRCodes); n > 0 && (makes || live == nil) {
				live = target
			}
		}
	}
	return live, nil
}

// qrText is the content of the code. The real form is not documented; this one
// is the platform's own.
func qrText(in alipayplus.CreateQRCodeInput) string {
	query := url.Values{"appId": {in.AppID}, "type": {string(in.Type)}}
	if in.Page != "" {
		query.Set("page", in.Page)
	}
	if in.Params != "" {
		query.Set("query", in.Params)
	}
	return "https://platform.invalid/qr?" + query.Encode()
}

// qrPicture draws a code as PNG, with the white margin of four modules that
// scanners need.
func qrPicture(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, err
	}
	const module, margin = 8, 4
	modules := code.Bounds().Dx()
	side := (modules + 2*margin) * module
	out := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range modules {
		for x := range modules {
			if code.At(x, y) == color.Black {
				fillSquare(out, (margin+x)*module, (margin+y)*module, module)
			}
		}
	}
	var buf bytes.Buffer
	err = png.Encode(&buf, out)
	return buf.Bytes(), err
}

// fillSquare blackens a square, row by row: image/draw looks up the color of
// every pixel, which makes a large code take a third of a second.
func fillSquare(picture *image.Paletted, left, top, side int) {
	for y := range side {
		row := picture.Pix[picture.PixOffset(left, top+y):]
		for x := range side {
			row[x] = 1
		}
	}
}
