package alipaycntest_test

import (
	"context"
	"testing"

	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/stretchr/testify/require"
)

func TestClientCallsForAnAppOfItsOwn(t *testing.T) {
	g, err := alipaycntest.New(alipaycntest.WithKey(testkey.FastKey()))
	require.NoError(t, err)
	var asked []string
	c, err := g.Client(alipaycntest.App{ID: "2021000000000001"}, alipaycn.WithObserver(func(_ context.Context, a alipaycn.Attempt) {
		asked = append(asked, a.API)
	}))
	require.NoError(t, err)
	_, err = c.BaseInfo.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"alipay.open.mini.baseinfo.query"}, asked)

	_, err = g.Client(alipaycntest.App{ID: "2021000000000001"})
	require.ErrorContains(t, err, "it exists already")
	_, err = g.Client(alipaycntest.App{ID: "2021000000000002", PublicKey: testkey.FastClient().PublicPEM()})
	require.ErrorContains(t, err, "has a key already")
}
