package fhir_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func text(tree *fhir.Tree) string { return string(tree.Root().AppendJSON(nil)) }

// must fails the test on an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestANewResourceIsFilledInDefinitionOrder(t *testing.T) {
	node := must[fhir.Node](t)
	tree := must[*fhir.Tree](t)(fhir.New(definitions.MustBuiltIn(definitions.R4), "Patient"))
	root := tree.Root()
	same(t, text(tree), `{"resourceType":"Patient"}`)
	node(root.Set("birthDate", "1970-01-01"))
	node(root.Set("active", "true"))
	name := node(root.Add("name"))
	node(name.Set("family", "O\"Hara\n"))
	node(name.AddText("given", "Ada"))
	node(name.AddText("given", "Bea"))
	node(root.Set("id", "p1"))
	node(root.Set("deceasedBoolean", "false"))
	node(root.Set("deceasedDateTime", "2020"))
	node(root.Add("contact"))
	same(t, text(tree), `{"resourceType":"Patient","id":"p1","active":true,"name":[{"family":"O\"Hara\n","given":["Ada","Bea"]}],"birthDate":"1970-01-01","deceasedDateTime":"2020"}`)
	same(t, root.Child("name").Child("family").Text(), "O\"Hara\n")
	same(t, root.Child("name").Child("given").NextSibling().Path(), "Patient.name[0].given[1]")
	same(t, root.Child("deceased").PropertyName()+" "+root.Child("deceased").Name(), "deceasedDateTime deceased")
}

func TestEditsThatBreakTheDefinitionAreRefusedAndChangeNothing(t *testing.T) {
	tree := parse(t, `{"resourceType":"Patient","active":true,"name":[{"family":"a"}]}`)
	root := tree.Root()
	other := parse(t, `{"resourceType":"Basic","code":{"text":"x"}}`)
	for name, edit := range map[string]func() error{
		"unknown":         func() error { _, err := root.Set("activ", "true"); return err },
		"bad value":       func() error { _, err := root.Set("active", "yes"); return err },
		"bad date":        func() error { _, err := root.Set("birthDate", "2023-02-30"); return err },
		"bad text":        func() error { return root.Child("active").SetText("1") },
		"repeats":         func() error { _, err := root.Set("name", "x"); return err },
		"is there":        func() error { _, err := root.AddText("active", "false"); return err },
		"complex":         func() error { _, err := root.AddText("name", "x"); return err },
		"resource":        func() error { _, err := root.Add("contained"); return err },
		"wrong type":      func() error { _, err := root.Graft("name", other.Root().Child("code")); return err },
		"no resource":     func() error { _, err := root.Graft("contained", other.Root().Child("code")); return err },
		"no value":        func() error { _, err := root.Graft("birthDate", root.Child("active")); return err },
		"nothing":         func() error { _, err := root.Graft("name", fhir.Node{}); return err },
		"no position":     func() error { _, err := root.InsertAt("name", 2, root.Child("name")); return err },
		"cannot move":     func() error { return root.Move("name", 0, 1) },
		"the root itself": func() error { _, err := root.Replace(root); return err },
		"no node":         func() error { _, err := root.Child("photo").Set("title", "x"); return err },
	} {
		if err := edit(); fault.KindOf(err) != fault.Unprocessable {
			t.Errorf("%s: %v", name, err)
		}
	}
	same(t, text(tree), `{"resourceType":"Patient","active":true,"name":[{"family":"a"}]}`)
}

func TestAStampLeavesAllElseAsItWas(t *testing.T) {
	src := `{"resourceType":"Patient","name":[{"family":"\u00e9","given":["a"]}],"extension":[{"url":"http://x","valueDecimal":1.50}]}`
	tree := parse(t, src)
	copied := tree.Clone()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	if err := copied.Stamp("p", 7, at); err != nil {
		t.Fatal(err)
	}
	if err := copied.SetSource("urn:x"); err != nil {
		t.Fatal(err)
	}
	same(t, text(copied), `{"resourceType":"Patient","id":"p","meta":{"versionId":"7","lastUpdated":"2026-01-02T03:04:05.006Z","source":"urn:x"},`+strings.TrimPrefix(src, `{"resourceType":"Patient",`))
	same(t, text(tree), src)
	same(t, copied.Key().String()+" "+copied.VersionID()+" "+copied.Source(), "Patient/p 7 urn:x")
	if !copied.LastUpdated().Equal(at) {
		t.Error(copied.LastUpdated())
	}
	parse(t, text(copied))
}

func TestValuesAreInsertedMovedReplacedAndRemoved(t *testing.T) {
	node := must[fhir.Node](t)
	tree := parse(t, `{"resourceType":"Patient","name":[{"family":"a"},{"family":"b"},{"family":"c"}],"active":true}`)
	root := tree.Root()
	families := func() string {
		var s []string
		for n := range root.All("name") {
			s = append(s, n.Child("family").Text())
		}
		return strings.Join(s, "")
	}
	d := must[*fhir.Tree](t)(fhir.ParseValueJSON(tree.Definitions(), "HumanName", []byte(`{ "family": "d", "_family": {"id": "x"} }`), fhir.Limits{})).Root()
	node(root.InsertAt("name", 0, d))
	same(t, families(), "dabc")
	node(root.InsertAt("name", 4, d))
	same(t, families(), "dabcd")
	node(root.InsertAt("name", 2, root.Child("name").NextSibling()))
	same(t, families(), "daabcd")
	for _, move := range []struct {
		from, to int
		want     string
	}{{0, 5, "aabcdd"}, {5, 0, "daabcd"}, {3, 1, "dbaacd"}, {1, 1, "dbaacd"}} {
		if err := root.Move("name", move.from, move.to); err != nil {
			t.Fatal(err)
		}
		same(t, families(), move.want)
	}
	node(root.Child("name").Replace(root.Child("name").NextSibling()))
	same(t, families(), "bbaacd")
	root.Child("name").NextSibling().Remove()
	same(t, families(), "baacd")
	same(t, string(root.Child("name").AppendJSON(nil)), `{"family":"b"}`)
	root.RemoveAll("name")
	same(t, text(tree), `{"resourceType":"Patient","active":true}`)
	node(root.Graft("name", d))
	same(t, text(tree), `{"resourceType":"Patient","active":true,"name":[{"family":"d","_family":{"id":"x"}}]}`)
	node(root.Child("name").Graft("period", must[*fhir.Tree](t)(fhir.ParseValueJSON(tree.Definitions(), "Period", []byte(`{"start":"2020"}`), fhir.Limits{})).Root()))
	same(t, text(tree), `{"resourceType":"Patient","active":true,"name":[{"family":"d","_family":{"id":"x"},"period":{"start":"2020"}}]}`)
}

func TestAChoiceIsReplacedByAnotherOfItsTypes(t *testing.T) {
	tree := parse(t, `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueString":"s","component":[{"code":{"text":"y"},"valueInteger":3}]}`)
	quantity := must[*fhir.Tree](t)(fhir.ParseValueJSON(tree.Definitions(), "Quantity", []byte(`{"value":1.0}`), fhir.Limits{}))
	must[fhir.Node](t)(tree.Root().Child("value").Replace(quantity.Root()))
	must[fhir.Node](t)(tree.Root().Child("component").Child("value").Replace(tree.Root().Child("value")))
	same(t, text(tree), `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.0},"component":[{"code":{"text":"y"},"valueQuantity":{"value":1.0}}]}`)
}

func TestResourcesAreTakenOutAndPutIn(t *testing.T) {
	for _, compact := range []bool{true, false} {
		patient := `{"resourceType":"Patient","id":"a","contained":[{"resourceType":"Basic","code":{"text":"x"}}],"active":true}`
		src := `{"resourceType":"Bundle","type":"batch","entry":[{"resource":` + patient + `}]}`
		if !compact {
			src = strings.ReplaceAll(src, `,`, ` , `)
		}
		bundle := parse(t, src)
		taken := bundle.Root().Find("entry", "resource").CopyTree()
		same(t, text(taken), patient)
		same(t, taken.Root().Path()+" "+taken.Root().Find("contained", "code").Path()+" "+taken.Key().String(), "Patient Patient.contained[0].code Patient/a")
		if err := taken.SetID("b"); err != nil {
			t.Fatal(err)
		}
		same(t, string(bundle.Root().Find("entry", "resource", "id").Text()), "a")
		entry := must[fhir.Node](t)(bundle.Root().Add("entry"))
		must[fhir.Node](t)(entry.Graft("resource", taken.Root()))
		same(t, text(bundle), `{"resourceType":"Bundle","type":"batch","entry":[{"resource":`+patient+`},{"resource":`+strings.Replace(patient, `"a"`, `"b"`, 1)+`}]}`)
		if err := entry.Find("resource", "contained", "code", "text").SetText("z"); err != nil {
			t.Fatal(err)
		}
		same(t, string(entry.Find("resource", "contained").AppendJSON(nil)), `{"resourceType":"Basic","code":{"text":"z"}}`)
		same(t, text(taken), strings.Replace(patient, `"a"`, `"b"`, 1))
		// Into itself.
		must[fhir.Node](t)(must[fhir.Node](t)(bundle.Root().Add("entry")).Graft("resource", bundle.Root()))
		parse(t, text(bundle))
	}
}

func TestBuildingALongBundleIsNotQuadratic(t *testing.T) {
	tree := must[*fhir.Tree](t)(fhir.New(definitions.MustBuiltIn(definitions.R4), "Bundle"))
	start := time.Now()
	for range 50_000 {
		entry := must[fhir.Node](t)(tree.Root().Add("entry"))
		must[fhir.Node](t)(entry.Set("fullUrl", "urn:x"))
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("50,000 entries took %v", took)
	}
}

func TestAnyEditsLeaveATreeThatReadsBackTheSame(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	for name, src := range testdata.Zipped(t, testdata.Dir(t, "examples", "examples-r4.zip")) {
		if len(src) > 20_000 {
			continue
		}
		tree, err := fhir.ParseJSON(d, src, fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(uint64(len(src)), 1))
		original := text(tree)
		edited := tree.Clone()
		for range 12 {
			var all []fhir.Node
			for n := range edited.Root().Descendants() {
				all = append(all, n)
			}
			if len(all) == 0 {
				break
			}
			n := all[random.IntN(len(all))]
			parent := n.Parent()
			switch random.IntN(6) {
			case 0:
				n.Remove()
			case 1:
				_, err = n.Replace(n)
			case 2:
				if n.Index() >= 0 {
					_, err = parent.InsertAt(n.PropertyName(), random.IntN(n.Index()+1), n)
				}
			case 3:
				if n.Index() >= 0 {
					err = parent.Move(n.Name(), n.Index(), random.IntN(parent.Count(n.Name())))
				}
			case 4:
				if n.HasValue() {
					err = n.SetText(n.Text())
				}
			case 5:
				if n.IsResource() {
					edited = n.CopyTree()
				}
			}
			if err != nil {
				t.Fatalf("%s: %s: %v", name, n.Path(), err)
			}
		}
		out := text(edited)
		again, err := fhir.ParseJSON(d, []byte(out), fhir.Limits{})
		if err != nil {
			t.Fatalf("%s: %.500v\n%s", name, err, out)
		}
		same(t, text(again), out)
		same(t, text(tree), original)
	}
}

func TestLinksAreFoundAndRewritten(t *testing.T) {
	tree := parse(t, `{"resourceType":"Observation","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"urn:uuid:1\">x</a><img src='urn:uuid:2' alt=\"urn:uuid:1\"/></div>"},`+
		`"extension":[{"url":"http://x","valueUri":"urn:uuid:1"},{"url":"http://y","valueUuid":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}],"status":"final","code":{"text":"urn:uuid:1"},"subject":{"reference":"urn:uuid:1"},"performer":[{"reference":"Practitioner/2"},{"reference":"urn:uuid:2"}]}`)
	var found []string
	for r := range tree.Root().References() {
		found = append(found, r.Path()+"="+r.Text())
	}
	same(t, strings.Join(found, " "), "Observation.subject.reference=urn:uuid:1 Observation.performer[0].reference=Practitioner/2 Observation.performer[1].reference=urn:uuid:2")
	found = nil
	for r := range tree.Root().URIs() {
		found = append(found, r.Text())
	}
	same(t, strings.Join(found, " "), "http://x urn:uuid:1 http://y urn:uuid:c757873d-ec9a-4326-a141-556f43239520")
	err := tree.Root().RewriteLinks(func(link string) (string, bool) {
		to, ok := map[string]string{
			"urn:uuid:1": "Patient/a&b", "urn:uuid:2": "Patient/2", "urn:uuid:c757873d-ec9a-4326-a141-556f43239520": "Patient/3",
		}[link]
		return to, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	same(t, text(tree), `{"resourceType":"Observation","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"Patient/a&amp;b\">x</a><img src='Patient/2' alt=\"urn:uuid:1\"/></div>"},`+
		`"extension":[{"url":"http://x","valueUri":"Patient/a&b"},{"url":"http://y","valueUuid":"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}],"status":"final","code":{"text":"urn:uuid:1"},"subject":{"reference":"Patient/a&b"},"performer":[{"reference":"Practitioner/2"},{"reference":"Patient/2"}]}`)
}
