package console

import (
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// Both languages have all texts, and every text is used.
func TestTheTextsAreComplete(t *testing.T) {
	used := map[string]bool{}
	var unused []string
	key := regexp.MustCompile(`"([a-z]+(?:\.[a-z]+)*)"`)
	for _, folder := range []string{"templates", "."} {
		var files fs.FS = embedded
		if folder == "." {
			files = sources(t)
		}
		require.NoError(t, fs.WalkDir(files, folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || path == "texts.go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			content, err := fs.ReadFile(files, path)
			for _, found := range key.FindAllStringSubmatch(string(content), -1) {
				used[found[1]] = true
			}
			return err
		}))
	}
	for name, table := range map[string]map[string]text{"texts": texts(), "names": names(), "fieldNames": fieldNames()} {
		for key, text := range table {
			require.NotEmpty(t, text.en, key)
			require.NotEmpty(t, text.zh, key)
			require.Equal(t, strings.Count(text.en, "%"), strings.Count(text.zh, "%"), key)
			require.False(t, strings.ContainsFunc(text.en, func(r rune) bool { return unicode.Is(unicode.Han, r) }), key)
			if name == "texts" {
				if !used[key] && !strings.HasPrefix(key, "step.") && !strings.HasPrefix(key, "warning.") && !strings.HasPrefix(key, "button.") { // by stepName and the like
					unused = append(unused, key)
				}
			}
		}
	}
	require.Empty(t, unused, "texts that nothing shows")
}

// Every status and role of the contract has a name.
func TestEveryValueHasAName(t *testing.T) {
	var values []string
	add := func(more ...string) { values = append(values, more...) }
	for _, s := range []alipayplus.RequestStatus{alipayplus.RequestUnderReview, alipayplus.RequestApproved, alipayplus.RequestRejected, alipayplus.RequestWithdrawn} {
		add(string(s))
	}
	for _, s := range []alipayplus.ReviewStatus{alipayplus.ReviewPending, alipayplus.ReviewApproved, alipayplus.ReviewRejected, alipayplus.ReviewClosed} {
		add(string(s))
	}
	for _, s := range []alipayplus.Role{alipayplus.RoleOwner, alipayplus.RoleMaster, alipayplus.RoleDeveloper} {
		add(string(s))
	}
	for _, s := range []alipayplus.OrderStatus{
		alipayplus.OrderNew, alipayplus.OrderPendingConfirmation, alipayplus.OrderInDevelopment,
		alipayplus.OrderUnderApproval, alipayplus.OrderCompleted, alipayplus.OrderCanceled,
	} {
		add(string(s))
		for _, side := range []alipayplus.OrderSide{alipayplus.SideMerchant, alipayplus.SideProvider} {
			add(string(side))
			for _, a := range s.Actions(side) {
				add(string(a))
			}
		}
	}
	for _, value := range values {
		require.Contains(t, names(), value)
	}
}

func TestTheLanguageOfABrowser(t *testing.T) {
	for header, want := range map[string]language{
		"": english, "zh-CN,zh;q=0.9,en;q=0.8": chinese, "en-GB,zh;q=0.9": english, "fr, zh-Hant;q=0.5": chinese,
		"en;q=0.1, ZH;q=0.2": chinese, "zh;q=x, en;q=0.3": english, "*": english, ";;,,": english,
	} {
		r := &http.Request{Header: http.Header{"Accept-Language": {header}}}
		require.Equal(t, want, languageOf(r), header)
	}
	r := &http.Request{Header: http.Header{"Accept-Language": {"zh"}}}
	r.AddCookie(&http.Cookie{Name: languageCookie, Value: "en"})
	require.Equal(t, english, languageOf(r))
	require.Equal(t, []language{english, chinese}, slices.Compact(languages()))
}

// sources are the files of this package.
func sources(t *testing.T) fs.FS {
	t.Helper()
	return os.DirFS(".")
}
