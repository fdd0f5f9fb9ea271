package cnwire_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

// TestALinkIsReadAsItWasWritten: on a PC and on a phone, whatever is in it.
func TestALinkIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asked := cnwire.NewAuthorizationRequest(cnwire.AgentOpParam{
			RedirectURI: rapid.String().Draw(t, "redirect"), AppTypes: []string{"TINYAPP"}, ISVAppID: "2021000000000001", State: rapid.String().Draw(t, "state"),
		})
		encoded, err := asked.Encode()
		require.NoError(t, err)
		for _, link := range []string{"https://b.alipay.com" + cnwire.AuthorizePC, "http://127.0.0.1:8481" + cnwire.AuthorizePhone} {
			u, err := url.Parse(link + encoded)
			require.NoError(t, err)
			read, err := cnwire.ParseAuthorizationRequest(u)
			require.NoError(t, err)
			require.Equal(t, asked, read)
		}
	})
}

func TestALinkThatCannotBeRead(t *testing.T) {
	for query, want := range map[string]string{
		"":               "bizData is not the JSON",
		"bizData=%":      "the link is malformed",
		"bizData=%7B%7D": `must have platformCode "O"`,
		"bizData=%7B%22platformCode%22%3A%22O%22%7D": `taskType "INTERFACE_AUTH"`,
	} {
		_, err := cnwire.ParseAuthorizationRequest(&url.URL{Path: cnwire.AuthorizePCPath, RawQuery: query})
		require.ErrorContains(t, err, want, query)
	}
}
