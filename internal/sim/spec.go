package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/rollout"
)

// spec is a plan, as somebody may make one.
func spec(random *rand.Rand, ladder []alipayplus.Ratio) rollout.Spec {
	s := rollout.Spec{
		Version: rollout.SpecVersion, Review: rollout.ReviewAdopt, Deadline: rollout.Duration(10 * day),
		Gates: map[string]rollout.GateSpec{},
	}
	gated := random.IntN(3) > 0
	if gated {
		s.Gates["errors"] = rollout.GateSpec{Every: rollout.Duration(time.Duration(10+random.IntN(50)) * time.Minute), FailAfter: 1 + random.IntN(2)}
	}
	if random.IntN(4) == 0 {
		s.OnGateFailure = rollout.FailureAbort
	}
	used := false
	for _, ratio := range ladder {
		if random.IntN(3) == 0 {
			continue
		}
		step := rollout.StepSpec{Ratio: ratio, Approval: random.IntN(4) == 0, Bake: rollout.Duration(time.Duration(random.IntN(8)) * time.Hour)}
		if gated && (!used || random.IntN(3) > 0) {
			step.Gates, used = []string{"errors"}, true
		}
		s.Steps = append(s.Steps, step)
	}
	if !used {
		clear(s.Gates)
	}
	s.Steps = append(s.Steps, rollout.StepSpec{Ratio: alipayplus.FullRatio, Approval: random.IntN(4) == 0})
	return s
}

// plan gives a deployment a plan, with some of what not every plan has.
func (w *world) plan(d *deployment, random *rand.Rand) {
	s, more := spec(random, d.ladder), d.dice
	if more.IntN(2) == 0 {
		s.Freeze = w.freeze(more)
	}
	seldom(more, &s.ApprovalExpiry, 2, 2*time.Hour, 2*day)
	seldom(more, &s.Deadline, 3, 6*time.Hour, 2*day)
	seldom(more, &s.ReviewDeadline, 4, 3*time.Hour, day)
	if more.IntN(4) == 0 {
		s.ClockTolerance = new(rollout.Duration(more.Int64N(int64(20 * time.Minute))))
	}
	for i := range len(s.Steps) - 1 {
		if bake := s.Steps[i].Bake.Std(); more.IntN(3) == 0 {
			s.Steps[i].Deadline = rollout.Duration(bake + 3*time.Hour + time.Duration(more.Int64N(int64(9*time.Hour))))
		}
	}
	addGates(more, &s)
	w.ok(s.Validate())
	d.spec = s
	d.given = append(d.given, s)
}

// seldom sets a duration in one of so many cases.
func seldom(random *rand.Rand, d *rollout.Duration, of int, least, most time.Duration) {
	if random.IntN(of) == 0 {
		*d = rollout.Duration(least + time.Duration(random.Int64N(int64(most-least))))
	}
}

// addGates says how much of a gate is tolerated, and adds a second one.
func addGates(random *rand.Rand, s *rollout.Spec) {
	g, is := s.Gates["errors"]
	if !is {
		return
	}
	s.Gates["errors"] = tolerant(random, g)
	if random.IntN(2) == 0 {
		return
	}
	latency := tolerant(random, rollout.GateSpec{Every: rollout.Duration(time.Duration(10+random.IntN(50)) * time.Minute)})
	latency.FailAfter = 2 + random.IntN(2) // it fails now and then
	latency.OfLast = latency.FailAfter + random.IntN(4)
	s.Gates["latency"] = latency
	for i, step := range s.Steps {
		if len(step.Gates) > 0 {
			s.Steps[i].Gates = append(step.Gates, "latency")
		}
	}
}

func tolerant(random *rand.Rand, g rollout.GateSpec) rollout.GateSpec {
	if random.IntN(2) == 0 {
		g.Tolerate = new(random.IntN(6))
	}
	if random.IntN(2) == 0 {
		g.FailAfter = 1 + random.IntN(3)
		g.OfLast = g.FailAfter + random.IntN(4)
	}
	g.NoData = []rollout.NoDataPolicy{"", rollout.NoDataWait, rollout.NoDataFail}[random.IntN(3)]
	if random.IntN(2) == 0 {
		g.Timeout = rollout.Duration(10+random.IntN(110)) * rollout.Duration(time.Second)
	}
	return g
}

// freeze is when a plan sets no ratio: in the time that a world lasts, in zones of all kinds, so that enough is left. One
// window often begins when another ends.
func (w *world) freeze(random *rand.Rand) []rollout.FreezeWindow {
	zones := []string{"UTC", "Asia/Shanghai", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati"}
	zone := zones[random.IntN(len(zones))]
	location, err := time.LoadLocation(zone)
	w.ok(err)
	begins := time.Now().Add(time.Duration(random.Int64N(int64(w.trouble)))).In(location)
	first := rollout.FreezeWindow{Zone: zone}
	from := onMachines(begins.Hour()*60 + begins.Minute())
	if random.IntN(2) == 0 { // over midnight
		from = 18*60 + random.IntN(5*60)
	}
	to := onMachines(from + 15 + random.IntN(10*60))
	if random.IntN(3) > 0 {
		first.Hours = hours(from, to)
	}
	kind := random.IntN(3)
	switch {
	case kind == 0:
		first.Dates = []string{begins.Format(time.DateOnly) + "/" + begins.AddDate(0, 0, random.IntN(2)).Format(time.DateOnly)}
	case kind == 1 || first.Hours == "":
		first.Weekdays = []rollout.Weekday{weekday(begins)}
		if random.IntN(2) == 0 {
			first.Weekdays = append(first.Weekdays, weekday(begins.AddDate(0, 0, 1)))
		}
	}
	if random.IntN(2) == 0 {
		return []rollout.FreezeWindow{first}
	}
	next := rollout.FreezeWindow{Zone: zone}
	if first.Hours == "" {
		after := begins.AddDate(0, 0, 1+len(first.Weekdays)/2)
		next.Dates = []string{after.Format(time.DateOnly)}
	} else {
		next.Hours = hours(to, onMachines(to+15+random.IntN(5*60)))
	}
	return []rollout.FreezeWindow{first, next}
}

// onMachines is a minute of the day that is of the same day by the clocks of all machines.
func onMachines(minute int) int {
	const most = 5
	return min(max(minute%minutesOfDay, most), minutesOfDay-most)
}

const minutesOfDay = 24 * 60

// hours are those from a minute of the day to another one, or to the next when it is the same.
func hours(from, to int) string {
	if to == from {
		to++
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", from/60, from%60, to/60, to%60)
}

// asOn is a plan as a machine reads it. In the bubble all clocks show the same; so where one is ahead, the hours of a freeze
// come earlier.
func asOn(m *machine, s rollout.Spec) rollout.Spec {
	s.Freeze = slices.Clone(s.Freeze)
	for i := range s.Freeze {
		if m.minutes() != 0 {
			s.Freeze[i].Hours = moved(s.Freeze[i].Hours, -m.minutes())
		}
	}
	return s
}

// moved are hours later.
func moved(hours string, by time.Duration) string {
	edges := strings.Split(hours, "-")
	for i, edge := range edges {
		if at, err := time.Parse(wall, edge); err == nil {
			edges[i] = at.Add(by).Format(wall)
		}
	}
	return strings.Join(edges, "-")
}

// wall is how a clock on a wall shows a time.
const wall = "15:04"

// weekdays are the days of the week, from that on which a year of our calendar began.
var weekdays = []rollout.Weekday{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func weekday(at time.Time) rollout.Weekday { return weekdays[at.Weekday()] }

// toClockChange is until a world begins: some do so a day before the clocks are changed in Berlin, New York or Lord Howe.
func toClockChange(random *rand.Rand) time.Duration {
	now := time.Now()
	if changes := []string{"2000-03-25", "2000-04-01", "2000-10-28"}; random.IntN(4) == 0 {
		begins, _ := time.Parse(time.DateOnly, changes[random.IntN(len(changes))])
		return begins.Sub(now)
	}
	return 0
}
