package alipaycn

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// AlipayCN says of an application that a Chinese character counts 2. It does not
// say so of a change of base information and of a check of a name, and nothing of
// what is neither Chinese nor ASCII. What it may take is not refused here.
func TestALengthThatTheDocumentsLeaveOpenIsNotRefused(t *testing.T) {
	chinese := func(n int) string { return strings.Repeat("茶", n) }
	for _, tt := range []struct {
		name     string
		validate func(text string) error
		text     string
		want     []string
	}{
		{"a new name in Chinese", func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, chinese(30), nil},
		{"one more", func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, chinese(31), []string{"app_name: must have 3 to 30 characters; has 31"}},
		{"a new name of two Chinese characters", func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, chinese(2), nil},
		{"a new name of one", func(s string) error { return ModifyBaseInfoInput{AppName: s}.Validate() }, chinese(1), []string{"app_name: must have 3 to 30 characters; has 1"}},
		{"a new slogan in Chinese", func(s string) error { return ModifyBaseInfoInput{AppSlogan: s}.Validate() }, chinese(32), nil},
		{"a new description in Chinese", func(s string) error { return ModifyBaseInfoInput{AppDescription: s}.Validate() }, chinese(400), nil},
		{"a name to check in Chinese", func(s string) error { return CheckNameInput{AppName: s}.Validate() }, chinese(30), nil},

		{"a slogan with Chinese commas", func(s string) error { in := application(); in.AppSlogan = s; return in.Validate() }, chinese(15) + "，，", nil},
		{"a slogan with too many", func(s string) error { in := application(); in.AppSlogan = s; return in.Validate() }, chinese(15) + "，，，", []string{"app_slogan: must have 10 to 32 characters, a Chinese one counting 2; has 33"}},
		{"a slogan of Chinese commas", func(s string) error { in := application(); in.AppSlogan = s; return in.Validate() }, strings.Repeat("，", 5), nil},
		{"a memo with accents", func(s string) error { in := application(); in.Memo = s; return in.Validate() }, strings.Repeat("é", 500), nil},
	} {
		t.Run(tt.name, func(t *testing.T) { require.Equal(t, tt.want, broken(tt.validate(tt.text))) })
	}
}

// What an e-mail address must look like, AlipayCN does not document.
func TestAnUnusualEMailAddressIsNotRefused(t *testing.T) {
	for text, taken := range map[string]bool{
		"help@example.com": true, "shop..tea@docomo.example": true, "茶.@例子.公司": true, `"tea"@example.com`: true,
		"help": false, "@example.com": false, "help@": false, "a@b@c": false, "tea shop@example.com": false,
		"Help <help@example.com>": false, "a@example.com,b@example.com": false, "help@example.com\n": false,
	} {
		in := application()
		in.ServiceEmail = text
		require.Equal(t, taken, in.Validate() == nil, "%q", text)
	}
}
