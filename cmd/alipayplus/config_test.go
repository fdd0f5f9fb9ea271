package main

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/rollout/report"
)

// known are the keys of a configuration in these tests.
func known() map[string][]string {
	return keys(newApp(io.Discard, io.Discard).root())
}

func TestAConfigurationStandsForVariables(t *testing.T) {
	got, err := parseConfig([]byte("platform: {base-url: https://gateway.example, private-key-file: key.pem}\nalipaycn: {app-id: 2021000000000007}\nrollout: {max-time: 5h50m, spec: release.yaml}\n"), known())
	require.NoError(t, err)
	require.Equal(t, map[string]string{
		"ALIPAYPLUS_BASE_URL": "https://gateway.example", "ALIPAYPLUS_PRIVATE_KEY_FILE": "key.pem", "ALIPAYCN_APP_ID": "2021000000000007",
		"ALIPAYPLUS_ROLLOUT_MAX_TIME": "5h50m", "ALIPAYPLUS_ROLLOUT_SPEC": "release.yaml",
	}, got)
	got, err = parseConfig([]byte("# later\n"), known())
	require.NoError(t, err)
	require.Empty(t, got)
}

func TestWhatIsWrongWithAConfigurationIsNamed(t *testing.T) {
	for content, want := range map[string]string{
		"platform: {base-ulr: x}":          `line 1: there is no key "base-ulr"; did you mean "base-url"?`,
		"rolout: {spec: x}":                `line 1: there is no section "rolout"; did you mean "rollout"?`,
		"platform:\n  private-key: MIIEvQ": "line 2: a configuration holds no secrets: give private-key-file, the name of a file with it",
		"rollout: {spec: [a]}":             "line 1: spec must be one value",
		"rollout: {spec: a, spec: b}":      "line 1: spec is given twice",
		"- spec":                           "line 1: it must have the sections alipaycn, platform, rollout, serve, ship",
		"rollout: spec":                    "line 1: rollout must have keys and values",
	} {
		_, err := parseConfig([]byte(content), known())
		require.EqualError(t, err, want, content)
		require.NotContains(t, err.Error(), "MIIEvQ")
	}
}

func TestAWrongValueIsSaidWhereItStands(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile(configFile, []byte("rollout: {max-time: 5}"), 0o600))
	t.Setenv("ALIPAYPLUS_ROLLOUT_MAX_TIME", "") // unset again at the end
	var stdout, stderr bytes.Buffer
	require.Equal(t, int(report.ExitUsage), run(t.Context(), []string{"rollout", "run"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), `error: alipayplus.yaml: max-time: "5" is not a duration`)
}

func TestWhatCallsNobodyNeedsNoConfiguration(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile(configFile, []byte("rolout: {}"), 0o600))
	for _, args := range [][]string{{"version"}, {"completion", "bash"}, {"rollout", "--help"}} {
		var stdout, stderr bytes.Buffer
		require.Zero(t, run(t.Context(), args, &stdout, &stderr), stderr.String())
		require.NotEmpty(t, stdout.String())
	}
	var stdout, stderr bytes.Buffer
	require.Equal(t, int(report.ExitUsage), run(t.Context(), []string{"rollout", "status"}, &stdout, &stderr))
	require.Contains(t, stderr.String(), `alipayplus.yaml: line 1: there is no section "rolout"; did you mean "rollout"?`)
}
