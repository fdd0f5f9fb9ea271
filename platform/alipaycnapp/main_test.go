package alipaycnapp_test

import (
	"runtime/debug"
	"testing"
)

// TestMain lets the heap grow: the tests make much garbage and keep little, and collecting it would take a sixth of their time.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	m.Run()
}
