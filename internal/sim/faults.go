package sim

import (
	"math/rand/v2"
	"time"
)

// fault is what goes wrong at a point.
type fault string

const (
	none        fault = ""
	refused     fault = "refused"     // nobody listens
	cutBefore   fault = "cut before"  // the request is lost
	cutAfter    fault = "cut after"   // the answer is lost
	maintenance fault = "maintenance" // a page of a proxy in the server's place
	duplicated  fault = "duplicated"  // the request arrives twice
	corrupted   fault = "corrupted"   // the answer is changed on its way
	forged      fault = "forged"      // the answer says something else, and is not signed anew
	unsigned    fault = "unsigned"    // the answer has lost its signature
	missigned   fault = "missigned"   // the answer has a signature that does not fit
	replayed    fault = "replayed"    // the answer is that to an earlier request
	full        fault = "full"        // nothing is stored
	torn        fault = "torn"        // it is stored or not, and the error does not say which
	unconfirmed fault = "unconfirmed" // it is stored, and the error says that it was not
	lied        fault = "lied"        // it is stored until the power fails
	again       fault = "again"       // others got in the way, the transaction runs once more
)

// What befalls a process in place of going on.
const (
	killed fault = "killed"
	halted fault = "halted"
)

// fate is what the scheduler has decided about a point.
type fate struct {
	fault fault
	delay time.Duration
	// choice is for whoever has to choose something at the point.
	choice uint64
}

// faults is how much goes wrong in a world, until its faults stop.
type faults struct {
	random *rand.Rand
	// until is when they stop, and left how many there may still be; below 0: any number.
	until time.Time
	left  int
	// rate is how many of a thousand points of a kind have a fault, kills how many of ten thousand end a process.
	rate  map[kind]int
	kills int
	// outages are when nearly all points of a kind fail.
	outages []outage
	// slow is how many of a thousand points take long.
	slow int
	// count is how many there were of each.
	count map[fault]int
}

// newFaults draws how much goes wrong: in some worlds nothing, in some one thing, in some all.
func newFaults(seed uint64, began time.Time, lasting time.Duration, left int) *faults {
	until := began.Add(lasting)
	f := &faults{random: rand.New(rand.NewPCG(seed, 2)), until: until, left: left, rate: map[kind]int{}, count: map[fault]int{}}
	amount := func(most int) int {
		if f.random.IntN(3) == 0 {
			return 0
		}
		return f.random.IntN(most + 1)
	}
	for _, k := range []kind{request, reply, record, disk} {
		f.rate[k] = amount(120)
	}
	f.kills, f.slow = amount(60), amount(30)
	for range f.random.IntN(4) {
		kinds := []kind{request, reply, record, disk}
		begins := until.Add(-time.Duration(f.random.Int64N(int64(lasting))))
		f.outages = append(f.outages, outage{kinds[f.random.IntN(len(kinds))], begins, begins.Add(time.Duration(f.random.Int64N(int64(8 * time.Hour))))})
	}
	return f
}

// outage is when nearly all points of a kind fail.
type outage struct {
	kind         kind
	begins, ends time.Time
}

// rateOf is how many of a thousand points of a kind fail now.
func (f *faults) rateOf(k kind) int {
	const nearlyAll = 950
	now := time.Now()
	for _, o := range f.outages {
		if o.kind == k && now.After(o.begins) && now.Before(o.ends) {
			return nearlyAll
		}
	}
	return f.rate[k]
}

// cutOff says whether nearly all messages are lost now, on one of their ways. Unlike the others it may be called at any moment.
func (f *faults) cutOff() bool {
	const most = 500
	return time.Now().Before(f.until) && (f.rateOf(request) > most || f.rateOf(reply) > most)
}

// kindsOfFault are those of a kind of point, and how often each comes beside the others.
func kindsOfFault(k kind) []fault {
	switch k {
	case request:
		return []fault{refused, cutBefore, cutBefore, maintenance, duplicated}
	case reply:
		return []fault{cutAfter, cutAfter, corrupted, forged, unsigned, missigned, replayed, maintenance}
	case record:
		return []fault{full, unconfirmed, again}
	case disk:
		return []fault{full, torn, unconfirmed, lied}
	default:
		return nil
	}
}

// at decides about a point of a kind.
func (f *faults) at(k kind) fate {
	at := fate{delay: f.usual(k), choice: f.random.Uint64()}
	possible := kindsOfFault(k)
	if f.over() || len(possible) == 0 {
		return at
	}
	if f.random.IntN(1000) < f.slow {
		at.delay = time.Duration(f.random.Int64N(int64(2 * time.Minute)))
	}
	if f.random.IntN(1000) < f.rateOf(k) {
		at.fault = possible[f.random.IntN(len(possible))]
		f.spend(at.fault)
	}
	return at
}

// usual is how long a point takes when nothing is wrong.
func (f *faults) usual(k kind) time.Duration {
	most := time.Millisecond
	if k == request || k == reply || k == closed {
		most = 200 * time.Millisecond
	}
	return 1 + time.Duration(f.random.Int64N(int64(most)))
}

// befalls decides what becomes of a process that may go on.
func (f *faults) befalls(p *process) fault {
	if p.robust || f.over() || f.random.IntN(10_000) >= f.kills {
		return none
	}
	what := killed
	if f.random.IntN(4) == 0 {
		what = halted
	}
	f.spend(what)
	return what
}

// halt is how long a process is stopped: often longer than a lease lasts.
func (f *faults) halt() time.Duration { return time.Duration(f.random.Int64N(int64(time.Hour))) }

func (f *faults) over() bool { return f.left == 0 || !time.Now().Before(f.until) }

func (f *faults) spend(what fault) {
	f.left--
	f.count[what]++
}

// counts are how many there were of each.
func (f *faults) counts() map[string]int {
	counts := map[string]int{}
	for what, n := range f.count {
		counts[string(what)] = n
	}
	return counts
}
