package platform

import (
	"archive/zip"
	"bytes"
	"fmt"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// parseFile describes and checks the bytes of an upload, outside of any
// transaction: they may be many.
func parseFile(p *Platform, in *incoming) error {
	file, inputErr := alipayplus.DescribeFile(in.body)
	if inputErr == nil {
		inputErr = p.checkFile(file, in.body, in.contentType)
	}
	in.handle = func(c *call) (any, error) {
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
		c.keepLonger(known)
		return &known.File, nil
	}
	return file, c.keepFile(file, c.in.body)
}

// keepFile keeps a file that is not there yet, where there is room for it. Like removeUnused it
// writes at once: another one of the same call must find less room.
func (c *call) keepFile(file *alipayplus.File, content []byte) error {
	if err := c.removeUnused(); err != nil {
		return err
	}
	used, err := c.storage()
	if err == nil {
		err = used.CheckUpload(file.Size)
	}
	if err == nil {
		err = c.tx.Put(contentKey(c.workspace(), file.ID), content)
	}
	if err == nil {
		err = save(c.tx, nil, &fileRecord{File: *file, Workspace: c.workspace(), Due: c.at.Add(c.p.cfg.unusedFiles)})
	}
	if err == nil {
		err = save(c.tx, nil, &storageRecord{Workspace: c.workspace(), Bytes: used.Used + file.Size})
	}
	if err != nil {
		return err
	}
	c.audit("file", file.ID, "", "UPLOADED", "")
	return nil
}

// keepLonger: who uploads a file again is about to use it.
func (c *call) keepLonger(r *fileRecord) {
	if r.Due.IsZero() {
		return
	}
	later := *r
	later.Due = c.at.Add(c.p.cfg.unusedFiles)
	c.save(r, &later)
}

// storage is what the files of the workspace that the call is about take.
func (c *call) storage() (alipayplus.Storage, error) {
	r, err := load[storageRecord](c.tx, storageKey(c.workspace()))
	if err != nil {
		return alipayplus.Storage{}, err
	}
	out := alipayplus.Storage{Limit: c.p.cfg.storageQuota}
	if r != nil {
		out.Used = r.Bytes
	}
	return out, nil
}

// removeUnused removes files of the workspace whose time is over and that nothing
// names: several, so that removal keeps ahead of arrival. One that is named is asked
// after again later. It writes at once, because room for a new file depends on it; a
// refusal takes it back.
func (c *call) removeUnused() error {
	const atOnce = 200
	prefix := key("i/unused", c.workspace()) + "/"
	var due []*fileRecord
	for entry, err := range c.tx.Scan(prefix, prefix+fmt.Sprintf("%020d", c.at.UnixNano()), false) {
		if err != nil {
			return err
		}
		r, err := resolve[fileRecord](c.tx, string(entry.Value))
		if err != nil {
			return err
		}
		if due = append(due, r); len(due) == atOnce {
			break
		}
	}
	for _, r := range due {
		if err := c.removeFile(r); err != nil {
			return err
		}
	}
	return nil
}

// removeFile removes a file that nothing names.
func (c *call) removeFile(r *fileRecord) error {
	uses, err := count(c.tx, key("i/use", r.Workspace, r.ID)+"/", 1)
	if err != nil {
		return err
	}
	if uses > 0 {
		later := *r
		later.Due = c.at.Add(c.p.cfg.unusedFiles)
		return save(c.tx, r, &later)
	}
	for _, at := range append(r.indexes(), r.key(), contentKey(r.Workspace, r.ID)) {
		if err := c.tx.Delete(at); err != nil {
			return err
		}
	}
	used, err := c.storage()
	if err != nil {
		return err
	}
	if err := save(c.tx, nil, &storageRecord{Workspace: r.Workspace, Bytes: max(used.Used-r.Size, 0)}); err != nil {
		return err
	}
	c.audit("file", r.ID, "UPLOADED", "REMOVED", "nothing named it")
	return nil
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

// file reads a file of the caller's own workspace that a field names.
func (c *call) file(path, id string) (*fileRecord, error) {
	r, err := load[fileRecord](c.tx, fileKey(c.home(), id))
	if err == nil && r == nil {
		err = invalid(path, "names no uploaded file; upload it first")
	}
	if err != nil {
		return nil, err
	}
	return r, c.bringFiles(id)
}

// fileContent reads a file with its content; nil when there is none.
func fileContent(tx storage.Tx, workspace, id string) (*alipayplus.FileContent, error) {
	r, err := load[fileRecord](tx, fileKey(workspace, id))
	if err != nil || r == nil {
		return nil, err
	}
	content, found, err := tx.Get(contentKey(workspace, id))
	if err == nil && !found {
		err = fmt.Errorf("%w: the content of file %s is missing", storage.ErrDamaged, id)
	}
	return &alipayplus.FileContent{File: r.File, Content: content}, err
}

// bringFiles copies files of the caller's own workspace to the merchant's for whom it acts: what
// a record names is in the workspace of the record, and counts there.
func (c *call) bringFiles(ids ...string) error {
	if c.order == nil {
		return nil
	}
	for _, id := range ids {
		if err := c.bringFile(id); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) bringFile(id string) error {
	there, err := load[fileRecord](c.tx, fileKey(c.workspace(), id))
	if err != nil || there != nil {
		return err
	}
	file, err := fileContent(c.tx, c.home(), id)
	if err != nil || file == nil {
		return err
	}
	return c.keepFile(&file.File, file.Content)
}
