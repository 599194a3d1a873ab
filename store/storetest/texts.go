package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

var textCases = []testCase{
	{"a text is found by who has it now, and again after an expunge", textsComeAndGo},
	{"a transaction finds the texts that it wrote", textsInTransaction},
	{"texts of a transaction that failed are not found, and can come again", textsRolledBack},
	{"long lists of codes are found whoever asks again", longLists},
}

var narrative = search.Param{Type: "Patient", Code: "_text", Kind: definitions.SearchSpecial}

func said(text string) search.Entry {
	e := token(gender, "s", "c")
	e.Text = text
	return e
}

func told(text string) search.Entry {
	return search.Entry{Param: narrative, Norm: search.Phrase(text)}
}

func textBegins(text string) *search.Query {
	return patients(search.Text{Param: gender, Value: search.Phrase(text)})
}

func textHas(text string) *search.Query {
	return patients(search.Sequence{Param: narrative, Words: search.Words(text)})
}

func (b bench) finds(t *testing.T, q *search.Query, want string) {
	t.Helper()
	if got := b.search(t, q); got != want {
		t.Errorf("%+v finds %q, want %q", q.Filter, got, want)
	}
}

// within runs f in a transaction that must succeed.
func (b bench) within(t *testing.T, f func(tx store.Tx) error) {
	t.Helper()
	if err := b.Write(b.ctx, func(_ context.Context, tx store.Tx) error { return f(tx) }); err != nil {
		t.Fatal(err)
	}
}

var errGiveUp = errors.New("storetest: given up")

func textsComeAndGo(t *testing.T, b bench) {
	long := strings.Repeat("a long text that is not kept in any cache ", 10)
	for range 2 {
		b.write(t, b.put("Patient/a", store.Any, "", said("Head ache"), told("one two three")),
			b.put("Patient/b", store.Any, "", said("Head cold"), told("two one three")), b.put("Patient/c", store.Any, "", said(long)))
		b.finds(t, textBegins("head"), "Patient/a Patient/b")
		b.finds(t, textBegins(long), "Patient/c")
		b.finds(t, textHas("one two"), "Patient/a")
		b.write(t, b.put("Patient/a", store.Any, "", said("Head cold")))
		b.finds(t, textBegins("head a"), "")
		b.finds(t, textBegins("head c"), "Patient/a Patient/b")
		b.finds(t, textHas("one two"), "")
		if _, err := b.Expunge(b.ctx, store.Expunge{OldVersions: true}); err != nil {
			t.Fatal(err)
		}
		b.finds(t, textBegins("head c"), "Patient/a Patient/b")
		b.write(t, b.put("Patient/c", store.Any, "", said("Head ache"), told("one two three")))
		b.finds(t, textBegins("head a"), "Patient/c")
		b.finds(t, textHas("one two"), "Patient/c")
		if _, err := b.Expunge(b.ctx, store.Expunge{Everything: true}); err != nil {
			t.Fatal(err)
		}
		b.finds(t, textBegins("head"), "")
		b.finds(t, textHas("three"), "")
	}
}

func textsInTransaction(t *testing.T, b bench) {
	b.within(t, func(tx store.Tx) error {
		if _, err := tx.Put(b.ctx, []store.Write{b.put("Patient/a", 0, "", said("Head ache"), told("one two"))}); err != nil {
			return err
		}
		for _, q := range []*search.Query{textBegins("head"), textHas("one two")} {
			n, err := tx.Count(b.ctx, q)
			if err != nil {
				return err
			}
			if n != 1 {
				t.Errorf("%+v: %d", q.Filter, n)
			}
		}
		return nil
	})
}

func textsRolledBack(t *testing.T, b bench) {
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Put(ctx, []store.Write{b.put("Patient/a", 0, "", said("Head ache"), told("one two"))}); err != nil {
			return err
		}
		if _, err := tx.Count(ctx, textHas("one")); err != nil {
			return err
		}
		return errGiveUp
	})
	if !errors.Is(err, errGiveUp) {
		t.Fatal(err)
	}
	b.finds(t, textBegins("head"), "")
	b.finds(t, textHas("one two"), "")
	b.write(t, b.put("Patient/b", 0, "", said("Head ache"), told("one two")))
	b.finds(t, textBegins("head"), "Patient/b")
	b.finds(t, textHas("one two"), "Patient/b")
}

func longLists(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", token(gender, "s", "c1")), b.put("Patient/b", 0, "", token(gender, "t", "c2")))
	list := func(system string) search.Expr {
		codings := make([]search.Coding, 600)
		for i := range codings {
			codings[i] = search.Coding{System: system, Code: fmt.Sprint("c", i)}
		}
		return search.Codes{Param: gender, List: search.NewCodeList(codings)}
	}
	for range 2 {
		b.finds(t, patients(list("s")), "Patient/a")
		b.finds(t, patients(list("t")), "Patient/b")
		b.finds(t, patients(list("u")), "")
		b.finds(t, patients(search.And{search.Not{X: list("s")}, search.Or{list("t"), list("v")}}), "Patient/b")
	}
	b.within(t, func(tx store.Tx) error {
		n, err := tx.Count(b.ctx, patients(list("w")))
		if n != 0 {
			t.Errorf("in a transaction: %d", n)
		}
		return err
	})
	// A system that came after the list is one of it.
	b.write(t, b.put("Patient/c", 0, "", token(gender, "u", "c599")), b.put("Patient/d", 0, "", token(gender, "u", "c600")))
	b.finds(t, patients(list("u")), "Patient/c")
}
