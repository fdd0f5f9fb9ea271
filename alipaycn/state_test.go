package alipaycn

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func stateKey() []byte { return bytes.Repeat([]byte("k"), 32) }

func stateNow() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }

func stateSigner(t require.TestingT) *StateSigner {
	s, err := NewStateSigner(stateKey())
	require.NoError(t, err)
	return s
}

func signedState(t require.TestingT, value string) string {
	state, err := stateSigner(t).Sign(value, stateNow().Add(time.Hour))
	require.NoError(t, err)
	return state
}

func TestStateCarriesItsValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := string(rapid.SliceOfN(rapid.Byte(), 0, MaxStateValue).Draw(t, "value"))
		state := signedState(t, value)
		require.LessOrEqual(t, len(state), 100)
		_, err := base64.StdEncoding.Strict().DecodeString(state)
		require.NoError(t, err)

		got, err := stateSigner(t).Verify(state, stateNow())
		require.NoError(t, err)
		require.Equal(t, value, got)
	})
}

func TestStateFitsIntoAnAuthorizationURL(t *testing.T) {
	in := authorizationInput()
	in.State = signedState(t, strings.Repeat("w", MaxStateValue))
	require.Len(t, in.State, 100)
	_, err := AuthorizationURL(in)
	require.NoError(t, err)
}

func TestStatesOfOneValueDiffer(t *testing.T) {
	first := signedState(t, "ws_1")
	require.NotEqual(t, first, signedState(t, "ws_1"))
}

func TestStateSurvivesCarelessDecoding(t *testing.T) {
	for range 50 { // nearly each has a plus somewhere
		state := signedState(t, "ws_12") // a length with padding
		careless := strings.ReplaceAll(strings.TrimRight(state, "="), "+", " ")
		require.NotEqual(t, state, careless)
		got, err := stateSigner(t).Verify(careless, stateNow())
		require.NoError(t, err)
		require.Equal(t, "ws_12", got)
	}
}

func TestStateExpires(t *testing.T) {
	state := signedState(t, "ws_1")
	_, err := stateSigner(t).Verify(state, stateNow().Add(time.Hour-time.Nanosecond))
	require.NoError(t, err)
	_, err = stateSigner(t).Verify(state, stateNow().Add(time.Hour))
	require.ErrorIs(t, err, ErrStateExpired)
}

func TestChangedStateIsForged(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(signedState(t, "ws_1"))
	require.NoError(t, err)
	for i := range raw {
		for bit := range 8 {
			changed := bytes.Clone(raw)
			changed[i] ^= 1 << bit
			_, err := stateSigner(t).Verify(base64.StdEncoding.EncodeToString(changed), stateNow())
			want := ErrStateForged
			if i == 0 { // the version
				want = ErrStateMalformed
			}
			require.ErrorIs(t, err, want, "byte %d, bit %d", i, bit)
		}
	}
}

func TestStateOfAnotherKeyIsForged(t *testing.T) {
	other, err := NewStateSigner(bytes.Repeat([]byte("o"), 32))
	require.NoError(t, err)
	_, err = other.Verify(signedState(t, "ws_1"), stateNow())
	require.ErrorIs(t, err, ErrStateForged)
}

func TestForgedAndExpiredIsForged(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(signedState(t, "ws_1"))
	require.NoError(t, err)
	raw[len(raw)-1] ^= 1
	_, err = stateSigner(t).Verify(base64.StdEncoding.EncodeToString(raw), stateNow().Add(2*time.Hour))
	require.ErrorIs(t, err, ErrStateForged, "a forger must not learn what an expiry is")
}

func TestNoStateIsMalformed(t *testing.T) {
	state := signedState(t, "ws_1")
	for name, text := range map[string]string{
		"empty":         "",
		"cut":           state[:20],
		"cut to a byte": state[:2],
		"no base64":     "!" + state[1:],
		"a line break":  state[:20] + "\n" + state[20:],
		"much too long": strings.Repeat("AQAA", 26),
		"no value, cut": base64.StdEncoding.EncodeToString(make([]byte, stateHeaderSize+stateMACSize-1)),
		"other version": base64.StdEncoding.EncodeToString(make([]byte, 60)),
	} {
		_, err := stateSigner(t).Verify(text, stateNow())
		require.ErrorIs(t, err, ErrStateMalformed, name)
	}
}

func TestStateKeyIsLongEnough(t *testing.T) {
	_, err := NewStateSigner(stateKey()[:31])
	require.ErrorContains(t, err, "31 bytes, at least 32")
}

func TestSignerWithoutKeyRefuses(t *testing.T) {
	var s StateSigner
	state, err := s.Sign("ws_1", stateNow().Add(time.Hour))
	require.ErrorContains(t, err, "has no key; make it with NewStateSigner")
	require.Empty(t, state)

	raw := append(make([]byte, stateHeaderSize), "ws_1"...)
	raw[0], raw[1] = stateVersion, 0xff
	anybodys := base64.StdEncoding.EncodeToString(append(raw, s.mac(raw)...))
	_, err = s.Verify(anybodys, stateNow())
	require.ErrorContains(t, err, "has no key")
}

func TestStateKeyIsCopied(t *testing.T) {
	key := stateKey()
	s, err := NewStateSigner(key)
	require.NoError(t, err)
	clear(key)
	_, err = s.Verify(signedState(t, "ws_1"), stateNow())
	require.NoError(t, err)
}

func TestStateSignerKeepsItsKey(t *testing.T) {
	for _, text := range written(stateSigner(t)) {
		require.NotContains(t, text, "kkkk")
		require.NotContains(t, text, "107 107")
		require.NotContains(t, text, "0x6b")
	}
}

func TestSignRefuses(t *testing.T) {
	s := stateSigner(t)
	_, err := s.Sign(strings.Repeat("w", MaxStateValue+1), stateNow())
	require.ErrorContains(t, err, "43 bytes, at most 42")
	for _, expires := range []time.Time{{}, time.Unix(0, 0), time.Unix(1<<32, 0)} {
		_, err = s.Sign("ws_1", expires)
		require.ErrorContains(t, err, "between 1970 and 2106")
	}
	_, err = s.Sign("ws_1", time.Unix(1<<32-1, 0))
	require.NoError(t, err)
}

func TestStateIsAcceptedOnce(t *testing.T) {
	state, err := stateSigner(t).Sign("ws_1", time.Now().Add(time.Hour))
	require.NoError(t, err)
	seen := NewMemorySeenStore(0)
	results := make(chan error, 10)
	var callers sync.WaitGroup
	for range cap(results) {
		callers.Go(func() {
			value, err := stateSigner(t).VerifyOnce(t.Context(), state, time.Now(), seen)
			if err == nil && value != "ws_1" {
				err = errors.New("wrong value: " + value)
			}
			results <- err
		})
	}
	callers.Wait()
	close(results)
	accepted := 0
	for err := range results {
		if err == nil {
			accepted++
			continue
		}
		require.ErrorIs(t, err, ErrStateUsed)
	}
	require.Equal(t, 1, accepted)
}

// brokenSeenStore fails as it is told.
type brokenSeenStore struct{ seen, add error }

func (s brokenSeenStore) Seen(context.Context, string) (bool, error) { return false, s.seen }

func (s brokenSeenStore) Add(context.Context, string, time.Time) (bool, error) {
	return s.add == nil, s.add
}

func TestStateIsRefusedWhenItsUseCannotBeRecorded(t *testing.T) {
	down := errors.New("the database is down")
	_, err := stateSigner(t).VerifyOnce(t.Context(), signedState(t, "ws_1"), stateNow(), brokenSeenStore{add: down})
	require.ErrorIs(t, err, down)
}

func TestForgedStateIsNotRecorded(t *testing.T) {
	_, err := stateSigner(t).VerifyOnce(t.Context(), signedState(t, "ws_1"), stateNow().Add(2*time.Hour), brokenSeenStore{add: errors.New("asked")})
	require.ErrorIs(t, err, ErrStateExpired)
}

// A program of the next version has to accept the states of this one.
func TestStateFormatIsStable(t *testing.T) {
	require.Equal(t, "Af8AAAAAAAAAAAAAAAAAAAB3c18xPaHeHE+RVgMfviFSQF5dsg==", fixedState(t))
	value, err := stateSigner(t).Verify(fixedState(t), stateNow())
	require.NoError(t, err)
	require.Equal(t, "ws_1", value)
}

// fixedState is a state with a nonce that is not random.
func fixedState(t require.TestingT) string {
	raw := append(make([]byte, stateHeaderSize), "ws_1"...)
	raw[0], raw[1] = stateVersion, 0xff
	return base64.StdEncoding.EncodeToString(append(raw, stateSigner(t).mac(raw)...))
}

func FuzzVerifyState(f *testing.F) {
	good := fixedState(f) // each fuzzing process needs the same one
	f.Add(good)
	f.Add("")
	f.Add(strings.TrimRight(good, "="))
	f.Add("AQAA" + good[4:])
	f.Fuzz(func(t *testing.T, state string) {
		value, err := stateSigner(t).Verify(state, stateNow())
		accepted := len(state) <= 100 && strings.TrimRight(plusRestored(state), "=") == strings.TrimRight(good, "=")
		require.Equal(t, accepted, err == nil)
		if accepted {
			require.Equal(t, "ws_1", value)
		}
	})
}
