package storage

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever is put and deleted, the tree holds what a map holds, in order, and every tree frozen on the way still holds
// what it held then.
func TestTreeBehavesLikeASortedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var current tree
		model := map[string]string{}
		var frozen []tree
		var models []map[string]string
		keys := rapid.IntRange(1, 3000).Draw(t, "keys")
		key := func(t *rapid.T) string { return fmt.Sprintf("%04d", rapid.IntRange(0, keys).Draw(t, "key")) }
		put := func(key, value string) {
			current.put(key, []byte(value))
			model[key] = value
		}
		remove := func(key string) {
			current.delete(key)
			delete(model, key)
		}

		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				put(key(t), strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "value")))
			},
			"delete": func(t *rapid.T) { remove(key(t)) },
			"put a run": func(t *rapid.T) {
				from := rapid.IntRange(0, keys).Draw(t, "from")
				for i := range rapid.IntRange(0, 300).Draw(t, "length") {
					put(fmt.Sprintf("%04d", from+i), "run")
				}
			},
			"put many": func(t *rapid.T) {
				random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				for range rapid.IntRange(0, 500).Draw(t, "many") {
					put(fmt.Sprintf("%04d", random.IntN(keys+1)), "many")
				}
			},
			"delete many": func(t *rapid.T) {
				random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				for range rapid.IntRange(0, 500).Draw(t, "many") {
					remove(fmt.Sprintf("%04d", random.IntN(keys+1)))
				}
			},
			"delete a run": func(t *rapid.T) {
				from := rapid.IntRange(0, keys).Draw(t, "from")
				for i := range rapid.IntRange(0, 300).Draw(t, "length") {
					remove(fmt.Sprintf("%04d", from+i))
				}
			},
			"delete all": func(*rapid.T) {
				for _, key := range slices.Collect(maps.Keys(model)) {
					remove(key)
				}
			},
			"freeze": func(*rapid.T) {
				frozen = append(frozen, current.frozen())
				models = append(models, maps.Clone(model))
			},
			"get": func(t *rapid.T) {
				key := key(t)
				value, found := current.get(key)
				want, wanted := model[key]
				require.Equal(t, wanted, found)
				require.Equal(t, want, string(value))
			},
			"scan": func(t *rapid.T) {
				from, to := key(t), key(t)
				if rapid.Bool().Draw(t, "to the end") {
					to = ""
				}
				requireRange(t, current, model, from, to)
			},
			"": func(t *rapid.T) {
				requireWellFormed(t, current)
			},
		})
		requireRange(t, current, model, "", "")
		for i, old := range frozen {
			requireWellFormed(t, old)
			requireRange(t, old, models[i], "", "")
		}
	})
}

// requireRange checks [from, to) in both directions, and that a visit that stops is the last one.
func requireRange(t require.TestingT, in tree, model map[string]string, from, to string) {
	var want []string
	for _, key := range slices.Sorted(maps.Keys(model)) {
		if key >= from && (to == "" || key < to) {
			want = append(want, key+"="+model[key])
		}
	}
	var up, down []string
	require.True(t, in.ascend(from, to, visitInto(&up, -1)))
	require.Equal(t, want, up)
	require.True(t, in.descend(from, to, visitInto(&down, -1)))
	slices.Reverse(down)
	require.Equal(t, want, down)

	if len(want) == 0 {
		return
	}
	half := (len(want) + 1) / 2
	up, down = nil, nil
	require.False(t, in.ascend(from, to, visitInto(&up, half)))
	require.Equal(t, want[:half], up)
	require.False(t, in.descend(from, to, visitInto(&down, half)))
	slices.Reverse(down)
	require.Equal(t, want[len(want)-half:], down)
}

// visitInto collects what is visited and stops after so many.
func visitInto(seen *[]string, stop int) func(Entry) bool {
	return func(e Entry) bool {
		*seen = append(*seen, e.Key+"="+string(e.Value))
		return len(*seen) != stop
	}
}

// requireWellFormed checks what a B+ tree promises: all leaves at one depth, no node too wide, no branch with one child,
// keys in order and on the right side of the separators.
func requireWellFormed(t require.TestingT, in tree) {
	if in.root != nil {
		requireNodeWellFormed(t, in.root, "", "", true)
	}
}

func requireNodeWellFormed(t require.TestingT, n *node, from, to string, root bool) (depth int) {
	require.LessOrEqual(t, n.width(), maxWidth)
	if n.leaf() {
		require.True(t, root || len(n.entries) > 0, "an empty leaf")
		for i, e := range n.entries {
			if e.Key < from || !below(e.Key, to) {
				require.Failf(t, "a key in the wrong place", "%q is not in [%q, %q)", e.Key, from, to)
			}
			if i > 0 && e.Key <= n.entries[i-1].Key {
				require.Failf(t, "a leaf out of order", "%q comes after %q", e.Key, n.entries[i-1].Key)
			}
		}
		return 1
	}
	require.GreaterOrEqual(t, len(n.children), 2)
	require.Len(t, n.separators, len(n.children)-1)
	bounds := append(append([]string{from}, n.separators...), to)
	for i, child := range n.children {
		d := requireNodeWellFormed(t, child, bounds[i], bounds[i+1], false)
		require.True(t, i == 0 || d == depth, "leaves at different depths")
		depth = d
	}
	return depth + 1
}

// Keys that grow take a way of their own through the splits; what it leaves is well-formed after each of them.
func TestTreeOfGrowingKeysIsWellFormed(t *testing.T) {
	var in tree
	for i := range 2000 {
		in.put(fmt.Sprintf("%06d", i), nil)
		requireWellFormed(t, in)
	}
	for i := range 2000 {
		in.delete(fmt.Sprintf("%06d", 1999-i))
		requireWellFormed(t, in)
	}
}

// A scan goes to no node beside its range: here all of those are missing.
func TestTreeReadsOnlyTheRange(t *testing.T) {
	var in tree
	model := map[string]string{}
	for i := range 10_000 {
		key := fmt.Sprintf("%06d", 7*i%10_000)
		in.put(key, nil)
		model[key] = ""
	}
	for _, c := range []struct{ from, to string }{
		{"005000", "005050"},
		{"000000", "000050"},
		{"009950", "999999"},
		{"004000", "006000"},
		{"005000", "005000"},
		{in.root.separators[0], in.root.separators[0] + "x"},
		{"000500", in.root.separators[0]},
	} {
		requireRange(t, tree{root: without(in.root, c.from, c.to)}, model, c.from, c.to)
	}
}

// without returns a copy of n that lacks the nodes beside [from, to].
func without(n *node, from, to string) *node {
	if n.leaf() {
		return n
	}
	pruned := &node{separators: n.separators, children: make([]*node, len(n.children))}
	for i, child := range n.children {
		before := i < len(n.separators) && n.separators[i] <= from
		after := i > 0 && n.separators[i-1] > to
		if !before && !after {
			pruned.children[i] = without(child, from, to)
		}
	}
	return pruned
}

// Keys that grow fill the nodes; keys in any order fill two thirds of them; deleting gives the room back.
func TestTreeIsDense(t *testing.T) {
	const records = 20_000
	t.Run("growing keys", func(t *testing.T) {
		var in tree
		for i := range records {
			in.put(fmt.Sprintf("%06d", i), nil)
		}
		require.Greater(t, fill(in), 0.9)
	})
	t.Run("keys in any order, most of them deleted", func(t *testing.T) {
		var in tree
		order := rand.New(rand.NewPCG(1, 2)).Perm(records)
		for _, i := range order {
			in.put(fmt.Sprintf("%06d", i), nil)
		}
		require.Greater(t, fill(in), 0.6)
		for _, i := range order[records/10:] {
			in.delete(fmt.Sprintf("%06d", i))
		}
		require.Greater(t, fill(in), 0.5)
	})
}

// fill is the part of the leaves' room that is in use.
func fill(in tree) float64 {
	leaves, entries := 0, 0
	var count func(*node)
	count = func(n *node) {
		if n.leaf() {
			leaves++
			entries += len(n.entries)
		}
		for _, child := range n.children {
			count(child)
		}
	}
	count(in.root)
	return float64(entries) / float64(leaves*maxWidth)
}

// A change copies the way to one leaf and nothing else, and a second change to the same leaf copies nothing.
func TestTreeCopiesOnePath(t *testing.T) {
	var in tree
	for i := range 10_000 {
		in.put(fmt.Sprintf("%06d", 7*i%10_000), nil)
	}
	for _, c := range []struct {
		name   string
		change func(*tree)
		copied int
	}{
		{"put a value", func(t *tree) { t.put("005000", []byte("new")) }, depth(in)},
		{"delete what is not there", func(t *tree) { t.delete("none") }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := nodes(in)
			after := in.frozen()
			c.change(&after)
			require.Equal(t, c.copied, added(before, nodes(after)))
			once := nodes(after)
			c.change(&after)
			require.Zero(t, added(once, nodes(after)))
		})
	}
}

func added(before, after map[*node]struct{}) (count int) {
	for n := range after {
		if _, shared := before[n]; !shared {
			count++
		}
	}
	return count
}

func depth(in tree) int {
	d := 1
	for n := in.root; !n.leaf(); n = n.children[0] {
		d++
	}
	return d
}

func nodes(in tree) map[*node]struct{} {
	all := map[*node]struct{}{}
	var add func(*node)
	add = func(n *node) {
		all[n] = struct{}{}
		for _, child := range n.children {
			add(child)
		}
	}
	add(in.root)
	return all
}
