package storage

// footprint is what a transaction has read: keys, found or not, and spans of keys, down to which there was nothing but
// what it saw. Others' writes into it are what makes the transaction's view out of date.
type footprint struct {
	keys  map[string]struct{}
	spans []span
}

// span is the keys from from up to to: to itself is in it when closed; without being closed, an empty to is no end.
type span struct {
	from, to string
	closed   bool
}

func (f *footprint) addKey(key string) {
	if f.keys == nil {
		f.keys = make(map[string]struct{})
	}
	f.keys[key] = struct{}{}
}

// addSpan returns a function that sets the span to what has been read of it by now. It is not part of the footprint
// before the first call.
func (f *footprint) addSpan() (set func(span)) {
	at := -1
	return func(s span) {
		if at < 0 {
			at = len(f.spans)
			f.spans = append(f.spans, s)
		}
		f.spans[at] = s
	}
}

func (f *footprint) holds(key string) bool {
	if _, read := f.keys[key]; read {
		return true
	}
	for _, s := range f.spans {
		if s.holds(key) {
			return true
		}
	}
	return false
}

func (s span) holds(key string) bool {
	if s.closed {
		return s.from <= key && key <= s.to
	}
	return s.from <= key && below(key, s.to)
}
