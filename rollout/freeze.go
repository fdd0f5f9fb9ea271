package rollout

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FreezeWindow is a time in which no ratio is set: days of the week, hours, dates, or
// what they have in common. Reviews, gates, bake times and deadlines go on in it, and a
// rollout can be paused and aborted.
type FreezeWindow struct {
	// Zone is the time zone of everything else here, by its IANA name: "Asia/Shanghai",
	// "Europe/Berlin", "UTC".
	Zone string `json:"zone" yaml:"zone" validate:"required,max=64"`
	// Weekdays are the days of the week: "mon" to "sun"; empty: all.
	Weekdays []Weekday `json:"weekdays,omitempty" yaml:"weekdays,omitempty" validate:"max=7,unique,dive,oneof=mon tue wed thu fri sat sun"`
	// Hours are those of such a day, by the clock on the wall of the zone: "09:00-18:00",
	// the last minute not included, or over midnight, "22:00-06:00", where the day is that
	// on which it begins; empty: the whole day.
	Hours string `json:"hours,omitempty" yaml:"hours,omitempty" validate:"max=11"`
	// Dates are single days, "2027-01-01", and first and last days, "2027-02-05/2027-02-12";
	// empty: all.
	Dates []string `json:"dates,omitempty" yaml:"dates,omitempty" validate:"max=100"`
	// Reason says why, for people; may be empty.
	Reason string `json:"reason,omitempty" yaml:"reason,omitempty" validate:"max=200"`
}

// Weekday is a day of the week: "mon", "tue", "wed", "thu", "fri", "sat" or "sun".
type Weekday string

// weekdayOf is the day of the week of a time.
func weekdayOf(t time.Time) Weekday { return Weekday(strings.ToLower(t.Weekday().String()[:3])) }

// String shows the window in one line: "sat, sun 22:00-06:00 (Asia/Shanghai): nobody is in".
func (w FreezeWindow) String() string {
	var parts []string
	if len(w.Weekdays) > 0 {
		days := make([]string, len(w.Weekdays))
		for i, day := range w.Weekdays {
			days[i] = string(day)
		}
		parts = append(parts, strings.Join(days, ", "))
	}
	if len(w.Dates) > 0 {
		parts = append(parts, strings.Join(w.Dates, ", "))
	}
	if w.Hours != "" {
		parts = append(parts, w.Hours)
	}
	text := strings.Join(parts, " ") + " (" + w.Zone + ")"
	if w.Reason != "" {
		text += ": " + w.Reason
	}
	return text
}

func (w FreezeWindow) check(path string, add report) {
	if w.Zone != "" {
		if _, err := zone(w.Zone); err != nil {
			add(path+".zone", "%v", err)
		}
	}
	if w.Hours != "" {
		if _, _, err := parseHours(w.Hours); err != nil {
			add(path+".hours", "%v", err)
		}
	}
	for i, text := range w.Dates {
		if _, _, err := parseDates(text); err != nil {
			add(fmt.Sprintf("%s.dates[%d]", path, i), "%v", err)
		}
	}
	if len(w.Weekdays) == 0 && w.Hours == "" && len(w.Dates) == 0 {
		add(path, "must have weekdays, hours or dates: without them nothing would ever be released")
	}
}

// checkFreeze checks that the windows, dates apart, leave a moment free.
func (s *Spec) checkFreeze(add report) {
	recurring := slices.DeleteFunc(slices.Clone(s.Freeze), func(w FreezeWindow) bool {
		return len(w.Dates) > 0 || len(w.Weekdays) == 0 && w.Hours == "" // of the latter check has said it
	})
	someMonday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, until, err := frozenUntil(recurring, someMonday); err == nil && until.IsZero() {
		add("freeze", "leaves no time in which anything could be released")
	}
}

// zone loads a time zone.
func zone(name string) (*time.Location, error) {
	if name != "" && name != "Local" {
		if location, err := time.LoadLocation(name); err == nil {
			return location, nil
		}
	}
	return nil, errors.New("must be a time zone that this machine knows, by its IANA name, such as Asia/Shanghai")
}

// minutesOfDay is the number of minutes of a day that has no change of the clock.
const minutesOfDay = 24 * 60

// parseHours reads "22:00-06:00", in minutes from midnight. The end is above the start: over
// midnight it is one of the next day.
func parseHours(text string) (from, to int, err error) {
	bad := errors.New("must be two times of a day, such as 09:00-18:00, or over midnight 22:00-06:00")
	first, last, ok := strings.Cut(text, "-")
	if !ok {
		return 0, 0, bad
	}
	from, ok = parseClock(first)
	to, ok2 := parseClock(last)
	if !ok || !ok2 || from == minutesOfDay {
		return 0, 0, bad
	}
	if from == to {
		return 0, 0, errors.New("must not begin and end at the same time; leave it out for whole days")
	}
	if to < from {
		to += minutesOfDay
	}
	return from, to, nil
}

// parseClock reads "06:30", in minutes from midnight. "24:00" is the end of the day.
func parseClock(text string) (minutes int, ok bool) {
	if len(text) != len("06:30") || text[2] != ':' || strings.Trim(text[:2]+text[3:], "0123456789") != "" {
		return 0, false
	}
	hour, _ := strconv.Atoi(text[:2])
	minute, _ := strconv.Atoi(text[3:])
	at := hour*60 + minute
	return at, minute < 60 && at <= minutesOfDay
}

// parseDates reads "2027-01-01" and "2027-02-05/2027-02-12": the first and the last day, which
// compare as texts.
func parseDates(text string) (first, last string, err error) {
	first, last, several := strings.Cut(text, "/")
	if !several {
		last = first
	}
	for _, day := range []string{first, last} {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return "", "", errors.New("must be a day, such as 2027-01-01, or a first and a last day, such as 2027-02-05/2027-02-12")
		}
	}
	if last < first {
		return "", "", errors.New("must not end before it begins")
	}
	return first, last, nil
}

// window is a [FreezeWindow] that was read.
type window struct {
	FreezeWindow

	location *time.Location
	// from and to are minutes of the day on which the window begins.
	from, to int
}

func (w FreezeWindow) read() (r window, err error) {
	r = window{FreezeWindow: w, to: minutesOfDay}
	if r.location, err = zone(w.Zone); err != nil {
		return r, fmt.Errorf("the zone %q of a freeze %w", w.Zone, err)
	}
	if w.Hours != "" {
		if r.from, r.to, err = parseHours(w.Hours); err != nil {
			return r, fmt.Errorf("the hours %q of a freeze %w", w.Hours, err)
		}
	}
	return r, nil
}

// at says whether the window holds at a time, by the clock on the wall of its zone, and until
// when that is sure: the next time at which the wall shows a midnight, a start or an end, or
// at which the clock is changed.
func (w window) at(now time.Time) (holds bool, next time.Time) {
	local := now.In(w.location)
	minute := local.Hour()*60 + local.Minute()
	today := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC) // a day, and no instant
	holds = minute >= w.from && minute < w.to && w.begins(today) ||
		minute+minutesOfDay < w.to && w.begins(today.AddDate(0, 0, -1))

	sinceMidnight := time.Duration(minute)*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
	next = local.Add(minutesOfDay*time.Minute - sinceMidnight)
	for _, edge := range []int{w.from, w.to % minutesOfDay} {
		if wait := time.Duration(edge)*time.Minute - sinceMidnight; wait > 0 {
			next = earliest(next, local.Add(wait))
		}
	}
	if _, change := local.ZoneBounds(); !change.IsZero() {
		next = earliest(next, change)
	}
	return holds, next
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// begins says whether the window begins on a day.
func (w window) begins(day time.Time) bool {
	if len(w.Weekdays) > 0 && !slices.Contains(w.Weekdays, weekdayOf(day)) {
		return false
	}
	text := day.Format(time.DateOnly)
	return len(w.Dates) == 0 || slices.ContainsFunc(w.Dates, func(dates string) bool {
		first, last, err := parseDates(dates)
		return err == nil && first <= text && text <= last
	})
}

// frozenUntil says which windows hold now, and when there is the next moment in which none
// does; zero when that is years away. A window that cannot be read is an error.
func frozenUntil(freeze []FreezeWindow, now time.Time) (holding []window, end time.Time, err error) {
	windows := make([]window, len(freeze))
	for i, w := range freeze {
		if windows[i], err = w.read(); err != nil {
			return nil, end, err
		}
	}
	const most = 5000 // moments at which a window may change, which are more than three years
	at := now
	for range most {
		var holds []window
		next := at.Add(minutesOfDay * time.Minute)
		for _, w := range windows {
			frozen, change := w.at(at)
			if frozen {
				holds = append(holds, w)
			}
			next = earliest(next, change)
		}
		if holds == nil {
			return holding, at, nil
		}
		if holding == nil {
			holding = holds
		}
		at = next
	}
	return holding, time.Time{}, nil
}

// frozen says whether nothing may be raised now, why, and until when; zero when that is years
// away or unknown. A freeze that cannot be read holds.
func (s *Spec) frozen(now time.Time) (why string, until time.Time, frozen bool) {
	holding, until, err := frozenUntil(s.Freeze, now)
	if err != nil {
		return "nothing is raised: " + err.Error(), until, true
	}
	if holding == nil {
		return "", time.Time{}, false
	}
	reasons := make([]string, len(holding))
	for i, w := range holding {
		reasons[i] = w.String()
	}
	end := "further notice"
	if !until.IsZero() {
		end = until.In(holding[0].location).Format(time.RFC3339)
	}
	return fmt.Sprintf("frozen until %s by %s", end, strings.Join(reasons, "; ")), until, true
}
