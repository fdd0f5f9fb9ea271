package terminal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestATerminalThatPaints(t *testing.T) {
	for _, tt := range []struct {
		system      string
		environment map[string]string
		want        bool
	}{
		{"linux", map[string]string{"TERM": "xterm-256color"}, true},
		{"linux", map[string]string{"TERM": "dumb"}, false},
		{"linux", nil, false},
		{"linux", map[string]string{"WT_SESSION": "1"}, false},
		{"windows", nil, false},
		{"windows", map[string]string{"WT_SESSION": "1"}, true},
		{"windows", map[string]string{"TERM": "cygwin"}, true},
		{"windows", map[string]string{"TERM": "dumb", "WT_SESSION": "1"}, false},
	} {
		getenv := func(name string) string { return tt.environment[name] }
		require.Equal(t, tt.want, paints(getenv, tt.system), tt)
	}
}

func TestALowTerminalGetsPlainLines(t *testing.T) {
	for _, tt := range []struct {
		width, height int
		want          Options
	}{
		{120, 40, Options{Redraw: true, Width: 120}},
		{120, 15, Options{Redraw: true, Width: 120}},
		{120, 14, Options{Width: 120}},
		{120, 1, Options{Width: 120}},
		{120, 0, Options{Redraw: true, Width: 120}},
		{0, 0, Options{Redraw: true, Width: 80}},
	} {
		require.Equal(t, tt.want, sized(tt.width, tt.height, false), tt)
	}
	require.True(t, sized(80, 5, true).Color, "lines have colors too")
}

func TestATextIsCutToColumns(t *testing.T) {
	for _, tt := range []struct {
		text  string
		width int
		want  string
	}{
		{"fits", 4, "fits"},
		{"is too long", 10, "is too ..."},
		{"long", 3, "..."},
		{"long", 1, "."},
		{"long", 0, ""},
		{"long", -5, ""},
		{"", 0, ""},
		{"蓝湖茶", 6, "蓝湖茶"},
		{"蓝湖茶", 5, "蓝..."},
		{"蓝湖茶店", 6, "蓝..."},
		{"蓝湖茶店", 7, "蓝湖..."},
	} {
		require.Equal(t, tt.want, cut(tt.text, tt.width), tt)
	}
}
