package rollouttest_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestFakeIsATarget(t *testing.T) {
	for name, ladder := range map[string]alipayplus.Ladder{"with a ladder": alipayplus.DefaultLadder(), "without one": {}} {
		t.Run(name, func(t *testing.T) {
			rollouttest.TestTarget(t, func(t *testing.T) rollouttest.TargetHarness {
				fake := rollouttest.NewFake("release 1", ladder)
				down := rollout.Transient(errors.New("down"))
				return rollouttest.TargetHarness{
					Target:  fake,
					Approve: func() { require.NoError(t, fake.Approve()) },
					Reject:  func(reason string) { require.NoError(t, fake.Reject(alipayplus.PartyAlipayCN, reason)) },
					Raise:   func(to alipayplus.Ratio) { require.NoError(t, fake.SetRatio("pat", to)) },
					Lose:    func() { fake.LoseNext(rollouttest.OpAny, 1, down) },
					Break:   func() { fake.FailNext(rollouttest.OpAny, 1, down) },
					Ratios:  []alipayplus.Ratio{5, 10, 30},
				}
			})
		})
	}
}
