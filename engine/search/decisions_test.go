package search

import (
	"runtime"
	"slices"
	"strconv"
	"testing"
	"weak"
)

func TestOfManyKindsThatAreMadeAgainOnlyTheLastAreHeld(t *testing.T) {
	const kinds = 6 * heldKinds
	code := func(kind int) string { return strconv.Itoa(kind) }
	var made []weak.Pointer[byte]
	once := map[int]int{}
	d := RemadeDecisions(func(kind int) (Expr, bool) {
		switch kind % 3 {
		case 0:
			once[kind]++
			return And{}, false
		case 1:
			once[kind]++
			return Or{}, false
		}
		text := make([]byte, 64) // what is held as long as the expression is
		made = append(made, weak.Make(&text[0]))
		return And{Token{Param: Param{Type: "Observation", Code: code(kind)}}, kept{text}}, true
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
	for kind, n := range once {
		if n != 1 {
			t.Errorf("kind %d was made %d times", kind, n)
		}
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
