package alipayplus_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// fileID is what a file could be called.
const fileID = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"

// shortTea is a service that the narrowest policy of these tests allows.
func shortTea() alipayplus.ServiceDescription {
	return alipayplus.ServiceDescription{
		Name: "Tea", Industry: "FOOD", Type: alipayplus.ServiceMiniProgramDevelopment,
		Description: "Tea", ImageFileID: fileID, ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN},
		PaymentInformation: alipayplus.Content{alipayplus.TextBlock("5 SGD")},
	}
}

func TestServiceStatusEditable(t *testing.T) {
	for status, want := range map[alipayplus.ServiceStatus]bool{
		alipayplus.ServiceDraft: true, alipayplus.ServiceTurnedDown: true, alipayplus.ServiceWithdrawn: true,
		alipayplus.ServicePendingReview: false, alipayplus.ServiceOnline: false, alipayplus.ServiceArchived: false,
		"": false, "NEW": false,
	} {
		require.Equal(t, want, status.Editable(), "%q", status)
	}
}

func TestDefaultServicePolicy(t *testing.T) {
	p := alipayplus.DefaultServicePolicy()
	require.Equal(t, []alipayplus.ServiceType{"MINI_PROGRAM_DEVELOPMENT"}, p.Types, "the one type that is documented")
	require.Equal(t, int64(2097152), p.MaxImageBytes)
	require.Positive(t, min(p.MaxName, p.MaxText, p.MaxBlocks, p.MaxTableCells))
	require.NoError(t, p.Check(shortTea()))
	require.NoError(t, shortTea().Validate())
}

// The service that the documents describe, with six things wrong at once.
func TestAServiceWithSixBrokenFieldsGivesExactlyThose(t *testing.T) {
	d := alipayplus.ServiceDescription{
		Name:           strings.Repeat("n", 101),
		Type:           "CONSULTING",
		Description:    "",
		ApplicableApps: []alipayplus.TargetApp{alipayplus.TargetAlipayCN, alipayplus.TargetAlipayCN},
		PaymentInformation: alipayplus.Content{
			alipayplus.TextBlock("Two rates"),
			alipayplus.TableBlock([]string{"plan", "price"}, []string{"month", "5"}, []string{"year"}),
		},
		Industry: "FOOD", ImageFileID: "",
	}
	want := []string{
		"name must have at most 100 characters; has 101",
		"type must be one of [MINI_PROGRAM_DEVELOPMENT]; got \"CONSULTING\"",
		"description is required",
		"imageFileId is required",
		"applicableApps must not name the same thing twice",
		"paymentInformation[1].table.rows[1] must have 2 cells like the header; has 1",
	}
	for name, err := range map[string]error{
		"description": d.Validate(),
		"create":      alipayplus.CreateServiceInput{ServiceDescription: d}.Validate(),
		"update":      alipayplus.UpdateServiceInput{ServiceID: "svc_1", ServiceDescription: d}.Validate(),
	} {
		t.Run(name, func(t *testing.T) {
			require.ElementsMatch(t, want, brokenFields(t, err))
			require.ErrorContains(t, err, "service: 6 fields not valid: ")
		})
	}
}

func TestAnEmptyServiceMissesAllThatIsRequired(t *testing.T) {
	require.Equal(t, []string{
		"name is required", "industry is required", "type is required", "description is required",
		"imageFileId is required", "applicableApps must have at least 1 entry", "paymentInformation must have at least 1 entry",
	}, brokenFields(t, alipayplus.ServiceDescription{}.Validate()))
}

func TestServicePolicyLimits(t *testing.T) {
	choosy := narrow()
	choosy.Industries = []string{"FOOD", "TRAVEL"}
	choosy.Types = []alipayplus.ServiceType{"CONSULTING"}
	choosy.Apps = []alipayplus.TargetApp{"WALLET", alipayplus.TargetAlipayCN}
	for _, tt := range []struct {
		name   string
		change func(*alipayplus.ServiceDescription)
		want   []string
	}{
		{"name as long as may be", func(d *alipayplus.ServiceDescription) { d.Name = "蓝湖茶好喝蓝湖茶好喝" }, nil},
		{"name too long", func(d *alipayplus.ServiceDescription) { d.Name = "12345678901" }, []string{"name must have at most 10 characters; has 11"}},
		{"description as long as may be", func(d *alipayplus.ServiceDescription) { d.Description = "12345" }, nil},
		{"description too long", func(d *alipayplus.ServiceDescription) { d.Description = "123456" }, []string{"description must have at most 5 characters; has 6"}},
		{"another industry", func(d *alipayplus.ServiceDescription) { d.Industry = "SPACE" }, []string{`industry must be one of [FOOD TRAVEL]; got "SPACE"`}},
		{"no industry is one complaint", func(d *alipayplus.ServiceDescription) { d.Industry = "" }, []string{"industry is required"}},
		{"another type", func(d *alipayplus.ServiceDescription) { d.Type = "X" }, []string{`type must be one of [CONSULTING]; got "X"`}},
		{"two apps", func(d *alipayplus.ServiceDescription) {
			d.ApplicableApps = []alipayplus.TargetApp{alipayplus.TargetAlipayCN, "WALLET"}
		}, nil},
		{"another app", func(d *alipayplus.ServiceDescription) {
			d.ApplicableApps = []alipayplus.TargetApp{"WALLET", "BANK"}
		}, []string{`applicableApps[1] must be one of [WALLET ALIPAY_CN]; got "BANK"`}},
		{"an app without a name", func(d *alipayplus.ServiceDescription) {
			d.ApplicableApps = []alipayplus.TargetApp{"WALLET", ""}
		}, []string{"applicableApps[1] is required"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := shortTea()
			d.Type = "CONSULTING"
			tt.change(&d)
			require.Equal(t, tt.want, brokenFields(t, choosy.Check(d)))
		})
	}
}

func TestAPolicyWithoutChoicesTakesAny(t *testing.T) {
	d := shortTea()
	d.Industry, d.Type, d.ApplicableApps = "SPACE", "CONSULTING", []alipayplus.TargetApp{"BANK"}
	require.NoError(t, narrow().Check(d))
}

func TestServiceInputsAreCheckedByTheAnnouncedPolicy(t *testing.T) {
	// given a description that the default policy allows and the announced one does not
	d, announced := shortTea(), narrow()
	d.Description = "Tea from the lake"
	create := alipayplus.CreateServiceInput{ServiceDescription: d}
	update := alipayplus.UpdateServiceInput{ServiceID: "svc_1", ServiceDescription: d}
	require.NoError(t, create.Validate())
	require.NoError(t, update.Validate())

	create.Policy, update.Policy = &announced, &announced
	want := []string{"description must have at most 5 characters; has 17"}
	require.Equal(t, want, brokenFields(t, create.Validate()))
	require.Equal(t, want, brokenFields(t, update.Validate()))

	update.ServiceID = ""
	require.Equal(t, append([]string{"serviceId is required"}, want...), brokenFields(t, update.Validate()))
}

func TestServiceImages(t *testing.T) {
	image := alipayplus.ImageBlock
	d := alipayplus.ServiceDescription{
		ImageFileID:        "main",
		PaymentInformation: alipayplus.Content{alipayplus.TextBlock("tea"), image("p1", "")},
		Details:            alipayplus.Content{image("d0", ""), image("d1", "")},
		Tutorial:           alipayplus.Content{image("t0", "")},
		SuccessStory:       alipayplus.Content{alipayplus.TableBlock([]string{"a"}, []string{"1"}), image("s1", "")},
	}
	want := [][2]string{
		{"imageFileId", "main"},
		{"paymentInformation[1].image.fileId", "p1"},
		{"details[0].image.fileId", "d0"},
		{"details[1].image.fileId", "d1"},
		{"tutorial[0].image.fileId", "t0"},
		{"successStory[1].image.fileId", "s1"},
	}
	// when somebody stops after n of them, n are seen; then all
	for n := 1; n <= len(want)+1; n++ {
		var got [][2]string
		for path, id := range d.Images() {
			got = append(got, [2]string{path, id})
			if len(got) == n {
				break
			}
		}
		require.Equal(t, want[:min(n, len(want))], got)
	}
}

// brokenFields returns the paths and messages of a [alipayplus.ValidationError], "path message" each.
func brokenFields(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	var invalid *alipayplus.ValidationError
	require.ErrorAs(t, err, &invalid)
	require.ErrorIs(t, err, alipayplus.ErrInvalid)
	fields := make([]string, len(invalid.Fields))
	for i, f := range invalid.Fields {
		fields[i] = f.Path + " " + f.Message
	}
	return fields
}

// narrow is a policy whose limits a test can reach.
func narrow() alipayplus.ServicePolicy {
	return alipayplus.ServicePolicy{MaxName: 10, MaxText: 5, MaxBlocks: 2, MaxTableCells: 6, MaxImageBytes: 1000}
}

func TestContentBlocks(t *testing.T) {
	type block = alipayplus.Block
	for _, tt := range []struct {
		name  string
		block block
		want  []string
	}{
		{"a text", alipayplus.TextBlock("tea"), nil},
		{"as long as may be", alipayplus.TextBlock("12345"), nil},
		{"characters count, not bytes", alipayplus.TextBlock("蓝湖茶好喝"), nil},
		{"too long", alipayplus.TextBlock("123456"), []string{"[0].text must have at most 5 characters; has 6"}},
		{"no text", alipayplus.TextBlock(""), []string{"[0].text is required"}},
		{"text, but another thing", block{Type: alipayplus.BlockText, Image: &alipayplus.Image{FileID: "f"}}, []string{"[0].text is required"}},

		{"an image", alipayplus.ImageBlock(fileID, "a cup"), nil},
		{"no image", block{Type: alipayplus.BlockImage}, []string{"[0].image.fileId is required; upload the image first"}},
		{"an image of nothing", alipayplus.ImageBlock("", "a cup"), []string{"[0].image.fileId is required; upload the image first"}},

		{"a table", alipayplus.TableBlock([]string{"a", "b"}, []string{"1", "2"}, []string{"3", ""}), nil},
		{"characters of cells count", alipayplus.TableBlock([]string{"蓝湖茶好喝"}, []string{"蓝湖茶好喝"}), nil},
		{"no table", block{Type: alipayplus.BlockTable}, []string{"[0].table.header is required"}},
		{"no columns", alipayplus.TableBlock(nil, []string{"1"}), []string{"[0].table.header is required"}},
		{"no rows", alipayplus.TableBlock([]string{"a"}), []string{"[0].table.rows must have at least 1 row"}},
		{"a column without a title", alipayplus.TableBlock([]string{"a", ""}, []string{"1", "2"}), []string{"[0].table.header[1] is required"}},
		{"a long title", alipayplus.TableBlock([]string{"123456"}, []string{"1"}), []string{"[0].table.header[0] must have at most 5 characters; has 6"}},
		{"a long cell", alipayplus.TableBlock([]string{"a", "b"}, []string{"12345", "123456"}), []string{"[0].table.rows[0][1] must have at most 5 characters; has 6"}},
		{"a missing cell", alipayplus.TableBlock([]string{"a", "b"}, []string{"1", "2"}, []string{"3"}), []string{"[0].table.rows[1] must have 2 cells like the header; has 1"}},
		{"a cell too many", alipayplus.TableBlock([]string{"a"}, []string{"1", "2"}), []string{"[0].table.rows[0] must have 1 cells like the header; has 2"}},
		{"as large as may be", alipayplus.TableBlock([]string{"a", "b", "c"}, []string{"1", "2", "3"}), nil},
		{"too large", alipayplus.TableBlock([]string{"a", "b", "c", "d"}, []string{"1", "2", "3", "4"}), []string{"[0].table must have at most 6 cells; has 8"}},

		{"no type", block{Text: "tea"}, []string{"[0].type must be one of TEXT, IMAGE, TABLE"}},
		{"an unknown type", block{Type: "VIDEO"}, []string{"[0].type must be one of TEXT, IMAGE, TABLE"}},
		{
			"two things at once",
			block{Type: alipayplus.BlockText, Text: "tea", Image: &alipayplus.Image{FileID: "f"}},
			[]string{"[0] must hold one of text, image and table, not several"},
		},
		{
			"two others at once",
			block{Type: alipayplus.BlockImage, Image: &alipayplus.Image{FileID: "f"}, Table: &alipayplus.Table{}},
			[]string{"[0] must hold one of text, image and table, not several"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// given the block in each of the four sections in turn
			for _, section := range []string{"paymentInformation", "details", "tutorial", "successStory"} {
				d := shortTea()
				switch section {
				case "paymentInformation":
					d.PaymentInformation = alipayplus.Content{tt.block}
				case "details":
					d.Details = alipayplus.Content{tt.block}
				case "tutorial":
					d.Tutorial = alipayplus.Content{tt.block}
				case "successStory":
					d.SuccessStory = alipayplus.Content{tt.block}
				}
				var want []string
				for _, field := range tt.want {
					want = append(want, section+field)
				}
				require.Equal(t, want, brokenFields(t, narrow().Check(d)))
			}
		})
	}
}

func TestContentHasAsManyBlocksAsThePolicyAllows(t *testing.T) {
	d := shortTea()
	tea := alipayplus.TextBlock("tea")
	d.Details = alipayplus.Content{tea, tea}
	require.NoError(t, narrow().Check(d))
	d.Details = alipayplus.Content{tea, tea, tea}
	require.Equal(t, []string{"details must have at most 2 blocks; has 3"}, brokenFields(t, narrow().Check(d)))
	d.Details = alipayplus.Content{tea, alipayplus.TextBlock("")}
	require.Equal(t, []string{"details[1].text is required"}, brokenFields(t, narrow().Check(d)))
}

func TestContentInJSON(t *testing.T) {
	data, err := json.Marshal(alipayplus.Content{
		alipayplus.TextBlock("Two rates"), alipayplus.ImageBlock("f1", "rates"), alipayplus.TableBlock([]string{"month"}, []string{"5"}),
	})
	require.NoError(t, err)
	require.JSONEq(t, `[
		{"type":"TEXT","text":"Two rates"},
		{"type":"IMAGE","image":{"fileId":"f1","description":"rates"}},
		{"type":"TABLE","table":{"header":["month"],"rows":[["5"]]}}
	]`, string(data))
}

func FuzzContent(f *testing.F) {
	for _, data := range []string{
		`[{"type":"TEXT","text":"tea"}]`,
		`[{"type":"IMAGE","image":{"fileId":"f"}}]`,
		`[{"type":"TABLE","table":{"header":["a","b"],"rows":[["1","2"],["3"]]}}]`,
		`[{"type":"TABLE","table":{"header":["a"],"rows":[null]}}]`,
		`[{"type":"TABLE"},{"type":"IMAGE","image":{}},{}]`,
		`null`, `[]`, `[null]`,
	} {
		f.Add([]byte(data))
	}
	policy := alipayplus.DefaultServicePolicy()
	f.Fuzz(func(t *testing.T, data []byte) {
		var content alipayplus.Content
		if json.Unmarshal(data, &content) != nil {
			return
		}
		d := shortTea()
		d.PaymentInformation = content
		if err := policy.Check(d); err != nil {
			for _, field := range brokenFields(t, err) {
				require.True(t, strings.HasPrefix(field, "paymentInformation"), field)
			}
			return
		}
		written, err := json.Marshal(content)
		require.NoError(t, err)
		var again alipayplus.Content
		require.NoError(t, json.Unmarshal(written, &again))
		require.Equal(t, content, again)
		d.PaymentInformation = again
		require.NoError(t, policy.Check(d))
	})
}
