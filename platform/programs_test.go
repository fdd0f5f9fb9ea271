package platform_test

import (
	"bytes"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform"
)

func TestAProgramHasLanguagesAConfigurationAndALogo(t *testing.T) {
	withFixture(t, func(w *fixture) {
		in := alipayplus.CreateProgramInput{
			Languages: []alipayplus.Localization{
				{Language: "zh-CN", Name: "蓝湖茶", Tagline: "好茶", Description: "新加坡茶店"},
				{Language: "en", Name: "Blue Lake Tea"},
			},
			LogoFileID:    w.logo(240).ID,
			Configuration: alipayplus.Configuration{ServerDomains: []string{"api.bluelake.example"}},
		}
		p, err := w.owner.Programs.Create(w.Context(), in)
		require.NoError(w, err)
		require.Regexp(w, `^[1-9][0-9]{15}$`, p.ID)
		require.Equal(w, &alipayplus.Program{
			ID: p.ID, DefaultLanguage: "zh-CN", Languages: in.Languages, LogoFileID: in.LogoFileID, Configuration: in.Configuration,
			CreatedBy: "olga", CreatedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC(),
		}, p)
		require.Equal(w, "蓝湖茶", p.Name())
		got, err := w.owner.Programs.Get(w.Context(), p.ID)
		require.NoError(w, err)
		require.Equal(w, p, got)
	})
}

// logo uploads a square image.
func (w *fixture) logo(side int) *alipayplus.File {
	w.Helper()
	var buf bytes.Buffer
	require.NoError(w, png.Encode(&buf, image.NewGray(image.Rect(0, 0, side, side))))
	f, err := w.owner.Files.Upload(w.Context(), alipayplus.UploadFileInput{Content: bytes.NewReader(buf.Bytes()), Size: int64(buf.Len())})
	require.NoError(w, err)
	return f
}

func TestALogoIsAnUploadedImageThatFits(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h, create := w.rawClient("olga"), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "en", Name: "Tea"}}}
		create.LogoFileID, create.RequestID = strings.Repeat("0", 64), "1"
		got := h.call(contract.ProgramCreate, create)
		require.Equal(w, []alipayplus.FieldError{{Path: "logoFileId", Message: "names no uploaded file; upload it first"}}, got.Details.Fields)
		packed := h.uploadFile("application/zip", zipPackage(w, "x"))
		create.LogoFileID, create.RequestID = strings.Split(string(packed.Data), `"`)[3], "2"
		got = h.call(contract.ProgramCreate, create)
		require.Equal(w, []alipayplus.FieldError{{Path: "logoFileId", Message: "must be a square image; it has 0 x 0 pixels"}}, got.Details.Fields)
		require.Empty(w, gather(w, w.owner.Programs.All(w.Context(), alipayplus.ListProgramsInput{})))
	})
}

func TestLanguagesAreAddedOrReplaced(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		time.Sleep(time.Hour)
		p, err := w.owner.Programs.AddLanguages(w.Context(), alipayplus.AddLanguagesInput{ProgramID: program.ID, Languages: []alipayplus.Localization{
			{Language: "en", Name: "Blue Lake"}, {Language: "zh-CN", Name: "蓝湖"},
		}})
		require.NoError(w, err)
		require.Equal(w, []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖"}, {Language: "en", Name: "Blue Lake"}}, p.Languages)
		require.Equal(w, "zh-CN", p.DefaultLanguage)
		require.Equal(w, program.CreatedAt.Add(time.Hour), p.UpdatedAt)
		require.Equal(w, program.CreatedAt, p.CreatedAt)
	})
}

func TestAConfigurationReplacesTheFormerOneWhole(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		set := func(c alipayplus.Configuration) alipayplus.Configuration {
			p, err := w.owner.Programs.UpdateConfiguration(w.Context(), alipayplus.UpdateProgramConfigurationInput{ProgramID: program.ID, Configuration: c})
			require.NoError(w, err)
			return p.Configuration
		}
		require.Equal(w, []string{"a.example"}, set(alipayplus.Configuration{ServerDomains: []string{"a.example"}}).ServerDomains)
		require.Equal(w, alipayplus.Configuration{H5Domains: []string{"b.example"}}, set(alipayplus.Configuration{H5Domains: []string{"b.example"}}))

		got := w.rawClient("olga").call(contract.ProgramConfigure, alipayplus.UpdateProgramConfigurationInput{
			ProgramID: program.ID, RequestID: "1",
			Configuration: alipayplus.Configuration{ServerDomains: []string{"https://a.example"}, H5Domains: []string{"b.example", "b.example"}},
		})
		require.Equal(w, []alipayplus.FieldError{
			{Path: "configuration.serverDomains[0]", Message: "must be a host name such as api.example.com, without scheme, port or path"},
			{Path: "configuration.h5Domains", Message: "must not name the same thing twice"},
		}, got.Details.Fields)
	})
}

func TestVersionsRise(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		v := w.upload(program.ID, "1.2.3")
		p, err := w.owner.Programs.Get(w.Context(), program.ID)
		require.NoError(w, err)
		require.Equal(w, v, p.LatestVersion)
		file := gather(w, w.owner.Programs.AllVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: program.ID}))[0]
		require.Equal(w, "olga", file.UploadedBy)
		require.Equal(w, time.Now().UTC(), file.UploadedAt)
		require.Positive(w, file.Size)

		for version, ok := range map[string]bool{"1.2.3": false, "1.2.2": false, "1.1.9": false, "0.9.0": false} {
			number, err := alipayplus.ParseVersion(version)
			require.NoError(w, err)
			got := w.rawClient("olga").call(contract.VersionUpload, alipayplus.RegisterVersionInput{
				ProgramID: program.ID, Version: number, FileID: file.FileID, RequestID: version,
			})
			require.Equal(w, ok, got.Result.Code == alipayplus.CodeSuccess, version)
			require.Equal(w, []alipayplus.FieldError{{Path: "version", Message: "must be higher than 1.2.3, the highest so far; got " + version}}, got.Details.Fields)
		}
		for _, version := range []string{"1.2.4", "1.10.0", "2.0.0", "10.0.0"} {
			w.upload(program.ID, version)
		}
		w.upload(w.program().ID, "0.0.1")
		var numbers []string
		for _, v := range gather(w, w.owner.Programs.AllVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: program.ID, ListOptions: alipayplus.ListOptions{Limit: 2, Order: alipayplus.OldestFirst}})) {
			numbers = append(numbers, v.Number.String())
		}
		require.Equal(w, []string{"1.2.3", "1.2.4", "1.10.0", "2.0.0", "10.0.0"}, numbers)
	})
}

func TestAVersionIsMadeOfAnUploadedPackage(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program()
		for file, message := range map[string]string{
			strings.Repeat("0", 64): "names no uploaded file; upload it first",
			w.image().ID:            "must be a zip archive; it is image/png",
			"../../secret":          "must be a SHA-256 in 64 lower-case hexadecimal digits",
		} {
			got := w.rawClient("olga").call(contract.VersionUpload, alipayplus.RegisterVersionInput{
				ProgramID: program.ID, Version: alipayplus.VersionNumber{Major: 1}, FileID: file, RequestID: file[:10],
			})
			require.Equal(w, []alipayplus.FieldError{{Path: "fileId", Message: message}}, got.Details.Fields)
		}
		require.Empty(w, gather(w, w.owner.Programs.AllVersions(w.Context(), alipayplus.ListVersionsInput{ProgramID: program.ID})))
	})
}

func TestProgramsAreListedByDate(t *testing.T) {
	withFixture(t, func(w *fixture) {
		first, second := w.program(), w.program()
		id := func(p *alipayplus.Program) string { return p.ID }
		require.Equal(w, []string{second.ID, first.ID}, ids(gather(w, w.owner.Programs.All(w.Context(), alipayplus.ListProgramsInput{})), id))
		require.Equal(w, []string{first.ID, second.ID}, ids(gather(w, w.owner.Programs.All(w.Context(), alipayplus.ListProgramsInput{
			ListOptions: alipayplus.ListOptions{Order: alipayplus.OldestFirst, Limit: 1},
		})), id))
	})
}

// languages gives n names, in the English of one country after another, from the
// first on.
func languages(first, n int) []alipayplus.Localization {
	countries := strings.Fields(`AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL
		BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU`)
	var all []alipayplus.Localization
	for _, country := range countries[first : first+n] {
		all = append(all, alipayplus.Localization{Language: "en-" + country, Name: "Blue Lake"})
	}
	return all
}

func TestAMiniProgramHasAtMostFiftyLanguages(t *testing.T) {
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		got := h.call(contract.ProgramCreate, alipayplus.CreateProgramInput{Languages: languages(0, 51), RequestID: "1"})
		require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code)
		require.Equal(w, []alipayplus.FieldError{{Path: "languages", Message: "must have at most 50 entries"}}, got.Details.Fields)

		program, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: languages(0, 30)})
		require.NoError(w, err)
		add := func(which []alipayplus.Localization) error {
			_, err := w.owner.Programs.AddLanguages(w.Context(), alipayplus.AddLanguagesInput{ProgramID: program.ID, Languages: which})
			return err
		}
		err = add(languages(30, 21))
		require.ErrorIs(w, err, alipayplus.ErrInvalid)
		require.ErrorContains(w, err, "languages must have at most 50 entries in all; would have 51")
		have := func() int {
			p, err := w.owner.Programs.Get(w.Context(), program.ID)
			require.NoError(w, err)
			return len(p.Languages)
		}
		require.Equal(w, 30, have())

		require.NoError(w, add(languages(30, 20)))
		require.NoError(w, add(languages(0, 50)), "to replace is not to add")
		require.ErrorIs(w, add(languages(50, 1)), alipayplus.ErrInvalid)
		require.Equal(w, 50, have())
	})
}

// An app that needs languages in a spelling of its own.
type shoutingApp struct{ *partnerApp }

func (shoutingApp) Languages() []string { return []string{"ZH-CN", "EN-us"} }

func TestLanguagesAreKeptAsTags(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program, err := w.owner.Programs.Create(w.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "ZH-cn", Name: "蓝湖茶"}}})
		require.NoError(w, err)
		require.Equal(w, "zh-CN", program.DefaultLanguage)
		require.Equal(w, "蓝湖茶", program.Name())
		program, err = w.owner.Programs.AddLanguages(w.Context(), alipayplus.AddLanguagesInput{ProgramID: program.ID, Languages: []alipayplus.Localization{
			{Language: "zh-cn", Name: "湖茶"}, {Language: "en-US", Name: "Lake Tea"},
		}})
		require.NoError(w, err)
		require.Equal(w, []alipayplus.Localization{{Language: "zh-CN", Name: "湖茶"}, {Language: "en-US", Name: "Lake Tea"}}, program.Languages, "replaced, not lost and not doubled")

		got := w.rawClient("olga").call(contract.ProgramCreate, alipayplus.CreateProgramInput{RequestID: "1", Languages: []alipayplus.Localization{
			{Language: "zh-CN", Name: "a"}, {Language: "ZH-cn", Name: "b"},
		}})
		require.Equal(w, alipayplus.CodeParamIllegal, got.Result.Code)

		ws, err := w.owner.Workspace.Get(w.Context())
		require.NoError(w, err)
		require.Equal(w, []string{"zh-CN", "en-US"}, ws.Targets[0].Languages)
		in := alipayplus.CreateReleaseInput{ProgramID: program.ID, Version: w.upload(program.ID, "1.0.0"), TargetApp: partner, Program: program, Target: ws.Target(partner)}
		_, err = w.owner.Releases.Create(w.Context(), in)
		require.NoError(w, err)
	}, platform.WithTargetBackends(shoutingApp{newPartnerApp()}))
}
