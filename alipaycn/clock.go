package alipaycn

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/alipayplus-go/alipayplus"
	"github.com/alipayplus-go/alipayplus/internal/cnwire"
)

const (
	// defaultMaxSkew is not documented by AlipayCN.
	defaultMaxSkew = 30 * time.Minute
	// clockNoise is the difference that the way of an answer may make.
	clockNoise = time.Minute
)

// clockAhead is how far this machine's clock is ahead of the one that answered;
// below 0: behind. The Date header tells, or else the time that is signed.
func clockAhead(h http.Header, now time.Time) (offset time.Duration, known bool) {
	if offset, known = dateAhead(h, now); known {
		return offset, true
	}
	return signedAhead(h, now)
}

func dateAhead(h http.Header, now time.Time) (offset time.Duration, known bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	return now.Sub(date), true
}

func signedAhead(h http.Header, now time.Time) (offset time.Duration, known bool) {
	milliseconds, err := strconv.ParseInt(h.Get(cnwire.HeaderTimestamp), 10, 64)
	if err != nil {
		return 0, false
	}
	return now.Sub(time.UnixMilli(milliseconds)), true
}

// stale is the error of a success that was signed at another time; nil when the
// time fits, or cannot be read. The Date header, which is not signed, tells a
// wrong clock from an old answer.
func (c *Client) stale(h http.Header) *Error {
	now := c.now()
	offset, known := signedAhead(h, now)
	if !known || offset.Abs() <= c.maxSkew {
		return nil
	}
	reason, hint := "it was signed "+durationText(offset)+" before this machine's time", clockHint(offset)
	if offset < 0 {
		reason = "it was signed " + durationText(offset) + " after this machine's time"
	}
	if byDate, known := dateAhead(h, now); known && byDate.Abs() <= c.maxSkew {
		reason += ", which is right by the answer's Date"
		hint = "somebody may be replaying old answers: check the endpoint (WithEndpoint, ALIPAYCN_ENDPOINT) and what is between it and this machine"
	}
	cause := &alipayplus.SignatureError{Reason: reason}
	return &Error{Message: cause.Error(), Hint: hint, cause: cause}
}

// timestampHint is what to do when AlipayCN refuses the time of a request; empty
// for other codes, and when the answer does not tell the time.
func timestampHint(code Code, h http.Header, now time.Time) string {
	if code != GatewayIllegalTimestamp && code != GatewayInvalidTimestamp {
		return ""
	}
	offset, known := clockAhead(h, now)
	switch {
	case !known:
		return ""
	case offset.Abs() <= clockNoise:
		return "this machine's clock is right by AlipayCN's answer, so the request was held up on its way; check what is between this machine and AlipayCN"
	default:
		return clockHint(offset)
	}
}

func clockHint(offset time.Duration) string {
	direction := "ahead of"
	if offset < 0 {
		direction = "behind"
	}
	return fmt.Sprintf("set this machine's clock: it seems to be %s %s AlipayCN's", durationText(offset), direction)
}

// words say how long a time is, whatever its sign.
func durationText(d time.Duration) string {
	d = d.Abs()
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if n := d.Round(unit.size) / unit.size; n >= 2 {
			return fmt.Sprintf("%d %s", n, unit.name)
		}
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
