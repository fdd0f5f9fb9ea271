package alipaycnapp_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/alipaycn"
	"github.com/alipayplus-go/alipayplus/alipaycn/alipaycntest"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/alipaycnapp/alipaycnapptest"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// What package alipaycnapptest sets up for tests of others.
func TestAMerchantAuthorizesAPlatform(t *testing.T) {
	store := storage.NewMemory()
	var asked []string
	app, gateway, err := alipaycnapptest.New(store, []alipaycntest.Option{alipaycntest.WithKey(testkey.FastKey())},
		alipaycn.WithObserver(func(_ context.Context, a alipaycn.Attempt) { asked = append(asked, a.API) }))
	require.NoError(t, err)
	p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(store), platform.WithTargetBackends(app))
	require.NoError(t, err)
	owner, err := p.AddOwner(t.Context(), alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	}, "mei")
	require.NoError(t, err)
	program, err := owner.Programs.Create(t.Context(), alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: "蓝湖茶"}}})
	require.NoError(t, err)
	begun, err := owner.Authorizations.Begin(t.Context(), alipayplus.BeginAuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)

	require.ErrorContains(t, alipaycnapptest.Confirm(gateway)(t.Context(), p.HTTPClient(), "https://b.alipay.com/"), "bizData is not")
	require.ErrorContains(t, gateway.Confirm(t.Context(), p.HTTPClient(), begun.URL, "nobody"), `there is no mini program "nobody"`)
	require.NoError(t, alipaycnapptest.Confirm(gateway)(t.Context(), p.HTTPClient(), begun.URL))
	granted, err := owner.Authorizations.Get(t.Context(), alipayplus.AuthorizationInput{ProgramID: program.ID, TargetApp: alipayplus.TargetAlipayCN})
	require.NoError(t, err)
	require.Equal(t, alipayplus.AuthorizationGranted, granted.Status)
	require.Equal(t, alipaycnapptest.MiniProgram, granted.TargetProgramID)
	require.Equal(t, []string{"alipay.open.auth.token.app", "alipay.open.auth.token.app.query"}, asked)

	_, _, err = alipaycnapptest.New(store, []alipaycntest.Option{alipaycntest.WithKey(nil)})
	require.ErrorContains(t, err, "key")
}
