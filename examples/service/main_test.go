package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/examples/internal/command"
)

func TestMain(m *testing.M) {
	for _, variable := range os.Environ() { // of a platform in earnest, which no test may call
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "ALIPAYPLUS_") {
			_ = os.Unsetenv(name)
		}
	}
	os.Exit(m.Run())
}

func TestServiceGoesOnline(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"-file", "sample/service.json"}, &stdout, &stderr)
	require.Zero(t, status, stderr.String())
	require.Regexp(t, `^service svc_\w+ ONLINE\n$`, stdout.String())
	require.Contains(t, stderr.String(), "UNDER_REVIEW (ALIPAY_PLUS PENDING)")
	require.Contains(t, stderr.String(), "APPROVED (ALIPAY_PLUS APPROVED)")
}

func TestJSONPrintsTheService(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"-json", "-file", "sample/service.json"}, &stdout, &stderr)
	require.Zero(t, status, stderr.String())
	var got alipayplus.Service
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
	require.Equal(t, alipayplus.ServiceOnline, got.Status)
	require.Len(t, got.Tutorial, 2)
}

func TestABrokenDescriptionNamesEveryField(t *testing.T) {
	file := filepath.Join(t.TempDir(), "service.json")
	require.NoError(t, os.WriteFile(file, []byte(`{
		"type": "TEMPLATES",
		"applicableApps": [],
		"paymentInformation": [{"type": "TABLE", "table": {"header": ["a", "b"], "rows": [["1"]]}}]
	}`), 0o600))
	var stdout, stderr bytes.Buffer
	require.Equal(t, command.Failed, run(t.Context(), []string{"-file", file}, &stdout, &stderr))
	require.Empty(t, stdout.String())
	for _, field := range []string{
		"name is required", "industry is required", "description is required", "imageFileId is required",
		"applicableApps must have at least 1 entry", `type must be one of [MINI_PROGRAM_DEVELOPMENT]; got "TEMPLATES"`,
		"paymentInformation[0].table.rows[0] must have 2 cells like the header; has 1",
	} {
		require.Contains(t, stderr.String(), field)
	}
}

func TestInterruptedSaysHowToGoOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	require.Equal(t, command.Interrupted, run(ctx, []string{"-file", "sample/service.json"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "Run the same command again")
}

func TestWrongUse(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, command.Usage, run(t.Context(), []string{"-nope"}, &stdout, &stderr))
	require.Equal(t, command.Done, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	require.Equal(t, command.Failed, run(t.Context(), []string{"-file", "none.json"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), "error: service description: open none.json")
	require.Equal(t, command.Usage, run(t.Context(), []string{"-confirm-authorization"}, &stdout, &stderr))
}
