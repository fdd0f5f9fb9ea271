package storage

// logCapacity is how many written keys a commitLog remembers. A transaction during which others write more than this
// runs again, which costs time and nothing else.
const logCapacity = 4096

// commitLog remembers which keys the last commits wrote. The zero log is empty.
type commitLog struct {
	ring      []loggedKey
	next      int    // where in ring the next key goes, once ring is full
	forgotten uint64 // the newest version of which a key has been dropped
}

type loggedKey struct {
	version uint64
	key     string
}

// add notes that version, which is the newest, wrote key.
func (l *commitLog) add(version uint64, key string) {
	if len(l.ring) < logCapacity {
		l.ring = append(l.ring, loggedKey{version, key})
		return
	}
	l.forgotten = l.ring[l.next].version
	l.ring[l.next] = loggedKey{version, key}
	l.next = (l.next + 1) % logCapacity
}

// touched tells whether a version after base wrote a key that reads holds. When that is forgotten, it says yes.
func (l *commitLog) touched(base uint64, reads *footprint) bool {
	if l.forgotten > base {
		return true
	}
	for i := range l.ring {
		newest := (l.next - 1 - i + 2*len(l.ring)) % len(l.ring)
		logged := l.ring[newest]
		if logged.version <= base {
			return false
		}
		if reads.holds(logged.key) {
			return true
		}
	}
	return false
}
