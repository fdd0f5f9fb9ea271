package alipayplus

import (
	"context"
	"fmt"
	"iter"

	"github.com/alipayplus-go/alipayplus/internal/contract"
)

// SortOrder is the order of a list by date.
type SortOrder string

// The orders. The zero value is the operation's own default.
const (
	// NewestFirst sorts by creation date, newest first.
	NewestFirst SortOrder = "DESC"
	// OldestFirst sorts by creation date, oldest first.
	OldestFirst SortOrder = "ASC"
)

// ListOptions choose the page of a list.
type ListOptions struct {
	// Limit is the most entries on a page, 1 to 100; 0: the platform's choice.
	Limit int `json:"limit,omitempty" validate:"min=0,max=100"`
	// Cursor is where the page begins: a former page's NextCursor; empty: at the
	// beginning.
	Cursor string `json:"cursor,omitempty" validate:"max=1024"`
	// Order sorts by date; empty: the operation's default.
	Order SortOrder `json:"order,omitempty" validate:"omitempty,oneof=ASC DESC"`
}

// Validate checks the fields.
func (o ListOptions) Validate() error { return validate("list", o, nil) }

// options are those of an input that embeds them.
func (o *ListOptions) options() *ListOptions { return o }

// Page is one page of a list.
type Page[T any] struct {
	// Items are the entries. A page may hold fewer than asked for, or none, and
	// still not be the last: only NextCursor says so.
	Items []*T `json:"items"`
	// NextCursor begins the next page; empty on the last.
	NextCursor string `json:"nextCursor,omitempty"`
}

// listInput is a pointer to an input that embeds [ListOptions].
type listInput[In any] interface {
	*In
	options() *ListOptions
}

// all ranges over everything that an input chooses, from its cursor on; list
// reads one page.
func all[T, In any, P listInput[In]](ctx context.Context, op contract.Operation, in In, list func(context.Context, In) (*Page[T], error)) iter.Seq2[*T, error] {
	return pages(op, P(&in).options().Cursor, func(cursor string) (*Page[T], error) {
		next := in
		P(&next).options().Cursor = cursor
		return list(ctx, next)
	})
}

// pages ranges over a list from the first cursor on. All state is inside the
// range, so that the sequence can be ranged over again.
func pages[T any](op contract.Operation, first string, list func(cursor string) (*Page[T], error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		cursor, seen := first, map[string]bool{first: true}
		for {
			page, err := list(cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			cursor = page.NextCursor
			switch {
			case cursor == "":
				return
			case seen[cursor]:
				yield(nil, repeatedCursor(op))
				return
			}
			seen[cursor] = true
		}
	}
}

func repeatedCursor(op contract.Operation) error {
	return &Error{
		Operation: op.Name,
		Message:   fmt.Sprintf("the platform gave a cursor of %s that it gave before; the list would never end", op.Path),
		Hint:      "report this to whoever runs the platform",
	}
}
