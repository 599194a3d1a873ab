package search

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
)

// CodeList is codes that are searched by together. It is immutable.
type CodeList struct {
	codings []Coding
	hash    string
}

// NewCodeList takes the codes of a value set, in any order, perhaps with
// repetition.
func NewCodeList(codings []Coding) *CodeList {
	l := &CodeList{codings: make([]Coding, len(codings))}
	for i, c := range codings {
		l.codings[i] = Coding{Bound(c.System), Bound(c.Code)}
	}
	slices.SortFunc(l.codings, Coding.compare)
	l.codings = slices.Compact(l.codings)
	h := sha256.New()
	for _, c := range l.codings {
		_, _ = io.WriteString(h, c.System+"\x00"+c.Code+"\x00")
	}
	l.hash = hex.EncodeToString(h.Sum(nil)[:16])
	return l
}

func (c Coding) compare(o Coding) int {
	return cmp.Or(strings.Compare(c.System, o.System), strings.Compare(c.Code, o.Code))
}

// Has says whether a code is in the list.
func (l *CodeList) Has(system, code string) bool {
	_, found := slices.BinarySearchFunc(l.codings, Coding{system, code}, Coding.compare)
	return found
}

// Codings are the codes in order, each once. The caller must not change them.
func (l *CodeList) Codings() []Coding { return l.codings }

// Hash tells lists apart by what is in them.
func (l *CodeList) Hash() string { return l.hash }

// String is the hash, so that a printed tree tells lists apart.
func (l *CodeList) String() string { return l.hash }
