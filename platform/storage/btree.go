package storage

import (
	"slices"
	"strings"
)

const (
	// capacity is the room in a node. A wider node makes reading cheaper and committing dearer, because a commit copies
	// one node per level.
	capacity = 32
	// maxWidth is how many entries a leaf, or children a branch, holds at most. One more comes in before a split.
	maxWidth = capacity - 1
	// minWidth is the width below which a node that lost something is evened out with a neighbour.
	minWidth = maxWidth / 2
)

// tree is a persistent B+ tree: records are in the leaves, and a change copies the nodes from the root to the leaf, so
// that whoever holds an older tree keeps seeing it unchanged. The zero tree is empty.
//
// A tree changes the nodes in place that it has copied itself. Copying a tree value therefore needs frozen.
type tree struct {
	root  *node
	owner *owner
}

// owner marks the nodes that only one tree can reach. It has a size because pointers to distinct variables without one
// may be equal.
type owner struct{ _ byte }

// node is a leaf with entries, or a branch with children and, between each two of them, a separator: all keys left of
// it are smaller, all keys right of it are equal or greater.
type node struct {
	owner      *owner
	entries    []Entry
	separators []string
	children   []*node
}

// frozen returns the tree as it is now. Neither later changes to t nor changes to the result affect the other.
func (t *tree) frozen() tree {
	t.owner = nil
	return tree{root: t.root}
}

// get returns the value of key.
func (t tree) get(key string) (value []byte, found bool) {
	n := t.root
	if n == nil {
		return nil, false
	}
	for !n.leaf() {
		n = n.children[n.childFor(key)]
	}
	i, found := n.entryFor(key)
	if !found {
		return nil, false
	}
	return n.entries[i].Value, true
}

// put sets the value of key.
func (t *tree) put(key string, value []byte) {
	t.own()
	if t.root == nil {
		t.root = t.newLeaf()
	}
	left, right, separator := t.insert(t.root, key, value)
	if right != nil {
		root := t.newBranch()
		root.children = append(root.children, left, right)
		root.separators = append(root.separators, separator)
		left = root
	}
	t.root = left
}

// delete removes key, if it is there.
func (t *tree) delete(key string) {
	if _, found := t.get(key); !found {
		return
	}
	t.own()
	t.root = t.remove(t.root, key)
	if !t.root.leaf() && len(t.root.children) == 1 {
		t.root = t.root.children[0]
	}
}

// ascend calls visit for the entries in [from, to), upwards, until it returns false. It reports whether it came to the
// end. An empty to means no upper end.
func (t tree) ascend(from, to string, visit func(Entry) bool) bool {
	return t.root == nil || t.root.ascend(from, to, visit)
}

// descend is ascend from the upper end down.
func (t tree) descend(from, to string, visit func(Entry) bool) bool {
	return t.root == nil || t.root.descend(from, to, visit)
}

func (n *node) ascend(from, to string, visit func(Entry) bool) bool {
	if n.leaf() {
		first, _ := n.entryFor(from)
		for _, entry := range n.entries[first:] {
			if !below(entry.Key, to) {
				return true
			}
			if !visit(entry) {
				return false
			}
		}
		return true
	}
	first := n.childFor(from)
	for i, child := range n.children[first:] {
		if i > 0 && !below(n.separators[first+i-1], to) {
			return true
		}
		if !child.ascend(from, to, visit) {
			return false
		}
	}
	return true
}

func (n *node) descend(from, to string, visit func(Entry) bool) bool {
	if n.leaf() {
		end := len(n.entries)
		if to != "" {
			end, _ = n.entryFor(to)
		}
		for _, entry := range slices.Backward(n.entries[:end]) {
			if entry.Key < from {
				return true
			}
			if !visit(entry) {
				return false
			}
		}
		return true
	}
	last := len(n.children) - 1
	if to != "" {
		last = n.childFor(to)
	}
	for i, child := range slices.Backward(n.children[:last+1]) {
		if !child.descend(from, to, visit) {
			return false
		}
		if i > 0 && n.separators[i-1] <= from {
			return true
		}
	}
	return true
}

// insert puts the entry below n and returns what takes the place of n: one node, or two and what separates them.
func (t *tree) insert(n *node, key string, value []byte) (left, right *node, separator string) {
	n = t.owned(n)
	if n.leaf() {
		i, found := n.entryFor(key)
		if found {
			n.entries[i].Value = value
			return n, nil, ""
		}
		n.entries = slices.Insert(n.entries, i, Entry{Key: key, Value: value})
		return t.split(n, i)
	}
	i := n.childFor(key)
	child, sibling, separator := t.insert(n.children[i], key, value)
	n.children[i] = child
	if sibling == nil {
		return n, nil, ""
	}
	n.children = slices.Insert(n.children, i+1, sibling)
	n.separators = slices.Insert(n.separators, i, separator)
	return t.split(n, i+1)
}

// split divides n when it has become too wide by what came in at position inserted.
func (t *tree) split(n *node, inserted int) (left, right *node, separator string) {
	if n.width() <= maxWidth {
		return n, nil, ""
	}
	middle := n.width() / 2
	if inserted == n.width()-1 {
		// Keys often grow, as numbers and times do. Then nothing comes into the left node any more: leave it full. Two
		// stay right, because a branch needs a second child for a child to be evened out with.
		middle = n.width() - 2
	}
	return t.cut(n, middle)
}

// cut divides n, which t owns, before position at.
func (t *tree) cut(n *node, at int) (left, right *node, separator string) {
	if n.leaf() {
		right = t.newLeaf()
		right.entries = append(right.entries, n.entries[at:]...)
		n.entries = slices.Delete(n.entries, at, len(n.entries))
		return n, right, right.entries[0].Key
	}
	right = t.newBranch()
	right.children = append(right.children, n.children[at:]...)
	right.separators = append(right.separators, n.separators[at:]...)
	separator = n.separators[at-1]
	n.children = slices.Delete(n.children, at, len(n.children))
	n.separators = slices.Delete(n.separators, at-1, len(n.separators))
	return n, right, separator
}

// remove removes key, which is there, below n and returns what takes the place of n.
func (t *tree) remove(n *node, key string) *node {
	n = t.owned(n)
	if n.leaf() {
		i, _ := n.entryFor(key)
		n.entries = slices.Delete(n.entries, i, i+1)
		return n
	}
	i := n.childFor(key)
	n.children[i] = t.remove(n.children[i], key)
	if n.children[i].width() < minWidth {
		t.even(n, max(i, 1)-1)
	}
	return n
}

// even makes one node of the children i and i+1 of n, or two of the same width when one would be too wide.
func (t *tree) even(n *node, i int) {
	left, right := t.owned(n.children[i]), n.children[i+1]
	left.entries = append(left.entries, right.entries...)
	if !left.leaf() {
		left.separators = append(append(left.separators, n.separators[i]), right.separators...)
		left.children = append(left.children, right.children...)
	}
	if left.width() <= maxWidth {
		n.children[i] = left
		n.children = slices.Delete(n.children, i+1, i+2)
		n.separators = slices.Delete(n.separators, i, i+1)
		return
	}
	n.children[i], n.children[i+1], n.separators[i] = t.cut(left, left.width()/2)
}

func (n *node) leaf() bool { return n.children == nil }

func (n *node) width() int { return max(len(n.entries), len(n.children)) }

// childFor returns the position of the child that holds key if any does.
func (n *node) childFor(key string) int {
	i, equal := slices.BinarySearch(n.separators, key)
	if equal {
		i++
	}
	return i
}

// entryFor returns the position of key, or where it would be.
func (n *node) entryFor(key string) (position int, found bool) {
	return slices.BinarySearchFunc(n.entries, key, func(e Entry, key string) int { return strings.Compare(e.Key, key) })
}

// own begins to mark what t copies from now on.
func (t *tree) own() {
	if t.owner == nil {
		t.owner = new(owner)
	}
}

// owned returns n if only t can reach it, else a copy.
func (t *tree) owned(n *node) *node {
	if n.owner == t.owner {
		return n
	}
	if n.leaf() {
		leaf := t.newLeaf()
		leaf.entries = append(leaf.entries, n.entries...)
		return leaf
	}
	branch := t.newBranch()
	branch.children = append(branch.children, n.children...)
	branch.separators = append(branch.separators, n.separators...)
	return branch
}

func (t *tree) newLeaf() *node {
	return &node{owner: t.owner, entries: make([]Entry, 0, capacity)}
}

func (t *tree) newBranch() *node {
	return &node{owner: t.owner, children: make([]*node, 0, capacity), separators: make([]string, 0, capacity-1)}
}

// below tells whether key is below an upper end, where "" is no end.
func below(key, end string) bool { return end == "" || key < end }
