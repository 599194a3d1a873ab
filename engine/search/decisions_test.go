package search

import (
	"runtime"
	"slices"
	"strconv"
	"testing"
	"weak"
)

func TestOfManyKindsOnlyTheLastAreHeld(t *testing.T) {
	const kinds = 3 * heldKinds
	code := func(kind int) string { return strconv.Itoa(kind) }
	var made []weak.Pointer[byte]
	d := NewDecisions(func(kind int) Expr {
		switch kind % 3 {
		case 0:
			return And{}
		case 1:
			return Or{}
		}
		text := make([]byte, 64) // what is held as long as the expression is
		made = append(made, weak.Make(&text[0]))
		return And{Token{Param: Param{Type: "Observation", Code: code(kind)}}, kept{text}}
	})
	// The last first: those before it are learned with it.
	d.Of(kinds - 1)
	for kind := range kinds {
		want := []Asks{Always, Never, Something}[kind%3]
		if got := d.Asks(kind); got != want {
			t.Errorf("kind %d asks %d, want %d", kind, got, want)
		}
		if x, is := d.Of(kind).(And); is && len(x) > 0 && x[0].(Token).Param.Code != code(kind) {
			t.Errorf("kind %d asks for %v", kind, x)
		}
	}
	if n := len(d.params()); n != kinds/3 {
		t.Errorf("%d parameters are asked for, want %d", n, kinds/3)
	}
	if !slices.ContainsFunc(d.params(), func(p Param) bool { return p.Code == code(2) }) {
		t.Error("what the first kinds ask for is missing")
	}
	runtime.GC()
	held := 0
	for _, w := range made {
		if w.Value() != nil {
			held++
		}
	}
	if held > heldKinds {
		t.Errorf("%d expressions are held, at most %d should be", held, heldKinds)
	}
	runtime.KeepAlive(d)
}

type kept struct{ text []byte }

func (kept) expr() {}
