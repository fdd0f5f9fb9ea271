package platform

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// listRequestsOf calls the operation without the wire: there are many entries.
func listRequestsOf(t *testing.T, p *Platform, in alipayplus.ListRequestsInput) *alipayplus.Page[alipayplus.Request] {
	t.Helper()
	owner := memberCaller(t, p, Member{WorkspaceID: "ws", Name: "olga", Role: alipayplus.RoleOwner})
	var shown *alipayplus.Page[alipayplus.Request]
	require.NoError(t, p.cfg.store.View(t.Context(), func(tx storage.Tx) error {
		c, err := p.begin(t.Context(), tx, incoming{caller: owner})
		require.NoError(t, err)
		list, err := listRequests(c, in)
		if err == nil {
			shown = decoded[alipayplus.Request](t, list)
		}
		return err
	}))
	return shown
}

// decoded is a page as a client reads it.
func decoded[T any](t *testing.T, list *page) *alipayplus.Page[T] {
	t.Helper()
	shown := new(alipayplus.Page[T])
	require.NoError(t, json.Unmarshal(list.appendTo(nil), shown))
	return shown
}

func TestAFilteredPageLooksAtABoundedNumberOfEntries(t *testing.T) {
	p, err := New(WithSigner(testkey.FastKey()))
	require.NoError(t, err)
	given := []string{"needle"}
	for i := range 2 * maxExamined {
		given = append(given, fmt.Sprintf("hay %d", i))
	}
	require.NoError(t, p.cfg.store.Update(t.Context(), func(tx storage.Tx) error {
		for _, title := range given {
			r := &requestRecord{Workspace: "ws", Sort: p.sortKey(time.Time{}), Request: alipayplus.Request{ID: title, Title: title}}
			if err := save(tx, nil, r); err != nil {
				return err
			}
		}
		return nil
	}))

	in := alipayplus.ListRequestsInput{Title: "needle"}
	found, pages := 0, 0
	for {
		page := listRequestsOf(t, p, in)
		found, pages = found+len(page.Items), pages+1
		if page.NextCursor == "" {
			break
		}
		require.Empty(t, page.Items, "newest first, the needle is on the last page")
		in.Cursor = page.NextCursor
	}
	require.Equal(t, 3, pages, "each looked at %d entries", maxExamined)
	require.Equal(t, 1, found)

	page := listRequestsOf(t, p, alipayplus.ListRequestsInput{Title: "needle", ListOptions: alipayplus.ListOptions{Order: alipayplus.OldestFirst}})
	require.Len(t, page.Items, 1)
	require.NotEmpty(t, page.NextCursor, "nobody has looked further yet")
}

// FuzzCursor gives a list cursors from outside, and forged ones that name the
// right list: none may panic, nor lead out of the list.
func FuzzCursor(f *testing.F) {
	store := storage.NewMemory()
	require.NoError(f, store.Update(f.Context(), func(tx storage.Tx) error {
		for _, workspace := range []string{"a", "b", "c"} {
			for i := range 3 {
				r := &serviceRecord{Workspace: workspace, Sort: fmt.Sprintf("%020d", i), Service: alipayplus.Service{ID: fmt.Sprint(i), CreatedBy: workspace}}
				if err := save(tx, nil, r); err != nil {
					return err
				}
			}
		}
		return nil
	}))
	list := func(opts alipayplus.ListOptions) listing {
		return listing{prefix: key("i/service", "b", "all") + "/", opts: opts}
	}
	own := list(alipayplus.ListOptions{})
	f.Add(own.cursor(fmt.Sprintf("%020d", 1)), "", false)
	f.Add(own.cursor(""), "\xff\xff", true)
	f.Add("", "../../c/all/", true)
	f.Add("%", "\x00", false)
	f.Add("bnVsbA", strings.Repeat("9", 300), false)
	f.Fuzz(func(t *testing.T, text, after string, up bool) {
		opts := alipayplus.ListOptions{Cursor: text}
		if up {
			opts.Order = alipayplus.OldestFirst
		}
		forged := opts
		forged.Cursor = list(opts).cursor(after)
		for _, opts := range []alipayplus.ListOptions{opts, forged} {
			var got *page
			err := store.View(t.Context(), func(tx storage.Tx) (err error) {
				got, err = list(opts).page(tx)
				return err
			})
			if err != nil {
				require.Equal(t, alipayplus.CodeParamIllegal, codeOf(err), "%v", err)
				continue
			}
			for _, s := range decoded[alipayplus.Service](t, got).Items {
				require.Equal(t, "b", s.CreatedBy, "what belongs to another list")
			}
		}
	})
}

// measured is a transport that notes how large each answer is.
type measured struct {
	to    http.RoundTripper
	sizes []int64
}

func (w *measured) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.to.RoundTrip(r)
	if err == nil {
		w.sizes = append(w.sizes, resp.ContentLength)
	}
	return resp, err
}

// Twenty services of the largest size are more than a client takes in one answer,
// so they come in pages of about 4 MiB, however many were asked for.
func TestALargeListComesInPagesThatCanBeRead(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	const services, mebibyte = 20, 1 << 20
	p, olga := ownedPlatform(t)
	network := &measured{to: p.HTTPClient().Transport}
	owner, err := p.Client(t.Context(), olga.WorkspaceID, olga.Name, alipayplus.WithHTTPClient(&http.Client{Transport: network}))
	require.NoError(t, err)

	details := alipayplus.Content{alipayplus.TextBlock(strings.Repeat("x", mebibyte))}
	var want []string
	require.NoError(t, p.cfg.store.Update(t.Context(), func(tx storage.Tx) error {
		for i := range services {
			id := fmt.Sprintf("svc_%02d", i)
			want = append(want, id)
			r := &serviceRecord{Workspace: olga.WorkspaceID, Sort: id, Service: alipayplus.Service{
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
