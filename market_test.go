package alipayplus_test

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// A picture of a service is what its id names, or somebody exchanged it.
func TestAPictureOfTheMarketIsTheOneThatWasAskedFor(t *testing.T) {
	content := picture(t)
	file, err := alipayplus.DescribeFile(content)
	require.NoError(t, err)
	shows := func(id string, content []byte) reply {
		return has(fmt.Sprintf(`{"id":%q,"content":%q}`, id, base64.StdEncoding.EncodeToString(content)))
	}
	in := alipayplus.MarketFileInput{ServiceID: "svc_1", FileID: file.ID}

	got, err := newGateway(t, shows(file.ID, content)).client().Market.File(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, content, got.Content)

	for name, exchanged := range map[string]reply{"another id": shows(fileID, content), "another content": shows(file.ID, []byte("x"))} {
		_, err = newGateway(t, exchanged).client().Market.File(t.Context(), in)
		var untrusted *alipayplus.SignatureError
		require.ErrorAs(t, err, &untrusted, name)
	}
}

func TestTheMarketShowsWhatWasAskedFor(t *testing.T) {
	g := newGateway(t, has(`{"items":[{"id":"svc_1","industry":"Taxi"}]}`))
	_, err := g.client().Market.List(t.Context(), alipayplus.ListMarketInput{Industry: "Food"})
	require.ErrorContains(t, err, "it is about something else than was asked for")
}
