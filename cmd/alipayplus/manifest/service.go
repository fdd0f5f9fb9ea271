package manifest

import (
	"cmp"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
)

// Service is an offer in the Service Market: the file service.yaml. Paths in it begin in its
// folder. The lengths that texts may have are the platform's; they are not documented.
type Service struct {
	// ID is the id of a service that is there already. Without it the service is the one of
	// the workspace that has the name, and is made when there is none.
	ID string `json:"id,omitempty" validate:"max=64"`
	// Name is the service's name.
	Name string `json:"name" validate:"required"`
	// Industry is the industry; the list to choose from is not documented.
	Industry string `json:"industry" validate:"required"`
	// Type is the service type; without it: MINI_PROGRAM_DEVELOPMENT.
	Type alipayplus.ServiceType `json:"type,omitempty" validate:"max=64"`
	// Description says what the service does and how it benefits users.
	Description string `json:"description" validate:"required" text:"lines"`
	// Image is the path of the service image, PNG or JPEG.
	Image string `json:"image" validate:"required,max=4096"`
	// ApplicableApps are the apps that the service supports; without them: ALIPAY_CN.
	ApplicableApps []alipayplus.TargetApp `json:"applicableApps,omitempty" validate:"omitempty,min=1,max=50,unique,dive,required,max=64"`
	// PaymentInformation tells merchants the payment schedule.
	PaymentInformation []Block `json:"paymentInformation" validate:"required,min=1,dive"`
	// Details are scenarios, purposes, benefits.
	Details []Block `json:"details,omitempty" validate:"dive"`
	// Tutorial are the steps for merchants.
	Tutorial []Block `json:"tutorial,omitempty" validate:"dive"`
	// SuccessStory are cases.
	SuccessStory []Block `json:"successStory,omitempty" validate:"dive"`
}

// Block is one paragraph, picture or table: exactly one of text, image and table.
type Block struct {
	// Text is a paragraph.
	Text string `json:"text,omitempty" text:"lines"`
	// Image is the path of a picture, PNG or JPEG.
	Image string `json:"image,omitempty" validate:"max=4096"`
	// Description says what the picture shows.
	Description string `json:"description,omitempty"`
	// Table is a table.
	Table *Table `json:"table,omitempty"`
}

// Table is a table.
type Table struct {
	// Header are the titles of the columns.
	Header []string `json:"header" validate:"required,min=1"`
	// Rows are the rows, each with a cell a column.
	Rows [][]string `json:"rows" validate:"required,min=1,dive,min=1"`
}

// ParseService reads a service file in YAML, of which JSON is a part, and checks it, but for
// the limits that a platform announces, see [alipayplus.ServicePolicy]. It does not look for
// the files that it names. The error is an [Error] with all that is wrong.
func ParseService(content []byte) (*Service, error) {
	service := new(Service)
	d, err := read(content, service)
	if err != nil {
		return nil, err
	}
	d.check(service)
	service.Type = cmp.Or(service.Type, alipayplus.ServiceMiniProgramDevelopment)
	if service.ApplicableApps == nil {
		service.ApplicableApps = []alipayplus.TargetApp{alipayplus.TargetAlipayCN}
	}
	for _, c := range service.contents() {
		for i, b := range *c.blocks {
			if at := fmt.Sprintf("%s[%d]", c.path, i); b.kinds() != 1 && !d.isUnread(at) {
				d.faultAt(at, "must have exactly one of text, image (with a description, or without) and table")
			}
		}
	}
	if len(d.faults) == 0 {
		d.checkDescription(service)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return service, nil
}

// noFile is the id of a file that is not uploaded yet.
const noFile = "0000000000000000000000000000000000000000000000000000000000000000"

// checkDescription checks what the platform would.
func (d *document) checkDescription(s *Service) {
	description, err := s.Describe(func(string) (string, error) { return noFile, nil })
	if err == nil {
		err = alipayplus.ServicePolicy{}.Check(description)
	}
	d.add("", err)
}

// Describe is the service as the platform takes it. fileID uploads the file of a path and
// returns its id, see [alipayplus.FilesClient.Upload]; its error ends the call.
func (s *Service) Describe(fileID func(path string) (string, error)) (d alipayplus.ServiceDescription, err error) {
	d = alipayplus.ServiceDescription{
		Name: s.Name, Industry: s.Industry, Type: s.Type, Description: s.Description, ApplicableApps: s.ApplicableApps,
	}
	if d.ImageFileID, err = fileID(s.Image); err != nil {
		return d, err
	}
	into := []*alipayplus.Content{&d.PaymentInformation, &d.Details, &d.Tutorial, &d.SuccessStory}
	for i, c := range s.contents() {
		for _, b := range *c.blocks {
			block, err := b.describe(fileID)
			if err != nil {
				return d, err
			}
			*into[i] = append(*into[i], block)
		}
	}
	return d, nil
}

type content struct {
	path   string
	blocks *[]Block
}

func (s *Service) contents() []content {
	return []content{
		{"paymentInformation", &s.PaymentInformation}, {"details", &s.Details}, {"tutorial", &s.Tutorial}, {"successStory", &s.SuccessStory},
	}
}

// kinds is how many things a block is; 0 too for a description of nothing.
func (b Block) kinds() (n int) {
	for _, has := range []bool{b.Text != "", b.Image != "", b.Table != nil} {
		if has {
			n++
		}
	}
	if b.Description != "" && b.Image == "" {
		n = 0
	}
	return n
}

func (b Block) describe(fileID func(string) (string, error)) (alipayplus.Block, error) {
	switch {
	case b.Image != "":
		id, err := fileID(b.Image)
		return alipayplus.ImageBlock(id, b.Description), err
	case b.Table != nil:
		return alipayplus.TableBlock(b.Table.Header, b.Table.Rows...), nil
	default:
		return alipayplus.TextBlock(b.Text), nil
	}
}
