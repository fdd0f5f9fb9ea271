package rollouttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

func checkpointPromises() []promise[StoreHarness] {
	return []promise[StoreHarness]{
		{"an empty store has neither checkpoint nor audit log nor commands", anEmptyStoreHasNothing},
		{"the last checkpoint counts, byte for byte", theLastCheckpointCounts},
		{"a checkpoint may be large", aCheckpointMayBeLarge},
		{"the audit log is appended to, every field kept", theAuditLogIsAppendedTo},
		{"the audit log can be read from the start each time, and left in the middle", theAuditLogIsReadAnew},
		{"checkpoint and audit entries are stored both or neither", bothOrNeither},
		{"what is given and returned is the caller's own", bytesAreTheCallersOwn},
		{"reading needs no lease and takes none", readingNeedsNoLease},
		{"whatever a rollout is called, it is itself and no other", namesAreKeptApart},
		{"another process finds all of it", anotherProcessFindsAll},
	}
}

func anEmptyStoreHasNothing(ctx context.Context, t require.TestingT, h StoreHarness) {
	requireStored(ctx, t, h.Store, climb, nil)
	lease := acquire(ctx, t, h.Store, climb, "first")
	requireLoads(ctx, t, lease, nil)
	requireCommands(ctx, t, lease)
	require.NoError(t, lease.Release(ctx))
	requireStored(ctx, t, h.Store, climb, nil)
}

func theLastCheckpointCounts(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	for n := range 5 {
		require.NoError(t, lease.Save(ctx, checkpoint(n), nil))
		requireLoads(ctx, t, lease, checkpoint(n))
		requireStored(ctx, t, h.Store, climb, checkpoint(n))
	}
	require.NoError(t, lease.Save(ctx, []byte(`{}`), nil), "a shorter one leaves nothing of a longer one")
	requireLoads(ctx, t, lease, []byte(`{}`))
	require.NoError(t, lease.Release(ctx))
}

func aCheckpointMayBeLarge(ctx context.Context, t require.TestingT, h StoreHarness) {
	large, err := json.Marshal(map[string]string{"large": strings.Repeat("蓝湖茶 ", 1<<17)})
	require.NoError(t, err)
	lease := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lease.Save(ctx, large, nil))
	loaded, err := lease.Load(ctx)
	require.NoError(t, err)
	require.True(t, bytes.Equal(large, loaded), "%d bytes came back of %d", len(loaded), len(large))
	require.NoError(t, lease.Release(ctx))
}

func theAuditLogIsAppendedTo(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	strange := entry(2)
	strange.By, strange.Why = "Lin \"Mei\" 林美", "two\nlines, a \\ and <b>; \u2028 \x00 end"
	require.NoError(t, lease.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, lease.Save(ctx, checkpoint(2), []rollout.AuditEntry{strange, entry(2)}))
	require.NoError(t, lease.Save(ctx, checkpoint(3), nil))
	require.NoError(t, lease.Save(ctx, checkpoint(4), []rollout.AuditEntry{entry(4)}))
	require.NoError(t, lease.Save(ctx, checkpoint(5), []rollout.AuditEntry{entry(5)}))
	requireStored(ctx, t, h.Store, climb, checkpoint(5), entry(1), strange, entry(2), entry(4), entry(5))
	require.NoError(t, lease.Release(ctx))

	next := acquire(ctx, t, h.Store, climb, "second")
	requireStored(ctx, t, h.Store, climb, checkpoint(5), entry(1), strange, entry(2), entry(4), entry(5))
	require.NoError(t, next.Release(ctx))
}

func theAuditLogIsReadAnew(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lease.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1), entry(2), entry(3)}))
	log := h.Store.Audit(ctx, climb)
	for range 2 {
		for e, err := range log {
			require.NoError(t, err)
			require.Equal(t, uint64(1), e.Seq)
			break
		}
	}
	require.NoError(t, lease.Save(ctx, checkpoint(2), []rollout.AuditEntry{entry(4)}))
	requireStored(ctx, t, h.Store, climb, checkpoint(2), entry(1), entry(2), entry(3), entry(4))
	require.NoError(t, lease.Release(ctx))
}

func bothOrNeither(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lease.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := lease.Save(over, checkpoint(2), []rollout.AuditEntry{entry(2)}); err == nil {
		requireStored(ctx, t, h.Store, climb, checkpoint(2), entry(1), entry(2))
		return
	}
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
	require.NoError(t, lease.Release(ctx))
}

func bytesAreTheCallersOwn(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	given, log := checkpoint(1), []rollout.AuditEntry{entry(1)}
	require.NoError(t, lease.Save(ctx, given, log))
	clear(given)
	log[0] = entry(99)
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
	loaded, err := lease.Load(ctx)
	require.NoError(t, err)
	clear(loaded)
	read, err := h.Store.Read(ctx, climb)
	require.NoError(t, err)
	clear(read)
	requireLoads(ctx, t, lease, checkpoint(1))
	require.NoError(t, h.Store.Post(ctx, climb, command("c1", 1)))
	commands, err := lease.Commands(ctx)
	require.NoError(t, err)
	require.Len(t, commands, 1)
	commands[0] = command("c99", 99)
	requireCommands(ctx, t, lease, "c1")
	require.NoError(t, lease.Release(ctx))
}

func readingNeedsNoLease(ctx context.Context, t require.TestingT, h StoreHarness) {
	requireStored(ctx, t, h.Store, climb, nil)
	lease := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lease.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
	require.NoError(t, lease.Renew(ctx), "the lease must not suffer from reading")
	require.NoError(t, lease.Release(ctx))
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
	next := acquire(ctx, t, h.Store, climb, "second")
	require.NoError(t, next.Release(ctx))
}

func namesAreKeptApart(ctx context.Context, t require.TestingT, h StoreHarness) {
	long := strings.Repeat("long/", 2000)
	names := []string{
		"release rel_1", "release rel_10", "release-rel_1", "release_rel_1", "release%20rel_1", "release+rel_1", " release rel_1", "release rel_1 ",
		"a/b", "a", "b", "a\\b", "a:b", "a%2Fb", "a%2fb", "/a/b", "a/b/", "a//b", ".", "..", "../a", "../../etc/passwd", "...", ".hidden", "~", "-", "--help", "*", "a*", "?",
		"蓝湖茶", "蓝湖茶/1.0.0", "caf\u00e9", "cafe\u0301", "😀", "two\nlines", "tab\t", "nul\x00byte", "not\xffutf8", "CON", "lock", "audit", "commands", "checkpoint.json",
		long + "1", long + "2", strings.Repeat("x", 255), strings.Repeat("x", 256),
	}
	for n, name := range names {
		lease := acquire(ctx, t, h.Store, name, "first")
		requireLoads(ctx, t, lease, nil)
		require.NoError(t, lease.Save(ctx, checkpoint(n), []rollout.AuditEntry{entry(n)}))
		require.NoError(t, h.Store.Post(ctx, name, command(fmt.Sprint("c", n), n)))
		require.NoError(t, lease.Release(ctx))
	}
	for n, name := range names {
		requireStored(ctx, t, h.Store, name, checkpoint(n), entry(n))
		lease := acquire(ctx, t, h.Store, name, "second")
		requireCommands(ctx, t, lease, fmt.Sprint("c", n))
		require.NoError(t, lease.Release(ctx))
	}
}

func anotherProcessFindsAll(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lease.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, h.Store.Post(ctx, climb, command("c1", 1)))
	require.NoError(t, h.Store.Post(ctx, climb, command("c2", 2)))
	require.NoError(t, lease.Forget(ctx, []string{"c1"}))
	if h.Reopen == nil {
		require.NoError(t, lease.Release(ctx))
		return
	}
	requireStored(ctx, t, h.Reopen(), climb, checkpoint(1), entry(1))
	require.NoError(t, h.Reopen().Post(ctx, climb, command("c3", 3)))
	requireCommands(ctx, t, lease, "c2", "c3")
	require.NoError(t, lease.Release(ctx))

	next := acquire(ctx, t, h.Reopen(), climb, "second")
	requireLeased(ctx, t, h.Store, climb, "second")
	requireLoads(ctx, t, next, checkpoint(1))
	requireCommands(ctx, t, next, "c2", "c3")
	require.NoError(t, next.Release(ctx))
}

// checkpoint makes a checkpoint as runners do: a JSON object without white space, as
// [json.Marshal] writes it. A store may rely on that, and on nothing else.
func checkpoint(n int) []byte {
	data, _ := json.Marshal(map[string]any{ // a map of texts and numbers
		"schema": 1, "n": n, "text": "<b> & \"quoted\" 蓝湖茶 \u2028", "list": []int{3, 1, 2}, "large": json.Number("18446744073709551615"), "float": 1.50,
		"z": map[string]any{"b": nil, "a": true},
	})
	return data
}

func entry(n int) rollout.AuditEntry {
	return rollout.AuditEntry{
		Seq: uint64(n), At: time.Date(2030, 1, 2, 3, 4, n%60, 567_890_123, time.UTC), By: fmt.Sprint("member ", n),
		Action: rollout.EventRaised, From: alipayplus.Ratio(n % 50), To: alipayplus.Ratio(n%50 + 1), Why: fmt.Sprint("reason ", n),
	}
}

func requireLoads(ctx context.Context, t require.TestingT, lease rollout.Lease, want []byte) {
	got, err := lease.Load(ctx)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
	require.Equal(t, want == nil, got == nil, "no checkpoint is nil, and only that")
}

// requireStored checks what is read without a lease.
func requireStored(ctx context.Context, t require.TestingT, s rollout.Store, name string, want []byte, log ...rollout.AuditEntry) {
	got, err := s.Read(ctx, name)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "checkpoint of %q", name)
	require.Equal(t, want == nil, got == nil, "no checkpoint is nil, and only that")
	require.Equal(t, auditLines(log), auditLines(readAudit(ctx, t, s, name)), "audit log of %q", name)
}

func readAudit(ctx context.Context, t require.TestingT, s rollout.Store, name string) []rollout.AuditEntry {
	var all []rollout.AuditEntry
	for e, err := range s.Audit(ctx, name) {
		require.NoError(t, err)
		all = append(all, e)
	}
	return all
}

// auditLines makes entries comparable and readable: the same instant is the same.
func auditLines(log []rollout.AuditEntry) []string {
	return slices.Collect(func(yield func(string) bool) {
		for _, e := range log {
			if !yield(fmt.Sprintf("%d %s %q %s %d-%d %q", e.Seq, e.At.UTC().Format(time.RFC3339Nano), e.By, e.Action, e.From, e.To, e.Why)) {
				return
			}
		}
	})
}
