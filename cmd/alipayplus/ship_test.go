package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

// A process that is killed before it has the answer of a call repeats the call.
func TestTheSameInputHasTheSameRequestID(t *testing.T) {
	t.Parallel()

	in := alipayplus.CreateReleaseInput{ProgramID: "2171000000000001", Version: alipayplus.VersionNumber{Major: 1}, TargetApp: alipayplus.TargetAlipayCN}
	id := requestID("releases.create", in)
	require.Equal(t, id, requestID("releases.create", in))
	require.LessOrEqual(t, len(id), 64)

	other := in
	other.Version.Minor = 1
	require.NotEqual(t, id, requestID("releases.create", other))
	require.NotEqual(t, id, requestID("releases.delete", in))
}
