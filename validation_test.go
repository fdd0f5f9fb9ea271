package alipayplus

import (
	"bytes"
	"errors"
	"go/ast"
	"image"
	"image/png"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/internal/testkey"
)

// goodCompany is a business registration that keeps all rules.
func goodCompany() BusinessRegistration {
	return BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example", ContactPhone: "+65 1234",
	}
}

func goodService() ServiceDescription {
	return ServiceDescription{
		Name: "Tea", Industry: "FOOD", Type: ServiceMiniProgramDevelopment, Description: "Tea", ImageFileID: strings.Repeat("0f", 32),
		ApplicableApps: []TargetApp{TargetAlipayCN}, PaymentInformation: Content{TextBlock("5 SGD")},
	}
}

// input is one type that checks itself.
type input struct {
	valid validator
	// missing are the paths that the zero value lacks.
	missing []string
}

func inputs() []input {
	var (
		version  = VersionNumber{Major: 1}
		sha      = strings.Repeat("0f", 32)
		company  = goodCompany()
		names    = []Localization{{Language: "zh-CN", Name: "蓝湖茶"}, {Language: "en", Name: "Blue Lake Tea"}}
		domains  = Configuration{ServerDomains: []string{"api.example.com"}, H5Domains: []string{"www.example.com"}}
		page     = ListOptions{Limit: 100, Cursor: "c", Order: OldestFirst}
		contents = bytes.NewReader([]byte("x"))
	)
	return []input{
		{AddLanguagesInput{ProgramID: "p", Languages: names}, []string{"programId", "languages"}},
		{ApplyInput{ReleaseID: "r", BasicInfo: &company}, []string{"releaseId", "basicInfo"}},
		{AuthorizationInput{ProgramID: "p", TargetApp: TargetAlipayCN}, []string{"programId", "targetApp"}},
		{BeginAuthorizationInput{ProgramID: "p", TargetApp: TargetAlipayCN}, []string{"programId", "targetApp"}},
		{BeginSessionInput{TokenHash: sha}, []string{"tokenHash"}},
		{company, []string{"companyName", "registrationNumber", "country", "address", "contactName", "contactEmail"}},
		{CreateProgramInput{Languages: names, Configuration: domains, LogoFileID: sha}, []string{"languages"}},
		{CreateQRCodeInput{AppID: "a", Type: QRCodePromo}, []string{"appId", "appQrCodeType"}},
		{CreateReleaseInput{ProgramID: "p", Version: version, TargetApp: TargetAlipayCN}, []string{"programId", "version", "targetApp"}},
		{CreateServiceInput{ServiceDescription: goodService()}, serviceFields()},
		{ListMarketInput{ListOptions: page, Name: "tea", Industry: "Catering", Type: ServiceMiniProgramDevelopment, App: TargetAlipayCN}, nil},
		{MarketFileInput{ServiceID: "s", FileID: sha}, []string{"serviceId", "fileId"}},
		{PlaceOrderInput{ServiceID: "s", ProgramID: "p", Note: "with\nlines"}, []string{"serviceId", "programId"}},
		{OrderInput{OrderID: "o"}, []string{"orderId"}},
		{AssignMembersInput{OrderID: "o", Members: []string{"ann"}}, []string{"orderId"}},
		{RefuseOrderInput{OrderID: "o", Reason: "with\nlines"}, []string{"orderId"}},
		{ListOrdersInput{ListOptions: page, Side: SideProvider, Status: OrderNew, Number: "ORD"}, nil},
		{OrderPolicy{Rejected: OrderNew, TurnedDown: OrderCanceled}, nil},
		{ReviewFileInput{ID: "req", FileID: "f"}, []string{"id", "fileId"}},
		{DecideInput{ID: "req", Reason: "no logo"}, []string{"id", "reason"}},
		{GrayscaleInput{ReleaseID: "r", From: 0, Ratio: 1, Ladder: DefaultLadder()}, []string{"releaseId", "ratio"}},
		{ListOptions{Limit: 1, Order: NewestFirst}, nil},
		{ListProgramsInput{page}, nil},
		{ListReleasesInput{ListOptions: page, ProgramID: "p", TargetApp: TargetAlipayCN, Status: ReleaseFull}, nil},
		{ListHistoryInput{ListOptions: page, ReleaseID: "r"}, []string{"releaseId"}},
		{ListRequestsInput{ListOptions: page, Title: "tea", Status: RequestApproved, Category: CategoryProgramRelease}, nil},
		{ListReviewsInput{page}, nil},
		{ListServicesInput{ListOptions: page, Status: ServiceOnline}, nil},
		{ListVersionsInput{ListOptions: page, ProgramID: "p"}, []string{"programId"}},
		{ProgramInput{ProgramID: "p"}, []string{"programId"}},
		{RegisterVersionInput{ProgramID: "p", Version: version, FileID: sha}, []string{"programId", "version", "fileId"}},
		{ReleaseInput{ReleaseID: "r"}, []string{"releaseId"}},
		{FinalizeInput{ReleaseID: "r"}, []string{"releaseId"}},
		{TestCompatibilityInput{ReleaseID: "r", Systems: []string{"Android 16"}, Networks: []string{"5G"}, Devices: []string{"Pixel 9"}}, []string{"releaseId"}},
		{RequestInput{ID: "req"}, []string{"id"}},
		{ServiceInput{ServiceID: "s"}, []string{"serviceId"}},
		{goodService(), serviceFields()},
		{UpdateProgramConfigurationInput{ProgramID: "p", Configuration: domains}, []string{"programId"}},
		{UpdateReleaseConfigurationInput{ReleaseID: "r", Configuration: domains}, []string{"releaseId"}},
		{UpdateServiceInput{ServiceID: "s", ServiceDescription: goodService()}, append([]string{"serviceId"}, serviceFields()...)},
		{UploadFileInput{Content: contents, Size: 1}, []string{"content", "size"}},
		{UploadVersionInput{ProgramID: "p", Version: version, Package: contents, Size: 1}, []string{"programId", "version", "package", "size"}},
	}
}

func serviceFields() []string {
	return []string{"name", "industry", "type", "description", "imageFileId", "applicableApps", "paymentInformation"}
}

func TestEveryInputIsCheckedValidAndZero(t *testing.T) {
	for _, in := range inputs() {
		of := reflect.TypeOf(in.valid)
		t.Run(of.Name(), func(t *testing.T) {
			require.NoError(t, in.valid.Validate())

			zero := reflect.Zero(of).Interface().(validator)
			require.Equal(t, in.missing, paths(t, zero.Validate()))

			// and the client asks the same
			require.NoError(t, checkInput(in.valid))
			require.Equal(t, zero.Validate(), checkInput(zero))
		})
	}
}

// A text in another encoding than UTF-8 would be sent as U+FFFD.
func TestATextThatIsNoUTF8IsRefusedInEveryInput(t *testing.T) {
	texts := 0
	for _, in := range inputs() {
		for where, filled := range testkey.EachText(in.valid, "\xc4\xe3\xba\xc3") {
			texts++
			err := filled.(validator).Validate()
			require.ErrorContains(t, err, "must be valid UTF-8", "%s of %T", where, filled)
			require.True(t, utf8.ValidString(err.Error()))
		}
	}
	require.Greater(t, texts, 100)
}

// readOnly are fields that are not sent, but were read before.
func readOnly(where string) bool {
	for _, field := range []string{"Known", "Program", "Target", "Policy"} {
		if strings.Contains(where, " of "+field) && !strings.HasSuffix(where, " of ProgramID") && !strings.HasSuffix(where, " of TargetApp") {
			return true
		}
	}
	return false
}

func TestATextThatCannotBeReadIsRefusedInEveryInput(t *testing.T) {
	for name, text := range map[string]string{
		"NUL": "a\x00b", "escape": "a\x1b[31mb", "override": "a\u202eb", "isolate": "a\u2066b", "blanks": " \t\u3000", "invisible": "\u200b\u200b",
	} {
		for _, in := range inputs() {
			for where, filled := range testkey.EachText(in.valid, text) {
				err := filled.(validator).Validate()
				require.Regexp(t, "must not (hold the control|be white space)|must be one line", err, "%s: %s of %T", name, where, filled)
			}
		}
	}
}

func TestOnlyTextsOfSeveralLinesHaveLineFeeds(t *testing.T) {
	several := map[string]bool{}
	for _, in := range inputs() {
		for where, filled := range testkey.EachText(in.valid, "two\nlines") {
			if !readOnly(where) && !strings.Contains(filled.(validator).Validate().Error(), "must be one line") {
				several[strings.TrimPrefix(where, "a text of ")] = true
			}
		}
	}
	for where := range several {
		require.Regexp(t, "^(Description|Address|Note|Reason|Text|Rows)( of |$)", where)
	}
	require.GreaterOrEqual(t, len(several), 5)
}

func TestEveryTextHasABound(t *testing.T) {
	for _, in := range inputs() {
		for where, filled := range testkey.EachText(in.valid, strings.Repeat("x", 100_000)) {
			if !readOnly(where) {
				require.Regexp(t, "must have at most|must be one of|must be a|must be of|twice", filled.(validator).Validate(), "%s of %T", where, filled)
			}
		}
	}
}

func TestWhatKeepsAllLimitsOfAServiceFitsIntoACall(t *testing.T) {
	d := goodService()
	d.Details = nil
	for range DefaultServicePolicy().MaxBlocks {
		d.Details = append(d.Details, TextBlock(strings.Repeat("\"", DefaultServicePolicy().MaxText)))
	}
	require.NoError(t, d.Validate())
	d.Tutorial, d.SuccessStory = d.Details, d.Details
	require.EqualError(t, d.Validate(), "service: 1 field not valid: all texts and tables together must have at most 1000000 bytes as JSON; have 1504194")
	require.NoError(t, ServicePolicy{}.Check(d), "no limit is none")
}

func TestTheZeroClientSaysThatItWasNotMade(t *testing.T) {
	c := new(Client)
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 1, 1))))
	for name, call := range map[string]func() error{
		"releases.get": func() error { _, err := c.Releases.Get(t.Context(), "r"); return err },
		"releases.list": func() error {
			for _, err := range c.Releases.All(t.Context(), ListReleasesInput{}) {
				return err
			}
			return nil
		},
		"releases.withdraw": func() error { _, err := c.Releases.Withdraw(t.Context(), ReleaseInput{ReleaseID: "r"}); return err },
		"files.upload": func() error {
			_, err := c.Files.Upload(t.Context(), UploadFileInput{Content: bytes.NewReader(picture.Bytes()), Size: int64(picture.Len())})
			return err
		},
		"programs.uploadVersion": func() error {
			_, err := c.Programs.UploadVersion(t.Context(), UploadVersionInput{
				ProgramID: "p", Version: VersionNumber{Major: 1}, Package: strings.NewReader("PK\x03\x04"), Size: 4,
			})
			return err
		},
		"workspace.get": func() error { _, err := c.Workspace.Get(t.Context()); return err },
	} {
		require.EqualError(t, call(), "alipayplus: "+name+": invalid input: the client was not made; make it with New or NewFromEnv")
	}
	_, err := c.Services.WaitOnline(t.Context(), "s", ServiceWait{})
	require.ErrorIs(t, err, ErrInvalid)
}

func TestNumbersAndFilesThatTheWireRefusesAreRefusedBefore(t *testing.T) {
	for _, v := range []VersionNumber{{Major: -1}, {Minor: -1}, {Major: 1, Patch: -7}} {
		for _, in := range []validator{
			UploadVersionInput{ProgramID: "p", Version: v, Package: strings.NewReader("x"), Size: 1},
			RegisterVersionInput{ProgramID: "p", Version: v, FileID: strings.Repeat("0f", 32)},
			CreateReleaseInput{ProgramID: "p", Version: v, TargetApp: TargetAlipayCN},
		} {
			require.Equal(t, []string{"version"}, paths(t, in.Validate()))
			_, err := ParseVersion(v.String())
			invalid, ok := errors.AsType[*ValidationError](err)
			require.True(t, ok)
			require.ErrorContains(t, in.Validate(), invalid.Fields[0].Message)
		}
	}
	d := goodService()
	d.ImageFileID, d.Details = "not a sha", Content{ImageBlock("nor this", "")}
	require.Equal(t, []string{"imageFileId", "details[0].image.fileId"}, paths(t, d.Validate()))
}

func TestWhatWasReadMayHaveHolesAndMustBeAboutTheSame(t *testing.T) {
	known := []*Release{nil, {ID: "r", ProgramID: "p", TargetApp: TargetAlipayCN}, nil}
	company := goodCompany()
	require.NoError(t, ApplyInput{ReleaseID: "r", BasicInfo: &company, Known: known}.Validate())
	in := CreateReleaseInput{ProgramID: "p", Version: VersionNumber{Major: 1}, TargetApp: TargetAlipayCN, Known: known, Target: &TargetAppInfo{App: TargetAlipayCN}}
	require.NoError(t, in.Validate(), "limits of zero are none")

	in.Program, in.Target.App = &Program{ID: "q"}, "WALLET"
	require.EqualError(t, in.Validate(), `release: 2 fields not valid: program is "q", and not "p", which programId names; target is of "WALLET", and not of "ALIPAY_CN", which targetApp names`)
}

func TestAFullReleaseCannotBeRaised(t *testing.T) {
	full := &Release{ID: "r", Grayscale: Grayscale{Ratio: FullRatio, Ladder: DefaultLadder()}}
	require.EqualError(t, full.GrayscaleTo(FullRatio).Validate(), "conflicting state: the release is complete at 100%; nothing is left to raise")
	require.ErrorIs(t, full.GrayscaleTo(50).Validate(), ErrConflict)
}

// An input without a check, or with a check that forgets its own fields, is noticed here.
func TestEveryInputOfThePackageIsInTheList(t *testing.T) {
	listed := map[string]bool{}
	for _, in := range inputs() {
		listed[reflect.TypeOf(in.valid).Name()] = true
	}
	checked := methodReceivers(t, "Validate")
	for name, s := range structs(t) {
		if strings.HasSuffix(name, "Input") {
			require.True(t, listed[name], "%s is not in the list", name)
			if hasRules(s) {
				require.Contains(t, checked, name, "%s has rules, but its Validate is that of an embedded struct", name)
			}
		}
	}
	for _, name := range checked {
		require.True(t, listed[name], "%s is not in the list", name)
	}
}

// structs returns the exported structs of the package by name.
func structs(t *testing.T) map[string]*ast.StructType {
	t.Helper()
	found := map[string]*ast.StructType{}
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.IsExported() {
				if s, ok := spec.Type.(*ast.StructType); ok {
					found[spec.Name.Name] = s
				}
			}
			return true
		})
	}
	require.NotEmpty(t, found)
	return found
}

func hasRules(s *ast.StructType) bool {
	for _, field := range s.Fields.List {
		if field.Tag != nil && strings.Contains(field.Tag.Value, "validate:") {
			return true
		}
	}
	return false
}

// paths returns where the broken fields are.
func paths(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	require.ErrorIs(t, err, ErrInvalid)
	invalid, ok := errors.AsType[*ValidationError](err)
	require.True(t, ok, "%v", err)
	var all []string
	for _, f := range invalid.Fields {
		all = append(all, f.Path)
	}
	return all
}

func TestBrokenRules(t *testing.T) {
	long := func(n int) string { return strings.Repeat("茶", n) }
	company := func(change func(*BusinessRegistration)) BusinessRegistration {
		b := goodCompany()
		change(&b)
		return b
	}
	program := func(l ...Localization) CreateProgramInput { return CreateProgramInput{Languages: l} }
	domains := func(c Configuration) UpdateProgramConfigurationInput {
		return UpdateProgramConfigurationInput{ProgramID: "p", Configuration: c}
	}
	regions := strings.Fields("AD AE AF AG AI AL AM AO AR AT AU AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ " +
		"CA CD CF CG CH CI CL CM CN CO CR CU CV CY CZ DE DJ DK DM DO DZ")
	languages := func(n int) []Localization {
		all := make([]Localization, n)
		for i := range all {
			all[i] = Localization{Language: "en-" + regions[i], Name: "n"}
		}
		return all
	}
	hosts := func(n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = strings.Repeat("a", i+1) + ".example.com"
		}
		return all
	}
	version := VersionNumber{Major: 1}
	for _, tt := range []struct {
		name string
		in   validator
		want string
	}{
		{"company name as long as may be", company(func(b *BusinessRegistration) { b.CompanyName = long(256) }), ""},
		{"company name", company(func(b *BusinessRegistration) { b.CompanyName = long(257) }), "companyName must have at most 256 characters"},
		{"registration number", company(func(b *BusinessRegistration) { b.RegistrationNumber = long(65) }), "registrationNumber must have at most 64 characters"},
		{"country", company(func(b *BusinessRegistration) { b.Country = "Singapore" }), "country must be a country code of two letters such as CN"},
		{"country in small letters", company(func(b *BusinessRegistration) { b.Country = "sg" }), "country must be a country code of two letters such as CN"},
		{"address", company(func(b *BusinessRegistration) { b.Address = long(513) }), "address must have at most 512 characters"},
		{"contact name", company(func(b *BusinessRegistration) { b.ContactName = long(129) }), "contactName must have at most 128 characters"},
		{"e-mail", company(func(b *BusinessRegistration) { b.ContactEmail = "mei" }), "contactEmail must be an e-mail address"},
		{"phone", company(func(b *BusinessRegistration) { b.ContactPhone = long(33) }), "contactPhone must have at most 32 characters"},
		{"inside of another", ApplyInput{ReleaseID: "r", BasicInfo: new(company(func(b *BusinessRegistration) { b.Country = "" }))}, "basicInfo.country is required"},

		{"many languages", program(languages(MaxLanguages)...), ""},
		{"too many languages", program(languages(MaxLanguages + 1)...), "languages must have at most 50 entries"},
		{"a language twice", program(Localization{Language: "en", Name: "a"}, Localization{Language: "en", Name: "b"}), "languages must not name the same thing twice"},
		{"no language", program(Localization{Name: "a"}), "languages[0].language is required"},
		{"no such language", program(Localization{Language: "en", Name: "a"}, Localization{Language: "??", Name: "b"}), "languages[1].language must be a language tag such as zh-CN"},
		{"well written, but no language", program(Localization{Language: "xx-QQ", Name: "a"}), "languages[0].language must be a language tag such as zh-CN"},
		{"no name", program(Localization{Language: "en"}), "languages[0].name is required"},
		{"a long name", program(Localization{Language: "en", Name: long(65)}), "languages[0].name must have at most 64 characters"},
		{"a long tagline", program(Localization{Language: "en", Name: "a", Tagline: long(129)}), "languages[0].tagline must have at most 128 characters"},
		{"a long description", program(Localization{Language: "en", Name: "a", Description: long(2001)}), "languages[0].description must have at most 2000 characters"},
		{"added languages", AddLanguagesInput{ProgramID: "p", Languages: []Localization{{Language: "en"}}}, "languages[0].name is required"},
		{"a logo that is no file", CreateProgramInput{Languages: languages(1), LogoFileID: "logo.png"}, "logoFileId must be a SHA-256 in 64 lower-case hexadecimal digits"},

		{"many domains", domains(Configuration{ServerDomains: hosts(30), H5Domains: hosts(30)}), ""},
		{"too many domains", domains(Configuration{ServerDomains: hosts(31)}), "configuration.serverDomains must have at most 30 entries"},
		{"a domain twice", domains(Configuration{H5Domains: []string{"a.example.com", "a.example.com"}}), "configuration.h5Domains must not name the same thing twice"},
		{"an address", domains(Configuration{ServerDomains: []string{"a.example.com", "https://b.example.com"}}), "configuration.serverDomains[1] must be a host name such as api.example.com, without scheme, port or path"},
		{"a port", domains(Configuration{H5Domains: []string{"a.example.com:443"}}), "configuration.h5Domains[0] must be a host name such as api.example.com, without scheme, port or path"},
		{"of a release", UpdateReleaseConfigurationInput{ReleaseID: "r", Configuration: Configuration{H5Domains: []string{""}}}, "configuration.h5Domains[0] must be a host name such as api.example.com, without scheme, port or path"},

		{"a long note on a version", UploadVersionInput{ProgramID: "p", Version: version, Package: strings.NewReader("x"), Size: 1, Description: long(501)}, "description must have at most 500 characters"},
		{"a negative size", UploadVersionInput{ProgramID: "p", Version: version, Package: strings.NewReader("x"), Size: -1}, "size must be at least 1"},
		{"a negative size of a file", UploadFileInput{Content: strings.NewReader("x"), Size: -1}, "size must be at least 1"},
		{"a package that is no file", RegisterVersionInput{ProgramID: "p", Version: version, FileID: strings.Repeat("F", 64)}, "fileId must be a SHA-256 in 64 lower-case hexadecimal digits"},
		{"a long note on a registered version", RegisterVersionInput{ProgramID: "p", Version: version, FileID: strings.Repeat("f", 64), Description: long(501)}, "description must have at most 500 characters"},

		{"a ratio below all", GrayscaleInput{ReleaseID: "r", Ratio: -1}, "ratio must be at least 1"},
		{"a ratio above all", GrayscaleInput{ReleaseID: "r", Ratio: 101}, "ratio must be at most 100"},
		{"from below all", GrayscaleInput{ReleaseID: "r", From: -1, Ratio: 5}, "from must be at least 0"},
		{"from above all", GrayscaleInput{ReleaseID: "r", From: 101, Ratio: 5}, "from must be at most 100"},

		{"a rejection without a reason", DecideInput{ID: "req"}, "reason is required to reject: the applicant must know what to mend"},
		{"an approval without a reason", DecideInput{ID: "req", Approve: true}, ""},
		{"a long reason", DecideInput{ID: "req", Reason: long(2001)}, "reason must have at most 2000 characters"},

		{"QR code: app", CreateQRCodeInput{AppID: long(33), Type: QRCodePromo}, "appId must have at most 32 characters"},
		{"QR code: type", CreateQRCodeInput{AppID: "a", Type: QRCodeType(long(33))}, "appQrCodeType must have at most 32 characters"},
		{"QR code: page", CreateQRCodeInput{AppID: "a", Type: QRCodePromo, Page: long(257)}, "appQrCodePage must have at most 256 characters"},
		{"QR code: params", CreateQRCodeInput{AppID: "a", Type: QRCodePromo, Params: long(257)}, "appQrCodeParams must have at most 256 characters"},
		{"QR code: description", CreateQRCodeInput{AppID: "a", Type: QRCodePromo, Description: long(65)}, "appQrCodeDesc must have at most 64 characters"},

		{"a negative page", ListOptions{Limit: -1}, "limit must be at least 0"},
		{"a large page", ListProgramsInput{ListOptions{Limit: 101}}, "limit must be at most 100"},
		{"a long cursor", ListReleasesInput{ListOptions: ListOptions{Cursor: long(1025)}}, "cursor must have at most 1024 characters"},
		{"an unknown order", ListServicesInput{ListOptions: ListOptions{Order: "RANDOM"}}, "order must be one of ASC, DESC"},
		{"a large page of versions", ListVersionsInput{ListOptions: ListOptions{Limit: 101}, ProgramID: "p"}, "limit must be at most 100"},
		{"a large page of requests", ListRequestsInput{ListOptions: ListOptions{Limit: 101}}, "limit must be at most 100"},
		{"a long title to look for", ListRequestsInput{Title: long(257)}, "title must have at most 256 characters"},
		{"a large page of reviews", ListReviewsInput{ListOptions{Limit: 101}}, "limit must be at most 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.in.Validate()
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			invalid, ok := errors.AsType[*ValidationError](err)
			require.True(t, ok, "%v", err)
			require.Len(t, invalid.Fields, 1)
			require.Equal(t, tt.want, invalid.Fields[0].Path+" "+invalid.Fields[0].Message)
		})
	}
}

// Who reads a message knows the documents, not the Go code.
func TestMessagesSpeakOfNoGoNames(t *testing.T) {
	for _, in := range inputs() {
		of := reflect.TypeOf(in.valid)
		err := reflect.Zero(of).Interface().(validator).Validate()
		if err == nil {
			continue
		}
		for _, word := range strings.FieldsFunc(err.Error(), func(r rune) bool { return strings.ContainsRune(" :;.[]'\"", r) }) {
			require.NotEqual(t, of.Name(), word)
			for field := range of.Fields() {
				require.NotEqual(t, field.Name, word, "%v", err)
			}
		}
	}
}

func TestAnIdempotencyKeyHasAtMost64Characters(t *testing.T) {
	in := ReleaseInput{ReleaseID: "r"}
	in.RequestID = strings.Repeat("键", 64)
	require.NoError(t, checkInput(in))
	in.RequestID += "k"
	require.EqualError(t, checkInput(in), "release: 1 field not valid: requestId must have at most 64 characters")
	require.NoError(t, checkInput(struct{}{}), "what has no rules breaks none")
}
