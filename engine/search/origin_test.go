package search

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestDefinitionsTellWhichParametersRepeatOthers(t *testing.T) {
	c := r4(t)
	for name, want := range map[string]string{
		"Observation.combo-code":                "Observation.code,Observation.component-code",
		"Observation.combo-value-quantity":      "Observation.component-value-quantity,Observation.value-quantity",
		"Observation.combo-code-value-quantity": "Observation.code-value-quantity,Observation.component-code-value-quantity",
		"Observation.patient":                   "Observation.subject:Patient",
		"Encounter.practitioner":                "Encounter.participant:Practitioner",
		"AuditEvent.patient":                    "AuditEvent.agent:Patient,AuditEvent.entity:Patient",
		"Patient.name":                          "Patient.family,Patient.given,Patient.name",
		"Patient.phonetic":                      "Patient.family,Patient.given,Patient.name",
		"Organization.address":                  "Organization.address,Organization.address-city,Organization.address-country,Organization.address-postalcode,Organization.address-state",
		"Person.phonetic":                       "Person.name",
		// These are their own, or what others are found under.
		"Observation.code": "", "Observation.component-code": "", "Observation.subject": "", "Observation.encounter": "",
		"Immunization.patient": "", "Patient.email": "", "Patient.telecom": "",
		"Encounter.participant": "", "Observation.code-value-concept": "", "Observation._lastUpdated": "", "Bundle.composition": "",
	} {
		typeName, code, _ := strings.Cut(name, ".")
		if p, ok := c.Param(typeName, code); !ok || p.Of != want {
			t.Errorf("%s: %q, want %q", name, p.Of, want)
		}
	}
	unites, repeats := 0, 0
	for _, typeName := range c.defs.ResourceTypes() {
		for _, p := range c.lookup(typeName).list {
			for _, o := range p.Origins() {
				if origin := c.lookup(typeName).params[o.Code]; o.Type != typeName || origin.Kind != p.Kind || origin.unites() || origin.problem != "" {
					t.Errorf("%s of %s comes from %+v", p.Code, typeName, o)
				}
			}
			switch {
			case p.unites():
				unites++
			case p.Of != "":
				repeats++
			}
		}
	}
	if unites != 10 || repeats != 57 {
		t.Errorf("%d parameters of R4 unite others, %d repeat them", unites, repeats)
	}
}

func TestReferencesOfSeveralParametersAreAskedTogether(t *testing.T) {
	c := r4(t)
	var params []Param
	for _, name := range []string{"Provenance.target", "AuditEvent.entity", "Observation.patient"} {
		typeName, code, _ := strings.Cut(name, ".")
		p, _ := c.Param(typeName, code)
		params = append(params, p)
	}
	all := AnyOf(params)
	for name, want := range map[string]bool{
		"Provenance.target": true, "AuditEvent.entity": true, "Observation.patient": true, "Provenance.entity": false, "AuditEvent.agent": false,
	} {
		typeName, code, _ := strings.Cut(name, ".")
		if got := all.Names(&Entry{Param: Param{Type: typeName, Code: code}}); got != want {
			t.Errorf("%s is one of them: %v", name, got)
		}
	}
	if want := []Origin{{"Provenance", "target", ""}, {"AuditEvent", "entity", ""}, {"Observation", "patient", ""}, {"Observation", "subject", "Patient"}}; !slices.Equal(all.Origins(), want) {
		t.Errorf("%v", all.Origins())
	}
	if AnyOf(params[:1]) != params[0] {
		t.Error("one is another when it is alone")
	}
}

// alone extracts the entries of one parameter by its own expression.
func alone(t *testing.T, c *Catalog, p *parameter, root fhir.Node) []Entry {
	t.Helper()
	one := *p
	one.elsewhere = nil
	var r rules
	if err := c.compileInto(&r, p.Type, p.def.Expression, sink{param: &one}); err != nil {
		t.Fatal(err)
	}
	x := extraction{c: c, ctx: t.Context(), root: root}
	x.out = &x.entries
	x.apply(&r, root)
	return x.entries
}

func keysOf(entries []Entry) []string {
	keys := make([]string, len(entries))
	for i, e := range entries {
		e.Param = Param{}
		keys[i] = string(e.appendKey(nil))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func TestWhatRepeatsOthersHasTheValuesThatItsOwnExpressionGives(t *testing.T) {
	for _, name := range []string{"r4", "r4b"} {
		c, err := NewCatalog(release(t, name), "https://fhir.example.org/r4")
		if err != nil {
			t.Fatal(err)
		}
		compared := map[string]bool{}
		examples(t, c.defs, "examples-"+name+".zip", func(name string, tree *fhir.Tree) {
			root := tree.Root()
			all, err := c.Extract(t.Context(), tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range c.lookup(root.Type().Name).list {
				if p.Of == "" {
					continue
				}
				want := alone(t, c, p, root)
				var got []Entry
				for i := range all {
					e := &all[i]
					for _, o := range p.Origins() {
						if o.Code == e.Param.Code && (o.Target == "" || e.RefID != "" && e.RefType == o.Target) {
							got = append(got, *e)
						}
					}
					if e.Param.Code == p.Code && e.RefID == "" {
						got = append(got, *e)
					}
				}
				if diff := cmp.Diff(keysOf(want), keysOf(got)); diff != "" {
					t.Errorf("%s: %s: %s", name, p.Code, diff)
				}
				if len(want) > 0 {
					compared[p.Type+"."+p.Code] = true
				}
			}
		})
		if len(compared) < 40 {
			t.Errorf("%s: only %d parameters had values", name, len(compared))
		}
	}
}

func TestSimilarExpressionsOfOtherMeaningAreNotTakenForEachOther(t *testing.T) {
	reference := func(code, expression string) *definitions.SearchParameter {
		return &definitions.SearchParameter{Code: code, Type: definitions.SearchReference, Expression: expression}
	}
	token := func(code, expression string) *definitions.SearchParameter {
		return &definitions.SearchParameter{Code: code, Type: definitions.SearchToken, Expression: expression}
	}
	for what, c := range map[string]struct {
		others []*definitions.SearchParameter
		last   *definitions.SearchParameter
		want   string
	}{
		"a union": {[]*definitions.SearchParameter{token("a", "Observation.code"), token("b", "Observation.method")},
			token("z", "Observation.method | Observation.code"), "Observation.a,Observation.b"},
		"a union in parentheses": {[]*definitions.SearchParameter{token("a", "Observation.code"), token("b", "Observation.method")},
			token("z", "(Observation.code | Observation.method)"), "Observation.a,Observation.b"},
		"part of it is nobody's": {[]*definitions.SearchParameter{token("a", "Observation.code")}, token("z", "Observation.code | Observation.method"), ""},
		"another selects more":   {[]*definitions.SearchParameter{token("a", "Observation.code | Observation.method")}, token("z", "Observation.code"), ""},
		"the same":               {[]*definitions.SearchParameter{token("a", "Observation.code")}, token("z", "Observation.code"), ""},
		"another kind": {[]*definitions.SearchParameter{token("a", "Observation.code"), {Code: "b", Type: definitions.SearchString, Expression: "Observation.method"}},
			token("z", "Observation.code | Observation.method"), ""},
		"more than a path": {[]*definitions.SearchParameter{token("a", "Observation.code.exists()"), token("b", "Observation.method")},
			token("z", "Observation.code.exists() | Observation.method"), ""},
		"of another type": {[]*definitions.SearchParameter{token("a", "Observation.code"), token("b", "Observation.method")},
			token("z", "Observation.code | Condition.code | Observation.method"), "Observation.a,Observation.b"},
		"one target":          {[]*definitions.SearchParameter{reference("a", "Observation.subject")}, reference("z", "Observation.subject.where(resolve() is Patient)"), "Observation.a:Patient"},
		"a target of another": {[]*definitions.SearchParameter{reference("a", "Observation.focus")}, reference("z", "Observation.subject.where(resolve() is Patient)"), ""},
		"a target, and all of another": {[]*definitions.SearchParameter{reference("a", "Observation.subject"), reference("b", "Observation.focus")},
			reference("z", "Observation.subject.where(resolve() is Patient) | Observation.focus"), ""},
		"two targets": {[]*definitions.SearchParameter{reference("a", "Observation.subject")},
			reference("z", "Observation.subject.where(resolve() is Patient) | Observation.subject.where(resolve() is Group)"), ""},
		"a target twice": {[]*definitions.SearchParameter{reference("a", "Observation.subject.where(resolve() is Patient)")},
			reference("z", "Observation.subject.where(resolve() is Patient)"), ""},
		"a contained resource": {[]*definitions.SearchParameter{reference("a", "Observation.contained")}, reference("z", "Observation.contained.where(resolve() is Patient)"), ""},
	} {
		catalog := r4(t)
		list := &typeCatalog{name: "Observation", params: map[string]*parameter{}}
		for _, def := range append(c.others, c.last) {
			p := &parameter{Param: Param{Type: "Observation", Code: def.Code, Kind: def.Type}, def: def}
			list.list, list.params[def.Code] = append(list.list, p), p
		}
		catalog.findOrigins(list)
		if got := list.params["z"].Of; got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}
