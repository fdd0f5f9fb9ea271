package terminal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/cmd/alipayplus/internal/terminal"
	"github.com/alipayplus-go/alipayplus/rollout"
	"github.com/alipayplus-go/alipayplus/rollout/rollouttest"
)

// noon is a time that is not now.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// happened is an event of a kind, of the rollout "tea".
func happened(kind rollout.EventKind, what string) rollout.Event {
	return rollout.Event{
		Schema: rollout.EventSchema, At: noon, Rollout: "tea", Target: "release rel_1", Kind: kind, What: what,
		Status: rollout.Running, Ratio: 10,
	}
}

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
func showOn(t *testing.T, to *terminal.View, events ...rollout.Event) {
	t.Helper()
	sink := to.Sink()
	for _, e := range events {
		require.NoError(t, sink(t.Context(), e))
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

	showOn(t, terminal.New(&out, terminal.Options{Width: 20}),
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
			showOn(t, terminal.New(&out, terminal.Options{}), tt.events...)

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
	view := terminal.New(&out, terminal.Options{})
	view.Tick(noon)
	require.Empty(t, out.String(), "nothing is known yet")

	showOn(t, view, watchingTen(0))
	for seconds := range 130 {
		view.Tick(noon.Add(time.Duration(seconds) * time.Second))
	}
	require.Equal(t, `2026-03-01T12:00:00Z  WAITING    watching 10%; 1d 01:00:00 left
2026-03-01T12:01:00Z  WAITING    watching 10%; 1d 00:59:00 left
2026-03-01T12:02:00Z  WAITING    watching 10%; 1d 00:58:00 left
`, out.String())

	for _, last := range []rollout.EventKind{rollout.EventChanging, rollout.EventPaused, rollout.EventDone} {
		showOn(t, view, watchingTen(200), atTen(201, last, "something else"))
		out.Reset()
		view.Tick(noon.Add(time.Hour))
		require.Empty(t, out.String(), "nothing is waited for after %s", last)
	}
}

func TestATerminalTicksEverySecondUntilItIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(screen)
		view := terminal.New(out, terminal.Options{Redraw: true})
		waiting := watchingTen(0)
		waiting.At, waiting.Until = time.Now(), time.Now().Add(time.Hour)
		showOn(t, view, waiting)
		ctx, cancel := context.WithCancel(t.Context())
		stop, other := view.Ticking(t.Context()), terminal.New(new(screen), terminal.Options{}).Ticking(ctx)

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
	view := terminal.New(&out, terminal.Options{})
	other := watchingTen(1)
	other.Rollout, other.Target = "coffee", "release rel_2"

	showOn(t, view, watchingTen(0), other, watchingTen(2))
	view.Tick(noon.Add(time.Minute))

	require.Equal(t, `2026-03-01T12:00:00Z  WAITING    watching 10%; 1d 01:00:00 left
2026-03-01T12:00:01Z  WAITING    coffee of release rel_2: watching 10%; 1d 00:59:59 left
2026-03-01T12:01:00Z  WAITING    release rel_1: watching 10%; 1d 00:59:00 left
`, out.String())
}

func TestTheBlockIsPaintedInItsPlace(t *testing.T) {
	out := new(screen)
	view := terminal.New(out, terminal.Options{Redraw: true})
	view.Tick(noon)
	require.Empty(t, out.lines, "nothing is known yet")

	begun := atTen(0, rollout.EventStarted, "the rollout begins")
	begun.Observation, begun.Ratio = nil, 0
	showOn(t, view, begun)
	require.Equal(t, `rollout  release rel_1
status   RUNNING
review   no verdict yet
ladder   [..............................]   0%   1* 10* 50* 100*   (* step)
last     2026-03-01T12:00:00Z the rollout begins`, out.String())

	showOn(t, view, atTen(1, rollout.EventRaised, "raised from 5% to 10%"), saidAtTen(2, rollout.Pass, "errors is 0.001"), watchingTen(3))
	view.Tick(noon.Add(4 * time.Second))
	require.Equal(t, `rollout  release rel_1
status   RUNNING, GRAYSCALE_RELEASE, seen 2026-03-01T12:00:03Z
review   ALIPAY_PLUS approved 2026-03-01T11:00:00Z
review   ALIPAY_CN approved 2026-03-01T11:30:00Z
ladder   [###...........................]  10%   1* 5 (10*) 20 30 50* 100*
now      watching 10%; 1d 00:59:56 left
next     raise to 50%
gate     errors: pass: errors is 0.001
last     2026-03-01T12:00:01Z raised from 5% to 10%`, out.String())

	before := out.painted
	view.Tick(noon.Add(25 * time.Hour))
	require.Equal(t, before+1, out.painted, "one write a painting")
	require.Contains(t, out.String(), "now      watching 10%; due now\n")

	paused := atTen(5, rollout.EventPaused, "gate errors failed")
	paused.Status = rollout.Paused
	showOn(t, view, saidAtTen(5, rollout.Fail, "errors is 0.02, above 0.01"), paused)
	require.Equal(t, `rollout  release rel_1
status   PAUSED, GRAYSCALE_RELEASE, seen 2026-03-01T12:00:05Z
review   ALIPAY_PLUS approved 2026-03-01T11:00:00Z
review   ALIPAY_CN approved 2026-03-01T11:30:00Z
ladder   [###...........................]  10%   1* 5 (10*) 20 30 50* 100*
gate     errors: fail: errors is 0.02, above 0.01
last     2026-03-01T12:00:05Z gate errors failed`, out.String())

	done := atTen(6, rollout.EventDone, "all users have the version")
	done.Status, done.Ratio = rollout.Done, 100
	showOn(t, view, done)
	require.NotContains(t, out.String(), "gate ", "the verdicts were on another ratio")
	require.Len(t, out.lines, 6, "a shorter block leaves nothing of a longer one")

	wide := new(screen)
	showOn(t, terminal.New(wide, terminal.Options{Redraw: true, Width: 100}), atTen(0, rollout.EventRaised, "raised"))
	require.Contains(t, wide.String(), "50* 100*   (* step)\n", "where there is room, the star is explained")
}

// A command is useless when it is cut off.
func TestTheBlockNamesCommandsWhole(t *testing.T) {
	out := new(screen)
	asked := ""
	view := terminal.New(out, terminal.Options{
		Redraw: true, Width: 40, Hint: func(rollout.Event) string { return asked }, Pause: func() string { return "alipayplus rollout pause --state .alipayplus --release rel_1" },
	})
	showOn(t, view, watchingTen(3))
	require.Contains(t, out.String(), "\npause    alipayplus rollout pause\n         --state .alipayplus --release\n         rel_1")

	asked = "to approve: alipayplus rollout approve --release rel_1 --ratio 50"
	showOn(t, view, watchingTen(4))
	require.Contains(t, out.String(), "\nnext     to approve: alipayplus rollout\n         approve --release rel_1\n         --ratio 50")
	require.NotContains(t, out.String(), "pause")
}

// What was waited for is no longer true once a verdict came, and what comes next is not told yet.
func TestTheBlockDoesNotWaitForAVerdictThatCame(t *testing.T) {
	for _, news := range []rollout.EventKind{rollout.EventObserved, rollout.EventAdopted} {
		out := new(screen)
		view := terminal.New(out, terminal.Options{Redraw: true})
		waiting := atTen(0, rollout.EventWaiting, "under review: ALIPAY_CN is pending")
		showOn(t, view, waiting)
		require.Contains(t, out.String(), "now      under review: ALIPAY_CN is pending")

		showOn(t, view, atTen(1, news, "RELEASE_PREPARATION at 0%: both approved"))
		require.NotContains(t, out.String(), "now ")
		showOn(t, view, watchingTen(2))
		require.Contains(t, out.String(), "now      watching 10%; 1d 00:59:58 left")
	}
}

// The status is that of the last reading, whatever the time is.
func TestTheBlockSaysWhenTheStatusWasSeen(t *testing.T) {
	out := new(screen)
	view := terminal.New(out, terminal.Options{Redraw: true})
	showOn(t, view, watchingTen(3), atTen(9, rollout.EventRetrying, "trying again after a failure: HTTP 503"))
	view.Tick(noon.Add(time.Minute))
	require.Contains(t, out.String(), "status   RUNNING, GRAYSCALE_RELEASE, seen 2026-03-01T12:00:03Z\n")
	showOn(t, view, watchingTen(70))
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
		showOn(t, terminal.New(&out, terminal.Options{}), e)
		require.Contains(t, out.String(), "watching 10%; "+want+"\n", left)
	}
}

func TestTheBlockFitsOnTheScreen(t *testing.T) {
	for _, width := range []int{0, 20, 40, 81} {
		out := new(screen)
		view := terminal.New(out, terminal.Options{Redraw: true, Width: width})
		e := atTen(0, rollout.EventRaised, strings.Repeat("word ", 100))
		e.Rollout = strings.Repeat("茶", 100)
		e.Observation.Reviews[0].Reason = strings.Repeat("😀", 100)
		showOn(t, view, e)
		for name := range strings.SplitSeq("a b c d e f g h i", " ") {
			e := saidAtTen(1, rollout.Pass, strings.Repeat("é", 200))
			e.Rollout, e.Gate = strings.Repeat("茶", 100), name
			if name == "i" {
				e.Verdict = &rollout.Verdict{Decision: rollout.Fail}
				e.What = "gate i: fail: look here"
			}
			showOn(t, view, e)
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
	showOn(t, terminal.New(&block, terminal.Options{Redraw: true, Color: true}), rejected)
	require.Contains(t, block.String(), "\x1b[32mALIPAY_PLUS approved")
	require.Contains(t, block.String(), "\x1b[31mALIPAY_CN rejected")
	for _, redraw := range []bool{false, true} {
		var plain, colored strings.Builder
		showOn(t, terminal.New(&plain, terminal.Options{Redraw: redraw}), events...)
		showOn(t, terminal.New(&colored, terminal.Options{Redraw: redraw, Color: true}), events...)

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
		for _, view := range []*terminal.View{
			terminal.New(&plain, terminal.Options{}),
			terminal.New(block, terminal.Options{Redraw: true}),
		} {
			for _, kind := range []rollout.EventKind{rollout.EventKind(text), rollout.EventObserved, rollout.EventGate, rollout.EventWaiting, rollout.EventPaused} {
				e.Kind = kind
				showOn(t, view, e)
			}
			view.Tick(noon)
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

	require.Zero(t, terminal.Detect(file))
	require.Zero(t, terminal.Detect(nil))
}

// screen is as much of a terminal as the block needs: it carries out the sequences that move
// the cursor up and erase, and forgets colors.
type screen struct {
	lines  []string
	row    int
	column int
	// painted counts the writes.
	painted int
}

var sequence = regexp.MustCompile("^\x1b\\[([0-9]*)([A-Za-z])")

// Write implements io.Writer.
func (s *screen) Write(p []byte) (int, error) {
	s.painted++
	rest := string(p)
	for rest != "" {
		if found := sequence.FindStringSubmatch(rest); found != nil {
			s.execute(found[1], found[2])
			rest = rest[len(found[0]):]
			continue
		}
		r := []rune(rest)[0]
		rest = rest[len(string(r)):]
		s.put(r)
	}
	return len(p), nil
}

func (s *screen) put(r rune) {
	for len(s.lines) <= s.row {
		s.lines = append(s.lines, "")
	}
	switch r {
	case '\n':
		s.row, s.column = s.row+1, 0
	case '\r':
		s.column = 0
	default:
		line := []rune(s.lines[s.row])
		line = append(line[:min(s.column, len(line))], append([]rune{r}, line[min(s.column+1, len(line)):]...)...)
		s.lines[s.row], s.column = string(line), s.column+1
	}
}

func (s *screen) execute(number, command string) {
	n, _ := strconv.Atoi(number)
	switch command {
	case "A":
		s.row = max(0, s.row-max(n, 1))
	case "K":
		if s.row < len(s.lines) {
			line := []rune(s.lines[s.row])
			s.lines[s.row] = string(line[:min(s.column, len(line))])
		}
	case "J":
		s.lines = s.lines[:min(s.row, len(s.lines))]
	}
}

// String is what stands on the screen.
func (s *screen) String() string { return strings.Join(s.lines, "\n") }

func TestAViewIsSafeForConcurrentUse(t *testing.T) {
	for _, redraw := range []bool{false, true} {
		var out writes
		view := terminal.New(&out, terminal.Options{Redraw: redraw})
		sink := view.Sink()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				_ = sink(context.Background(), happened(rollout.EventRaised, fmt.Sprint("raised ", i)))
				view.Tick(noon)
			})
		}
		all.Wait()
		require.GreaterOrEqual(t, len(out), 20)
	}
}

// writes keeps what each Write got.
type writes []string

func (w *writes) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}

// failingWriter is a writer whose first write fails.
type failingWriter struct {
	strings.Builder

	failed bool
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if !w.failed {
		w.failed = true
		return 0, errors.New("no space left")
	}
	return w.Builder.Write(p)
}

func (w *failingWriter) WriteString(text string) (int, error) { return w.Write([]byte(text)) }

func TestAViewReturnsTheErrorOfItsWriterAndGoesOnAfterwards(t *testing.T) {
	for _, redraw := range []bool{false, true} {
		out := new(failingWriter)
		sink := terminal.New(out, terminal.Options{Redraw: redraw}).Sink()
		require.ErrorContains(t, sink(t.Context(), happened(rollout.EventRaised, "one")), "no space left")
		require.NoError(t, sink(t.Context(), happened(rollout.EventApproved, "two")))
		require.Contains(t, out.String(), "two")
	}
}

// A view must not show what nobody knows: that nothing is live.
func TestAViewShowsNothingOfAStateThatCannotBeRead(t *testing.T) {
	for _, redraw := range []bool{false, true} {
		store, fake := rollout.NewMemoryStore(), rollouttest.NewFake("release 1", alipayplus.DefaultLadder())
		lease, err := store.Acquire(t.Context(), "release 1", "earlier")
		require.NoError(t, err)
		require.NoError(t, lease.Save(t.Context(), []byte(`{"schema`), nil))
		require.NoError(t, lease.Release(t.Context()))
		var out strings.Builder
		spec := rollout.Spec{Version: rollout.SpecVersion, Steps: []rollout.StepSpec{{Ratio: 10}, {Ratio: 100}}}
		r, err := rollout.New(fake, spec, store, rollout.WithSink(terminal.New(&out, terminal.Options{Redraw: redraw}).Sink()))
		require.NoError(t, err)
		_, err = r.Run(t.Context())
		require.ErrorAs(t, err, new(*rollout.CheckpointError))
		require.Contains(t, out.String(), "it is not known what is live")
		require.NotContains(t, out.String(), "0%")
		require.NotContains(t, out.String(), "(* step)")
		require.Equal(t, redraw, strings.Contains(out.String(), "status   not known"))
	}
}
