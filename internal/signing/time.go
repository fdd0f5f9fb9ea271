package signing

import (
	"strconv"
	"strings"
	"time"
)

// ParseTime reads a Request-Time or Response-Time in either form that is in use:
// ISO 8601 with a zone, or milliseconds since 1970. Nothing less than a whole
// time is accepted: the string to sign is ambiguous at its dots, see [Digest].
func ParseTime(text string) (time.Time, error) {
	if strings.Contains(text, "T") { // a failed ParseInt would cost more than the look
		return time.Parse(time.RFC3339Nano, text)
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMilli(ms), err
}
