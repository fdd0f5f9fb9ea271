package platform

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// interrupted is a store in which something happens once, just before the next
// transaction is committed. It counts how often that one has to run.
type interrupted struct {
	storage.Store
	meanwhile func()
	runs      int
}

func (s *interrupted) Update(ctx context.Context, fn func(storage.Tx) error) error {
	meanwhile := s.meanwhile
	if meanwhile == nil {
		return s.Store.Update(ctx, fn)
	}
	s.meanwhile = nil
	return s.Store.Update(ctx, func(tx storage.Tx) error {
		s.runs++
		err := fn(tx)
		if s.runs == 1 {
			meanwhile()
		}
		return err
	})
}

// TestWritesToDifferentProgramsDoNotMeet: not even when there is much to forget,
// as there is on every day after the first.
func TestWritesToDifferentProgramsDoNotMeet(t *testing.T) {
	store := &interrupted{Store: storage.NewMemory()}
	p, err := New(WithSigner(testkey.Key()), WithStore(store))
	require.NoError(t, err)
	workspace, err := p.AddWorkspace(t.Context(), modelCompany())
	require.NoError(t, err)
	require.NoError(t, store.Update(t.Context(), func(tx storage.Tx) error {
		for i := range 100 {
			past := &outcomeRecord{At: fmt.Sprintf("outcome/%d", i), Expires: now().Add(-time.Hour - time.Duration(i))}
			if err := save(tx, nil, past); err != nil {
				return err
			}
		}
		return nil
	}))
	create := func(id string) {
		done := p.execute(t.Context(), incoming{
			route:  p.routes[contract.ProgramCreate.Path],
			caller: caller{member: Member{WorkspaceID: workspace, Name: "olga", Role: alipayplus.RoleOwner}},
			body:   fmt.Appendf(nil, `{"languages":[{"language":"zh-CN","name":"Tea"}],"requestId":%q}`, id),
		})
		require.NoError(t, done.err)
		require.Equal(t, 200, done.reply.status)
	}
	store.meanwhile = func() { create("second") }
	create("first")
	require.Equal(t, 1, store.runs, "the first need not run again because of the second")
}
