package command_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus/examples/internal/command"
)

func TestRunEndsWithAStatusAndALine(t *testing.T) {
	ended, end := context.WithCancel(t.Context())
	end()
	failure := errors.New("release rel_1: no ICP filing")
	interrupted := fmt.Errorf("wait: %w", command.Resumable(ended, failure))
	for name, tt := range map[string]struct {
		args   []string
		err    error
		status int
		stderr string
		ran    bool
	}{
		"all went well":   {nil, nil, command.Done, "", true},
		"an error":        {nil, failure, command.Failed, "error: release rel_1: no ICP filing\n", true},
		"not interrupted": {nil, command.Resumable(t.Context(), failure), command.Failed, "error: release rel_1: no ICP filing\n", true},
		"interrupted":     {nil, interrupted, command.Interrupted, "interrupted: wait: release rel_1: no ICP filing\nRun the same command again: what is done is not done twice.\n", true},
		"begins anew": {
			nil, command.Interruptible(ended, failure), command.Interrupted, "interrupted: release rel_1: no ICP filing\n", true,
		},
		"done at the end":    {nil, command.Resumable(ended, nil), command.Done, "", true},
		"help":               {[]string{"-h"}, nil, command.Done, "Usage of example:\n  -file string\n    \twhat to release\n", false},
		"a flag unknown":     {[]string{"-fle", "x"}, nil, command.Usage, "flag provided but not defined: -fle\nUsage of example:\n  -file string\n    \twhat to release\n", false},
		"a word too many":    {[]string{"-file", "tea.json", "now"}, nil, command.Usage, "error: there are flags only, and \"now\" is none\nUsage of example:\n  -file string\n    \twhat to release\n", false},
		"misused":            {nil, command.Misuse(failure), command.Usage, "error: release rel_1: no ICP filing\nUsage of example:\n  -file string\n    \twhat to release\n", true},
		"flags that are fit": {[]string{"-file", "tea.json"}, nil, command.Done, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr strings.Builder
			ran := false
			flags := flag.NewFlagSet("example", flag.ContinueOnError)
			file := flags.String("file", "", "what to release")
			status := command.Run(flags, tt.args, &stderr, func() error {
				ran = true
				require.Equal(t, len(tt.args) > 0, *file == "tea.json")
				return tt.err
			})
			require.Equal(t, tt.status, status)
			require.Equal(t, tt.stderr, stderr.String())
			require.Equal(t, tt.ran, ran)
		})
	}
}

func TestWhyItWasInterruptedStaysReadable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, command.Resumable(ctx, ctx.Err()), context.Canceled)
}
