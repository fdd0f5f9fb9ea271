package rollouttest_test

import (
	"testing"
	"time"

	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

func TestMemoryStore(t *testing.T) {
	rollouttest.TestStore(t, func(*testing.T) rollouttest.StoreHarness {
		return rollouttest.StoreHarness{
			Store:  rollout.NewMemoryStore(),
			Die:    func(rollout.Lease) { time.Sleep(time.Hour) },
			Elapse: time.Sleep,
		}
	}, rollouttest.InVirtualTime())
}
