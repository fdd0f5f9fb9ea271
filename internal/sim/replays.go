package sim

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// another is an answer to another request of the same process, as a confused proxy or somebody on the way may give it to a
// caller; nil when there is none. It is one of those that the protocols let a caller find out about. Others would show
// nothing but what nobody can know:
//
//   - A platform signs the path, and names in an answer the request id of the write or the signature of the attempt. It can
//     name neither in a refusal of what it could not read, so that such a refusal shows by its age alone; and the answer to a
//     write is that to its repetitions as well.
//   - AlipayCN signs the time, a nonce of its own and the body, and nothing of the request: only the age of an answer shows
//     that it is another one's. Whether it signs its refusals is not known, so they are believed without.
func (n *network) another(e *exchange, to *server) (found *exchange) {
	best := byNothing
	for _, other := range slices.Concat(n.earlier[operation{e.from, e.host, e.path}], n.earlier[operation{e.from, e.host, ""}]) {
		shows := showsBy(e, other, to.signature)
		if shows > byNothing && shows >= best {
			found, best = other, shows
		}
	}
	return found
}

// sign is by what an answer shows that it is another request's: those that are seldom, and alone, last.
type sign int

const (
	byNothing sign = iota
	bySeveral
	byQuestion
	byRequestID
	byAge
)

// showsBy is by what a caller can find out that an answer is not that to a request.
func showsBy(e, other *exchange, signature string) sign {
	age := e.arrived.Sub(other.kept)
	is, named := namesOf(e.request), namesOf(other.answer)
	switch {
	case other.answered.Get(signature) == "":
		return byNothing
	case e.host == cnHost && other.status == http.StatusOK && age > oldAtCN:
		return byAge
	case e.host == cnHost:
		return byNothing
	case other.path != e.path:
		return bySeveral
	case named.Question == "" && (named.RequestID == "" || named.RequestID == is.RequestID):
		if age > oldAtPlatform {
			return byAge
		}
		return byNothing
	case age > oldAtPlatform:
		return bySeveral
	case named.Question != "":
		return byQuestion
	default:
		return byRequestID
	}
}

// How old an answer is that is not trusted any more, and a minute: 5 minutes is the default for a platform, and 30 for
// AlipayCN; neither document says so.
const (
	oldAtPlatform = 6 * time.Minute
	oldAtCN       = 31 * time.Minute
)

// names are what requests and answers of a platform say about which ones they are.
type names struct {
	RequestID string `json:"requestId"`
	Question  string `json:"inReplyTo"`
}

func namesOf(body []byte) (n names) {
	_ = json.Unmarshal(body, &n) // what cannot be read names nothing
	return n
}

// operation is what a process asks of a host; of any path where it is empty.
type operation struct{ from, host, path string }

// keep keeps an answer for a while.
func (n *network) keep(e *exchange) {
	const most = 6
	e.kept = time.Now()
	for _, of := range []operation{{e.from, e.host, e.path}, {e.from, e.host, ""}} {
		kept := append(n.earlier[of], e)
		n.earlier[of] = slices.Clone(kept[max(0, len(kept)-most):])
	}
}
