package transport

import (
	"context"
	"slices"
)

// Operations are the functions that are called when an operation begins, before its first attempt. Each returns the
// context of what follows, and what is called when the operation is over; the latter may be nil. O describes an operation.
type Operations[O any] []func(context.Context, O) (context.Context, func(error))

// Add adds one.
func (all *Operations[O]) Add(begin func(context.Context, O) (context.Context, func(error))) error {
	if begin == nil {
		return NoFunction("operation observer")
	}
	*all = append(*all, begin)
	return nil
}

// Begin calls them in their order. end calls what they returned, in the reverse one.
func (all Operations[O]) Begin(ctx context.Context, operation O) (of context.Context, end func(error)) {
	if len(all) == 0 {
		return ctx, endOfNothing
	}
	ends := make([]func(error), len(all))
	for i, begin := range all {
		ctx, ends[i] = begin(ctx, operation)
	}
	return ctx, func(err error) {
		for _, end := range slices.Backward(ends) {
			if end != nil {
				end(err)
			}
		}
	}
}

// endOfNothing is the end of an operation that nobody observes. A literal in a generic function would be allocated.
func endOfNothing(error) {}
