package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// programEnv turns the test binary into a program that ends with this status.
const programEnv = "CHAOS_TEST_STATUS"

func TestMain(m *testing.M) {
	switch os.Getenv(programEnv) {
	case "0":
		os.Exit(0)
	case "7":
		os.Exit(7)
	}
	os.Exit(m.Run())
}

// temporary lets programs make their temporary folders in one that is returned.
func temporary(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	t.Setenv("TMP", folder) // on Windows
	return folder
}

func TestNothingComesOfAFewKills(t *testing.T) {
	folder := temporary(t)
	t.Setenv("ALIPAYPLUS_KEY_VERSION", "7") // what a developer has set changes nothing
	t.Setenv("ALIPAYPLUS_ROLLOUT_MAX_TIME", "1ms")
	kills := "12"
	if testing.Short() {
		kills = "2"
	}
	var out bytes.Buffer
	status := run(t.Context(), []string{"-kills", kills, "-seed", "1"}, &out)
	require.Zero(t, status, out.String())
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Regexp(t, "^"+kills+` kills \(\d+ before the first checkpoint, \d+ in a call, \d+ with a change half done\), \d+ releases to all users, each ratio set exactly once; seed 1, `, lines[len(lines)-1])
	require.Equal(t, 1, strings.Count(out.String(), kills+" of "+kills))
	left, err := filepath.Glob(filepath.Join(folder, "chaos-*"))
	require.NoError(t, err)
	require.Empty(t, left, "what nobody needs is removed")
}

// The main job begins with a package and no mini program.
func TestNothingComesOfAFewKillsOfTheMainJob(t *testing.T) {
	temporary(t)
	kills := "6"
	if testing.Short() {
		kills = "2"
	}
	var out bytes.Buffer
	status := run(t.Context(), []string{"-ship", "-kills", kills, "-seed", "2"}, &out)
	require.Zero(t, status, out.String())
	require.Contains(t, out.String(), "\nTea house 0 1.0.0 reached all users after ")
}

// A program that ends in another way, or says that it is done when it is not, is
// detected; the folder is kept for whoever examines it.
func TestAViolationIsStatusOneAndKeepsTheFolder(t *testing.T) {
	for status, want := range map[string]string{
		"7": `the program ended with status 7, for which there is no reason; its output is in .*alipayplus\.log`,
		"0": `the platform's record is NEW_VERSION_CREATED; it should be NEW_VERSION_CREATED, UNDER_REVIEW, `,
	} {
		temporary(t)
		t.Setenv(programEnv, status)
		var out bytes.Buffer
		require.Equal(t, 1, run(t.Context(), []string{"-kills", "0", "-seed", "5", "-program", os.Args[0]}, &out))
		require.Regexp(t, want, out.String())
		kept := regexp.MustCompile(`seed 5; what was written is kept in (\S+)\n$`).FindStringSubmatch(out.String())
		require.NotNil(t, kept, out.String())
		require.DirExists(t, kept[1])
	}
}

func TestFlagsThatCannotBeUsed(t *testing.T) {
	for _, args := range [][]string{{"-nope"}, {"-kills", "-1"}, {"-within", "0s"}, {"20"}} {
		require.Equal(t, 2, run(t.Context(), args, new(bytes.Buffer)))
	}
	require.Zero(t, run(t.Context(), []string{"-h"}, new(bytes.Buffer)))
}
