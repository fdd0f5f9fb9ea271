package console

import (
	"bytes"
	"io"
	"strings"

	"github.com/alipayplus-go/alipayplus"
)

// programs are the mini programs of the workspace, and the form for another one.
func (v *visit) programs() error {
	found, err := v.client.Programs.List(v.ctx(), alipayplus.ListProgramsInput{ListOptions: v.options()})
	if err != nil {
		return err
	}
	return v.show("programs", "programs.title", struct {
		Programs []*alipayplus.Program
		Next     string
	}{found.Items, v.next(found.NextCursor)})
}

func (v *visit) createProgram() error {
	in := alipayplus.CreateProgramInput{
		Languages: []alipayplus.Localization{{Language: v.posted("language"), Name: v.posted("name")}}, RequestID: v.requestID(),
	}
	program, err := v.client.Programs.Create(v.ctx(), in)
	to := ""
	if err == nil {
		to = "programs/" + program.ID
	}
	return v.done(err, to, v.programs)
}

// program shows a mini program: names, configuration, authorizations, versions, releases.
func (v *visit) program() error {
	id := v.r.PathValue("id")
	program, err := v.client.Programs.Get(v.ctx(), id)
	if err != nil {
		return err
	}
	workspace, err := v.client.Workspace.Get(v.ctx())
	if err != nil {
		return err
	}
	versions, err := v.client.Programs.ListVersions(v.ctx(), alipayplus.ListVersionsInput{ProgramID: id, ListOptions: v.options()})
	if err != nil {
		return err
	}
	releases, err := v.client.Releases.List(v.ctx(), alipayplus.ListReleasesInput{ProgramID: id, ListOptions: alipayplus.ListOptions{Limit: 50}})
	if err != nil {
		return err
	}
	data := struct {
		*alipayplus.Program
		Targets  []programTarget
		Versions []*alipayplus.Version
		Next     string
		Releases []*alipayplus.Release
	}{Program: program, Versions: versions.Items, Next: v.next(versions.NextCursor), Releases: releases.Items}
	for _, target := range workspace.Targets {
		t := programTarget{TargetAppInfo: target, Missing: program.MissingLanguages(target.Languages)}
		if target.NeedsAuthorization {
			if t.Authorization, err = v.client.Authorizations.Get(v.ctx(), alipayplus.AuthorizationInput{ProgramID: id, TargetApp: target.App}); err != nil {
				return err
			}
		}
		data.Targets = append(data.Targets, t)
	}
	return v.show("program", "program.title", data)
}

// qrCode answers with the picture of a QR code, which opens the mini program.
func (v *visit) qrCode() error {
	code, err := v.client.QRCodes.Create(v.ctx(), alipayplus.CreateQRCodeInput{
		AppID: v.r.PathValue("id"), Page: v.posted("page"), Params: v.posted("params"),
	})
	var content []byte
	if err == nil {
		content, err = code.PNG()
	}
	if err != nil {
		return v.done(err, "", v.program)
	}
	return v.picture(&alipayplus.FileContent{File: alipayplus.File{ContentType: alipayplus.ContentPNG}, Content: content})
}

// programTarget is a target app as a mini program stands to it.
type programTarget struct {
	alipayplus.TargetAppInfo
	// Missing are the languages that it needs and the mini program lacks.
	Missing []string
	// Authorization is that for it; nil where it needs none.
	Authorization *alipayplus.Authorization
}

func (v *visit) addLanguage() error {
	id := v.r.PathValue("id")
	_, err := v.client.Programs.AddLanguages(v.ctx(), alipayplus.AddLanguagesInput{
		ProgramID: id, Languages: []alipayplus.Localization{{Language: v.posted("language"), Name: v.posted("name")}}, RequestID: v.requestID(),
	})
	return v.done(err, "programs/"+id, v.program)
}

func (v *visit) configureProgram() error {
	id := v.r.PathValue("id")
	program, err := v.client.Programs.Get(v.ctx(), id)
	if err != nil {
		return err
	}
	configuration, err := v.configured(program.Configuration)
	if err == nil {
		_, err = v.client.Programs.UpdateConfiguration(v.ctx(), alipayplus.UpdateProgramConfigurationInput{
			ProgramID: id, Configuration: configuration, RequestID: v.requestID(),
		})
	}
	return v.done(err, "programs/"+id, v.program)
}

// lines are the lines of a field that are not empty.
func (v *visit) lines(field string) []string {
	var out []string
	for line := range strings.SplitSeq(v.posted(field), "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func (v *visit) uploadVersion() error {
	id := v.r.PathValue("id")
	err := func() error {
		number, err := alipayplus.ParseVersion(v.posted("version"))
		if err != nil {
			return err
		}
		build, err := v.uploaded("package")
		if err != nil {
			return err
		}
		_, err = v.client.Programs.UploadVersion(v.ctx(), alipayplus.UploadVersionInput{
			ProgramID: id, Version: number, Description: v.posted("description"),
			Package: bytes.NewReader(build), Size: int64(len(build)), RequestID: v.requestID(),
		})
		return err
	}()
	return v.done(err, "programs/"+id, v.program)
}

// uploaded are the bytes of a file of the form; none where no file was chosen.
func (v *visit) uploaded(field string) ([]byte, error) {
	if v.r.MultipartForm == nil || len(v.r.MultipartForm.File[field]) == 0 {
		return nil, nil
	}
	file, err := v.r.MultipartForm.File[field][0].Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(file)
}

// selectTarget creates a release: one version to one target app.
func (v *visit) selectTarget() error {
	id := v.r.PathValue("id")
	var release *alipayplus.Release
	number, err := alipayplus.ParseVersion(v.posted("version"))
	if err == nil {
		release, err = v.client.Releases.Create(v.ctx(), alipayplus.CreateReleaseInput{
			ProgramID: id, Version: number, TargetApp: alipayplus.TargetApp(v.posted("targetApp")), RequestID: v.requestID(),
		})
	}
	to := ""
	if err == nil {
		to = "releases/" + release.ID
	}
	return v.done(err, to, v.program)
}
