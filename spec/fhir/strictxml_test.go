package fhir_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestBadXMLIsRefusedWithPathAndReason(t *testing.T) {
	laughs := `<!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>`
	patient := func(inner string) string { return `<Patient xmlns="http://hl7.org/fhir">` + inner + `</Patient>` }
	for _, c := range []struct {
		src       string
		malformed bool
		path      string
		says      string
	}{
		{``, true, "", "no element"},
		{`text`, true, "", "text outside"},
		{patient(``) + `x`, true, "", "text outside"},
		{patient(``) + patient(``), true, "", "more behind"},
		{laughs + patient(`<language value="&b;"/>`), true, "", "document type"},
		{`<!DOCTYPE p SYSTEM "file:///etc/passwd">` + patient(``), true, "", "document type"},
		{patient(`<language value="&nbsp;"/>`), true, "", "&amp;"},
		{patient(`<language value="&#0;"/>`), true, "", "&amp;"},
		{patient(`<language value="&#xD800;"/>`), true, "", "&amp;"},
		{patient(`<language value="a" value="b"/>`), true, "", "twice"},
		{patient(`<language value=a/>`), true, "", "quotes"},
		{patient(`<language value/>`), true, "", "no value"},
		{patient(`<language value="<"/>`), true, "", "&lt;"},
		{patient(`<language value="a"id="b"/>`), true, "", "space"},
		{patient(`<language value="a">`), true, "", "closed by"},
		{patient(`<name></family></name>`), true, "", "closed by"},
		{patient(`<x:language xmlns:y="z" value="a"/>`), true, "", "prefix"},
		{patient("<language value=\"a\x00\"/>"), true, "", "control character"},
		{patient("<language value=\"\xff\"/>"), true, "", "no UTF-8"},
		{patient(`<!-- a -- b -->`), true, "", "comment"},
		{patient(`<!-- a`), true, "", "comment"},
		{`<?xml version="1.0" encoding="ISO-8859-1"?>` + patient(``), true, "", "UTF-8"},
		{patient(`<?xml version="1.0"?>`), true, "", "very beginning"},
		{`<?xml version="1.0" encoding="UTF-16" utf-8?>` + patient(``), true, "", "must be written as"},
		{`<?xml version="1.0" encoding='UTF-8"?>` + patient(``), true, "", "must be written as"},
		{`<?xml encoding="UTF-8"?>` + patient(``), true, "", "must be written as"},
		{`<?xml version="1.1"?>` + patient(``), true, "", "XML 1.0"},
		{patient(`<? x?>`), true, "", "no name"},
		{patient(`<?x&y z?>`), true, "", "no name"},
		{patient(`<?x:y z?>`), true, "", "no name"},
		{patient("<?x\u00d7 z?>"), true, "", "no name"},
		{"<Patient xmlns=\"http://hl7.org/fhir\" xmlns:\u0300a=\"b\"/>", true, "", "attribute's name"},
		{`<Patient xmlns="http://hl7.org/fhir" xsi:schemaLocation="a b"/>`, true, "", `prefix "xsi" is not declared`},
		{`<Patient xmlns="http://hl7.org/fhir" xmlns:xml="http://x"/>`, true, "", "cannot be declared"},
		{`<Patient xmlns="http://hl7.org/fhir" xmlns:x="http://www.w3.org/XML/1998/namespace"/>`, true, "", "cannot be declared"},
		{`<Patient xmlns="http://hl7.org/fhir" xmlns:x="http://x" x:schemaLocation="a b"/>`, false, "Patient", "no attribute"},
		{`<?xml version="1.0"` + strings.Repeat(" ", 300) + `?>` + patient(``), true, "", "more than 256 bytes"},
		{patient(`<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">` + namespaces(5, 60) + `</div></text>`), true, "", "more than 256 namespaces"},
		{patient("<gr\u00f6\u00dfe value=\"1\"/>"), false, "Patient.gr\u00f6\u00dfe", "no element"},

		{`<Patient/>`, false, "", "namespace"},
		{`<Patient xmlns="http://hl7.org/fihr"/>`, false, "", "namespace"},
		{`<Patiant xmlns="http://hl7.org/fhir"/>`, false, "", `did you mean "Patient"`},
		{patient(`x`), false, "Patient", "value attributes"},
		{patient(`<active>true</active>`), false, "Patient.active", "value attributes"},
		{patient(`<active/>`), false, "Patient.active", "empty element"},
		{patient(`<active value=""/>`), false, "Patient.active", "true or false"},
		{patient(`<active value="yes"/>`), false, "Patient.active", "true or false"},
		{patient(`<active value="true" x="y"/>`), false, "Patient.active", "no attribute"},
		{patient(`<active value="true"/><active value="true"/>`), false, "Patient.active", "does not repeat"},
		{patient(`<activ value="true"/>`), false, "Patient.activ", `did you mean "active"`},
		{patient(`<name value="x"/>`), false, "Patient.name[0]", "no attribute"},
		{patient(`<birthDate value="2020"/><active value="true"/>`), false, "Patient.active", "before birthDate"},
		{patient(`<name><family value="a"/></name><active value="true"/><name><family value="b"/></name>`), false, "Patient.active", "before name"},
		{patient(`<deceasedBoolean value="true"/><deceasedDateTime value="2020"/>`), false, "Patient.deceased", "does not repeat"},
		{patient(`<birthDate value="2020"><value value="2021"/></birthDate>`), false, "Patient.birthDate.value", "no element"},
		{patient(`<extension><url value="http://x"/></extension>`), false, "Patient.extension[0].url", "no element"},
		{patient(`<contained/>`), false, "Patient.contained[0]", "resource is missing"},
		{patient(`<contained id="x"><Basic/></contained>`), false, "Patient.contained[0]", "no attribute"},
		{patient(`<contained><Basic><code><text value="x"/></code></Basic><Basic/></contained>`), false, "Patient.contained[0]", "only one"},
		{patient(`<text><status value="generated"/><div>x</div></text>`), false, "Patient.text", "1999/xhtml"},
		{patient(`<text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml"><script/></div></text>`), false, "Patient.text.div", "<script>"},
	} {
		tree, err := fhir.ParseXML(definitions.MustBuiltIn(definitions.R4), []byte(c.src), fhir.Limits{})
		if err == nil {
			t.Errorf("%s: accepted as %s", c.src, tree.Root().AppendJSON(nil))
			continue
		}
		fe, ok := errors.AsType[*fault.Error](err)
		if !ok || fe.Kind != fault.Invalid || errors.Is(err, fhir.ErrMalformed) != c.malformed {
			t.Errorf("%s: malformed %v: %v", c.src, !c.malformed, err)
			continue
		}
		if !slices.ContainsFunc(fe.Issues, func(i fault.Issue) bool {
			return i.Path == c.path && strings.Contains(i.Message, c.says) && i.Line > 0
		}) {
			t.Errorf("%s:\n got %v\nwant %s: %s", c.src, err, c.path, c.says)
		}
	}
}

func TestAWrongValueIsNotCalledAnEmptyElementToo(t *testing.T) {
	_, err := fhir.ParseXML(definitions.MustBuiltIn(definitions.R4), []byte(`<Patient xmlns="http://hl7.org/fhir"><active value="yes"/></Patient>`), fhir.Limits{})
	if fe, ok := errors.AsType[*fault.Error](err); !ok || len(fe.Issues) != 1 {
		t.Errorf("one thing is wrong: %v", err)
	}
}

func TestXMLMeansTheSameHoweverItIsWritten(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	src := `<?xml version='1.0' encoding='utf-8'?>
<!-- a comment -->
<f:Patient xmlns:f="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x y" xmlns="http://www.w3.org/1999/xhtml">
  <?target data?>
  <f:id value='a'/>
  <f:text><f:status value="generated"/><div>a&#160;<b>&lt;</b><![CDATA[<]]></div></f:text>
  <f:extension url="http://x" id="e"><f:valueString value="a&#10;b
c &quot;&amp;'"/></f:extension>
  <f:birthDate id="b" ><f:extension url="http://y"><f:valueBoolean value="true"/></f:extension></f:birthDate>
</f:Patient>`
	tree, err := fhir.ParseXML(d, []byte(src), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, string(tree.Root().AppendJSON(nil)), `{"resourceType":"Patient","id":"a","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a&#160;<b>&lt;</b><![CDATA[<]]></div>"},`+
		`"extension":[{"id":"e","url":"http://x","valueString":"a\nb c \"&'"}],"_birthDate":{"id":"b","extension":[{"url":"http://y","valueBoolean":true}]}}`)
}

func TestXMLIsWrittenInTheOrderOfDefinition(t *testing.T) {
	tree := parse(t, `{"resourceType":"Patient","birthDate":"2020","_birthDate":{"id":"b"},"name":[{"given":["a\t\"<"],"id":"n"}],"contained":[{"resourceType":"Basic","code":{"text":"x"}}],"id":"p"}`)
	x, err := tree.Root().AppendXML(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	same(t, string(x), `<Patient xmlns="http://hl7.org/fhir">
  <id value="p"/>
  <contained>
    <Basic>
      <code>
        <text value="x"/>
      </code>
    </Basic>
  </contained>
  <name id="n">
    <given value="a&#9;&quot;&lt;"/>
  </name>
  <birthDate id="b" value="2020"/>
</Patient>`)
}

func TestNarrativeIsCheckedByTheRulesOfXHTML(t *testing.T) {
	const ns = ` xmlns="http://www.w3.org/1999/xhtml"`
	for _, c := range []struct {
		src, wrong string
		shows      bool
	}{
		{`<div` + ns + `>x</div>`, "", true},
		{`<div` + ns + `><img src="data:image/png;base64,AAAA" alt=""/></div>`, "", true},
		{`<div` + ns + `><a href="http://x?a=1&amp;b=2" title='x'>y</a><br/></div>`, "", true},
		{`<div` + ns + ` xml:lang="en" lang="en">x</div>`, "", true},
		{`<div` + ns + `> <p/>&#32;</div>`, "", false},
		{`<div` + ns + `/>`, "", false},
		{``, "", false},
		{`x`, "text outside", false},
		{`<div>x</div>`, "namespace", false},
		{`<p` + ns + `>x</p>`, "one div", false},
		{` <div` + ns + `>x</div>`, "one div", false},
		{`<div` + ns + `>x</div> `, "one div", false},
		{`<div` + ns + `>x</div><div` + ns + `>y</div>`, "one div", false},
		{`<div` + ns + `>x`, "not closed", false},
		{`<div` + ns + `><b>x</div></b>`, "closed by", false},
		{`<div` + ns + `>&nbsp;</div>`, "&amp;", false},
		{`<div` + ns + `>a & b</div>`, "&amp;", false},
		{`<div` + ns + `><script>x</script></div>`, "<script>", false},
		{`<div` + ns + `><form/></div>`, "<form>", false},
		{`<div` + ns + `><iframe src="x"/></div>`, "<iframe>", false},
		{`<div` + ns + `><svg xmlns="http://www.w3.org/2000/svg"/></div>`, "namespace", false},
		{`<div` + ns + `><h:b xmlns:h="http://www.w3.org/1999/xhtml">x</h:b></div>`, "namespace", false},
		{`<div` + ns + ` onclick="x()">x</div>`, "onclick", false},
		{`<div` + ns + `><a href="javascript:x()">x</a></div>`, "run a program", false},
		{`<div` + ns + `><a href=" Java&#10;Script:x()">x</a></div>`, "run a program", false},
		{`<div` + ns + `><a href="data:text/html,x">x</a></div>`, "run a program", false},
		{`<div` + ns + `><p style="background:url(javascript:x)">x</p></div>`, "run a program", false},
		{`<!DOCTYPE div><div` + ns + `>x</div>`, "document type", false},
		{`<div` + ns + `><?x y?><!-- z -->x</div>`, "", true},
		{`<div` + ns + `><?x&y z?>x</div>`, "no name", false},
		{`<div` + ns + ` xmlns:` + "\u00d7" + `="z">x</div>`, "attribute's name", false},
		{`<div` + ns + `>` + "\x01" + `</div>`, "control character", false},
		{`<div` + ns + `>` + "\xff" + `</div>`, "UTF-8", false},
	} {
		wrong, shows := fhir.CheckNarrative(c.src)
		if c.wrong == "" && wrong != "" || !strings.Contains(wrong, c.wrong) || shows != c.shows {
			t.Errorf("%s: %q %v, want %q %v", c.src, wrong, shows, c.wrong, c.shows)
		}
	}
}

// namespaces are divs inside one another that declare some each.
func namespaces(deep, each int) string {
	b := ""
	for i := range deep {
		b += "<div"
		for j := range each {
			b += fmt.Sprintf(` xmlns:n%d-%d="x"`, i, j)
		}
		b += ">"
	}
	return b + strings.Repeat("</div>", deep)
}

func TestANarrativeWithPrefixesIsReadWithoutThem(t *testing.T) {
	const want = `<div xmlns="http://www.w3.org/1999/xhtml" class="c">`
	for src, then := range map[string]string{
		`<h:div xmlns:h="http://www.w3.org/1999/xhtml" class="c"><h:p>a<h:br/>b &amp; <!-- <h:x> --><h:b >c</h:b ></h:p></h:div>`: `<p>a<br/>b &amp; <!-- <h:x> --><b >c</b ></p></div>`,
		`<div xmlns="http://www.w3.org/1999/xhtml" xmlns:h="http://www.w3.org/1999/xhtml" class="c"><h:p>a</h:p></div>`:           `<p>a</p></div>`,
		`<x:div class="c">a</x:div>`:                     `a</div>`, // declared by the Patient
		"<x:div class=\"c\">a\rb\r\nc\n\rd&#13;</x:div>": "a\nb\nc\n\nd&#13;</div>",
		`<x:div class="c"/>`:                             ``,
	} {
		tree, err := fhir.ParseXML(definitions.MustBuiltIn(definitions.R4), []byte(`<Patient xmlns="http://hl7.org/fhir" xmlns:x="http://www.w3.org/1999/xhtml"><text><status value="generated"/>`+src+`</text></Patient>`), fhir.Limits{})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got := tree.Root().Find("text", "div").Text()
		got = strings.Replace(got, ` xmlns:h="http://www.w3.org/1999/xhtml"`, "", 1)
		expected := want + then
		if then == "" {
			expected = strings.Replace(want, ">", "/>", 1)
		}
		if got != expected {
			t.Errorf("%s:\n got %q\nwant %q", src, got, expected)
		}
		xml, err := tree.Root().AppendXML(nil, false)
		if err != nil {
			t.Fatal(err)
		}
		again, err := fhir.ParseXML(tree.Definitions(), xml, fhir.Limits{})
		if err != nil || !again.Root().Equal(tree.Root()) {
			t.Errorf("%s: %v", xml, err)
		}
	}
	for _, src := range []string{
		`<h:div xmlns:h="http://www.w3.org/1999/xhtml"><p>a</p></h:div>`, // p is FHIR's
		`<h:div xmlns:h="http://www.w3.org/1999/xhtml" xmlns="urn:x">a</h:div>`,
		`<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:script/></h:div>`,
		`<h:div xmlns:h="urn:x">a</h:div>`,
	} {
		if _, err := fhir.ParseXML(definitions.MustBuiltIn(definitions.R4), []byte(`<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/>`+src+`</text></Patient>`), fhir.Limits{}); err == nil {
			t.Errorf("%s: accepted", src)
		}
	}
}

func TestElementsReadFromXMLKnowWhereTheyStood(t *testing.T) {
	tree, err := fhir.ParseXML(definitions.MustBuiltIn(definitions.R4), []byte("<Bundle xmlns=\"http://hl7.org/fhir\">\n<type value=\"batch\"/>\n<entry>\n <resource>\n  <Patient><id value=\"p\"/>\n"+
		"   <name id=\"n\"><family\n value=\"x\"/></name></Patient></resource></entry></Bundle>"), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	const want = "type 2:7 entry 3:1 resource 4:2 id 5:16 name 6:4 id 6:10 family 7:2 "
	places := func(root fhir.Node) (s string) {
		for n := range root.Descendants() {
			line, column := n.Position()
			s += fmt.Sprintf("%s %d:%d ", n.Name(), line, column)
		}
		return s
	}
	if line, column := tree.Root().Position(); line != 1 || column != 1 {
		t.Errorf("the root %d:%d", line, column)
	}
	entry := tree.Root().Find("entry", "resource")
	for name, got := range map[string]string{"parsed": places(tree.Root()), "cloned": places(tree.Clone().Root()), "copied": "type 2:7 entry 3:1 resource 4:2 " + places(entry.CopyTree().Root())} {
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	family := entry.Find("name", "family")
	if err := family.SetText("y"); err != nil {
		t.Fatal(err)
	}
	added, err := entry.Set("birthDate", "2000")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []fhir.Node{family, added} {
		if line, column := n.Position(); line != 0 || column != 0 {
			t.Errorf("%s, which was edited, stands at %d:%d", n.Path(), line, column)
		}
	}
}
