package alipayplus

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// book is a list in pages, by cursor, that notes what was asked for.
type book struct {
	pages map[string]*Page[string]
	asked []string
	err   error
}

func (b *book) list(cursor string) (*Page[string], error) {
	b.asked = append(b.asked, cursor)
	page, ok := b.pages[cursor]
	if !ok {
		return nil, b.err
	}
	return page, nil
}

func page(next string, items ...string) *Page[string] {
	p := &Page[string]{NextCursor: next}
	for _, item := range items {
		p.Items = append(p.Items, &item)
	}
	return p
}

// read ranges until it has n items, or to the end.
func (b *book) read(first string, n int) (items []string, err error) {
	for item, err := range pages(contract.ReleaseList, first, b.list) {
		if err != nil {
			return items, err
		}
		items = append(items, *item)
		if len(items) == n {
			break
		}
	}
	return items, nil
}

func threePages() *book {
	return &book{pages: map[string]*Page[string]{
		"":   page("c2", "a", "b"),
		"c2": page("c3"),
		"c3": page("", "c", "d"),
	}, err: errors.New("no such page")}
}

func TestPagesGoToTheEnd(t *testing.T) {
	b := threePages()
	items, err := b.read("", 0)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b", "c", "d"}, items, "an empty page is not the end")
	require.Equal(t, []string{"", "c2", "c3"}, b.asked)
}

func TestPagesBeginAtTheCursor(t *testing.T) {
	b := threePages()
	items, err := b.read("c2", 0)
	require.NoError(t, err)
	require.Equal(t, []string{"c", "d"}, items)
	require.Equal(t, []string{"c2", "c3"}, b.asked)
}

func TestPagesAreReadWhenTheyAreNeeded(t *testing.T) {
	b := threePages()
	seq := pages(contract.ReleaseList, "", b.list)
	require.Empty(t, b.asked, "nothing before the range")
	for range seq {
		break
	}
	require.Equal(t, []string{""}, b.asked)

	// when the first page is read to its last entry, the second is not asked for
	b = threePages()
	items, err := b.read("", 2)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, items)
	require.Equal(t, []string{""}, b.asked)
}

// The race detector sees to it that ranges of one list share nothing.
func TestAListCanBeRangedOverByManyAtOnce(t *testing.T) {
	b := threePages()
	list := all(t.Context(), contract.ReleaseList, ListReleasesInput{ProgramID: "p_1"}, func(_ context.Context, in ListReleasesInput) (*Page[string], error) {
		if in.ProgramID != "p_1" {
			return nil, errors.New("another choice")
		}
		return b.pages[in.Cursor], nil
	})
	var readers sync.WaitGroup
	got := make([]string, 4)
	for i := range got {
		readers.Go(func() {
			for item, err := range list {
				if err != nil {
					got[i] += err.Error()
					return
				}
				got[i] += *item
			}
		})
	}
	readers.Wait()
	require.Equal(t, []string{"abcd", "abcd", "abcd", "abcd"}, got)
}

func TestASequenceOfPagesCanBeRangedOverAgain(t *testing.T) {
	b := threePages()
	seq := pages(contract.ReleaseList, "", b.list)
	for range 3 {
		var items []string
		for item, err := range seq {
			require.NoError(t, err)
			items = append(items, *item)
		}
		require.Equal(t, []string{"a", "b", "c", "d"}, items)
	}
	require.Len(t, b.asked, 9)
}

func TestPagesEndWithTheFirstError(t *testing.T) {
	b := threePages()
	delete(b.pages, "c3")
	var items []string
	var failures []error
	for item, err := range pages(contract.ReleaseList, "", b.list) {
		if err != nil {
			require.Nil(t, item)
			failures = append(failures, err)
			continue
		}
		items = append(items, *item)
	}
	require.Equal(t, []string{"a", "b"}, items)
	require.Equal(t, []error{b.err}, failures, "and it is yielded once")
	require.Len(t, b.asked, 3)
}

// A platform that gives one cursor for ever does not keep its caller for ever.
func TestARepeatedCursorEndsThePages(t *testing.T) {
	b := &book{pages: map[string]*Page[string]{"": page("c2", "a"), "c2": page("c2", "b")}}
	items, err := b.read("", 0)
	require.Equal(t, []string{"a", "b"}, items)
	require.Equal(t, []string{"", "c2"}, b.asked)
	require.EqualError(t, err, "alipayplus: releases.list: the platform gave a cursor of release/list that it gave before; "+
		"the list would never end; report this to whoever runs the platform")
	require.False(t, IsRetryable(err))
}

// Nor does one whose cursors go round in a circle, however long, and wherever it begins. A list that ends is read to its
// end, however long it is.
func TestPagesEndWhateverTheCursors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		straight, circle := rapid.IntRange(1, 40).Draw(t, "straight"), rapid.IntRange(0, 40).Draw(t, "circle")
		all := straight + circle
		b := &book{pages: map[string]*Page[string]{}}
		name := func(i int) string { return strings.Repeat("c", i) }
		for i := range all {
			next := name(i + 1)
			if i == all-1 {
				next = ""
				if circle > 0 {
					next = name(straight)
				}
			}
			b.pages[name(i)] = page(next, name(i))
		}

		items, err := b.read("", 0)
		if circle == 0 {
			require.NoError(t, err)
			require.Len(t, items, all)
			return
		}
		require.ErrorContains(t, err, "the list would never end")
		require.Len(t, items, all, "every page once")
		require.Len(t, b.asked, all)
	})
}
