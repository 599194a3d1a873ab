package fhir_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/internal/testpackage"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestEveryReadOfNoNodeGivesNothing(t *testing.T) {
	var n fhir.Node
	if !n.IsZero() || n.Tree() != nil || n.Type() != nil || n.Element() != nil || n.Property() != nil || n.PropertyID() != 0 ||
		n.Name()+n.PropertyName()+n.Path()+n.Text() != "" || n.Index() != -1 || n.IsResource() || n.IsPrimitive() || n.HasValue() || n.Bool() ||
		!n.Parent().IsZero() || !n.FirstChild().IsZero() || !n.NextSibling().IsZero() || !n.Child("x").IsZero() || !n.Find("x", "y").IsZero() ||
		n.Count("x") != 0 || !n.Equal(fhir.Node{}) {
		t.Error("no node has something")
	}
	for range n.Children() {
		t.Error("a child")
	}
	for range n.Descendants() {
		t.Error("a descendant")
	}
	line, column := n.Position()
	same(t, fmt.Sprint(line, column), "0 0")
	same(t, string(n.AppendJSON(nil))+string(n.AppendJSONIndent(nil)), "nullnull")
	x, err := n.AppendXML(nil, false)
	if err != nil || x != nil {
		t.Error(x, err)
	}
	n.Remove()
}

func TestNodesKnowWhatAndWhereTheyAre(t *testing.T) {
	tree := parse(t, "{\"resourceType\":\"Observation\",\n \"status\":\"final\",\"code\":{\"text\":\"c\"},\"valueQuantity\":{\"value\":1.50},\n  \"component\":[{\"code\":{\"text\":\"d\"},\"valueBoolean\":true}],\"contained\":[{\"resourceType\":\"Basic\",\"code\":{\"text\":\"e\"}}]}")
	var got strings.Builder
	for n := range tree.Root().Descendants() {
		line, column := n.Position()
		fmt.Fprintf(&got, "%s %s %s %s %q %d:%d %d\n", n.Path(), n.PropertyName(), n.Type().Name, n.Element().Path, n.Text(), line, column, n.Index())
	}
	same(t, got.String(), `Observation.status status code Observation.status "final" 2:12 -1
Observation.code code CodeableConcept Observation.code "" 2:26 -1
Observation.code.text text string CodeableConcept.text "c" 2:35 -1
Observation.value valueQuantity Quantity Observation.value[x] "" 2:55 -1
Observation.value.value value decimal Quantity.value "1.50" 2:64 -1
Observation.component[0] component Observation.component Observation.component "" 3:16 0
Observation.component[0].code code CodeableConcept Observation.component.code "" 3:24 -1
Observation.component[0].code.text text string CodeableConcept.text "d" 3:33 -1
Observation.component[0].value valueBoolean boolean Observation.component.value[x] "true" 3:52 -1
Observation.contained[0] contained Basic DomainResource.contained "" 3:72 0
Observation.contained[0].code code CodeableConcept Basic.code "" 3:103 -1
Observation.contained[0].code.text text string CodeableConcept.text "e" 3:112 -1
`)
	if !tree.Root().Find("component", "value").Bool() || !tree.Root().Child("contained").IsResource() || tree.Root().Child("code").IsResource() {
		t.Error("component or contained")
	}
	if n := tree.Root().Child("code"); n.Parent() != tree.Root() || n.Tree() != tree || n.Property().ID != n.PropertyID() {
		t.Error("code")
	}
	var names []string
	for c := range tree.Root().Children() {
		names = append(names, c.Name())
	}
	same(t, strings.Join(names, " "), "status code value component contained")
}

func TestContentIsEqualWhateverTheOrderOfElements(t *testing.T) {
	base := `{"resourceType":"Patient","active":true,"name":[{"given":["a","b"]}],"multipleBirthInteger":1}`
	for src, want := range map[string]bool{
		base: true,
		`{"resourceType":"Patient","multipleBirthInteger":1,"name":[{"given":["a","\u0062"]}],"active":true}`:        true,
		`{"resourceType":"Patient","active":true,"name":[{"given":["b","a"]}],"multipleBirthInteger":1}`:             false,
		`{"resourceType":"Patient","active":true,"name":[{"given":["a"]}],"multipleBirthInteger":1}`:                 false,
		`{"resourceType":"Patient","active":true,"name":[{"given":["a","b","c"]}],"multipleBirthInteger":1}`:         false,
		`{"resourceType":"Patient","active":true,"name":[{"given":["a","b"]}]}`:                                      false,
		`{"resourceType":"Patient","active":true,"name":[{"given":["a","b"],"use":"old"}],"multipleBirthInteger":1}`: false,
		`{"resourceType":"Patient","active":true,"name":[{"given":["a","b"]}],"multipleBirthBoolean":true}`:          false,
		`{"resourceType":"Basic","code":{"text":"x"}}`:                                                               false,
	} {
		a, b := parse(t, base).Root(), parse(t, src).Root()
		if a.Equal(b) != want || b.Equal(a) != want {
			t.Errorf("%s: equal %v", src, !want)
		}
	}
	if a, b := parse(t, `{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.0}}`),
		parse(t, `{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.00}}`); a.Root().Equal(b.Root()) {
		t.Error("1.0 is 1.00")
	}
}

func TestAValueOfOtherDefinitionsOfTheReleaseCanBeGrafted(t *testing.T) {
	guide := testpackage.Load(t, definitions.MustBuiltIn(definitions.R4), "hl7.fhir.us.core-3.1.1.tgz")
	with := must[*fhir.Tree](t)(fhir.ParseJSON(guide, []byte(everything), fhir.Limits{}))
	bundle := must[*fhir.Tree](t)(fhir.New(definitions.MustBuiltIn(definitions.R4), "Bundle"))
	entry := must[fhir.Node](t)(bundle.Root().Add("entry"))
	resource := must[fhir.Node](t)(entry.Graft("resource", with.Root()))
	same(t, string(resource.AppendJSONIndent(nil)), string(with.Root().AppendJSONIndent(nil)))

	r4b := must[*fhir.Tree](t)(fhir.New(definitions.MustBuiltIn(definitions.R4B), "Patient"))
	if _, err := entry.InsertAt("resource", 0, r4b.Root()); err == nil {
		t.Error("a second resource is taken")
	}
	if _, err := must[fhir.Node](t)(bundle.Root().Add("entry")).Graft("resource", r4b.Root()); err == nil {
		t.Error("a resource of another release is taken")
	}
}

func TestATreeMayBeReadByMany(t *testing.T) {
	tree := parse(t, everything)
	want := string(tree.Root().AppendJSONIndent(nil))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range tree.Root().Descendants() {
				_, _ = n.Text(), n.Path()
			}
			if got := string(tree.Root().AppendJSONIndent(nil)); got != want {
				t.Error("differs")
			}
			if _, err := tree.Root().AppendXML(nil, true); err != nil {
				t.Error(err)
			}
			copied := tree.Clone()
			if err := copied.SetID("z"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestReadingIsCheapInAllocations(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	src := []byte(`{"resourceType":"Patient","id":"a","active":true,"name":[{"family":"f","given":["g"]}],"birthDate":"1970-01-01"}`)
	if n := testing.AllocsPerRun(200, func() {
		if _, err := fhir.ParseJSON(d, src, fhir.Limits{}); err != nil {
			t.Fatal(err)
		}
	}); n > 8 { // two, and more where the race detector empties the pool
		t.Errorf("parsing allocates %v times", n)
	}
	tree := parse(t, string(src))
	dst := make([]byte, 0, 1024)
	if n := testing.AllocsPerRun(200, func() {
		for n := range tree.Root().Descendants() {
			_ = n.Text()
		}
		dst = tree.Root().AppendJSON(dst[:0])
	}); n > 0 {
		t.Errorf("reading allocates %v times", n)
	}
}
