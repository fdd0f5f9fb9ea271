package platform

import (
	"github.com/alipayplus-go/alipayplus"
)

func createProgram(c *call, in alipayplus.CreateProgramInput) (*alipayplus.Program, error) {
	if err := c.may(alipayplus.ActionCreateProgram, ""); err != nil {
		return nil, err
	}
	if err := c.checkLogo(in.LogoFileID); err != nil {
		return nil, err
	}
	languages := new(alipayplus.Program).WithLanguages(in.Languages)
	r := &programRecord{Workspace: c.workspace(), Sort: c.p.sortKey(c.at), Program: alipayplus.Program{
		ID: newProgramID(), DefaultLanguage: languages[0].Language, Languages: languages,
		LogoFileID: in.LogoFileID, Configuration: in.Configuration, CreatedBy: c.who(), CreatedAt: c.at, UpdatedAt: c.at,
	}}
	c.save(nil, r)
	c.audit("mini program", r.ID, "", "CREATED", "")
	return &r.Program, nil
}

func (c *call) checkLogo(id string) error {
	if id == "" {
		return nil
	}
	file, err := c.file("logoFileId", id)
	if err != nil {
		return err
	}
	return file.CheckLogo()
}

// program reads a mini program of the workspace that the call is about.
func (c *call) program(id string) (*programRecord, error) {
	return find[programRecord](c, "mini program", id, programKey(c.workspace(), id))
}

// programFor reads a mini program, the caller's own or a merchant's, for an action that
// the caller may do with it.
func (c *call) programFor(action alipayplus.Action, id string) (*programRecord, error) {
	if err := c.may(alipayplus.ActionView, id); err != nil {
		return nil, err
	}
	if err := c.actFor(id); err != nil {
		return nil, err
	}
	r, err := c.program(id)
	if err != nil {
		return nil, err
	}
	return r, c.may(action, id)
}

func queryProgram(c *call, in alipayplus.ProgramInput) (*alipayplus.Program, error) {
	r, err := c.programFor(alipayplus.ActionView, in.ProgramID)
	if err != nil {
		return nil, err
	}
	return &r.Program, nil
}

func listPrograms(c *call, in alipayplus.ListProgramsInput) (*page, error) {
	if err := c.may(alipayplus.ActionView, ""); err != nil {
		return nil, err
	}
	return listing{prefix: key("i/program", c.workspace(), "all") + "/", opts: in.ListOptions}.page(c.tx)
}

func addLanguages(c *call, in alipayplus.AddLanguagesInput) (*alipayplus.Program, error) {
	r, err := c.programFor(alipayplus.ActionRelease, in.ProgramID)
	if err != nil {
		return nil, err
	}
	before := new(*r)
	r.Languages = r.WithLanguages(in.Languages)
	if n := len(r.Languages); n > alipayplus.MaxLanguages {
		return nil, invalid("languages", "must have at most %d entries in all; would have %d", alipayplus.MaxLanguages, n)
	}
	return c.changeProgram(before, r, "languages added"), nil
}

func configureProgram(c *call, in alipayplus.UpdateProgramConfigurationInput) (*alipayplus.Program, error) {
	r, err := c.programFor(alipayplus.ActionConfigureProgram, in.ProgramID)
	if err != nil {
		return nil, err
	}
	if err := c.bringFiles(in.Configuration.AlipayCN.FileIDs()...); err != nil {
		return nil, err
	}
	before := new(*r)
	r.Configuration = in.Configuration
	return c.changeProgram(before, r, "configuration changed"), nil
}

func (c *call) changeProgram(before, r *programRecord, what string) *alipayplus.Program {
	r.UpdatedAt = c.at
	c.save(before, r)
	c.audit("mini program", r.ID, "CREATED", "CREATED", what)
	return &r.Program
}

func uploadVersion(c *call, in alipayplus.RegisterVersionInput) (*alipayplus.Version, error) {
	program, err := c.programFor(alipayplus.ActionUpload, in.ProgramID)
	if err != nil {
		return nil, err
	}
	if err := in.Version.CheckHigher(program.LatestVersion); err != nil {
		return nil, err
	}
	file, err := c.file("fileId", in.FileID)
	if err != nil {
		return nil, err
	}
	if file.ContentType != alipayplus.ContentZip {
		return nil, invalid("fileId", "must be a zip archive; it is %s", file.ContentType)
	}
	r := &versionRecord{Workspace: c.workspace(), Sort: c.p.sortKey(c.at), Version: alipayplus.Version{
		ProgramID: in.ProgramID, Number: in.Version, FileID: file.ID, Size: file.Size,
		Description: in.Description, UploadedBy: c.who(), UploadedAt: c.at,
	}}
	c.save(nil, r)
	before := new(*program)
	program.LatestVersion = in.Version
	c.changeProgram(before, program, "version "+in.Version.String()+" uploaded")
	return &r.Version, nil
}

func listVersions(c *call, in alipayplus.ListVersionsInput) (*page, error) {
	if _, err := c.programFor(alipayplus.ActionView, in.ProgramID); err != nil {
		return nil, err
	}
	return listing{prefix: key("i/version", c.workspace(), in.ProgramID, "all") + "/", opts: in.ListOptions}.page(c.tx)
}
