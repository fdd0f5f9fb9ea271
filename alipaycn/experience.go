package alipaycn

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
	// Status is the state of the packaging.
	Status ExperienceStatus `json:"status,omitempty"`
	// QRCodeURL is the QR code with which members try the version; 7 days
	// (AlipayCN's page on QR codes).
	QRCodeURL string `json:"exp_qr_code_url,omitempty"`
	// SchemaURL is the link that opens it in the Alipay app.
	SchemaURL string `json:"exp_schema_url,omitempty"`
}
