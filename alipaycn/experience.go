package alipaycn

import (
	"context"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// ExperienceClient makes trial versions, which members can try before the
// review. Every error is an [Error].
type ExperienceClient struct{ c *Client }

// Create makes a version the trial version (alipay.open.mini.experience.create).
// It is packaged for a while; [ExperienceClient.Get] shows when it can be tried.
func (x *ExperienceClient) Create(ctx context.Context, in VersionInput) error {
	return x.change(ctx, cnwire.ExperienceCreate, in)
}

// Get reads the state of a trial version and its QR code
// (alipay.open.mini.experience.query).
func (x *ExperienceClient) Get(ctx context.Context, in VersionInput) (*Experience, error) {
	return read[Experience](ctx, x.c, cnwire.ExperienceGet, in)
}

// Cancel ends a trial version (alipay.open.mini.experience.cancel).
func (x *ExperienceClient) Cancel(ctx context.Context, in VersionInput) error {
	return x.change(ctx, cnwire.ExperienceCancel, in)
}

func (x *ExperienceClient) change(ctx context.Context, op cnwire.Operation, in VersionInput) error {
	get := func(ctx context.Context) (*Experience, error) { return whole(x.Get(ctx, in)) }
	return x.c.write(ctx, safeWrite{op: op, in: in, prove: prover(get, func(after *Experience) (effect, string) {
		return provenByExperience(op, *after), "experience.get shows " + string(after.Status)
	})})
}

// ExperienceStatus is the state of a trial version. It is open to unknown values.
type ExperienceStatus string

// ExperienceNone says that the version is no trial version. It is the only value that
// AlipayCN documents, as an example.
const ExperienceNone ExperienceStatus = "notExpVersion"

// Known says whether AlipayCN documents the status.
func (s ExperienceStatus) Known() bool { return s == ExperienceNone }

// Experience is the answer of experience.get
// (alipay.open.mini.experience.query). Its input is a [VersionInput], as is that
// of experience.create and experience.cancel, which answer nothing.
type Experience struct {
	Answer

	// Status is the state of the packaging.
	Status ExperienceStatus `json:"status,omitempty"`
	// QRCodeURL is the QR code with which members try the version; 7 days
	// (AlipayCN's page on QR codes).
	QRCodeURL string `json:"exp_qr_code_url,omitempty"`
	// SchemaURL is the link that opens it in the Alipay app.
	SchemaURL string `json:"exp_schema_url,omitempty"`
}

// provenByExperience decides experience.create and experience.cancel.
func provenByExperience(op cnwire.Operation, after Experience) effect {
	switch {
	case after.Status == ExperienceNone:
		return doneIf(op == cnwire.ExperienceCancel)
	case after.QRCodeURL != "":
		return doneIf(op == cnwire.ExperienceCreate)
	default:
		return effectUnknown // being packaged, or a status that is not documented
	}
}
