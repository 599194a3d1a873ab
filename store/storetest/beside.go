package storetest

import (
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

// goBeside has Provenances tell of Observations, of what these refer to, and of one that is
// deleted.
func goBeside(t *testing.T, b bench) {
	entity := search.Param{Type: "Provenance", Code: "entity", Kind: definitions.SearchReference}
	named := search.Param{Type: "Observation", Code: "named", Kind: definitions.SearchReference}
	final, other := token(concept, "", "final"), token(concept, "", "other")
	put := func(ref string, entries ...search.Entry) store.Write { return b.put(ref, store.Any, "", entries...) }
	b.write(t, put("Binary/s"), put("Binary/n"), put("Binary/told"), put("Binary/aim"), put("Patient/p"),
		put("Observation/1", refer(subject, "Binary/s"), refer(subject, "Patient/p"), final), put("Observation/2", refer(named, "Binary/n"), final),
		put("Observation/3", refer(subject, "Binary/n"), other), put("Observation/4", final),
		put("Provenance/1", refer(provenanceTarget, "Observation/1")), put("Provenance/3", refer(provenanceTarget, "Observation/3")),
		put("Provenance/4", refer(provenanceTarget, "Observation/4"), refer(provenanceTarget, "Binary/aim"), refer(entity, "Binary/told")), put("Provenance/s", refer(provenanceTarget, "Binary/s")),
		put("Provenance/n", refer(provenanceTarget, "Binary/n")), put("Provenance/p", refer(provenanceTarget, "Patient/p")),
		put("Provenance/told", refer(provenanceTarget, "Binary/told")), put("Provenance/aim", refer(provenanceTarget, "Binary/aim")))
	b.write(t, b.remove("Observation/4", 1))
	crowd := []store.Write{put("Binary/crowd"), put("Binary/clear"), put("Observation/final", refer(subject, "Binary/crowd"), final)}
	for i := range 40 {
		crowd = append(crowd, put(fmt.Sprintf("Observation/c%d", i), refer(subject, "Binary/crowd"), refer(subject, "Binary/clear"), other))
	}
	b.write(t, crowd...)
	x := search.Beside{By: provenanceTarget, Type: "Binary", Except: []search.Origin{{Type: "Observation", Code: "named"}}, X: tokenIs(concept, "", "final")}
	alone, whole, aside := x, x, x
	alone.By, whole.Except = search.Param{}, nil
	aside.About, aside.Aside = provenanceTarget, entity
	for _, c := range []struct {
		x    search.Expr
		want string
	}{
		{x, "Binary/s Provenance/1 Provenance/4 Provenance/s Binary/crowd"},
		{alone, "Binary/s Binary/crowd"},
		{aside, "Binary/s Binary/told Provenance/1 Provenance/4 Provenance/s Provenance/told Binary/crowd"},
		{whole, "Binary/s Binary/n Provenance/1 Provenance/4 Provenance/s Provenance/n Binary/crowd"},
		{search.And{search.TypeIs{"Binary", "Provenance"}, search.Not{X: x}}, "Binary/n Binary/told Binary/aim Provenance/3 Provenance/n Provenance/p Provenance/told Provenance/aim Binary/clear"},
	} {
		if got := b.search(t, query(nil, c.x)); got != c.want {
			t.Errorf("%+v: %q, want %q", c.x, got, c.want)
		}
	}
}
