package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// saysIncomplete says whether the field is one by which metrics stores say that their answer is
// incomplete or wrong, and does so here. Other names mean nothing.
func saysIncomplete(name string, value any) bool {
	switch name {
	case "isPartial", // VictoriaMetrics
		"is_partial", "is_running", // Elasticsearch: asynchronous searches, ES|QL
		"partial",                       // InfluxDB 1
		"timed_out", "terminated_early": // Elasticsearch, OpenSearch
		return isSet(value)
	case "_shards":
		return hasCount(value, "failed")
	case "_clusters": // Elasticsearch: across clusters
		return hasCount(value, "failed", "partial", "skipped")
	case "warnings", // Prometheus, Thanos, Loki
		"errors",          // GraphQL
		"error",           // Prometheus, InfluxDB, Azure Monitor
		"executionErrors": // Google Cloud Monitoring
		return isMessage(value)
	case "status": // Prometheus, Datadog
		return isBadStatus(value)
	default:
		return false
	}
}

// isSet says whether a flag is anything but false, zero, empty or null.
func isSet(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case bool:
		return v
	case json.Number:
		x, err := v.Float64()
		return err != nil || x != 0
	case string:
		return v != "" && v != "0" && !strings.EqualFold(v, "false")
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	default:
		return true
	}
}

// hasCount says whether an object has one of the fields, and it is set.
func hasCount(value any, fields ...string) bool {
	object, ok := value.(map[string]any)
	return !ok && isSet(value) || slices.ContainsFunc(fields, func(name string) bool { return isSet(object[name]) })
}

// isMessage says whether the value is a message, or true, rather than a figure or several,
// such as the number of errors.
func isMessage(value any) bool {
	switch v := value.(type) {
	case nil, json.Number:
		return false
	case bool:
		return v
	case string:
		_, err := number(v)
		return v != "" && err != nil
	case []any:
		return slices.ContainsFunc(v, func(entry any) bool {
			object, ok := entry.(map[string]any)
			return ok && len(object) > 0 || isMessage(entry)
		})
	case map[string]any:
		for _, field := range v {
			if isMessage(field) {
				return true
			}
		}
		return false
	default:
		return true
	}
}

func isBadStatus(value any) bool {
	if text, ok := value.(string); ok {
		return strings.EqualFold(text, "error") || strings.EqualFold(text, "partial")
	}
	_, twice := value.(givenTwice)
	return twice
}

// complete is an error when an object around what one of the paths leads to says that the
// answer is incomplete, or a path chooses one of several entries of a list. Names of fields
// that a path goes through, and those to ignore, say nothing.
func complete(document any, ignore []string, paths ...fieldPath) error {
	ignored := make(map[string]bool)
	for _, name := range ignore {
		ignored[name] = true
	}
	figures := make(map[string]bool)
	for _, path := range paths {
		for _, step := range path {
			figures[step.name] = figures[step.name] || !step.list
		}
	}
	for _, path := range paths {
		if err := path.complete(document, ignored, figures); err != nil {
			return err
		}
	}
	return nil
}

func (p fieldPath) complete(document any, ignored, figures map[string]bool) error {
	at, list := document, ""
	for i, step := range p {
		for _, name := range marks(at) {
			if !ignored[name] && !figures[name] {
				return fmt.Errorf("the answer says itself that it is incomplete or wrong, in %s; if that field says something else, name it in ignore: [%s]",
					append(slices.Clone(p[:i]), fieldStep{name: name}), name)
			}
		}
		if entries, ok := at.([]any); ok && step.list && !ignored[list] && several(entries, step.at) {
			return fmt.Errorf("%s has %d entries where one is expected: ask for one, or, if their order is fixed, name the list in ignore: [%s]", p[:i].orDocument(), len(entries), list)
		}
		if !step.list {
			list = step.name
		}
		inner, err := step.descend(at)
		if err != nil {
			return nil //nolint:nilerr // whoever reads the figure says so
		}
		at = inner
	}
	return nil
}

// marks are the names of the fields of an object that say that the answer is incomplete.
func marks(value any) (names []string) {
	object, _ := value.(map[string]any)
	for name, field := range object {
		if saysIncomplete(name, field) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// several says whether entry n is one of several, which may be in any order. What is chosen
// from a list of plain values by another number than 0 is not: [time, "value"].
func several(entries []any, n int) bool {
	return len(entries) > 1 && (n == 0 || slices.ContainsFunc(entries, func(entry any) bool {
		kind := kindOf(entry)
		return kind == "a list" || kind == "an object"
	}))
}

// fresh is an error when a cache says that its answer is older than the time given (RFC 9111,
// section 5.1), or stale (RFC 7234, section 5.5), or a store that it cut the results (M3).
func fresh(h http.Header, atMost time.Duration) error {
	for _, age := range h.Values("Age") {
		seconds, err := strconv.ParseUint(strings.TrimSpace(age), 10, 31)
		if err != nil {
			return errors.New("the answer comes out of a cache and has an Age that cannot be read")
		}
		if old := time.Duration(seconds) * time.Second; old > atMost {
			return fmt.Errorf("the answer comes out of a cache and is %v old, more than the %v between two evaluations", old, atMost)
		}
	}
	for _, warning := range h.Values("Warning") {
		if code, _, _ := strings.Cut(strings.TrimSpace(warning), " "); code == "110" || code == "111" || code == "112" {
			return fmt.Errorf("the answer comes out of a cache that says that it is stale (Warning: %s)", code)
		}
	}
	if h.Get("M3-Results-Limited") != "" {
		return errors.New("the answer says itself that it is incomplete, in the header M3-Results-Limited")
	}
	return nil
}
