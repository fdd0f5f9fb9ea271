package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAFewReleasesWaitForAMoment(t *testing.T) {
	if _, err := residentBytes(); err != nil {
		t.Skip("there is no /proc:", err)
	}
	require.NoError(t, run(t.Context(), 20, 10*time.Millisecond, time.Minute))
}
