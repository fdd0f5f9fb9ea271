package alipaycn

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
)

//nolint:gochecknoglobals // a flag of the test binary
var updateGolden = flag.Bool("update", false, "write testdata/codes.golden anew")

// classNames name the classes in testdata/codes.golden.
func classNames() map[error]string {
	return map[error]string{
		nil: "-", alipayplus.ErrNotFound: "not found", alipayplus.ErrPermission: "permission",
		alipayplus.ErrUnauthenticated: "unauthenticated", alipayplus.ErrConflict: "conflict", alipayplus.ErrLimit: "limit",
		alipayplus.ErrRateLimited: "rate limited", alipayplus.ErrInvalid: "invalid",
		alipayplus.ErrAuthorizationRequired: "authorization required", alipayplus.ErrOutcomeUnknown: "outcome unknown",
		ErrAlreadyDone: "already done", ErrNotReady: "not ready", ErrRetryLater: "retry later",
	}
}

// TestCodesGolden holds class and hint of every known code against a file, so that
// no change of the table changes one unnoticed.
func TestCodesGolden(t *testing.T) {
	const path = "testdata/codes.golden"
	var b strings.Builder
	for _, code := range Codes() {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", code, classNames()[code.Class()], code.Hint())
	}
	if *updateGolden {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	golden, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(golden), "\n"), strings.Split(b.String(), "\n"))
}
