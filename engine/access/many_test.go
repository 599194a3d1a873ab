package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/smart"
)

// manyPeriods are consents of n patients, each of which hides a year of its own.
func manyPeriods(n int) (consents, docs []string) {
	for i := range n {
		consents = append(consents, consent(fmt.Sprint("m", i), 1, fmt.Sprintf(`"provision":{"type":"permit","provision":[{"type":"deny","dataPeriod":{"start":"%d","end":"%d"}}]}`, 1000+i, 1000+i)))
		for _, year := range []int{1000 + i, 1001 + i} {
			docs = append(docs, fmt.Sprintf(`{"resourceType":"Observation","id":"o%d-%d","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/m%d"},"effectiveDateTime":"%d-06-01"}`, i, year-i-1000, i, year))
		}
	}
	return consents, docs
}

func TestEachOfManyPatientsIsDecidedAsItsOwnConsentSays(t *testing.T) {
	consents, docs := manyPeriods(500)
	w := newWorld(t, docs...)
	r := w.under("TREAT", consents...)
	filter := atTime(r.Filter([]string{"Observation"}, smart.Read), 0)
	for _, d := range w.docs {
		if shown := w.find(filter, d); shown != strings.HasSuffix(string(d.Key.ID), "-1") {
			t.Errorf("%s is shown: %v", d.Key, shown)
		}
	}
}

func TestARenewedBookHasThePoliciesThatThereAre(t *testing.T) {
	w := newWorld(t, clinic...)
	book := access.NewBook(access.Shipped())
	before := rulesOf(w, book)
	var there []int64
	for n := range int64(1001) {
		book.Add(n+1, fmt.Sprintf(`[[{"deny":true,"codes":["s|%d"]}]]`, n))
		if n%2 == 0 {
			there = append(there, n+1)
		}
	}
	old := rulesOf(w, book)
	if !book.Stale() {
		t.Error("it is not stale")
	}
	book.Renew(there)
	if book.Stale() || book.Last() != 1001 {
		t.Errorf("it is still stale, or its last is %d", book.Last())
	}
	book.Add(1002, `[[{"deny":true}]]`)
	for i, want := range map[*access.Rules]string{before: "0", old: "1001", rulesOf(w, book): "502"} {
		if got := i.InForce(true)[1]; !strings.HasPrefix(got, "Consents: "+want+" ") {
			t.Errorf("%s; %s are wanted", got, want)
		}
	}
	w.memory.Govern("p", search.PolicySpan{Policy: 1002, Lo: search.MinTime, Until: search.MaxTime})
	for _, r := range []*access.Rules{old, rulesOf(w, book)} {
		if w.lab(r) {
			t.Error("what a later policy hides is shown")
		}
	}
	w.memory.Govern("p", search.PolicySpan{Policy: 1, Lo: search.MinTime, Until: search.MaxTime})
	for _, r := range []*access.Rules{old, rulesOf(w, book)} {
		if !w.lab(r) {
			t.Error("what a policy of another code governs is hidden")
		}
	}
}

// lab says whether Observation/lab is shown.
func (w *world) lab(r *access.Rules) bool {
	i := slices.IndexFunc(w.docs, func(d *search.Document) bool { return d.Key.String() == "Observation/lab" })
	return w.find(atTime(r.Filter([]string{"Observation"}, smart.Read), 0), w.docs[i])
}

func rulesOf(w *world, book *access.Book) *access.Rules {
	g := grant("user/*.cruds")
	g.Asker = access.Asker{Actors: []string{"Practitioner/dr"}, Purpose: "TREAT"}
	return w.o.RulesUnder(book, g)
}
