package fhir

import (
	"bytes"
	"strconv"
)

// Index is n's position among the values of a repeating element, else -1.
func (n Node) Index() int {
	e := n.Element()
	if e == nil || !e.Repeats() {
		return -1
	}
	at := 0
	for c := n.Parent().FirstChild(); c.t != nil && c.i != n.i; c = c.NextSibling() {
		if c.data().prop == n.data().prop {
			at++
		}
	}
	return at
}

// Path is the FHIRPath of n from the root: "Patient.name[0].given[1]".
func (n Node) Path() string {
	if n.t == nil {
		return ""
	}
	return string(n.appendPath(nil))
}

func (n Node) appendPath(dst []byte) []byte {
	if n.data().parent == 0 {
		return append(dst, n.Type().Name...)
	}
	dst = n.Parent().appendPath(dst)
	dst = append(dst, '.')
	dst = append(dst, n.Name()...)
	if i := n.Index(); i >= 0 {
		dst = append(dst, '[')
		dst = strconv.AppendInt(dst, int64(i), 10)
		dst = append(dst, ']')
	}
	return dst
}

// Position is where n stands in the bytes it was parsed from, both counted
// from 1 and the column in bytes. It is 0, 0 for what was edited, and in a tree
// that is Unplaced.
func (n Node) Position() (line, column int) {
	switch {
	case n.t == nil || n.t.made:
		return 0, 0
	case n.t.places != nil:
		return n.t.places.position(n)
	case n.data().flags&flagEdit != 0 || n.data().len == 0 || n.t.src == nil:
		return 0, 0
	}
	return position(n.t.src, int(n.data().off))
}

// Unplace makes positions in t 0, 0: its bytes are not what a client sent. It is not
// safe for use beside others of t.
func (t *Tree) Unplace() { t.made = true }

func position(src []byte, off int) (line, column int) {
	off = min(off, len(src))
	line = 1 + bytes.Count(src[:off], []byte{'\n'})
	return line, off - bytes.LastIndexByte(src[:off], '\n')
}
