package platform

import (
	"archive/zip"
	"bytes"

	"github.com/alipayplus-go/alipayplus"
)

// parseFile describes and checks the bytes of an upload, outside of any
// transaction: they may be many.
func parseFile(p *Platform, in *incoming) error {
	file, inputErr := alipayplus.DescribeFile(in.body)
	if inputErr == nil {
		inputErr = p.checkFile(file, in.body, in.contentType)
	}
	in.rule = func(c *call) (any, error) {
		if err := c.mayUpload(); err != nil {
			return nil, err
		}
		if inputErr != nil {
			return nil, inputErr
		}
		return uploadFile(c, file)
	}
	return nil
}

// uploadFile keeps a file under the SHA-256 of its content. It carries no
// requestId: the same content is the same file.
func uploadFile(c *call, file *alipayplus.File) (*alipayplus.File, error) {
	known, err := load[fileRecord](c.tx, fileKey(c.workspace(), file.ID))
	if err != nil {
		return nil, err
	}
	if known != nil {
		return &known.File, nil
	}
	c.stage(func(c *call) error { return c.tx.Put(contentKey(c.workspace(), file.ID), c.in.body) })
	c.save(nil, &fileRecord{File: *file, Workspace: c.workspace()})
	c.audit("file", file.ID, "", "UPLOADED", "")
	return file, nil
}

// mayUpload: a file is a package, or an image of a service, and belongs to
// nothing yet, so who may do anything with one may upload it.
func (c *call) mayUpload() error {
	if err := c.may(alipayplus.ActionManageServices, ""); err == nil {
		return nil
	}
	return c.may(alipayplus.ActionUpload, "")
}

func (p *Platform) checkFile(file *alipayplus.File, content []byte, given string) error {
	if given != file.ContentType {
		return invalid("content", "was sent as %s but is %s", shorten(given), file.ContentType)
	}
	if file.ContentType == alipayplus.ContentZip {
		if _, err := zip.NewReader(bytes.NewReader(content), file.Size); err != nil {
			return invalid("content", "begins like a zip archive but is not a readable one")
		}
		return nil
	}
	if most := p.cfg.services.MaxImageBytes; most > 0 && file.Size > most {
		return invalid("content", "must have at most %d bytes as an image; has %d", most, file.Size)
	}
	return nil
}

// file reads a file of the caller's workspace that a field names.
func (c *call) file(path, id string) (*fileRecord, error) {
	r, err := load[fileRecord](c.tx, fileKey(c.workspace(), id))
	if err == nil && r == nil {
		err = invalid(path, "names no uploaded file; upload it first")
	}
	return r, err
}
