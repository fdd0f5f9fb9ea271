package rollouttest

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func commandPromises() []promise[StoreHarness] {
	return []promise[StoreHarness]{
		{"commands can be left without the lease, whoever has it", commandsNeedNoLease},
		{"commands come oldest first, every field kept", commandsComeOldestFirst},
		{"a command that is there already is left alone", aRepeatedCommandIsOne},
		{"commands are there until they are forgotten", commandsStayUntilForgotten},
		{"ids that contain each other are different ids", idsAreKeptApart},
	}
}

func commandsNeedNoLease(ctx context.Context, t require.TestingT, h StoreHarness) {
	require.NoError(t, h.Store.Post(ctx, climb, command("before", 1)))
	lease := acquire(ctx, t, h.Store, climb, "first")
	requireCommands(ctx, t, lease, "before")
	require.NoError(t, h.Store.Post(ctx, climb, command("during", 2)))
	requireCommands(ctx, t, lease, "before", "during")
	require.NoError(t, lease.Renew(ctx), "the lease must not suffer from a command")
	require.NoError(t, lease.Release(ctx))
	require.NoError(t, h.Store.Post(ctx, climb, command("after", 3)))
	next := acquire(ctx, t, h.Store, climb, "second")
	requireCommands(ctx, t, next, "before", "during", "after")
	requireLoads(ctx, t, next, nil)
	require.NoError(t, next.Release(ctx))
}

func commandsComeOldestFirst(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	var want []rollout.Command
	for n := range 30 {
		c := command(fmt.Sprintf("c%d", (n*7)%30), n) // ids in no order
		want = append(want, c)
		require.NoError(t, h.Store.Post(ctx, climb, c))
	}
	got, err := lease.Commands(ctx)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i := range want {
		require.True(t, want[i].At.Equal(got[i].At), "the time of command %d", i)
		got[i].At = want[i].At
		require.Equal(t, want[i], got[i])
	}
	require.NoError(t, lease.Release(ctx))
}

func aRepeatedCommandIsOne(ctx context.Context, t require.TestingT, h StoreHarness) {
	for range 3 {
		require.NoError(t, h.Store.Post(ctx, climb, command("c1", 1)))
	}
	require.NoError(t, h.Store.Post(ctx, climb, command("c2", 2)))
	require.NoError(t, h.Store.Post(ctx, climb, command("c1", 3)))
	lease := acquire(ctx, t, h.Store, climb, "first")
	requireCommands(ctx, t, lease, "c1", "c2")
	got, err := lease.Commands(ctx)
	require.NoError(t, err)
	require.Equal(t, command("c1", 1).By, got[0].By, "the first one counts")
	require.NoError(t, lease.Release(ctx))
}

func commandsStayUntilForgotten(ctx context.Context, t require.TestingT, h StoreHarness) {
	for n := range 5 {
		require.NoError(t, h.Store.Post(ctx, climb, command(fmt.Sprint("c", n), n)))
	}
	lease := acquire(ctx, t, h.Store, climb, "first")
	for range 2 { // reading does not remove them
		requireCommands(ctx, t, lease, "c0", "c1", "c2", "c3", "c4")
	}
	require.NoError(t, lease.Forget(ctx, nil))
	require.NoError(t, lease.Forget(ctx, []string{"c3", "never posted", "c1"}))
	requireCommands(ctx, t, lease, "c0", "c2", "c4")
	require.NoError(t, lease.Forget(ctx, []string{"c1"}), "it is gone already")
	require.NoError(t, lease.Save(ctx, checkpoint(1), nil), "saving removes none")
	require.NoError(t, h.Store.Post(ctx, climb, command("c5", 5)))
	requireCommands(ctx, t, lease, "c0", "c2", "c4", "c5")
	require.NoError(t, lease.Release(ctx))

	next := acquire(ctx, t, h.Store, climb, "second")
	requireCommands(ctx, t, next, "c0", "c2", "c4", "c5")
	require.NoError(t, next.Forget(ctx, []string{"c0", "c2", "c4", "c5"}))
	requireCommands(ctx, t, next)
	require.NoError(t, next.Release(ctx))
}

func idsAreKeptApart(ctx context.Context, t require.TestingT, h StoreHarness) {
	ids := []string{"a-b", "b", "a", "a-b-c", "-b", "a/b", "../b", "a*", "*", "?", "[a]", "A", "a b", "", "蓝", "a.json"}
	for n, id := range ids {
		require.NoError(t, h.Store.Post(ctx, climb, command(id, n)))
	}
	lease := acquire(ctx, t, h.Store, climb, "first")
	requireCommands(ctx, t, lease, ids...)
	for i, id := range ids {
		require.NoError(t, lease.Forget(ctx, []string{id}))
		requireCommands(ctx, t, lease, ids[i+1:]...)
	}
	require.NoError(t, lease.Release(ctx))
}

func command(id string, n int) rollout.Command {
	return rollout.Command{
		ID: id, Kind: rollout.CommandApprove, Ratio: alipayplus.Ratio(n), By: fmt.Sprint("member ", n),
		Reason: "reason \"" + id + "\"\n蓝湖茶", At: time.Date(2030, 1, 2, 3, 4, 5, n*1_000_003, time.UTC),
	}
}

func requireCommands(ctx context.Context, t require.TestingT, lease rollout.Lease, ids ...string) {
	commands, err := lease.Commands(ctx)
	require.NoError(t, err)
	got := make([]string, len(commands))
	for i, c := range commands {
		got[i] = c.ID
	}
	if ids == nil {
		ids = []string{}
	}
	require.Equal(t, ids, got)
}
