package platform

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

// decodes counts how often a bodyOnce was decoded.
var decodes atomic.Int32

type bodyOnce struct {
	ReleaseID string  `json:"releaseId"`
	RequestID string  `json:"requestId"`
	Field     counted `json:"field"`
}

func (bodyOnce) Validate() error { return nil }

type counted struct{}

func (*counted) UnmarshalJSON([]byte) error {
	decodes.Add(1)
	return nil
}

// TestABodyIsDecodedOnce, with an effect and without.
func TestABodyIsDecodedOnce(t *testing.T) {
	for _, op := range []operation{
		operate(contract.ReleaseCancel, func(c *call, in bodyOnce) (*alipayplus.Release, error) {
			return cancelRelease(c, alipayplus.ReleaseInput{ReleaseID: in.ReleaseID})
		}).withEffect(TargetBackend.Cancel),
		operate(contract.ReleaseConfigure, func(c *call, _ bodyOnce) (*alipayplus.Release, error) {
			return configureRelease(c, alipayplus.UpdateReleaseConfigurationInput{ReleaseID: "r1"})
		}),
		operate(contract.ReleaseQuery, func(c *call, in bodyOnce) (*alipayplus.Release, error) {
			return queryRelease(c, alipayplus.ReleaseInput{ReleaseID: in.ReleaseID})
		}),
	} {
		p := fuzzPlatform(t)
		p.operations[op.Path] = op
		decodes.Store(0)
		out := executeAs(t.Context(), p, fuzzCaller(op.Operation), op.Operation, "", []byte(`{"releaseId":"r4","requestId":"1","field":1}`))
		require.Equal(t, http.StatusOK, out.status, "%s: %s", op.Name, out.body)
		require.EqualValues(t, 1, decodes.Load(), op.Name)
	}
}

// meddling is a target app during whose work something happens.
type meddling struct {
	*SimulatedAlipayCN
	meanwhile func(r *alipayplus.Release)
}

func (m meddling) SetRatio(_ context.Context, about TargetCall, _ alipayplus.Ratio) error {
	m.meanwhile(about.Release)
	return nil
}

func raise(t *testing.T, p *Platform) reply {
	t.Helper()
	body, err := json.Marshal(goodBodies()[contract.ReleaseRaise])
	require.NoError(t, err)
	return executeAs(t.Context(), p, fuzzCaller(contract.ReleaseRaise), contract.ReleaseRaise, "", body)
}

// TestAReleaseThatAnotherProcessChangedIsNotOverwritten: whoever took longer than its lease
// finds that another has it. The outcome is unknown then, and a repetition is decided anew.
func TestAReleaseThatAnotherProcessChangedIsNotOverwritten(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, p *Platform, tx storage.Tx) error{
		"by a verdict": func(t *testing.T, _ *Platform, tx storage.Tx) error {
			t.Helper()
			before, err := load[releaseRecord](tx, releaseKey("ws", "r4"))
			require.NoError(t, err)
			after := new(*before)
			after.Status = alipayplus.ReleaseCanceled
			return save(tx, before, after)
		},
		"within its status": func(t *testing.T, _ *Platform, tx storage.Tx) error {
			t.Helper()
			before, err := load[releaseRecord](tx, releaseKey("ws", "r4"))
			require.NoError(t, err)
			after := new(*before)
			after.UpdatedAt = now()
			return save(tx, before, after)
		},
		"by asking the target app, too": func(_ *testing.T, _ *Platform, tx storage.Tx) error {
			return save(tx, nil, &leaseRecord{At: leaseKey("ws", "p4"), Holder: "another"})
		},
		"which removed it": func(_ *testing.T, _ *Platform, tx storage.Tx) error { return tx.Delete(releaseKey("ws", "r4")) },
	} {
		t.Run(name, func(t *testing.T) {
			p := fuzzPlatform(t)
			var changed map[string]string
			p.targets = []TargetBackend{meddling{NewSimulatedAlipayCN(), func(*alipayplus.Release) {
				require.NoError(t, p.cfg.store.Update(t.Context(), func(tx storage.Tx) error { return change(t, p, tx) }))
				changed = everythingKept(t, p)
			}}}
			out := raise(t, p)
			require.Contains(t, string(out.body), `"resultStatus":"U"`)
			require.Equal(t, changed, everythingKept(t, p))
		})
	}
}

// TestATargetAppMayKeepAndChangeTheReleaseThatItIsGiven.
func TestATargetAppMayKeepAndChangeTheReleaseThatItIsGiven(t *testing.T) {
	p := fuzzPlatform(t)
	p.targets = []TargetBackend{meddling{NewSimulatedAlipayCN(), func(r *alipayplus.Release) {
		r.Status, r.Grayscale.Steps[0].Ratio = alipayplus.ReleaseCanceled, 99
	}}}
	out := raise(t, p)
	require.Equal(t, http.StatusOK, out.status, "%s", out.body)
	var got struct{ Data alipayplus.Release }
	require.NoError(t, json.Unmarshal(out.body, &got))
	require.Equal(t, alipayplus.ReleaseGrayscale, got.Data.Status)
	require.Equal(t, alipayplus.Ratio(30), got.Data.Grayscale.Steps[0].Ratio)
}

// TestWhoWasRemovedWhileTheBodyWasReadMayDoNothing: the caller is read again
// in the transaction in which something is done.
func TestWhoWasRemovedWhileTheBodyWasReadMayDoNothing(t *testing.T) {
	p, olga := ownedPlatform(t)
	by := memberCaller(t, p, olga)
	create := func(id string) (alipayplus.Code, string) {
		out := executeAs(t.Context(), p, by, contract.ProgramCreate, "", []byte(`{"languages":[{"language":"en","name":"Tea"}],"requestId":"`+id+`"}`))
		var got answerBody
		require.NoError(t, json.Unmarshal(out.body, &got))
		return got.Result.Code, string(out.body)
	}

	require.NoError(t, p.PutMember(t.Context(), Member{WorkspaceID: olga.WorkspaceID, Name: "another", Role: alipayplus.RoleOwner}))
	olga.Role = alipayplus.RoleDeveloper
	require.NoError(t, p.PutMember(t.Context(), olga))
	code, text := create("1")
	require.Equal(t, alipayplus.CodeAccessDenied, code, text)

	olga.Role = alipayplus.RoleOwner
	require.NoError(t, p.PutMember(t.Context(), olga))
	stale := by
	by.key.PublicKey = []byte("another key")
	code, text = create("2")
	require.Equal(t, alipayplus.CodeUnknownClient, code, text)

	by = stale
	code, text = create("3")
	require.Equal(t, alipayplus.CodeSuccess, code, text)
	require.NoError(t, p.RemoveClient(t.Context(), by.ClientID))
	code, text = create("4")
	require.Equal(t, alipayplus.CodeUnknownClient, code, text)
	out := executeAs(t.Context(), p, by, contract.WorkspaceQuery, "", []byte("{}"))
	require.Contains(t, string(out.body), string(alipayplus.CodeUnknownClient))
}

// TestTheSeedsReachEveryOperation keeps the fuzz test honest: its seeds succeed.
func TestTheSeedsReachEveryOperation(t *testing.T) {
	bodies := goodBodies()
	for _, op := range contract.Operations() {
		if op == contract.FileUpload {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			require.Contains(t, bodies, op)
			body, err := json.Marshal(bodies[op])
			require.NoError(t, err)
			out := executeAs(t.Context(), fuzzPlatform(t), fuzzCaller(op), op, "", body)
			require.Equal(t, http.StatusOK, out.status, "%s", out.body)
		})
	}
}

// FuzzDecode gives any body to any operation: it never panics, is never a
// failure of the platform, and what is refused leaves everything as it was.
func FuzzDecode(f *testing.F) {
	ops := contract.Operations()
	for i, op := range ops {
		if good, ok := goodBodies()[op]; ok {
			body, err := json.Marshal(good)
			require.NoError(f, err)
			f.Add(uint8(i), "", body)
			f.Add(uint8(i), "", body[:len(body)-1])
		}
		for _, body := range []string{
			`null`, `[]`, `{"requestId":null}`, `{"requestId":7}`, `{"requestId":"1","programId":"p1/../p2","version":"1.2","releaseId":"r4","ratio":1e99}`,
			`{"requestId":"1","limit":-1,"cursor":"e30","title":"\u0000"}`, `{"requestId":"1","paymentInformation":[{"type":"TABLE","table":{"header":[],"rows":[[]]}}]}`,
		} {
			f.Add(uint8(i), "", []byte(body))
		}
	}
	f.Add(uint8(len(ops)-3), "image/png", []byte("\x89PNG\r\n\x1a\n"))
	f.Add(uint8(len(ops)-3), "application/zip", []byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, n uint8, contentType string, body []byte) {
		op := ops[int(n)%len(ops)]
		p := fuzzPlatform(t)
		before := everythingKept(t, p)
		out := executeAs(t.Context(), p, fuzzCaller(op), op, contentType, body)
		require.Less(t, out.status, http.StatusInternalServerError, "%s: %s", op.Name, out.body)
		require.True(t, json.Valid(out.body))
		if out.status != http.StatusOK {
			require.Equal(t, before, everythingKept(t, p), op.Name)
		}
	})
}
