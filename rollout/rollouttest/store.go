package rollouttest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// StoreHarness is a store to check, and what its surroundings can do to it.
type StoreHarness struct {
	// Store is empty.
	Store rollout.Store
	// Die ends the holder of a lease as a crash does: nothing is released in order,
	// and when it returns another can acquire the lease. Where leases live on
	// for a while without being renewed, it waits that long.
	Die func(lease rollout.Lease)
	// Elapse lets time pass, for a store whose leases must be renewed; nil for
	// others.
	Elapse func(d time.Duration)
	// Reopen returns a store over the same data, as another process has it; nil for
	// a store that ends with its process.
	Reopen func() rollout.Store
	// Slow says that each write takes tens of milliseconds or more, as where it starts
	// processes. What shows a mistake by chance only, or shows again what was shown
	// already, is then tried a few times instead of many; no case is left out.
	Slow bool
}

// times is how often a case does something in a loop: a few times where the store is slow.
func (h StoreHarness) times(many, few int) int {
	if h.Slow {
		return few
	}
	return many
}

// TestStore checks that a store keeps the contract of [rollout.Store] and
// [rollout.Lease]. It calls newHarness once for each case; what is to be cleaned up
// newHarness registers on its t.
//
// What only a crash in the middle of Save can show, it cannot check: that belongs into
// the store's own tests.
func TestStore(t *testing.T, newHarness func(t *testing.T) StoreHarness, opts ...CheckOption) {
	t.Helper()
	runCases(t, newHarness, storeCases(), opts)
}

func storeCases() []contractCase[StoreHarness] {
	return slices.Concat(leaseCases(), checkpointCases(), commandCases(), storeConcurrencyCases())
}

func leaseCases() []contractCase[StoreHarness] {
	return []contractCase[StoreHarness]{
		{"a lease is of one holder, who is named to others", aLeaseIsOfOneHolder},
		{"a lease that was released can be acquired", aReleasedLeaseCanBeAcquired},
		{"a lease that was given back is no right any more", aLeaseGivenBackIsNoRight},
		{"the lease of one rollout does not concern another", leasesAreOfRollouts},
		{"after its holder died a lease can be acquired, with all that was stored", aDeadHoldersLeaseCanBeAcquired},
		{"a lost lease refuses everything and changes nothing", aLostLeaseRefusesEverything},
		{"a lost lease does not end that of its successor", aLostLeaseDoesNotEndItsSuccessors},
		{"a lease that is renewed is kept", aRenewedLeaseIsKept},
		{"an ended context takes no lease", anEndedContextTakesNoLease},
	}
}

const climb = "release 1"

func aLeaseIsOfOneHolder(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first holder")
	for range 2 { // asking changes nothing
		requireLeased(ctx, t, h.Store, climb, "first holder")
	}
	if h.Reopen != nil {
		requireLeased(ctx, t, h.Reopen(), climb, "first holder")
	}
	require.NoError(t, lease.Save(ctx, checkpoint(1), nil), "the lease must not suffer from being asked for")
	require.NoError(t, lease.Release(ctx))
}

func aReleasedLeaseCanBeAcquired(ctx context.Context, t require.TestingT, h StoreHarness) {
	for _, holder := range []string{"first", "second", "third"} {
		lease := acquire(ctx, t, h.Store, climb, holder)
		requireLeased(ctx, t, h.Store, climb, holder)
		require.NoError(t, lease.Release(ctx))
	}
}

func aLeaseGivenBackIsNoRight(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lease.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, lease.Release(ctx))
	requireRefused(ctx, t, lease)
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
}

func leasesAreOfRollouts(ctx context.Context, t require.TestingT, h StoreHarness) {
	one := acquire(ctx, t, h.Store, "one", "first")
	other := acquire(ctx, t, h.Store, "other", "second")
	require.NoError(t, one.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, other.Save(ctx, checkpoint(2), []rollout.AuditEntry{entry(2)}))
	require.NoError(t, one.Release(ctx))
	requireLeased(ctx, t, h.Store, "other", "second")
	requireStored(ctx, t, h.Store, "one", checkpoint(1), entry(1))
	requireStored(ctx, t, h.Store, "other", checkpoint(2), entry(2))
	require.NoError(t, other.Release(ctx))
}

func aDeadHoldersLeaseCanBeAcquired(ctx context.Context, t require.TestingT, h StoreHarness) {
	_, next := succeeded(ctx, t, h)
	requireLeased(ctx, t, h.Store, climb, "second")
	requireLoads(ctx, t, next, checkpoint(1))
	requireCommands(ctx, t, next, "c1")
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
	require.NoError(t, next.Release(ctx))
}

func aLostLeaseRefusesEverything(ctx context.Context, t require.TestingT, h StoreHarness) {
	lost, next := succeeded(ctx, t, h)
	requireRefused(ctx, t, lost)
	requireLoads(ctx, t, next, checkpoint(1))
	requireCommands(ctx, t, next, "c1")
	requireStored(ctx, t, h.Store, climb, checkpoint(1), entry(1))
	require.NoError(t, next.Release(ctx))
}

func aLostLeaseDoesNotEndItsSuccessors(ctx context.Context, t require.TestingT, h StoreHarness) {
	lost, next := succeeded(ctx, t, h)
	if err := lost.Release(ctx); err != nil {
		require.ErrorIs(t, err, rollout.ErrLeaseLost)
	}
	requireLeased(ctx, t, h.Store, climb, "second")
	require.NoError(t, next.Save(ctx, checkpoint(2), nil))
	require.NoError(t, next.Release(ctx))
}

// succeeded is a lease that was lost after a checkpoint and a command were stored, and its
// successor's.
func succeeded(ctx context.Context, t require.TestingT, h StoreHarness) (lost, next rollout.Lease) {
	lost = acquire(ctx, t, h.Store, climb, "first")
	require.NoError(t, lost.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, h.Store.Post(ctx, climb, command("c1", 1)))
	h.Die(lost)
	return lost, acquire(ctx, t, h.Store, climb, "second")
}

func aRenewedLeaseIsKept(ctx context.Context, t require.TestingT, h StoreHarness) {
	lease := acquire(ctx, t, h.Store, climb, "first")
	every := lease.RenewEvery()
	require.GreaterOrEqual(t, every, time.Duration(0))
	for range h.times(50, 10) {
		if every > 0 {
			require.NotNil(t, h.Elapse, "a lease that must be renewed needs Elapse to be checked")
			h.Elapse(every)
		}
		requireLeased(ctx, t, h.Store, climb, "first")
		require.NoError(t, lease.Renew(ctx))
	}
	require.NoError(t, lease.Save(ctx, checkpoint(1), nil))
	require.NoError(t, lease.Release(ctx))
}

func anEndedContextTakesNoLease(ctx context.Context, t require.TestingT, h StoreHarness) {
	over, cancel := context.WithCancel(ctx)
	cancel()
	_, err := h.Store.Acquire(over, climb, "first")
	require.ErrorIs(t, err, context.Canceled)
	lease := acquire(ctx, t, h.Store, climb, "second")
	require.NoError(t, lease.Release(ctx))
}

func acquire(ctx context.Context, t require.TestingT, s rollout.Store, name, holder string) rollout.Lease {
	lease, err := s.Acquire(ctx, name, holder)
	require.NoError(t, err)
	require.NotNil(t, lease)
	return lease
}

func requireLeased(ctx context.Context, t require.TestingT, s rollout.Store, name, holder string) {
	_, err := s.Acquire(ctx, name, "intruder")
	require.ErrorIs(t, err, rollout.ErrLeased)
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	var leased *rollout.LeasedError
	require.ErrorAs(t, err, &leased)
	require.Equal(t, rollout.LeasedError{Rollout: name, Holder: holder}, *leased)
}

// requireRefused checks that a lease is no right any more.
func requireRefused(ctx context.Context, t require.TestingT, lease rollout.Lease) {
	_, err := lease.Load(ctx)
	require.ErrorIs(t, err, rollout.ErrLeaseLost, "Load")
	require.ErrorIs(t, lease.Save(ctx, checkpoint(99), []rollout.AuditEntry{entry(99)}), rollout.ErrLeaseLost, "Save")
	_, err = lease.Commands(ctx)
	require.ErrorIs(t, err, rollout.ErrLeaseLost, "Commands")
	require.ErrorIs(t, lease.Forget(ctx, []string{"c1"}), rollout.ErrLeaseLost, "Forget")
	require.ErrorIs(t, lease.Renew(ctx), rollout.ErrLeaseLost, "Renew")
}

func checkpointCases() []contractCase[StoreHarness] {
	return []contractCase[StoreHarness]{
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
		{"a store that lists what it keeps lists what was saved, and nothing else", theSavedIsListed},
	}
}

func theSavedIsListed(ctx context.Context, t require.TestingT, h StoreHarness) {
	store, lists := h.Store.(rollout.Lister)
	if !lists {
		return
	}
	listed := func() (all []string) {
		for data, err := range store.Checkpoints(ctx) {
			require.NoError(t, err)
			all = append(all, string(data))
		}
		return all
	}
	require.Empty(t, listed())
	var want []string
	for i, name := range []string{"one", "other", "not begun", "release 1/ä"} {
		lease := acquire(ctx, t, store, name, "first")
		if name != "not begun" {
			require.NoError(t, lease.Save(ctx, checkpoint(0), nil))
			require.NoError(t, lease.Save(ctx, checkpoint(i+1), nil))
			want = append(want, string(checkpoint(i+1)))
		}
		if i > 0 {
			require.NoError(t, lease.Release(ctx))
		}
	}
	require.ElementsMatch(t, want, listed(), "held or not")
	for range store.Checkpoints(ctx) { // can be left in the middle
		break
	}
	require.ElementsMatch(t, want, listed())
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
	unusual := entry(2)
	unusual.By, unusual.Why = "Lin \"Mei\" 林美", "two\nlines, a \\ and <b>; \u2028 \x00 end"
	require.NoError(t, lease.Save(ctx, checkpoint(1), []rollout.AuditEntry{entry(1)}))
	require.NoError(t, lease.Save(ctx, checkpoint(2), []rollout.AuditEntry{unusual, entry(2)}))
	require.NoError(t, lease.Save(ctx, checkpoint(3), nil))
	require.NoError(t, lease.Save(ctx, checkpoint(4), []rollout.AuditEntry{entry(4)}))
	require.NoError(t, lease.Save(ctx, checkpoint(5), []rollout.AuditEntry{entry(5)}))
	requireStored(ctx, t, h.Store, climb, checkpoint(5), entry(1), unusual, entry(2), entry(4), entry(5))
	require.NoError(t, lease.Release(ctx))

	next := acquire(ctx, t, h.Store, climb, "second")
	requireStored(ctx, t, h.Store, climb, checkpoint(5), entry(1), unusual, entry(2), entry(4), entry(5))
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
	leases, every := make([]rollout.Lease, len(names)), h.times(1, 8)
	for n, name := range names {
		leases[n] = acquire(ctx, t, h.Store, name, "first") // refused if it is another's
		require.NoError(t, leases[n].Save(ctx, checkpoint(n), []rollout.AuditEntry{entry(n)}))
		if n%every == 0 {
			require.NoError(t, h.Store.Post(ctx, name, command(fmt.Sprint("c", n), n)))
		}
	}
	for n, name := range names {
		requireStored(ctx, t, h.Store, name, checkpoint(n), entry(n))
		if n%every == 0 {
			requireCommands(ctx, t, leases[n], fmt.Sprint("c", n))
			require.NoError(t, leases[n].Release(ctx))
		}
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
	lines := make([]string, len(log))
	for i, e := range log {
		lines[i] = fmt.Sprintf("%d %s %q %s %d-%d %q", e.Seq, e.At.UTC().Format(time.RFC3339Nano), e.By, e.Action, e.From, e.To, e.Why)
	}
	return lines
}

func commandCases() []contractCase[StoreHarness] {
	return []contractCase[StoreHarness]{
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
	for n := range 12 {
		c := command(fmt.Sprintf("c%d", (n*7)%12), n) // unsorted ids
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
	for left, apart := ids, h.times(len(ids), 4); len(left) > 0; apart-- {
		var some, others []string // neighbours, which contain each other, are forgotten apart
		for i, id := range left {
			if i%apart == 0 {
				some = append(some, id)
			} else {
				others = append(others, id)
			}
		}
		require.NoError(t, lease.Forget(ctx, some))
		requireCommands(ctx, t, lease, others...)
		left = others
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
	require.Equal(t, append([]string{}, ids...), got)
}
