package transport

import (
	"context"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// The first one is outermost: what it puts into the context the next one sees, and it ends last.
func TestOperationsAreNested(t *testing.T) {
	type key struct{}
	var log []string
	begins := func(name string) func(context.Context, string) (context.Context, func(error)) {
		return func(ctx context.Context, operation string) (context.Context, func(error)) {
			outer, _ := ctx.Value(key{}).(string)
			log = append(log, operation+" "+outer+name)
			return context.WithValue(ctx, key{}, outer+name), func(err error) { log = append(log, name+" "+err.Error()) }
		}
	}
	silent := func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, nil }

	ctx, end := Operations[string]{begins("a"), silent, begins("b")}.Begin(t.Context(), "create")
	end(io.EOF)

	require.Equal(t, "ab", ctx.Value(key{}))
	require.Equal(t, []string{"create a", "create ab", "b EOF", "a EOF"}, log)
}

func TestWithoutFunctionsAnOperationHasTheContextOfItsCaller(t *testing.T) {
	ctx, end := Operations[string](nil).Begin(t.Context(), "create")
	end(io.EOF)
	require.Equal(t, t.Context(), ctx)
}
