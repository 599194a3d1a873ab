package search

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestAFilterBeyondItsBoundsIsRefusedWithTheBound(t *testing.T) {
	c := r4(t)
	for _, x := range []struct{ filter, want string }{
		{strings.Repeat("(", 21) + "status eq final" + strings.Repeat(")", 21), "at character 21: parentheses and brackets stand more than 20 deep"},
		{strings.Repeat("not ", 3000) + "status eq final", "more than 20 filters stand inside each other"},
		{"status eq final" + strings.Repeat(" or status eq final", 100), "at character 1901: there are more than 100 names"},
		{"patient" + strings.Repeat(".link", 20) + ".name eq x", "a path follows more than 4 references"},
		{"patient" + strings.Repeat("[link", 20) + " eq x", "a path follows more than 4 references"},
		{"_has:Provenance:target:" + strings.Repeat("_has:Provenance:entity:", 20) + "agent re x", "a path follows more than 4 references"},
		{"subject[" + strings.Repeat("identifier eq x or ", 90) + "identifier eq x].identifier eq x", ""},
		{"based-on.subject.general-practitioner.name eq x", ""},
		{"based-on[subject[" + strings.Repeat("identifier eq x or ", 90) + "identifier eq x].identifier eq x].identifier eq x", "more than 1000 comparisons, counting each for every type"},
		{strings.Repeat("status eq final and ", 1000), "16384 bytes"},
		{`code re "(((a+)+)+)+$"`, "operator re cannot be used on a parameter of type token"},
	} {
		for _, lenient := range []bool{false, true} {
			_, err := c.Parse("Observation", []Pair{{"_filter", x.filter}}, ParseOptions{Lenient: lenient})
			if x.want == "" && err == nil {
				continue
			}
			if err == nil || !strings.Contains(err.Error(), x.want) || x.want == "" {
				t.Errorf("%s: error %v, want %q in it", fault.Shorten(x.filter), err, x.want)
			}
		}
	}
}

func TestEveryOperatorFitsSomeKindAndOnlyThose(t *testing.T) {
	used := []string{"pr"}
	for kind, allowed := range operatorsOf {
		for _, op := range operators {
			err := applies(op, kind)
			if ok := slices.Contains(allowed, op); ok != (err == nil) {
				t.Errorf("%s on %s: %v", op, kind, err)
			}
		}
		used = append(used, allowed...)
	}
	for _, op := range operators {
		if !slices.Contains(used, op) {
			t.Errorf("nothing takes operator %s", op)
		}
	}
}

func FuzzFilter(f *testing.F) {
	c := r4(f)
	for _, seed := range []string{
		`status eq final`, `not (status eq "fin\u0061l") or code eq loinc|1-2 and date po 2024`, `subject:Patient.name co "pet"`,
		`patient[gender eq male or not family ew x].organization.name sw y`, `_has:Provenance:target:agent pr false`,
		`code-value-quantity[code eq a].value-quantity gt "5|ucum|mg"`, `subject re Patient/1`, `date co 2024-03`, `_lastUpdated co 2024`,
		`value-quantity ap 5`, `_id ne x`, `code ne |`, `(`, `[`, `.`, `status eq "`, `status eq "\`, `patient[`, `_has:`, `code in x`, `note eq`,
	} {
		f.Add(seed)
	}
	tree, err := fhir.ParseJSON(c.defs, []byte(`{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1-2"}]},
		"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-03-01","valueQuantity":{"value":5,"system":"http://unitsofmeasure.org","code":"mg"}}`), fhir.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	entries, err := c.Extract(f.Context(), tree)
	if err != nil {
		f.Fatal(err)
	}
	m := NewMemory()
	m.Put(Document{Key: tree.Key(), Entries: entries})
	f.Fuzz(func(t *testing.T, text string) {
		q, err := c.Parse("Observation", []Pair{{"_filter", text}}, ParseOptions{Now: time.Unix(1e9, 0)})
		if err != nil {
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != fault.Invalid || !strings.Contains(e.Error(), "_filter") {
				t.Errorf("%q: error %#v", text, err)
			}
			return
		}
		negated, err := c.Parse("Observation", []Pair{{"_filter", "not (" + text + ")"}}, ParseOptions{Now: time.Unix(1e9, 0)})
		if err != nil {
			if !strings.Contains(err.Error(), "inside each other") && !strings.Contains(err.Error(), "bytes") {
				t.Errorf("%q is taken, but not when it is negated: %v", text, err)
			}
			return
		}
		doc := m.documents[tree.Key()]
		is, err := Match(t.Context(), q.Filter, doc, (*locked)(m))
		if err != nil {
			t.Fatal(err)
		}
		if not, err := Match(t.Context(), negated.Filter, doc, (*locked)(m)); err != nil || is == not {
			t.Errorf("%q holds: %t, its negation: %t, %v", text, is, not, err)
		}
	})
}
