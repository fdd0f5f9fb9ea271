package rollout_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// atTen is an event of a rollout at 10 %, its reviews over, seconds after noon.
func atTen(seconds int, kind rollout.EventKind, what string) rollout.Event {
	e := happened(kind, what)
	e.At = noon.Add(time.Duration(seconds) * time.Second)
	e.Rollout, e.Steps = "release rel_1", []alipayplus.Ratio{1, 10, 50, 100}
	e.Observation = &rollout.Observation{
		Status: alipayplus.ReleaseGrayscale, Ratio: 10, Ladder: alipayplus.DefaultLadder(),
		Reviews: []alipayplus.Review{
			{Party: alipayplus.PartyAlipayPlus, Status: alipayplus.ReviewApproved, DecidedAt: noon.Add(-time.Hour)},
			{Party: alipayplus.PartyAlipayCN, Status: alipayplus.ReviewApproved, DecidedAt: noon.Add(-30 * time.Minute)},
		},
	}
	return e
}

// watchingTen is a climbing rollout that waits until a day and an hour after noon.
func watchingTen(seconds int) rollout.Event {
	e := atTen(seconds, rollout.EventWaiting, "watching 10%")
	e.Until = noon.Add(25 * time.Hour)
	return e
}

// saidAtTen is a verdict of the gate "errors".
func saidAtTen(seconds int, decision rollout.Decision, reason string) rollout.Event {
	e := atTen(seconds, rollout.EventGate, "gate errors: "+string(decision)+": "+reason)
	e.Gate, e.Verdict = "errors", &rollout.Verdict{Decision: decision, Reason: reason}
	return e
}

// showOn gives events to a terminal.
func showOn(t *testing.T, to *rollout.Terminal, events ...rollout.Event) {
	t.Helper()
	sink := to.Sink()
	for _, e := range events {
		require.NoError(t, sink(t.Context(), e))
	}
}

func TestTheLadderBarMarksStepsAndWhatIsLive(t *testing.T) {
	steps := []alipayplus.Ratio{1, 10, 50, 100}
	for _, tt := range []struct {
		name   string
		ladder alipayplus.Ladder
		steps  []alipayplus.Ratio
		live   alipayplus.Ratio
		want   string
	}{
		{"nothing live", alipayplus.DefaultLadder(), steps, 0, "[..............................]   0%   1* 5 10* 20 30 50* 100*"},
		{"a little", alipayplus.DefaultLadder(), steps, 1, "[#.............................]   1%   (1*) 5 10* 20 30 50* 100*"},
		{"a step", alipayplus.DefaultLadder(), steps, 10, "[###...........................]  10%   1* 5 (10*) 20 30 50* 100*"},
		{"between the steps", alipayplus.DefaultLadder(), steps, 30, "[#########.....................]  30%   1* 5 10* 20 (30) 50* 100*"},
		{"all", alipayplus.DefaultLadder(), steps, 100, "[##############################] 100%   1* 5 10* 20 30 50* (100*)"},
		{"no rollout", alipayplus.DefaultLadder(), nil, 30, "[#########.....................]  30%   1 5 10 20 (30) 50 100"},
		{"no ladder", alipayplus.Ladder{}, steps, 10, "[###...........................]  10%   1* (10*) 50* 100*"},
		{"off the ladder", alipayplus.DefaultLadder(), steps, 15, "[####..........................]  15%   1* 5 10* (15) 20 30 50* 100*"},
		{"neither", alipayplus.Ladder{}, nil, 0, "[..............................]   0%"},
		{"what cannot be", alipayplus.Ladder{}, nil, 1000, "[##############################] 1000%   (1000)"},
	} {
		require.Equal(t, tt.want, rollout.LadderBar(tt.ladder, tt.steps, tt.live), tt.name)
	}
}

func TestPlainLinesTellTheStory(t *testing.T) {
	var out strings.Builder
	rejected := atTen(1, rollout.EventObserved, "NEW_VERSION_CREATED at 10%: ALIPAY_PLUS approved, ALIPAY_CN rejected")
	rejected.Observation.Reviews[1].Status, rejected.Observation.Reviews[1].Reason = alipayplus.ReviewRejected, "no\nICP filing"
	paused := atTen(5, rollout.EventPaused, "paused by hand")
	paused.By = "olga"
	adopted := atTen(6, rollout.EventAdopted, "somebody else raised it from 5% to 10% by mei")
	adopted.By = "mei"

	showOn(t, rollout.NewTerminal(&out, rollout.TerminalOptions{Width: 20}),
		atTen(0, rollout.EventStarted, "the rollout begins"), rejected,
		atTen(2, rollout.EventRaised, "raised from 5% to 10%"), watchingTen(3), saidAtTen(4, rollout.Pass, "errors is 0.001"), paused, adopted)

	const want = `
2026-03-01T12:00:00Z  STARTED    the rollout begins
                                 [###...........................]  10%   1* 5 (10*) 20 30 50* 100*   (* step)
2026-03-01T12:00:01Z  OBSERVED   NEW_VERSION_CREATED at 10%: ALIPAY_PLUS approved, ALIPAY_CN rejected
                                 ALIPAY_CN rejected 2026-03-01T11:30:00Z: no ICP filing
2026-03-01T12:00:02Z  RAISED     raised from 5% to 10%
                                 [###...........................]  10%   1* 5 (10*) 20 30 50* 100*
2026-03-01T12:00:03Z  WAITING    watching 10%; 1d 00:59:57 left
2026-03-01T12:00:04Z  GATE       gate errors: pass: errors is 0.001
2026-03-01T12:00:05Z  PAUSED     paused by hand (by olga)
                                 [###...........................]  10%   1* 5 (10*) 20 30 50* 100*
2026-03-01T12:00:06Z  ADOPTED    somebody else raised it from 5% to 10% by mei
                                 [###...........................]  10%   1* 5 (10*) 20 30 50* 100*
`
	require.Equal(t, want, "\n"+out.String())
}

func TestPlainLinesAreNotRepeatedMoreThanOnceAMinute(t *testing.T) {
	retrying := func(seconds int) rollout.Event {
		e := atTen(seconds, rollout.EventRetrying, "trying again after a failure: HTTP 503")
		e.Until = e.At.Add(2 * time.Second)
		return e
	}
	raised := func(seconds int) rollout.Event { return atTen(seconds, rollout.EventRaised, "raised") }
	for _, tt := range []struct {
		name   string
		events []rollout.Event
		// want are the seconds of the lines.
		want []string
	}{
		{"waiting", []rollout.Event{watchingTen(0), watchingTen(30), watchingTen(59), watchingTen(60), watchingTen(119), watchingTen(121)}, []string{"00:00", "01:00", "02:01"}},
		{"waiting, with verdicts in between", []rollout.Event{watchingTen(0), saidAtTen(1, rollout.Pass, "a"), watchingTen(2)}, []string{"00:00", "00:01"}},
		{"waiting anew", []rollout.Event{watchingTen(0), raised(1), watchingTen(2)}, []string{"00:00", "00:01", "00:02"}},
		{"failing", []rollout.Event{retrying(0), retrying(4), retrying(12), retrying(61)}, []string{"00:00", "01:01"}},
		{"failing after waiting", []rollout.Event{watchingTen(0), retrying(4), watchingTen(6)}, []string{"00:00", "00:04", "00:06"}},
		{"passing", []rollout.Event{saidAtTen(0, rollout.Pass, "a"), saidAtTen(60, rollout.Pass, "b"), saidAtTen(599, rollout.Pass, "c"), saidAtTen(600, rollout.Pass, "d")}, []string{"00:00", "10:00"}},
		{"failing the gate", []rollout.Event{saidAtTen(0, rollout.Pass, "a"), saidAtTen(1, rollout.Fail, "b"), saidAtTen(2, rollout.Fail, "b"), saidAtTen(3, rollout.Fail, "c"), saidAtTen(4, rollout.Pass, "a")}, []string{"00:00", "00:01", "00:03", "00:04"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out strings.Builder
			showOn(t, rollout.NewTerminal(&out, rollout.TerminalOptions{}), tt.events...)

			var got []string
			for line := range strings.Lines(out.String()) {
				if at, ok := strings.CutPrefix(line, "2026-03-01T12:"); ok {
					got = append(got, at[:5])
				}
			}
			require.Equal(t, tt.want, got, out.String())
		})
	}
}

func TestATickShowsASignOfLifeBetweenEvents(t *testing.T) {
	var out strings.Builder
	terminal := rollout.NewTerminal(&out, rollout.TerminalOptions{})
	terminal.Tick(noon)
	require.Empty(t, out.String(), "nothing is known yet")

	showOn(t, terminal, watchingTen(0))
	for seconds := range 130 {
		terminal.Tick(noon.Add(time.Duration(seconds) * time.Second))
	}
	require.Equal(t, `2026-03-01T12:00:00Z  WAITING    watching 10%; 1d 01:00:00 left
2026-03-01T12:01:00Z  WAITING    watching 10%; 1d 00:59:00 left
2026-03-01T12:02:00Z  WAITING    watching 10%; 1d 00:58:00 left
`, out.String())

	for _, last := range []rollout.EventKind{rollout.EventChanging, rollout.EventPaused, rollout.EventDone} {
		showOn(t, terminal, watchingTen(200), atTen(201, last, "something else"))
		out.Reset()
		terminal.Tick(noon.Add(time.Hour))
		require.Empty(t, out.String(), "nothing is waited for after %s", last)
	}
}

func TestATerminalTicksEverySecondUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(screen)
		terminal := rollout.NewTerminal(out, rollout.TerminalOptions{Redraw: true})
		waiting := watchingTen(0)
		waiting.At, waiting.Until = time.Now(), time.Now().Add(time.Hour)
		showOn(t, terminal, waiting)
		ctx, cancel := context.WithCancel(t.Context())
		stop, other := terminal.Ticking(t.Context()), rollout.NewTerminal(new(screen), rollout.TerminalOptions{}).Ticking(ctx)

		time.Sleep(3500 * time.Millisecond)
		synctest.Wait()

		require.Equal(t, 4, out.painted, "the event, and three ticks")
		require.Contains(t, out.String(), "00:59:57 left")
		cancel()
		other() // ends with its context as well
		stop()
		stop()
		painted := out.painted
		time.Sleep(time.Minute)
		require.Equal(t, painted, out.painted)
	})
}

func TestPlainLinesOfSeveralRolloutsNameThem(t *testing.T) {
	var out strings.Builder
	terminal := rollout.NewTerminal(&out, rollout.TerminalOptions{})
	other := watchingTen(1)
	other.Rollout, other.Target = "coffee", "release rel_2"

	showOn(t, terminal, watchingTen(0), other, watchingTen(2))
	terminal.Tick(noon.Add(time.Minute))

	require.Equal(t, `2026-03-01T12:00:00Z  WAITING    watching 10%; 1d 01:00:00 left
2026-03-01T12:00:01Z  WAITING    coffee of release rel_2: watching 10%; 1d 00:59:59 left
2026-03-01T12:01:00Z  WAITING    release rel_1: watching 10%; 1d 00:59:00 left
`, out.String())
}

func TestTheBlockIsPaintedInItsPlace(t *testing.T) {
	out := new(screen)
	terminal := rollout.NewTerminal(out, rollout.TerminalOptions{Redraw: true})
	terminal.Tick(noon)
	require.Empty(t, out.lines, "nothing is known yet")

	begun := atTen(0, rollout.EventStarted, "the rollout begins")
	begun.Observation, begun.Ratio = nil, 0
	showOn(t, terminal, begun)
	require.Equal(t, `rollout  release rel_1
status   RUNNING
review   no verdict yet
ladder   [..............................]   0%   1* 10* 50* 100*   (* step)
last     2026-03-01T12:00:00Z the rollout begins`, out.String())

	showOn(t, terminal, atTen(1, rollout.EventRaised, "raised from 5% to 10%"), saidAtTen(2, rollout.Pass, "errors is 0.001"), watchingTen(3))
	terminal.Tick(noon.Add(4 * time.Second))
	require.Equal(t, `rollout  release rel_1
status   RUNNING, GRAYSCALE_RELEASE, seen 2026-03-01T12:00:03Z
review   ALIPAY_PLUS approved 2026-03-01T11:00:00Z
review   ALIPAY_CN approved 2026-03-01T11:30:00Z
ladder   [###...........................]  10%   1* 5 (10*) 20 30 50* 100*
now      watching 10%; 1d 00:59:56 left
gate     errors: pass: errors is 0.001
last     2026-03-01T12:00:01Z raised from 5% to 10%`, out.String())

	before := out.painted
	terminal.Tick(noon.Add(25 * time.Hour))
	require.Equal(t, before+1, out.painted, "one write a painting")
	require.Contains(t, out.String(), "now      watching 10%; due now\n")

	paused := atTen(5, rollout.EventPaused, "gate errors failed")
	paused.Status = rollout.Paused
	showOn(t, terminal, saidAtTen(5, rollout.Fail, "errors is 0.02, above 0.01"), paused)
	require.Equal(t, `rollout  release rel_1
status   PAUSED, GRAYSCALE_RELEASE, seen 2026-03-01T12:00:05Z
review   ALIPAY_PLUS approved 2026-03-01T11:00:00Z
review   ALIPAY_CN approved 2026-03-01T11:30:00Z
ladder   [###...........................]  10%   1* 5 (10*) 20 30 50* 100*
gate     errors: fail: errors is 0.02, above 0.01
last     2026-03-01T12:00:05Z gate errors failed`, out.String())

	done := atTen(6, rollout.EventDone, "all users have the version")
	done.Status, done.Ratio = rollout.Done, 100
	showOn(t, terminal, done)
	require.NotContains(t, out.String(), "gate ", "the verdicts were on another ratio")
	require.Len(t, out.lines, 6, "a shorter block leaves nothing of a longer one")

	wide := new(screen)
	showOn(t, rollout.NewTerminal(wide, rollout.TerminalOptions{Redraw: true, Width: 100}), atTen(0, rollout.EventRaised, "raised"))
	require.Contains(t, wide.String(), "50* 100*   (* step)\n", "where there is room, the star is explained")
}

// What was waited for is no longer true once a verdict came, and what comes next is not told yet.
func TestTheBlockDoesNotWaitForAVerdictThatCame(t *testing.T) {
	for _, news := range []rollout.EventKind{rollout.EventObserved, rollout.EventAdopted} {
		out := new(screen)
		terminal := rollout.NewTerminal(out, rollout.TerminalOptions{Redraw: true})
		waiting := atTen(0, rollout.EventWaiting, "under review: ALIPAY_CN is pending")
		showOn(t, terminal, waiting)
		require.Contains(t, out.String(), "now      under review: ALIPAY_CN is pending")

		showOn(t, terminal, atTen(1, news, "RELEASE_PREPARATION at 0%: both approved"))
		require.NotContains(t, out.String(), "now ")
		showOn(t, terminal, watchingTen(2))
		require.Contains(t, out.String(), "now      watching 10%; 1d 00:59:58 left")
	}
}

// The status is that of the last reading, whatever the time is.
func TestTheBlockSaysWhenTheStatusWasSeen(t *testing.T) {
	out := new(screen)
	terminal := rollout.NewTerminal(out, rollout.TerminalOptions{Redraw: true})
	showOn(t, terminal, watchingTen(3), atTen(9, rollout.EventRetrying, "trying again after a failure: HTTP 503"))
	terminal.Tick(noon.Add(time.Minute))
	require.Contains(t, out.String(), "status   RUNNING, GRAYSCALE_RELEASE, seen 2026-03-01T12:00:03Z\n")
	showOn(t, terminal, watchingTen(70))
	require.Contains(t, out.String(), "seen 2026-03-01T12:01:10Z\n")
}

func TestACountdownBeginsAtItsFullLength(t *testing.T) {
	for left, want := range map[time.Duration]string{
		2 * time.Second:                     "00:00:02 left",
		2*time.Second - time.Nanosecond:     "00:00:02 left",
		time.Second:                         "00:00:01 left",
		time.Nanosecond:                     "00:00:01 left",
		0:                                   "due now",
		24*time.Hour - 300*time.Millisecond: "1d 00:00:00 left",
		24*time.Hour + 1*time.Nanosecond:    "1d 00:00:01 left",
		23*time.Hour + 59*time.Minute:       "23:59:00 left",
		-time.Hour:                          "due now",
	} {
		var out strings.Builder
		e := atTen(0, rollout.EventWaiting, "watching 10%")
		e.Until = e.At.Add(left)
		showOn(t, rollout.NewTerminal(&out, rollout.TerminalOptions{}), e)
		require.Contains(t, out.String(), "watching 10%; "+want+"\n", left)
	}
}

func TestTheBlockFitsOnTheScreen(t *testing.T) {
	for _, width := range []int{0, 20, 40, 81} {
		out := new(screen)
		terminal := rollout.NewTerminal(out, rollout.TerminalOptions{Redraw: true, Width: width})
		e := atTen(0, rollout.EventRaised, strings.Repeat("word ", 100))
		e.Rollout = strings.Repeat("茶", 100)
		e.Observation.Reviews[0].Reason = strings.Repeat("😀", 100)
		showOn(t, terminal, e)
		for name := range strings.SplitSeq("a b c d e f g h i", " ") {
			e := saidAtTen(1, rollout.Pass, strings.Repeat("é", 200))
			e.Rollout, e.Gate = strings.Repeat("茶", 100), name
			if name == "i" {
				e.Verdict = &rollout.Verdict{Decision: rollout.Fail}
				e.What = "gate i: fail: look here"
			}
			showOn(t, terminal, e)
		}

		if width == 0 {
			width = 80
		}
		for _, line := range out.lines {
			columns := 0
			for _, r := range line {
				columns++
				if r > 0x2e00 {
					columns++
				}
			}
			require.Less(t, columns, width, line)
		}
		require.LessOrEqual(t, len(out.lines), 12)
		require.Contains(t, out.String(), "gate     i: fail", "a gate that does not pass comes first")
		require.Contains(t, out.String(), "gate     and 4 mo")
	}
}

func TestColorsAreForWhoAsksForThem(t *testing.T) {
	paused := atTen(0, rollout.EventPaused, "paused")
	paused.Status = rollout.Paused
	events := []rollout.Event{watchingTen(0), saidAtTen(0, rollout.Pass, "fine"), saidAtTen(1, rollout.Wait, "early"), paused}
	rejected := watchingTen(0)
	rejected.Observation.Reviews[1].Status = alipayplus.ReviewRejected
	var block strings.Builder
	showOn(t, rollout.NewTerminal(&block, rollout.TerminalOptions{Redraw: true, Color: true}), rejected)
	require.Contains(t, block.String(), "\x1b[32mALIPAY_PLUS approved")
	require.Contains(t, block.String(), "\x1b[31mALIPAY_CN rejected")
	for _, redraw := range []bool{false, true} {
		var plain, colored strings.Builder
		showOn(t, rollout.NewTerminal(&plain, rollout.TerminalOptions{Redraw: redraw}), events...)
		showOn(t, rollout.NewTerminal(&colored, rollout.TerminalOptions{Redraw: redraw, Color: true}), events...)

		require.NotContains(t, plain.String(), "m")
		for _, color := range []string{"\x1b[31m", "\x1b[32m", "\x1b[33m"} {
			require.Contains(t, colored.String(), color)
		}
		without := strings.NewReplacer("\x1b[31m", "", "\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(colored.String())
		require.Equal(t, plain.String(), without)
	}
}

// Names, reasons and verdicts are other people's words.
func FuzzForeignTextDoesNotSteerTheTerminal(f *testing.F) {
	for _, seed := range []string{"\x1b[2J\x1b]0;title\x07", "a\nb\r\x08c", "\u009b2J", "\x9b2J", "\u202etxt.exe\u2066", "\u2028\u2029\u0085", "plain"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e := atTen(0, rollout.EventKind(text), text)
		e.Rollout, e.Target, e.By, e.Gate, e.Error, e.Status = text, text+"2", text, text, text, rollout.Status(text)
		e.Verdict = &rollout.Verdict{Decision: rollout.Decision(text), Reason: text}
		e.Observation.Detail, e.Observation.Status = text, alipayplus.ReleaseStatus(text)
		e.Observation.Reviews = []alipayplus.Review{{Party: alipayplus.Party(text), Status: alipayplus.ReviewStatus(text), Reason: text}}
		var plain strings.Builder
		block := new(screen)
		for _, terminal := range []*rollout.Terminal{
			rollout.NewTerminal(&plain, rollout.TerminalOptions{}),
			rollout.NewTerminal(block, rollout.TerminalOptions{Redraw: true}),
		} {
			for _, kind := range []rollout.EventKind{rollout.EventKind(text), rollout.EventObserved, rollout.EventGate, rollout.EventWaiting, rollout.EventPaused} {
				e.Kind = kind
				showOn(t, terminal, e)
			}
			terminal.Tick(noon)
		}
		require.LessOrEqual(t, len(block.lines), 12, "every text stays in its line")
		for line := range strings.Lines(plain.String()) {
			require.Regexp(t, "^(2026-03-01T|  )", line)
		}
		for _, shown := range []string{plain.String(), block.String()} {
			require.Equal(t, -1, strings.IndexFunc(shown, steers), "%q", shown)
			require.True(t, utf8.ValidString(shown))
		}
	})
}

// steers says whether a terminal would do something else than show the character.
func steers(r rune) bool {
	return unicode.IsControl(r) && r != '\n' || unicode.Is(unicode.Bidi_Control, r) || unicode.In(r, unicode.Zl, unicode.Zp)
}

func TestWhatIsNoTerminalGetsPlainLines(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer file.Close()

	require.Zero(t, rollout.DetectTerminal(file))
	require.Zero(t, rollout.DetectTerminal(nil))
}
