package platform

import (
	"archive/zip"
	"bytes"

	"github.com/alipayplus-go/alipayplus"
)

// uploadFile keeps a file under the SHA-256 of its content. It carries no
// requestId: the same content is the same file.
func uploadFile(c *call, content []byte) (any, error) {
	if err := c.mayUpload(); err != nil {
		return nil, err
	}
	file, err := alipayplus.DescribeFile(content)
	if err != nil {
		return nil, err
	}
	if err := c.checkFile(file, content); err != nil {
		return nil, err
	}
	known, err := load[fileRecord](c.tx, fileKey(c.workspace(), file.ID))
	if err != nil {
		return nil, err
	}
	if known != nil {
		return &known.File, nil
	}
	if err := c.tx.Put(contentKey(c.workspace(), file.ID), content); err != nil {
		return nil, err
	}
	if err := save(c.tx, nil, &fileRecord{File: *file, Workspace: c.workspace()}); err != nil {
		return nil, err
	}
	return file, c.audit("file", file.ID, "", "UPLOADED")
}

// mayUpload: a file is a package, or an image of a service, and belongs to
// nothing yet, so who may do anything with one may upload it.
func (c *call) mayUpload() error {
	if err := c.may(alipayplus.ActionManageServices, ""); err == nil {
		return nil
	}
	return c.may(alipayplus.ActionUpload, "")
}

func (c *call) checkFile(file *alipayplus.File, content []byte) error {
	if given := c.in.contentType; given != file.ContentType {
		return invalid("content", "was sent as %s but is %s", shorten(given), file.ContentType)
	}
	if file.ContentType == alipayplus.ContentZip {
		if _, err := zip.NewReader(bytes.NewReader(content), file.Size); err != nil {
			return invalid("content", "begins like a zip archive but is not a readable one")
		}
		return nil
	}
	if most := c.p.cfg.services.MaxImageBytes; file.Size > most {
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
