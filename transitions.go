package alipayplus

import "slices"

// transition is one line of a status's transition table.
type transition[S ~string] struct {
	from S
	by   string
	to   S
}

func canBecome[S ~string](table []transition[S], from, to S) bool {
	return slices.ContainsFunc(table, func(t transition[S]) bool { return t.from == from && t.to == to })
}

// known says whether the table mentions the status.
func known[S ~string](table []transition[S], s S) bool {
	return slices.ContainsFunc(table, func(t transition[S]) bool { return t.from == s || t.to == s })
}

// terminal says whether the table mentions the status and leads nowhere from it.
func terminal[S ~string](table []transition[S], s S) bool {
	leaves := slices.ContainsFunc(table, func(t transition[S]) bool { return t.from == s })
	return !leaves && known(table, s)
}
