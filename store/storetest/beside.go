package storetest

import (
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

// goBeside has Provenances tell of Observations, of what these refer to, and of one that is
// deleted.
func goBeside(t *testing.T, b bench) {
	named := search.Param{Type: "Observation", Code: "named", Kind: definitions.SearchReference}
	final, other := token(concept, "", "final"), token(concept, "", "other")
	put := func(ref string, entries ...search.Entry) store.Write { return b.put(ref, store.Any, "", entries...) }
	b.write(t, put("Binary/s"), put("Binary/n"), put("Patient/p"),
		put("Observation/1", refer(subject, "Binary/s"), refer(subject, "Patient/p"), final), put("Observation/2", refer(named, "Binary/n"), final),
		put("Observation/3", refer(subject, "Binary/n"), other), put("Observation/4", final),
		put("Provenance/1", refer(provenanceTarget, "Observation/1")), put("Provenance/3", refer(provenanceTarget, "Observation/3")),
		put("Provenance/4", refer(provenanceTarget, "Observation/4")), put("Provenance/s", refer(provenanceTarget, "Binary/s")),
		put("Provenance/n", refer(provenanceTarget, "Binary/n")), put("Provenance/p", refer(provenanceTarget, "Patient/p")))
	b.write(t, b.remove("Observation/4", 1))
	x := search.Beside{By: provenanceTarget, Type: "Binary", Except: []search.Origin{{Type: "Observation", Code: "named"}}, X: tokenIs(concept, "", "final")}
	alone, whole := x, x
	alone.By, whole.Except = search.Param{}, nil
	for _, c := range []struct {
		x    search.Expr
		want string
	}{
		{x, "Binary/s Provenance/1 Provenance/4 Provenance/s"},
		{alone, "Binary/s"},
		{whole, "Binary/s Binary/n Provenance/1 Provenance/4 Provenance/s Provenance/n"},
		{search.And{search.TypeIs{"Binary", "Provenance"}, search.Not{X: x}}, "Binary/n Provenance/3 Provenance/n Provenance/p"},
	} {
		if got := b.search(t, query(nil, c.x)); got != c.want {
			t.Errorf("%+v: %q, want %q", c.x, got, c.want)
		}
	}
}
