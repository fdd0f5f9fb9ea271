package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func smallPNG(t require.TestingT) []byte {
	var buf bytes.Buffer
	require.NoError(t, png.Encode(&buf, image.NewGray(image.Rect(0, 0, 1, 1))))
	return buf.Bytes()
}

// settledRecords are all records, but for what a call notes down before it asks
// the target app.
func settledRecords(t testing.TB, p *Platform) map[string]string {
	t.Helper()
	all := everythingKept(t, p)
	for at, value := range all {
		if strings.HasPrefix(at, "release/") {
			var r releaseRecord
			require.NoError(t, json.Unmarshal([]byte(value), &r))
			r.RequestedRatio, r.Unresolved = 0, ""
			after, err := json.Marshal(&r)
			require.NoError(t, err)
			all[at] = string(after)
		}
	}
	return all
}

// TestAStoreThatFailsAtAnyMomentLeavesNothingHalfDone lets the store fail at
// each access of each operation in turn: the answer says that the outcome is
// unknown, nothing is half done, and the same call succeeds afterwards.
func TestAStoreThatFailsAtAnyMomentLeavesNothingHalfDone(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	bodies := goodBodies()
	for _, op := range contract.Operations() {
		body, err := json.Marshal(bodies[op])
		require.NoError(t, err)
		if op == contract.FileUpload {
			body = smallPNG(t)
		}
		t.Run(op.Name, func(t *testing.T) {
			for failAt := 1; ; failAt++ {
				p := fuzzPlatform(t)
				store := &failingStore{Store: p.cfg.store}
				before := settledRecords(t, p)
				p.cfg.store = store
				store.failAt = failAt
				out := executeAs(t.Context(), p, fuzzCaller(op), op, alipayplus.ContentPNG, body)
				if store.accesses < failAt {
					require.Equal(t, http.StatusOK, out.status, "%s", out.body)
					require.Greater(t, failAt, 1, "it needs the store")
					return
				}
				store.failAt = 0
				require.Equal(t, http.StatusInternalServerError, out.status, "access %d: %s", failAt, out.body)
				require.Contains(t, string(out.body), `"resultStatus":"U"`)
				require.NotContains(t, string(out.body), "/var/lib", "the platform's inside is its own business")
				require.Equal(t, before, settledRecords(t, p), "access %d", failAt)
				out = executeAs(t.Context(), p, fuzzCaller(op), op, alipayplus.ContentPNG, body)
				require.Equal(t, http.StatusOK, out.status, "after access %d: %s", failAt, out.body)
			}
		})
	}
}

// TestAStoreThatFailsIsReported: what is done through Go returns the store's error.
func TestAStoreThatFailsIsReported(t *testing.T) {
	ctx := t.Context()
	company := goodBodies()[contract.ReleaseApply].(alipayplus.ApplyInput).BasicInfo
	for name, do := range map[string]func(p *Platform) error{
		"AddWorkspace": func(p *Platform) error { _, err := p.AddWorkspace(ctx, *company); return err },
		"PutMember": func(p *Platform) error {
			return p.PutMember(ctx, Member{WorkspaceID: "ws", Name: "max", Role: alipayplus.RoleMaster})
		},
		"Client":              func(p *Platform) error { _, err := p.Client(ctx, "ws", "olga"); return err },
		"ReviewerClient":      func(p *Platform) error { _, err := p.ReviewerClient(ctx, alipayplus.PartyAlipayCN); return err },
		"GrantAuthorization":  func(p *Platform) error { return p.GrantAuthorization(ctx, "ws", "p1", alipayplus.TargetAlipayCN) },
		"RevokeAuthorization": func(p *Platform) error { return p.RevokeAuthorization(ctx, "ws", "p1", alipayplus.TargetAlipayCN) },
		"Reviews":             func(p *Platform) error { _, err := p.Reviews(ctx); return err },
		"Audit": func(p *Platform) error {
			for _, err := range p.Audit(ctx, "ws") {
				return err
			}
			return nil
		},
		"Approve": func(p *Platform) error {
			waiting := PendingReview{WorkspaceID: "ws", Request: alipayplus.Request{ID: "q2"}, p: p}
			return waiting.Approve(ctx, alipayplus.PartyAlipayPlus)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for failAt := 1; ; failAt++ {
				p := fuzzPlatform(t)
				require.NoError(t, p.PutMember(ctx, Member{WorkspaceID: "ws", Name: "olga", Role: alipayplus.RoleOwner}))
				before := everythingKept(t, p)
				store := &failingStore{Store: p.cfg.store, failAt: failAt}
				p.cfg.store = store
				err := do(p)
				if store.accesses < failAt {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, errStore)
				require.Equal(t, before, everythingKept(t, p))
			}
		})
	}
}

// TestRecordsThatCannotBeReadAreAFailureOfThePlatform, not of the caller.
func TestRecordsThatCannotBeReadAreAFailureOfThePlatform(t *testing.T) {
	p := fuzzPlatform(t)
	require.NoError(t, p.cfg.store.Update(t.Context(), func(tx storage.Tx) error {
		return errors.Join(tx.Put(releaseKey("ws", "r1"), []byte("{")), tx.Put(workspaceKey("ws"), []byte("[]")), tx.Put("audit/ws/0", []byte("x")))
	}))
	for _, op := range []contract.Operation{contract.ReleaseQuery, contract.WorkspaceQuery, contract.ReleaseApply} {
		body, err := json.Marshal(goodBodies()[op])
		require.NoError(t, err)
		out := executeAs(t.Context(), p, fuzzCaller(op), op, "", body)
		require.Equal(t, http.StatusInternalServerError, out.status, op.Name)
		require.NotContains(t, string(out.body), "record", "told to the log, not to the caller")
	}
	for _, err := range p.Audit(t.Context(), "ws") {
		require.Error(t, err)
	}
}

// What a list passes on is what encoding the thing would give, however much its texts look like
// the end of it, and a filter finds each member as it is.
func TestARecordIsStoredAsItIsShown(t *testing.T) {
	const tricky = "a \"b\" \\ <c> 茶,\"workspace\":\"x\",\"key\":\"y\"}{],"
	program, version, release := new(programRecord), new(versionRecord), new(releaseRecord)
	service, request, submission := new(serviceRecord), new(requestRecord), new(submissionRecord)
	for _, filled := range []bool{false, true} {
		for _, kept := range []struct {
			record, shown any
			own           string
		}{
			{program, &program.Program, "workspace"},
			{version, &version.Version, "workspace"},
			{release, &release.Release, "workspace"},
			{service, &service.Service, "workspace"},
			{request, &request.Request, "workspace"},
			{submission, &submission.Submission, "key"},
		} {
			if filled {
				fill(reflect.ValueOf(kept.record).Elem(), tricky)
			}
			value, err := json.Marshal(kept.record)
			require.NoError(t, err)
			want, err := json.Marshal(kept.shown)
			require.NoError(t, err)
			got, err := stored(value).appendShown(nil, kept.own)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), "%T", kept.record)

			var members map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(value, &members))
			for name, member := range members {
				require.Equal(t, string(member), string(stored(value).member(name)), "%T: %s", kept.record, name)
			}
			require.Nil(t, stored(value).member("x"))
		}
	}
	value, err := json.Marshal(request)
	require.NoError(t, err)
	require.Equal(t, tricky, stored(value).text("title"))
	require.Empty(t, stored(value).text("reviews"), "no text")
}

// fill gives every exported field below v a value; each text is the given one.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.Map:
		entry := reflect.New(v.Type().Elem()).Elem()
		fill(entry, text)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf(text).Convert(v.Type().Key()), entry)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 2).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i), text)
			}
		}
	}
}

// Whatever is in the store, reading it as a record neither panics nor takes forever.
func FuzzStored(f *testing.F) {
	f.Add([]byte(`{"id":"a","list":[{"x":"]\\""}],"workspace":"ws"}`), "list")
	f.Add([]byte(`{"workspace":`), "")
	f.Add([]byte(`{"a\\`), "a")
	f.Fuzz(func(t *testing.T, value []byte, name string) {
		_ = stored(value).text(name)
		_, _ = stored(value).appendShown(nil, name)
		var members map[string]json.RawMessage
		var compact bytes.Buffer
		if json.Unmarshal(value, &members) != nil || json.Compact(&compact, value) != nil || compact.String() != string(value) {
			return
		}
		for name, want := range members {
			if plain, err := json.Marshal(name); err == nil && bytes.Count(value, append(plain, ':')) == 1 {
				require.Equal(t, string(want), string(stored(value).member(name)))
			}
		}
	})
}
