package patch

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestTheXMLPatchSuitePassesSaveTheListedExceptions(t *testing.T) {
	const file = "xml-patch-tests.xml"
	cases := suiteCases(t, file)
	verdicts := readExceptions(t, file)
	for _, c := range cases {
		target, want := firstElement(t, c, "target"), child(c, "patched")
		var document bytes.Buffer
		firstElementNamed(t, c, "patch").write(&document, "")
		p, err := ParseXML(document.Bytes())
		if err == nil {
			err = p.(*xmlPatch).apply(t.Context(), target)
		}
		name := c.attrs[0].Value
		if want == nil {
			verdicts.check(t, name, err != nil, err)
			continue
		}
		verdicts.check(t, name, err == nil && sameXML(target, detached(want)), err)
	}
	verdicts.done(t, len(cases), 18)
}

func suiteCases(t *testing.T, file string) []*xmlNode {
	t.Helper()
	content, err := os.ReadFile(testdata.Dir(t, "patch", file))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := readXML(content)
	if err != nil {
		t.Fatal(err)
	}
	return doc.elements()[0].elements()
}

func child(n *xmlNode, name string) *xmlNode {
	for _, c := range n.elements() {
		if c.name.Local == name {
			return c
		}
	}
	return nil
}

func firstElementNamed(t *testing.T, n *xmlNode, name string) *xmlNode {
	t.Helper()
	c := child(n, name)
	if c == nil {
		t.Fatalf("no %s", name)
	}
	return c
}

// firstElement gives what is in the child called name as a document.
func firstElement(t *testing.T, n *xmlNode, name string) *xmlNode {
	t.Helper()
	return detached(firstElementNamed(t, n, name))
}

func detached(n *xmlNode) *xmlNode {
	doc := &xmlNode{}
	for _, c := range n.children {
		doc.append(c.clone())
	}
	return doc
}

// sameXML compares but for blanks between elements.
func sameXML(a, b *xmlNode) bool {
	if a.kind != b.kind || a.name != b.name || len(a.attrs) != len(b.attrs) {
		return false
	}
	if a.kind != xmlElement {
		return strings.TrimSpace(a.text) == strings.TrimSpace(b.text)
	}
	for _, x := range a.attrs {
		if i := b.attr(x.Name); i < 0 || b.attrs[i].Value != x.Value {
			return false
		}
	}
	solid := func(n *xmlNode) []*xmlNode {
		return slices.DeleteFunc(slices.Clone(n.children), (*xmlNode).blank)
	}
	return slices.EqualFunc(solid(a), solid(b), sameXML)
}

func diff(operations string) []byte {
	return []byte(`<diff xmlns="http://hl7.org/fhir" xmlns:f="http://hl7.org/fhir">` + operations + `</diff>`)
}

func TestAnXMLPatchGivesAValidResource(t *testing.T) {
	for _, c := range []struct{ patch, want string }{
		{`<replace sel="f:Patient/f:birthDate/@value">1974-12-26</replace>`, `"birthDate":"1974-12-26"`},
		{`<replace sel="/f:Patient/f:birthDate"><birthDate value="1974-12-26"/></replace>`, `"birthDate":"1974-12-26"`},
		{`<add sel="f:Patient/f:name[1]"><given value="John"/></add>`, `"given":["Peter","James","John"]`},
		{`<add sel="f:Patient/f:name[f:use/@value='official']/f:given[1]" pos="before"><given value="Sir"/></add>`, `"given":["Sir","Peter","James"]`},
		{`<add sel="f:Patient/f:name[last()]/f:given" pos="after"><given value="Bo"/></add>`, `"given":["Jim","Bo"]`},
		{`<add sel="Patient/birthDate" type="@id">b1</add>`, `"_birthDate":{"id":"b1"}`},
		{`<remove sel="f:Patient/f:contact/f:gender"/>`, `"multipleBirthInteger":2}`},
		{`<remove sel="f:Patient/f:name[not]"/>`, ``},
	} {
		before := patient(t)
		p, err := ParseXML(diff(c.patch))
		if err != nil {
			t.Error(err)
			continue
		}
		after, err := p.Apply(t.Context(), before)
		if c.want == "" {
			explains(t, c.patch, err, fault.Unprocessable, []string{"operation 0", "finds 0 nodes"})
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.patch, err)
			continue
		}
		if got := string(after.Root().AppendJSON(nil)); !strings.Contains(got, c.want) {
			t.Errorf("%s gives %s, want %s in it", c.patch, got, c.want)
		}
	}
}

func TestAnXMLPatchThatDoesNotFitNamesTheOperation(t *testing.T) {
	for _, c := range []struct {
		patch string
		kind  fault.Kind
		says  []string
	}{
		{``, fault.Invalid, []string{"no operations"}},
		{`<add`, fault.Invalid, []string{"not valid XML"}},
		{`<move sel="f:Patient"/>`, fault.Invalid, []string{"operation 0", "move"}},
		{`<remove/>`, fault.Invalid, []string{`"sel" is missing`}},
		{`<remove sel="f:Patient/f:name[" />`, fault.Invalid, []string{"position"}},
		{`<remove sel="q:Patient"/>`, fault.Invalid, []string{`"q" is not declared`}},
		{`<remove sel="f:Patient/f:name[0]"/>`, fault.Invalid, []string{"count from 1"}},
		{`<add sel="f:Patient" pos="under"/>`, fault.Invalid, []string{"under"}},
		{`<remove sel="f:Patient/f:active"/><remove sel="f:Patient/f:name"/>`, fault.Unprocessable, []string{"operation 1", "finds 2 nodes"}},
		{`<remove sel="f:Patient"/>`, fault.Unprocessable, []string{"root element"}},
		{`<replace sel="f:Patient/f:birthDate/@value">soon</replace>`, fault.Unprocessable, []string{"after the patch", "birthDate"}},
		{`<add sel="f:Patient"><nickname value="X"/></add>`, fault.Unprocessable, []string{"after the patch", "nickname"}},
		{`<add sel="f:Patient/f:birthDate" type="@value">1</add>`, fault.Unprocessable, []string{"there already"}},
		{`<remove sel="f:Patient/f:active" ws="both"/>`, fault.Unprocessable, []string{"white space"}},
	} {
		p, err := ParseXML(diff(c.patch))
		if err == nil {
			_, err = p.Apply(t.Context(), patient(t))
		}
		explains(t, c.patch, err, c.kind, c.says)
	}
	_, err := ParseXML([]byte(`<!DOCTYPE diff [<!ENTITY a "b">]><diff/>`))
	explains(t, "a document type", err, fault.Invalid, []string{"document type"})
	for _, roots := range []string{"<!-- nothing -->", string(diff(`<remove sel="f:Patient/f:active"/>`)) + "<diff/>"} {
		_, err := ParseXML([]byte(roots))
		explains(t, roots, err, fault.Invalid, []string{"one root element"})
	}
}

func FuzzParseXML(f *testing.F) {
	f.Add(diff(`<add sel="f:Patient/f:name[f:use/@value='official']/f:given[1]" pos="before"><given value="Sir"/></add>`))
	f.Add(diff(`<replace sel="*/text()[1]">x</replace><remove sel="f:Patient/comment()[last()]" ws="both"/><add sel="f:Patient" type="@id">b1</add>`))
	f.Fuzz(func(t *testing.T, document []byte) {
		p, err := ParseXML(document)
		if err != nil {
			return
		}
		doc, err := readXML([]byte(`<Patient xmlns="http://hl7.org/fhir"><id value="p"/><name><given value="a"/><given value="b"/></name><!-- c --></Patient>`))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.(*xmlPatch).apply(t.Context(), doc); err != nil {
			return
		}
		var b bytes.Buffer
		for _, c := range doc.children {
			c.write(&b, "")
		}
	})
}

func TestAResourceWithADeepNarrativeCanBePatchedAsXML(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	div := `<div xmlns=\"http://www.w3.org/1999/xhtml\">` + strings.Repeat("<b>", 400) + "x" + strings.Repeat("</b>", 400) + "</div>"
	tree, err := fhir.ParseJSON(d, []byte(`{"resourceType":"Patient","text":{"status":"generated","div":"`+div+`"}}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseXML([]byte(`<diff xmlns:f="http://hl7.org/fhir"><add sel="f:Patient"><active xmlns="http://hl7.org/fhir" value="true"/></add></diff>`))
	if err != nil {
		t.Fatal(err)
	}
	patched, err := p.Apply(t.Context(), tree)
	if err != nil || !patched.Root().Child("active").Bool() {
		t.Errorf("gives %v", err)
	}
}
