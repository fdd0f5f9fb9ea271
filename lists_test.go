package alipayplus_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// ids collects a list to its end.
func ids[T any](list iter.Seq2[*T, error], id func(*T) string) (all []string, err error) {
	for item, err := range list {
		if err != nil {
			return all, err
		}
		all = append(all, id(item))
	}
	return all, nil
}

// Every list is read from the caller's cursor to its end, with the caller's choice on every page.
func TestEveryListIsReadToItsEnd(t *testing.T) {
	from := alipayplus.ListOptions{Limit: 2, Cursor: "c1", Order: alipayplus.OldestFirst}
	for _, tt := range []struct {
		path string
		// with is a choice besides the page.
		with string
		read func(*testing.T, *alipayplus.Client) ([]string, error)
	}{
		{"miniprogram/list", "", func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			return ids(c.Programs.All(t.Context(), alipayplus.ListProgramsInput{ListOptions: from}), func(p *alipayplus.Program) string { return p.ID })
		}},
		{"miniprogram/version/list", `"programId":"p_1"`, func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			in := alipayplus.ListVersionsInput{ListOptions: from, ProgramID: "p_1"}
			return ids(c.Programs.AllVersions(t.Context(), in), func(v *alipayplus.Version) string { return v.FileID })
		}},
		{"release/list", `"status":"FULL_RELEASE"`, func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			in := alipayplus.ListReleasesInput{ListOptions: from, Status: alipayplus.ReleaseFull}
			return ids(c.Releases.All(t.Context(), in), func(r *alipayplus.Release) string { return r.ID })
		}},
		{"service/list", `"status":"ONLINE"`, func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			in := alipayplus.ListServicesInput{ListOptions: from, Status: alipayplus.ServiceOnline}
			return ids(c.Services.All(t.Context(), in), func(s *alipayplus.Service) string { return s.ID })
		}},
		{"request/list", `"title":"tea"`, func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			in := alipayplus.ListRequestsInput{ListOptions: from, Title: "tea"}
			return ids(c.Requests.All(t.Context(), in), func(r *alipayplus.Request) string { return r.ID })
		}},
		{"review/list", "", func(t *testing.T, c *alipayplus.Client) ([]string, error) {
			return ids(c.Reviews.All(t.Context(), alipayplus.ListReviewsInput{ListOptions: from}), func(r *alipayplus.Request) string { return r.ID })
		}},
	} {
		t.Run(tt.path, func(t *testing.T) {
			g := newGateway(t,
				has(`{"items":[{"id":"a","fileId":"a"},{"id":"b","fileId":"b"}],"nextCursor":"c2"}`),
				has(`{"items":[],"nextCursor":"c3"}`),
				has(`{"items":[{"id":"c","fileId":"c"}]}`),
				refuses(200, alipayplus.CodeNotFound),
			)
			all, err := tt.read(t, g.client())
			require.NoError(t, err)
			require.Equal(t, []string{"a", "b", "c"}, all)
			require.Len(t, g.attempts(), 3)
			for i, attempt := range g.attempts() {
				require.Equal(t, "/api/open/v2/"+tt.path, attempt.request.URL.Path)
				var page alipayplus.ListOptions
				require.NoError(t, json.Unmarshal(attempt.body, &page))
				require.Equal(t, alipayplus.ListOptions{Limit: 2, Cursor: fmt.Sprintf("c%d", i+1), Order: alipayplus.OldestFirst}, page)
				require.Contains(t, string(attempt.body), tt.with)
			}

			// the next call is refused
			_, err = tt.read(t, g.client())
			require.ErrorIs(t, err, alipayplus.ErrNotFound)
			require.Len(t, g.attempts(), 4)
		})
	}
}
