package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// on reads a time in a zone: "2026-03-28 23:30 Europe/Berlin".
func on(t require.TestingT, text string) time.Time {
	day, rest, _ := strings.Cut(text, " ")
	clock, name, _ := strings.Cut(rest, " ")
	location, err := time.LoadLocation(name)
	require.NoError(t, err)
	at, err := time.ParseInLocation("2006-01-02 15:04", day+" "+clock, location)
	require.NoError(t, err)
	return at
}

func TestAFreezeHoldsByTheClockOfItsZone(t *testing.T) {
	t.Parallel()
	weekend := FreezeWindow{Zone: "Asia/Shanghai", Weekdays: []Weekday{"sat", "sun"}}
	nights := FreezeWindow{Zone: "Europe/Berlin", Hours: "22:00-06:00"}
	fridays := FreezeWindow{Zone: "Europe/Berlin", Weekdays: []Weekday{"fri"}, Hours: "18:00-08:00"}
	festival := FreezeWindow{Zone: "Asia/Shanghai", Dates: []string{"2027-02-05/2027-02-12", "2027-01-01"}}
	early := FreezeWindow{Zone: "Europe/Berlin", Hours: "01:00-02:30"}
	for _, tt := range []struct {
		windows []FreezeWindow
		now     string
		until   string // empty: nothing is frozen
	}{
		{nil, "2026-03-28 12:00 UTC", ""},
		{[]FreezeWindow{weekend}, "2026-11-27 23:59 Asia/Shanghai", ""},
		{[]FreezeWindow{weekend}, "2026-11-28 00:00 Asia/Shanghai", "2026-11-30 00:00 Asia/Shanghai"},
		{[]FreezeWindow{weekend}, "2026-11-29 16:00 UTC", ""}, // Monday there
		{[]FreezeWindow{nights}, "2026-11-28 21:59 Europe/Berlin", ""},
		{[]FreezeWindow{nights}, "2026-11-28 22:00 Europe/Berlin", "2026-11-29 06:00 Europe/Berlin"},
		{[]FreezeWindow{nights}, "2026-11-29 05:59 Europe/Berlin", "2026-11-29 06:00 Europe/Berlin"},
		{[]FreezeWindow{nights}, "2026-11-29 06:00 Europe/Berlin", ""},
		{[]FreezeWindow{fridays}, "2026-11-28 07:00 Europe/Berlin", "2026-11-28 08:00 Europe/Berlin"}, // it began on Friday
		{[]FreezeWindow{fridays}, "2026-11-27 07:00 Europe/Berlin", ""},
		{[]FreezeWindow{festival}, "2027-02-05 00:00 Asia/Shanghai", "2027-02-13 00:00 Asia/Shanghai"},
		{[]FreezeWindow{festival}, "2027-01-01 15:59 UTC", "2027-01-01 16:00 UTC"},
		{[]FreezeWindow{weekend, nights}, "2026-11-29 21:00 Europe/Berlin", ""},
		{[]FreezeWindow{{Zone: "UTC", Hours: "00:00-12:00"}, {Zone: "UTC", Weekdays: []Weekday{"mon"}, Hours: "12:00-24:00"}}, "2026-11-30 01:00 UTC", "2026-12-01 12:00 UTC"},
		// The clock goes forward from 02:00 to 03:00: 02:30 is never shown, and an hour is missing.
		{[]FreezeWindow{nights}, "2026-03-28 22:00 Europe/Berlin", "2026-03-29 06:00 Europe/Berlin"},
		{[]FreezeWindow{early}, "2026-03-29 01:30 Europe/Berlin", "2026-03-29 03:00 Europe/Berlin"},
		// The clock goes back from 03:00 to 02:00: 02:15 is shown twice, and frozen twice.
		{[]FreezeWindow{nights}, "2026-10-24 22:00 Europe/Berlin", "2026-10-25 06:00 Europe/Berlin"},
		{[]FreezeWindow{early}, "2026-10-24 23:15 UTC", "2026-10-25 00:30 UTC"},
		{[]FreezeWindow{early}, "2026-10-25 01:15 UTC", "2026-10-25 01:30 UTC"},
	} {
		spec := Spec{Freeze: tt.windows}
		_, until, frozen := spec.frozen(on(t, tt.now))
		require.Equal(t, tt.until != "", frozen, "%v at %s", tt.windows, tt.now)
		if frozen {
			require.True(t, on(t, tt.until).Equal(until), "%v at %s: until %v", tt.windows, tt.now, until)
		}
	}
}

// In any zone and across any change of its clock, a minute is frozen when the clock on the
// wall says so, and the end is the first minute that is not.
func TestTheEndOfAFreezeIsTheFirstFreeMinute(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "America/Sao_Paulo", "Pacific/Apia"}
	clock := func(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60, minutes%60) }
	windows := rapid.Custom(func(rt *rapid.T) FreezeWindow {
		w := FreezeWindow{Zone: rapid.SampledFrom(zones).Draw(rt, "zone")}
		w.Weekdays = rapid.SliceOfNDistinct(rapid.SampledFrom([]Weekday{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}), 0, 4, rapid.ID).Draw(rt, "weekdays")
		from, long := rapid.IntRange(0, 24*60-1).Draw(rt, "from"), rapid.IntRange(1, 24*60-1).Draw(rt, "long")
		if rapid.Bool().Draw(rt, "hours") || len(w.Weekdays) == 0 {
			w.Hours = clock(from) + "-" + clock((from+long)%(24*60))
		}
		return w
	})
	rapid.Check(t, func(rt *rapid.T) {
		spec := Spec{Freeze: rapid.SliceOfN(windows, 1, 2).Draw(rt, "windows")}
		start := rapid.SampledFrom([]string{"2026-03-07", "2026-03-28", "2026-10-24", "2026-10-31", "2026-04-04", "2011-12-29", "2018-11-03", "2027-02-01"}).Draw(rt, "day")
		now := on(rt, start+" 00:00 UTC").Add(time.Duration(rapid.IntRange(0, 3*24*60*60).Draw(rt, "seconds")) * time.Second)
		_, until, frozen := spec.frozen(now)
		if !frozen {
			require.False(rt, frozenByTheWall(spec.Freeze, now))
			return
		}
		require.True(rt, frozenByTheWall(spec.Freeze, now))
		if until.IsZero() {
			require.ErrorContains(rt, withSteps(spec).Validate(), "freeze leaves no time")
			return
		}
		require.False(rt, frozenByTheWall(spec.Freeze, until))
		for at := now; at.Before(until) && at.Sub(now) < 50*time.Hour; at = at.Add(time.Minute) {
			require.True(rt, frozenByTheWall(spec.Freeze, at), "%v of %v", at, until)
		}
		require.True(rt, frozenByTheWall(spec.Freeze, until.Add(-time.Nanosecond)))
	})
}

func withSteps(s Spec) *Spec {
	s.Version, s.Steps = 1, []StepSpec{{Ratio: 100}}
	return &s
}

// frozenByTheWall reads the clock on the wall, in the plainest way.
func frozenByTheWall(windows []FreezeWindow, now time.Time) bool {
	for _, w := range windows {
		location, _ := time.LoadLocation(w.Zone)
		local := now.In(location)
		shown, today := local.Format("15:04"), Weekday(strings.ToLower(local.Format("Mon")))
		yesterday := Weekday(strings.ToLower(time.Date(local.Year(), local.Month(), local.Day()-1, 12, 0, 0, 0, time.UTC).Format("Mon")))
		named := func(day Weekday) bool {
			return len(w.Weekdays) == 0 || strings.Contains(fmt.Sprint(w.Weekdays), string(day))
		}
		from, to, hours := strings.Cut(w.Hours, "-")
		switch {
		case !hours && named(today),
			hours && from < to && from <= shown && shown < to && named(today),
			hours && to < from && from <= shown && named(today),
			hours && to < from && shown < to && named(yesterday):
			return true
		}
	}
	return false
}

func TestAFreezeThatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		windows []FreezeWindow
		want    string
	}{
		"no zone":             {[]FreezeWindow{{Hours: "22:00-06:00"}}, "freeze[0].zone is required"},
		"no such zone":        {[]FreezeWindow{{Zone: "Asia/Shanghei", Hours: "22:00-06:00"}}, "freeze[0].zone must be a time zone"},
		"that of the machine": {[]FreezeWindow{{Zone: "Local", Hours: "22:00-06:00"}}, "freeze[0].zone must be a time zone"},
		"a path":              {[]FreezeWindow{{Zone: "../etc/passwd", Hours: "22:00-06:00"}}, "freeze[0].zone must be a time zone"},
		"nothing more":        {[]FreezeWindow{{Zone: "UTC"}}, "freeze[0] must have weekdays, hours or dates"},
		"no such day":         {[]FreezeWindow{{Zone: "UTC", Weekdays: []Weekday{"Samstag"}}}, "freeze[0].weekdays[0] must be one of mon, tue"},
		"a day twice":         {[]FreezeWindow{{Zone: "UTC", Weekdays: []Weekday{"sat", "sat"}}}, "freeze[0].weekdays must not name the same thing twice"},
		"one time":            {[]FreezeWindow{{Zone: "UTC", Hours: "22:00"}}, "freeze[0].hours must be two times of a day"},
		"no time":             {[]FreezeWindow{{Zone: "UTC", Hours: "22:00-25:00"}}, "freeze[0].hours must be two times of a day"},
		"sixty minutes":       {[]FreezeWindow{{Zone: "UTC", Hours: "22:60-23:00"}}, "freeze[0].hours must be two times of a day"},
		"a sign":              {[]FreezeWindow{{Zone: "UTC", Hours: "-1:00-23:00"}}, "freeze[0].hours must be two times of a day"},
		"from 24:00":          {[]FreezeWindow{{Zone: "UTC", Hours: "24:00-06:00"}}, "freeze[0].hours must be two times of a day"},
		"no hours":            {[]FreezeWindow{{Zone: "UTC", Hours: "09:00-09:00"}}, "freeze[0].hours must not begin and end at the same time"},
		"no such date":        {[]FreezeWindow{{Zone: "UTC", Dates: []string{"2027-02-29"}}}, "freeze[0].dates[0] must be a day"},
		"dates backwards":     {[]FreezeWindow{{Zone: "UTC", Dates: []string{"2027-01-01", "2027-02-12/2027-02-05"}}}, "freeze[0].dates[1] must not end before it begins"},
		"always":              {[]FreezeWindow{{Zone: "UTC", Hours: "00:00-24:00"}}, "freeze leaves no time"},
		"always, by two":      {[]FreezeWindow{{Zone: "UTC", Hours: "00:00-12:00"}, {Zone: "UTC", Hours: "12:00-24:00"}}, "freeze leaves no time"},
		"always, in zones":    {[]FreezeWindow{{Zone: "UTC", Hours: "00:00-12:00"}, {Zone: "Asia/Shanghai", Hours: "20:00-08:00"}}, "freeze leaves no time"},
	} {
		t.Run(name, func(t *testing.T) {
			require.ErrorContains(t, withSteps(Spec{Freeze: tt.windows}).Validate(), tt.want)
		})
	}
	require.NoError(t, withSteps(Spec{Freeze: []FreezeWindow{{Zone: "UTC", Hours: "00:00-23:59"}}}).Validate())
}
