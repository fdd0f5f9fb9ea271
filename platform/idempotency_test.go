package platform_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/contract"
	"github.com/alipayplus-go/alipayplus/internal/testkey"
	"github.com/alipayplus-go/alipayplus/platform"
	"github.com/alipayplus-go/alipayplus/platform/storage"
)

func newProgram(id, name string) alipayplus.CreateProgramInput {
	return alipayplus.CreateProgramInput{Languages: []alipayplus.Localization{{Language: "zh-CN", Name: name}}, RequestID: id}
}

// programs counts the mini programs of the workspace.
func (w *fixture) programs() int {
	w.Helper()
	return len(gather(w, w.owner.Programs.All(w.Context(), alipayplus.ListProgramsInput{})))
}

func TestARepetitionGetsTheFirstOutcome(t *testing.T) {
	sentence(t, "even when the thing has moved on since", func(w *fixture) {
		r := w.created()
		apply := alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company()), RequestID: "apply"}
		first, err := w.owner.Releases.Apply(w.Context(), apply)
		require.NoError(w, err)
		w.approve()
		_, err = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
		require.NoError(w, err)
		before := w.snapshot()

		again, err := w.owner.Releases.Apply(w.Context(), apply)
		require.NoError(w, err)
		require.Equal(w, alipayplus.ReleaseUnderReview, again.Status)
		require.Equal(w, first, again)
		require.Equal(w, before, w.snapshot())
	})
	sentence(t, "from any client of the same member", func(w *fixture) {
		first, err := w.owner.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		again, err := w.as("olga").Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		require.Equal(w, first, again)
		require.Equal(w, 1, w.programs())
	})
	sentence(t, "but another member's key is another key", func(w *fixture) {
		first, err := w.owner.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		theirs, err := w.member("max", alipayplus.RoleMaster).Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		require.NotEqual(w, first.ID, theirs.ID)
		require.Equal(w, "max", theirs.CreatedBy)
		require.Equal(w, 2, w.programs())
	})
	sentence(t, "and so is the key of a member of the same name in another workspace", func(w *fixture) {
		other := w.neighbour()
		theirs := other.member("olga", alipayplus.RoleOwner)
		first, err := w.owner.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		second, err := theirs.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		require.NotEqual(w, first.ID, second.ID)
	})
}

// TestARefusalIsNoOutcome: it changed nothing, so the same key may be tried again
// once its cause is gone, and then it is done once.
func TestARefusalIsNoOutcome(t *testing.T) {
	withFixture(t, func(w *fixture) {
		program := w.program().ID
		in := alipayplus.CreateReleaseInput{
			ProgramID: program, Version: w.upload(program, "1.0.0"), TargetApp: cn, RequestID: "key",
		}
		_, err := w.owner.Releases.Create(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrAuthorizationRequired)
		w.authorize(program)

		first, err := w.owner.Releases.Create(w.Context(), in)
		require.NoError(w, err)
		again, err := w.owner.Releases.Create(w.Context(), in)
		require.NoError(w, err)
		require.Equal(w, first, again)
	})
	withFixture(t, func(w *fixture) {
		r := w.prepared(w.authorizedProgram().ID, "1.0.0")
		step := r.GrayscaleTo(2)
		step.RequestID, step.Ladder = "key", alipayplus.Ladder{} // the platform shall refuse it, not the client
		_, first := w.owner.Releases.StartGrayscale(w.Context(), step)
		before := w.snapshot()
		_, again := w.owner.Releases.StartGrayscale(w.Context(), step)
		wrong, ok := errors.AsType[*alipayplus.RatioError](again)
		require.True(w, ok, "%v", again)
		require.Equal(w, r.Grayscale.Ladder.Ratios(), wrong.Allowed)
		require.Equal(w, stable(first), stable(again))
		require.Equal(w, before, w.snapshot())

		step.Ratio = 5
		live, err := w.owner.Releases.StartGrayscale(w.Context(), step)
		require.NoError(w, err, "other content may take the key, which is still free")
		require.Equal(w, alipayplus.Ratio(5), live.Grayscale.Ratio)
	})
}

// stable is what an error says, without what is new in every call.
func stable(err error) alipayplus.Error {
	e, _ := errors.AsType[*alipayplus.Error](err)
	return alipayplus.Error{
		Operation: e.Operation, Code: e.Code, HTTPStatus: e.HTTPStatus, ResultStatus: e.ResultStatus,
		RequestID: e.RequestID, Message: e.Message, Fields: e.Fields, Hint: e.Hint, Retryable: e.Retryable,
	}
}

func TestAKeyIsForOneContent(t *testing.T) {
	withFixture(t, func(w *fixture) {
		first, err := w.owner.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)

		_, err = w.owner.Programs.Create(w.Context(), newProgram("key", "红山咖啡"))
		requireReused(w, err)
		_, err = w.owner.Programs.AddLanguages(w.Context(), alipayplus.AddLanguagesInput{
			ProgramID: first.ID, Languages: chinese(), RequestID: "key",
		})
		requireReused(w, err)

		again, err := w.owner.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err, "the first content still gets its outcome")
		require.Equal(w, first, again)
		require.Equal(w, 1, w.programs())
	})
}

func requireReused(t require.TestingT, err error) {
	require.ErrorIs(t, err, alipayplus.ErrConflict)
	e, ok := errors.AsType[*alipayplus.Error](err)
	require.True(t, ok)
	require.Equal(t, alipayplus.CodeRequestIDReused, e.Code)
	require.False(t, e.Retryable)
}

// TestAKeyIsRememberedAsLongAsPromised: to the last moment of the retention, and
// no longer; and what is over does not pile up.
func TestAKeyIsRememberedAsLongAsPromised(t *testing.T) {
	const retention = 6 * time.Hour
	store := storage.NewMemory()
	withFixture(t, func(w *fixture) {
		first, err := w.owner.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		time.Sleep(retention - 1)
		again, err := w.owner.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		require.Equal(w, first.ID, again.ID)

		time.Sleep(time.Nanosecond)
		later, err := w.owner.Programs.Create(w.Context(), newProgram("key", "红山咖啡"))
		require.NoError(w, err, "the key is free again, for any content")
		require.NotEqual(w, first.ID, later.ID)
		again, err = w.owner.Programs.Create(w.Context(), newProgram("key", "红山咖啡"))
		require.NoError(w, err)
		require.Equal(w, later, again)

		for range 10 {
			_, err = w.owner.Programs.Create(w.Context(), newProgram("", "蓝湖茶"))
			require.NoError(w, err)
		}
		require.Equal(w, 11, w.kept(store, "outcome/"))
		time.Sleep(retention + 1)
		for range 6 {
			_, err = w.owner.Programs.Create(w.Context(), newProgram("", "蓝湖茶"))
			require.NoError(w, err)
		}
		require.Equal(w, 6, w.kept(store, "outcome/"), "only what can still be asked for")
		require.Equal(w, 6, w.kept(store, "i/expiry/"))
	}, platform.WithIdempotencyRetention(retention), platform.WithStore(store))
}

// kept counts the records under a prefix.
func (w *fixture) kept(store storage.Store, prefix string) int {
	w.Helper()
	n := 0
	require.NoError(w, store.View(w.Context(), func(tx storage.Tx) error {
		for _, err := range tx.Scan(prefix, storage.PrefixEnd(prefix), false) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	}))
	return n
}

// TestDuplicatesAtTheSameTime: many senders of one call get one and the same
// outcome, and its effect happens once, in the records and at the target app.
func TestDuplicatesAtTheSameTime(t *testing.T) {
	const senders = 6
	for _, op := range writes() {
		t.Run(op.op.Name, func(t *testing.T) {
			t.Parallel()
			given, call, undisturbed := op.prepare(t)
			synctest.Test(t, func(t *testing.T) {
				w := given.fixture(t, bothApps())
				before := len(w.auditLog())
				results := make([]any, senders)
				var all sync.WaitGroup
				for i := range senders {
					client := op.caller(w)
					all.Go(func() {
						var err error
						results[i], err = call(w.Context(), client, "key")
						require.NoError(w, err)
					})
				}
				all.Wait()
				for _, result := range results {
					require.Equal(w, results[0], result)
				}
				w.requireRight(results[0])
				require.Equal(w, undisturbed, w.effects(before, "key"))
			})
		})
	}
}

// TestAPlatformThatStartsOver: another platform over the same store and with the
// same key goes on where the first one stopped, for the same clients.
func TestAPlatformThatStartsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storage.NewMemory()
		w := newFixture(t, platform.WithStore(store), platform.WithAutoReview(approveIn(time.Hour)))
		r := w.created()
		door := &swinging{to: w.p.HTTPClient().Transport}
		client := w.as("olga", alipayplus.WithHTTPClient(&http.Client{Transport: door}))
		apply := alipayplus.ApplyInput{ReleaseID: r.ID, BasicInfo: new(company()), RequestID: "key"}
		w.p.Inject(platform.Fault{Operation: "releases.apply", CutAfter: true})
		door.next = func() http.RoundTripper {
			p, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(store), platform.WithAutoReview(approveIn(time.Hour)))
			require.NoError(t, err)
			w.p = p
			return p.HTTPClient().Transport
		}

		applied, err := client.Releases.Apply(t.Context(), apply)
		require.NoError(t, err, "the platform was gone and is back")
		require.Equal(t, alipayplus.ReleaseUnderReview, applied.Status)
		again, err := client.Releases.Apply(t.Context(), apply)
		require.NoError(t, err)
		require.Equal(t, applied, again)

		approved, err := client.Releases.WaitReviewed(t.Context(), r.ID, alipayplus.ReleaseWait{Interval: 10 * time.Minute})
		require.NoError(t, err, "the verdicts that were due are still due")
		require.Equal(t, alipayplus.ReleasePreparation, approved.Status)
		w.owner = client
		require.Len(t, gather(w, client.Requests.All(t.Context(), alipayplus.ListRequestsInput{})), 1)
	})
}

func approveIn(d time.Duration) platform.AutoReview {
	return func(alipayplus.Party, *alipayplus.Request) platform.Decision { return platform.ApproveAfter(d) }
}

// swinging leads to another platform after the first connection was cut.
type swinging struct {
	to   http.RoundTripper
	next func() http.RoundTripper
}

func (s *swinging) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := s.to.RoundTrip(r)
	if err != nil {
		s.to = s.next()
	}
	return resp, err
}

// A call that was captured is good as long as the window is open to either side,
// so its key must be remembered at least as long, whichever was set first.
func TestAKeyIsRememberedLongerThanACallIsGood(t *testing.T) {
	const window = time.Minute
	for retention, ok := range map[time.Duration]bool{
		2 * window: true, 2*window - time.Nanosecond: false, window: false, time.Nanosecond: false,
	} {
		for _, opts := range [][]platform.Option{
			{platform.WithTimeWindow(window), platform.WithIdempotencyRetention(retention)},
			{platform.WithIdempotencyRetention(retention), platform.WithTimeWindow(window)},
		} {
			_, err := platform.New(append(opts, platform.WithSigner(testkey.FastKey()))...)
			if ok {
				require.NoError(t, err, retention)
				continue
			}
			require.ErrorContains(t, err, "idempotency retention: must be at least twice the time window", retention)
		}
	}
	_, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithTimeWindow(13*time.Hour))
	require.ErrorContains(t, err, "idempotency retention", "that of the default")
}

// together is a store in which, once armed, the first two updates wait for each
// other at their end.
type together struct {
	storage.Store
	armed atomic.Bool
	ended atomic.Int32
	both  chan struct{}
}

func (s *together) Update(ctx context.Context, fn func(storage.Tx) error) error {
	err := s.Store.Update(ctx, fn)
	if !s.armed.Load() {
		return err
	}
	switch s.ended.Add(1) {
	case 1:
		<-s.both
	case 2:
		close(s.both)
	}
	return err
}

// A key is one call's, also while the target app thinks: two calls for two mini
// programs do not get in each other's way otherwise.
func TestOneKeyReachesTheTargetAppOnce(t *testing.T) {
	for name, atOnce := range map[string]bool{"both look up the key before either takes it": true, "one after the other": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app, store := newFakeApp(), &together{Store: storage.NewMemory(), both: make(chan struct{})}
				w := newFixture(t, platform.WithTargetBackends(app), platform.WithStore(store))
				releases := []*alipayplus.Release{w.prepared(w.program().ID, "1.0.0"), w.prepared(w.program().ID, "1.0.0")}
				app.take()
				thinks := make(chan struct{})
				app.will(func(asked) error { <-thinks; return nil })
				store.armed.Store(atOnce)

				failed := make([]error, len(releases))
				var all sync.WaitGroup
				for i, r := range releases {
					all.Go(func() {
						_, failed[i] = w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID, RequestID: "key"})
					})
					if !atOnce {
						synctest.Wait()
					}
				}
				synctest.Wait()
				reached := app.take()
				close(thinks)
				all.Wait()

				require.Len(t, reached, 1, "while it thinks")
				require.Empty(t, app.take(), "and after")
				live, refused := 0, 1
				if reached[0].release != releases[0].ID {
					live, refused = 1, 0
				}
				require.NoError(t, failed[live])
				require.Equal(t, alipayplus.ReleaseFull, w.read(releases[live].ID).Status)
				requireReused(t, failed[refused])
				require.Equal(t, releases[refused], w.read(releases[refused].ID), "nothing happened to the other")
				_, err := w.owner.Releases.StartGrayscale(w.Context(), releases[refused].GrayscaleTo(1))
				require.NoError(t, err, "nor was anything announced for it")
			})
		})
	}
}

// TestWhoMayNotDoItAnyMoreGetsNoStoredSuccess, and gets it again with the permission.
func TestWhoMayNotDoItAnyMoreGetsNoStoredSuccess(t *testing.T) {
	put := func(w *fixture, role alipayplus.Role, programs ...string) {
		require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "max", Role: role, Programs: programs}))
	}
	sentence(t, "a demoted member", func(w *fixture) {
		c := w.member("max", alipayplus.RoleMaster)
		first, err := c.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		put(w, alipayplus.RoleDeveloper)
		_, err = c.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.ErrorIs(w, err, alipayplus.ErrPermission)
		put(w, alipayplus.RoleOwner)
		again, err := c.Programs.Create(w.Context(), newProgram("key", "蓝湖茶"))
		require.NoError(w, err)
		require.Equal(w, first, again)
	})
	sentence(t, "a developer whose mini program was given to another", func(w *fixture) {
		program := w.program().ID
		c := w.member("max", alipayplus.RoleDeveloper, program)
		in := alipayplus.BeginAuthorizationInput{ProgramID: program, TargetApp: cn, RequestID: "key"}
		first, err := c.Authorizations.Begin(w.Context(), in)
		require.NoError(w, err)
		require.NotEmpty(w, first.URL)
		put(w, alipayplus.RoleDeveloper)
		_, err = c.Authorizations.Begin(w.Context(), in)
		require.ErrorIs(w, err, alipayplus.ErrPermission)
	}, platform.WithPermissionPolicy(alipayplus.PolicyAssignedDevelopersRelease))
}

// TestACapturedRefusalStaysOne: whoever captured a refused write sends it again, byte by
// byte, once the cause is gone.
func TestACapturedRefusalStaysOne(t *testing.T) {
	for name, given := range map[string]func(w *fixture) (op contract.Operation, in any, mend func()){
		"a state": func(w *fixture) (contract.Operation, any, func()) {
			r := w.underReview(w.authorizedProgram().ID, "1.0.0")
			return contract.ReleaseFinalize, alipayplus.FinalizeInput{ReleaseID: r.ID, RequestID: "key"}, w.approve
		},
		"a permission": func(w *fixture) (contract.Operation, any, func()) {
			w.member("max", alipayplus.RoleMaster)
			put := func(role alipayplus.Role) {
				require.NoError(w, w.p.PutMember(w.Context(), platform.Member{WorkspaceID: w.workspace, Name: "olga", Role: role}))
			}
			w.member("eva", alipayplus.RoleOwner)
			put(alipayplus.RoleDeveloper)
			return contract.ProgramCreate, newProgram("key", "蓝湖茶"), func() { put(alipayplus.RoleOwner) }
		},
		"a file": func(w *fixture) (contract.Operation, any, func()) {
			in := alipayplus.CreateServiceInput{ServiceDescription: alipayplus.ServiceDescription{
				Name: "n", Industry: "i", Type: alipayplus.ServiceMiniProgramDevelopment, Description: "d", ImageFileID: strings.Repeat("0", 64),
				ApplicableApps: []alipayplus.TargetApp{cn}, PaymentInformation: alipayplus.Content{alipayplus.TextBlock("t")},
			}, RequestID: "key"}
			described, err := alipayplus.DescribeFile(pngImage(w))
			require.NoError(w, err)
			in.ImageFileID = described.ID
			return contract.ServiceCreate, in, func() { w.image() }
		},
		"a QR code, which has no requestId": func(w *fixture) (contract.Operation, any, func()) {
			r := w.prepared(w.authorizedProgram().ID, "1.0.0")
			return contract.QRCodeCreate, alipayplus.CreateQRCodeInput{AppID: r.ProgramID, Type: alipayplus.QRCodePromo}, func() {
				_, err := w.owner.Releases.Finalize(w.Context(), alipayplus.FinalizeInput{ReleaseID: r.ID})
				require.NoError(w, err)
			}
		},
	} {
		sentence(t, name, func(w *fixture) {
			h := w.rawClient("olga")
			op, in, mend := given(w)
			body, err := json.Marshal(in)
			require.NoError(w, err)
			sign := func() http.Header {
				header := signedHeader(w, testkey.FastClient(), http.MethodPost, contract.Prefix+op.Path, h.clientID, time.Now().Format(time.RFC3339Nano), body)
				header.Set("Content-Type", "application/json; charset=UTF-8")
				return header
			}
			captured := sign()
			send := func(header http.Header) rawAnswer {
				return h.sendSigned(http.MethodPost, contract.Prefix+op.Path, header, body)
			}
			first := send(captured)
			require.Equal(w, alipayplus.ResultFailed, first.Result.Status, first.Body)
			mend()
			before := w.snapshot()
			for range 5 {
				require.Equal(w, first.Body, send(captured).Body)
				require.Equal(w, before, w.snapshot())
				time.Sleep(time.Minute - time.Nanosecond)
			}
			time.Sleep(time.Second)
			require.Equal(w, alipayplus.CodeTimestampInvalid, send(captured).Result.Code, "its time is over")
			require.Equal(w, alipayplus.CodeSuccess, send(sign()).Result.Code, "signed anew it is done")
		})
	}
}

// TestARefusalIsRememberedAcrossProcessesAndForgottenInTime, wherever the message arrives.
func TestARefusalIsRememberedAcrossProcessesAndForgottenInTime(t *testing.T) {
	store := storage.NewMemory()
	withFixture(t, func(w *fixture) {
		h := w.rawClient("olga")
		r := w.underReview(w.authorizedProgram().ID, "1.0.0")
		body := []byte(`{"releaseId":"` + r.ID + `","requestId":"key"}`)
		path := contract.Prefix + contract.ReleaseFinalize.Path
		header := signedHeader(w, testkey.FastClient(), http.MethodPost, path, h.clientID, time.Now().Add(4*time.Minute).Format(time.RFC3339Nano), body)
		header.Set("Content-Type", "application/json; charset=UTF-8")
		first := h.sendSigned(http.MethodPost, path, header, body)
		require.Equal(w, alipayplus.CodeStateConflict, first.Result.Code)
		w.approve()
		second, err := platform.New(platform.WithSigner(testkey.FastKey()), platform.WithStore(store))
		require.NoError(w, err)
		time.Sleep(8 * time.Minute)
		again := message{http.MethodPost, path, header, body}.deliver(w, second.HTTPClient(), "http://platform.example")
		require.Equal(w, first.Body, again.Body)
		require.Equal(w, 1, w.kept(store, "message/"))
		time.Sleep(3 * time.Minute)
		w.program()
		require.Zero(w, w.kept(store, "message/"))
	}, platform.WithStore(store))
}
