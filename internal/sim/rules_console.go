package sim

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// page judges a page of the console, and what was sent there: a form does what a call of its sender may do, and a page shows
// what a call of its reader would.
func (r *platformRules) page(e *exchange, at string) {
	m := r.atConsole(e.from)
	if m == nil {
		return
	}
	parts := strings.Split(at, "/")
	fields, err := url.ParseQuery(string(e.request))
	sent := e.method == http.MethodPost && len(parts) == 3 && err == nil
	if e.begun && sent {
		r.sentForm(e, m, parts, fields)
	}
	if e.begun {
		return
	}
	if m.party == "" {
		r.isolated(m, e)
	}
	if sent && parts[0] == "releases" && e.status == http.StatusSeeOther {
		if of := r.releases[parts[1]]; of != nil {
			r.allowed(m, e, "release/"+parts[2], of.ProgramID)
		}
	}
}

// sentForm learns what somebody asked for by a form, which has reached a platform.
func (r *platformRules) sentForm(e *exchange, m *member, parts []string, fields url.Values) {
	id := parts[1]
	r.asksFor(e, id)
	switch parts[0] + " " + parts[2] {
	case "reviews decide":
		if fields.Get("verdict") == "approve" {
			r.approved[[2]string{id, string(m.party)}] = true
		}
	case "releases apply":
		r.appliedFor(id, fields.Get("requestId"))
	case "releases grayscale":
		ratio, _ := strconv.Atoi(fields.Get("ratio"))
		r.asked[id] = append(r.asked[id], ratio)
	case "releases finalize":
		r.asked[id] = append(r.asked[id], 100)
	}
}

// atConsole is whose browser a process is; nil for another one.
func (r *platformRules) atConsole(process string) *member {
	name, is := strings.CutSuffix(process, atConsole)
	for _, m := range r.members {
		if is && m.name == name {
			return m
		}
	}
	return nil
}
