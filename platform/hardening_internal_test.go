package platform

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// weighed is a transport that notes how large each answer is.
type weighed struct {
	to    http.RoundTripper
	sizes []int64
}

func (w *weighed) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.to.RoundTrip(r)
	if err == nil {
		w.sizes = append(w.sizes, resp.ContentLength)
	}
	return resp, err
}

// Twenty services of the largest size are more than a client takes in one answer,
// so they come in pages of about 4 MiB, however many were asked for.
func TestALargeListComesInPagesThatCanBeRead(t *testing.T) {
	const services, mebibyte = 20, 1 << 20
	p, err := New(WithSigner(testkey.FastKey()))
	require.NoError(t, err)
	workspace, err := p.AddWorkspace(t.Context(), alipayplus.BusinessRegistration{
		CompanyName: "Blue Lake Tea", RegistrationNumber: "201900123A", Country: "SG",
		Address: "1 Lake Road, Singapore", ContactName: "Lin Mei", ContactEmail: "mei@bluelake.example",
	})
	require.NoError(t, err)
	require.NoError(t, p.PutMember(t.Context(), Member{WorkspaceID: workspace, Name: "olga", Role: alipayplus.RoleOwner}))
	network := &weighed{to: p.HTTPClient().Transport}
	owner, err := p.Client(t.Context(), workspace, "olga", alipayplus.WithHTTPClient(&http.Client{Transport: network}))
	require.NoError(t, err)

	details := alipayplus.Content{alipayplus.TextBlock(strings.Repeat("x", mebibyte))}
	var want []string
	require.NoError(t, p.cfg.store.Update(t.Context(), func(tx storage.Tx) error {
		for i := range services {
			id := fmt.Sprintf("svc_%02d", i)
			want = append(want, id)
			r := &serviceRecord{Workspace: workspace, Sort: id, Service: alipayplus.Service{
				ID: id, ServiceDescription: alipayplus.ServiceDescription{Details: details},
			}}
			if err := save(tx, nil, r); err != nil {
				return err
			}
		}
		return nil
	}))

	var got []string
	all := alipayplus.ListServicesInput{ListOptions: alipayplus.ListOptions{Limit: 100, Order: alipayplus.OldestFirst}}
	for s, err := range owner.Services.All(t.Context(), all) {
		require.NoError(t, err)
		got = append(got, s.ID)
	}
	require.Equal(t, want, got, "each once")
	require.Len(t, network.sizes, services/4)
	for _, size := range network.sizes {
		require.InDelta(t, 4*mebibyte, size, mebibyte/2)
	}
}
