package fhir

import (
	"bytes"
	"slices"
)

// places are where the nodes of a tree stood in XML, whose bytes are not kept.
// They do not change once the tree is read.
type places struct {
	offs  []uint32 // by the number of the node
	lines []uint32 // where each line but the first begins
}

// place notes that node i stands at off.
func (t *Tree) place(i uint32, off int) {
	for uint32(len(t.places.offs)) <= i {
		t.places.offs = append(t.places.offs, 0)
	}
	t.places.offs[i] = uint32(off)
	t.nodes[i].flags |= flagPlaced
}

// cut finds the lines of src.
func (p *places) cut(src []byte) {
	p.lines = make([]uint32, 0, bytes.Count(src, []byte{'\n'}))
	for i, c := range src {
		if c == '\n' {
			p.lines = append(p.lines, uint32(i+1))
		}
	}
}

func (p *places) position(n Node) (line, column int) {
	if n.data().flags&flagPlaced == 0 || int(n.i) >= len(p.offs) {
		return 0, 0
	}
	off := p.offs[n.i]
	line, found := slices.BinarySearch(p.lines, off)
	if found {
		line++
	}
	begins := uint32(0)
	if line > 0 {
		begins = p.lines[line-1]
	}
	return line + 1, int(off-begins) + 1
}

// of are the places of n and what is below it, for a copy in which they are
// numbered anew in document order.
func (p *places) of(n Node) *places {
	if p == nil {
		return nil
	}
	c := &places{offs: make([]uint32, rootIndex, 32), lines: p.lines}
	take := func(n Node) {
		off := uint32(0)
		if int(n.i) < len(p.offs) {
			off = p.offs[n.i]
		}
		c.offs = append(c.offs, off)
	}
	take(n)
	for d := range n.Descendants() {
		take(d)
	}
	return c
}
