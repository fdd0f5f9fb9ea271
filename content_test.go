package alipayplus_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

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

		{"an image", alipayplus.ImageBlock("f", "a cup of tea"), nil},
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
