package storetest

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var formerCases = []testCase{
	{"what goes along with a resource is what it tells about, and what refers to that or to it", goBeside},
	{"a chain that counts deleted targets asks of them as they were before", formerTargets},
	{"what a deleted target refers to counts as it was, if the chain says so", formerTogether},
	{"what a delete leaves goes with the next write and with an expunge", formerGoes},
	{"what a delete left can be indexed anew", formerReindexed},
	{"what referred to a resource until it was deleted is found, a page at a time", formerReferrers},
}

// What a delete leaves of tokens is that by which consents tell resources apart.
var (
	group   = search.Param{Type: "Patient", Code: "category", Kind: definitions.SearchToken}
	concept = search.Param{Type: "Observation", Code: "code", Kind: definitions.SearchToken}
)

var provenanceTarget = search.Param{Type: "Provenance", Code: "target", Kind: definitions.SearchReference}

// about is an Observation of a Patient.
func (b bench) about(id, patient string) store.Write {
	return b.put("Observation/"+id, store.Any, "", refer(subject, "Patient/"+patient), token(concept, "", "final"))
}

// tells is a query for Provenances of what x holds of.
func tells(former search.Former, x search.Expr) *search.Query {
	return &search.Query{Types: []string{"Provenance"}, Filter: search.Chain{Param: provenanceTarget, X: x, Former: former}, Count: 10}
}

// told compares what queries of such chains find and count.
func (b bench) told(t *testing.T, x search.Expr, undeleted, even string) {
	t.Helper()
	for former, want := range map[search.Former]string{search.Undeleted: undeleted, search.Together: undeleted, search.Even: even} {
		q := tells(former, x)
		if got := b.search(t, q); got != want {
			t.Errorf("former %d: found %q, want %q", former, got, want)
		}
		n, others := int64(0), int64(1)
		if want != "" {
			n, others = 1, 0
		}
		if got, err := b.Count(b.ctx, q); got != n || err != nil {
			t.Errorf("former %d: counted %d, want %d, %v", former, got, n, err)
		}
		q.Filter = search.Not{X: q.Filter}
		if got, err := b.Count(b.ctx, q); got != others || err != nil {
			t.Errorf("former %d: counted %d others, want %d, %v", former, got, others, err)
		}
	}
}

func formerTargets(t *testing.T, b bench) {
	final := tokenIs(concept, "", "final")
	b.write(t, b.put("Patient/a", 0, ""), b.about("1", "a"), b.put("Provenance/p", 0, "", refer(provenanceTarget, "Observation/1")))
	b.govern(t, "a", store.PolicySpan{Lo: search.MinTime, Until: search.MaxTime, Policy: "x"})
	governed := search.Governed{Params: []search.Param{subject}, Policies: []int64{b.number(t, "x")}, At: 1}
	ofAll := search.Token{Param: search.Param{Type: search.System, Code: "code", Kind: definitions.SearchToken}, Code: "final"}
	all := []search.Expr{final, ofAll, governed, search.And{final, governed}, search.And{search.TypeIs{"Observation"}, final},
		search.And{search.IDs{"1"}, final}, search.Not{X: tokenIs(concept, "", "amended")}, subjectIs("Patient/a")}
	for _, x := range all {
		b.told(t, x, "Provenance/p", "Provenance/p")
	}
	b.write(t, b.remove("Observation/1", 1))
	for _, x := range all {
		b.told(t, x, "", "Provenance/p")
		for _, types := range [][]string{{"Observation"}, nil} {
			if got := b.search(t, &search.Query{Types: types, Filter: search.And{search.Not{X: search.TypeIs{"Provenance", "Patient"}}, x}, Count: 10}); got != "" {
				t.Errorf("%+v finds %s, which is deleted", x, got)
			}
		}
	}
	for _, x := range []search.Expr{tokenIs(concept, "", "amended"), subjectIs("Patient/b"), search.IDs{"2"}, search.Not{X: final}} {
		b.told(t, x, "", "")
	}
	if got, err := b.Referrers(b.ctx, key("Patient/a"), 10); len(got) > 0 || err != nil {
		t.Errorf("the patient is referred to by %v, %v", got, err)
	}
	if got, err := b.Values(b.ctx, concept, 10); len(got) > 0 || err != nil {
		t.Errorf("there are values %v, %v", got, err)
	}
}

func formerTogether(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", token(group, "", "female")), b.about("1", "a"), b.about("2", "a"), b.put("Provenance/p", 0, "", refer(provenanceTarget, "Observation/1")))
	of := func(former search.Former) search.Expr {
		return search.Chain{Param: subject, Target: "Patient", X: tokenIs(group, "", "female"), Former: former}
	}
	b.write(t, b.remove("Observation/1", 1))
	for former := range search.Even + 1 {
		b.told(t, of(former), "", "Provenance/p")
	}
	b.write(t, b.remove("Patient/a", 1))
	b.told(t, of(search.Undeleted), "", "")
	b.told(t, of(search.Together), "", "Provenance/p")
	b.told(t, of(search.Even), "", "Provenance/p")
	for former, want := range map[search.Former]string{search.Undeleted: "", search.Together: "", search.Even: "Observation/2"} {
		if got := b.search(t, &search.Query{Types: []string{"Observation"}, Filter: of(former), Count: 10}); got != want {
			t.Errorf("former %d: a resource that is there is found as %q, want %q", former, got, want)
		}
	}
}

func formerGoes(t *testing.T, b bench) {
	final, amended := tokenIs(concept, "", "final"), tokenIs(concept, "", "amended")
	b.write(t, b.about("1", "a"), b.put("Provenance/p", 0, "", refer(provenanceTarget, "Observation/1")))
	b.write(t, b.remove("Observation/1", 1))
	b.write(t, b.remove("Observation/1", 2))
	b.told(t, final, "", "Provenance/p")
	b.write(t, b.put("Observation/1", 3, "", token(concept, "", "amended")))
	b.told(t, final, "", "")
	b.told(t, amended, "Provenance/p", "Provenance/p")
	b.write(t, b.remove("Observation/1", 4))
	b.told(t, amended, "", "Provenance/p")
	b.told(t, search.Not{X: final}, "", "Provenance/p")
	b.expunge(t, store.Expunge{Key: key("Observation/1"), Deleted: true}, 5)
	b.told(t, amended, "", "")
	b.told(t, search.Not{X: final}, "", "")
	b.write(t, b.put("Observation/1", 0, "", token(concept, "", "final")))
	b.told(t, amended, "", "")
	b.told(t, final, "Provenance/p", "Provenance/p")
}

func formerReindexed(t *testing.T, b bench) {
	b.write(t, b.about("1", "a"), b.put("Provenance/p", 0, "", refer(provenanceTarget, "Observation/1")))
	b.write(t, b.remove("Observation/1", 1))
	held := b.setting(t, "held", "1")
	item := store.Reindexed{Key: fhir.Key{Type: "Observation", ID: "1"}, Version: 2, Index: []search.Entry{token(concept, "", "amended")}}
	if n, err := b.Reindex(b.ctx, held, []store.Reindexed{item}); err != nil || n.Replaced != 1 || n.Added != 1 {
		t.Errorf("replaced %+v, %v", n, err)
	}
	b.told(t, tokenIs(concept, "", "final"), "", "")
	b.told(t, tokenIs(concept, "", "amended"), "", "Provenance/p")
	if got := b.search(t, &search.Query{Types: []string{"Observation"}, Filter: tokenIs(concept, "", "amended"), Count: 10}); got != "" {
		t.Errorf("%s is found, which is deleted", got)
	}
}

func formerReferrers(t *testing.T, b bench) {
	b.write(t, b.about("1", "a"), b.about("2", "a"), b.about("3", "b"), b.about("4", "a"), b.about("5", "a"), b.about("6", "a"))
	b.write(t, b.remove("Observation/1", 1), b.remove("Observation/3", 1), b.remove("Observation/4", 1), b.remove("Observation/5", 1), b.remove("Observation/6", 1))
	b.write(t, b.about("4", "a"))
	b.expunge(t, store.Expunge{Key: key("Observation/5"), Everything: true}, 2)
	var got []string
	for after := store.Position(0); ; {
		page, err := b.FormerReferrers(b.ctx, key("Patient/a"), after, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		got, after = append(got, page[0].Key.String()), page[0].Position
	}
	if text := strings.Join(got, " "); text != "Observation/1 Observation/6" {
		t.Errorf("%s", text)
	}
	if none, err := b.FormerReferrers(b.ctx, key("Group/none"), 0, 10); len(none) > 0 || err != nil {
		t.Errorf("%v, %v", none, err)
	}
}
