package fhir_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestBadJSONIsRefusedWithPathAndReason(t *testing.T) {
	for _, c := range []struct {
		src       string
		malformed bool
		path      string
		says      string
	}{
		{``, true, "", "body is empty"},
		{"  \n ", true, "", "body is empty"},
		{`{"resourceType":"Patient"} x`, true, "", "more behind the end"},
		{`{"resourceType":"Patient"`, true, "", "does not end"},
		{`{"resourceType":"Patient",}`, true, "", "name in double quotes"},
		{`{"resourceType":"Patient" "id":"a"}`, true, "", "comma or }"},
		{`{"resourceType":"Patient","id" "a"}`, true, "", "colon"},
		{`{"resourceType":"Patient","id":}`, true, "", "JSON value"},
		{`{'resourceType':'Patient'}`, true, "", "double quotes"},
		{"{\"resourceType\":\"Patient\",\"id\":\"a\tb\"}", true, "", "control character"},
		{"{\"resourceType\":\"Patient\",\"language\":\"a\xff\"}", true, "", "no UTF-8"},
		{"{\"resourceType\":\"Patient\",\"language\":\"\xed\xa0\x80\"}", true, "", "no UTF-8"},
		{`{"resourceType":"Patient","language":"\x"}`, true, "", "escape"},
		{`{"resourceType":"Patient","language":"\u12"}`, true, "", "escape"},
		{`{"resourceType":"Patient","language":"\ud800"}`, true, "", "surrogate"},
		{`{"resourceType":"Patient","language":"\udc00\ud800"}`, true, "", "surrogate"},
		{`{"resourceType":"Patient","multipleBirthInteger":01}`, true, "", "comma or }"},
		{`{"resourceType":"Patient","multipleBirthInteger":-}`, true, "", "number"},
		{`{"resourceType":"Patient","multipleBirthInteger":1.}`, true, "", "number"},
		{`{"resourceType":"Patient","multipleBirthInteger":1e}`, true, "", "number"},
		{`{"resourceType":"Patient","multipleBirthInteger":1.2.3}`, true, "", "comma or }"},
		{`{"resourceType":"Patient","multipleBirthInteger":Infinity}`, true, "", "JSON value"},
		{`{"resourceType":"Patient","active":tru}`, true, "", "JSON value"},
		{"\ufeff{\"resourceType\":\"Patient\"}", true, "", "byte order mark"},

		{`[]`, false, "", "JSON object"},
		{`"Patient"`, false, "", "JSON object"},
		{`null`, false, "", "JSON object"},
		{`{}`, false, "", "resourceType"},
		{`{"id":"a"}`, false, "", "resourceType"},
		{`{"resourceType":7}`, false, "", "resourceType"},
		{`{"resourceType":"Patiant"}`, false, "", `did you mean "Patient"`},
		{`{"resourceType":"DomainResource"}`, false, "", "no resource type"},
		{`{"resourceType":"HumanName"}`, false, "", "no resource type"},
		{`{"resourceType":"Patient","resourceType":"Patient"}`, false, "Patient.resourceType", "twice"},
		{`{"resourceType":"Patient","birthdate":"1970-01-01"}`, false, "Patient.birthdate", `did you mean "birthDate"`},
		{`{"resourceType":"Patient","fhir_comments":["x"]}`, false, "Patient.fhir_comments", "no element"},
		{`{"resourceType":"Patient","":1}`, false, "Patient", "no element"},
		{`{"resourceType":"Patient","_":1}`, false, "Patient._", "no element"},
		{`{"resourceType":"Patient","active":"true"}`, false, "Patient.active", "without quotes"},
		{`{"resourceType":"Patient","active":1}`, false, "Patient.active", "true or false"},
		{`{"resourceType":"Patient","active":[true]}`, false, "Patient.active", "does not repeat"},
		{`{"resourceType":"Patient","active":{}}`, false, "Patient.active", "true or false"},
		{`{"resourceType":"Patient","active":null}`, false, "Patient.active", "null"},
		{`{"resourceType":"Patient","active":true,"active":true}`, false, "Patient.active", "twice"},
		{`{"resourceType":"Patient","active":true,"\u0061ctive":true}`, false, "Patient.active", "twice"},
		{`{"resourceType":"Patient","name":{"family":"a"}}`, false, "Patient.name", "write an array"},
		{`{"resourceType":"Patient","name":[]}`, false, "Patient.name", "empty array"},
		{`{"resourceType":"Patient","name":[{}]}`, false, "Patient.name[0]", "empty object"},
		{`{"resourceType":"Patient","name":[null]}`, false, "Patient.name[0]", "JSON object"},
		{`{"resourceType":"Patient","name":["Ada"]}`, false, "Patient.name[0]", "JSON object"},
		{`{"resourceType":"Patient","name":[{"family":"a"},{"family":""}]}`, false, "Patient.name[1].family", "empty"},
		{`{"resourceType":"Patient","name":[{"family":" \t"}]}`, false, "Patient.name[0].family", ""},
		{`{"resourceType":"Patient","name":[{"family":"  "}]}`, false, "Patient.name[0].family", "white space"},
		{`{"resourceType":"Patient","name":[{"family":"a\u0000"}]}`, false, "Patient.name[0].family", "control character"},
		{`{"resourceType":"Patient","name":[{"family":7}]}`, false, "Patient.name[0].family", "JSON string"},
		{`{"resourceType":"Patient","name":[{"family":"a","resourceType":"HumanName"}]}`, false, "Patient.name[0].resourceType", "no resource"},
		{`{"resourceType":"Patient","name":[{"given":[null]}]}`, false, "Patient.name[0].given[0]", "null needs"},
		{`{"resourceType":"Patient","name":[{"given":["a",null],"_given":[{"id":"x"},null]}]}`, false, "Patient.name[0].given[1]", "null needs"},
		{`{"resourceType":"Patient","name":[{"given":["a"],"_given":[{"id":"x"}],"_given":[{"id":"y"}]}]}`, false, "Patient.name[0]._given", "twice"},
		{`{"resourceType":"Patient","name":[{"_given":[{}]}]}`, false, "Patient.name[0].given[0]", "empty object"},
		{`{"resourceType":"Patient","_name":[{"id":"x"}]}`, false, "Patient._name", "takes no extensions"},
		{`{"resourceType":"Patient","_birthDate":"x"}`, false, "Patient.birthDate", "JSON object"},
		{`{"resourceType":"Patient","_birthDate":{"value":"x"}}`, false, "Patient.birthDate.value", "no element"},
		{`{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"2020"}`, false, "Patient.deceasedDateTime", "one type only"},
		{`{"resourceType":"Patient","deceasedBoolean":true,"_deceasedDateTime":{"id":"x"}}`, false, "Patient._deceasedDateTime", "one type only"},
		{`{"resourceType":"Patient","deceased":true}`, false, "Patient.deceased", "name its type"},
		{`{"resourceType":"Patient","deceasedString":"x"}`, false, "Patient.deceasedString", "no element"},
		{`{"resourceType":"Patient","contained":[{"id":"a"}]}`, false, "Patient.contained[0]", "resourceType"},
		{`{"resourceType":"Patient","contained":[{"resourceType":"Nope"}]}`, false, "Patient.contained[0]", "no resource type"},
		{`{"resourceType":"Bundle","type":"batch","entry":[{"resource":[{"resourceType":"Patient"}]}]}`, false, "Bundle.entry[0].resource", "does not repeat"},
		{`{"resourceType":"Patient","extension":[{"url":"http://x","_url":{"id":"x"}}]}`, false, "Patient.extension[0]._url", "takes no extensions"},
		{`{"resourceType":"Patient","id":"a_b"}`, false, "Patient.id", "no id"},
		{`{"resourceType":"Patient","extension":[{"url":"a b","valueCode":"c"}]}`, false, "Patient.extension[0].url", "white space"},
		{`{"resourceType":"Patient","text":{"status":"generated","div":"<div>x</div>"}}`, false, "Patient.text.div", "namespace"},
	} {
		tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(c.src), fhir.Limits{})
		if err == nil {
			t.Errorf("%s: accepted as %s", c.src, tree.Root().AppendJSON(nil))
			continue
		}
		fe, ok := errors.AsType[*fault.Error](err)
		if !ok || fe.Kind != fault.Invalid {
			t.Errorf("%s: %v is no fault of kind Invalid", c.src, err)
			continue
		}
		if errors.Is(err, fhir.ErrMalformed) != c.malformed {
			t.Errorf("%s: malformed %v: %v", c.src, !c.malformed, err)
		}
		if !slices.ContainsFunc(fe.Issues, func(i fault.Issue) bool {
			return i.Path == c.path && strings.Contains(i.Message, c.says) && i.Line > 0
		}) {
			t.Errorf("%s:\n got %v\nwant %s: %s", c.src, err, c.path, c.says)
		}
	}
}

func TestValuesAreCheckedByTheRulesOfTheirType(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	long := strings.Repeat("a", 65)
	for _, c := range []struct {
		typ       string
		good, bad []string
	}{
		{"boolean", []string{`true`, `false`}, []string{`"true"`, `0`, `null`}},
		{"integer", []string{`0`, `-2147483648`, `2147483647`}, []string{`-0`, `2147483648`, `-2147483649`, `1.0`, `1e2`, `"1"`}},
		{"positiveInt", []string{`1`}, []string{`0`, `-1`}},
		{"unsignedInt", []string{`0`}, []string{`-1`, `4294967296`}},
		{"decimal", []string{`0.00`, `1E-22`, `-1.5e+3`, `12345678901234567890.1`}, []string{`"1"`, `1e1001`, `1e-99999999999999999999`}},
		{"string", []string{`"a"`, `" a"`, `"\n a"`, `"😀"`, `"\ud83d\ude00"`}, []string{`""`, `" "`, `"\n"`, `"\u0001x"`, `7`}},
		{"code", []string{`"a"`, `"a b"`}, []string{`" a"`, `"a "`, `"a  b"`, `"a\tb"`, `""`}},
		{"id", []string{`"a"`, `"A-1.b"`}, []string{`"a_b"`, `"` + long + `"`, `"ä"`, `""`}},
		{"uri", []string{`"urn:x"`, `"http://ä"`, `"a"`}, []string{`"a b"`, `""`, `" "`}},
		{"url", []string{`"http://x"`}, []string{`"a b"`}},
		{"canonical", []string{`"http://x|1"`}, []string{`"a b"`}},
		{"oid", []string{`"urn:oid:1.2.3"`, `"urn:oid:2.16.840.0"`}, []string{`"1.2.3"`, `"urn:oid:3.1"`, `"urn:oid:1.02"`, `"urn:oid:1"`, `"urn:oid:1."`}},
		{"uuid", []string{`"urn:uuid:c757873d-ec9a-4326-a141-556f43239520"`}, []string{`"c757873d-ec9a-4326-a141-556f43239520"`, `"urn:uuid:c757873d"`, `"urn:uuid:c757873d_ec9a-4326-a141-556f43239520"`, `"urn:uuid:c757873d-ec9a-4326-a141-556f432395200"`, `"urn:uuid:C757873D-ec9a-4326-a141-556f43239520"`, `"urn:uuid:g757873d-ec9a-4326-a141-556f43239520"`}},
		{"base64Binary", []string{`"AAAA"`, `"AAA="`, `"AA=="`, `"AA AA"`}, []string{`"AAA"`, `"A==="`, `"A=AA"`, `"AA-_"`, `""`, `"===="`}},
		{"date", []string{`"2020"`, `"2020-02"`, `"2020-02-29"`, `"2000-02-29"`}, []string{`"2023-02-29"`, `"1900-02-29"`, `"2023-04-31"`, `"2023-13"`, `"2023-00"`, `"2023-1-1"`, `"0000"`, `"20"`, `"2020-02-02T00:00:00Z"`, `"2020-"`}},
		{"dateTime", []string{`"2020"`, `"2020-02-02"`, `"2020-02-02T23:59:60Z"`, `"2020-02-02T00:00:00.123+14:00"`}, []string{`"2020-02-02T00:00"`, `"2020-02-02T00:00:00"`, `"2020-02-02T24:00:00Z"`, `"2020-02-02T00:00:00+15:00"`, `"2020-02-02T00:00:00+14:01"`, `"2020-02-02T00:00:00+0500"`, `"2020-02-02T00:00:00+05.00"`, `"2020-02-02T00:00:00 05:00"`, `"2020-02-02T00:00:00+05:000"`, `"2020-02-02T00:00:00+05:60"`, `"2020-02-02T00:00:00+5:00"`, `"2020-02-02T00:00:00.Z"`, `"2020-02T00:00:00Z"`, `"2020-02-30T00:00:00Z"`, `"2020-02-02 00:00:00Z"`}},
		{"instant", []string{`"2020-02-02T00:00:00Z"`}, []string{`"2020-02-02"`, `"2020"`, `"2020-02-02T00:00Z"`}},
		{"time", []string{`"00:00:00"`, `"23:59:59.999"`}, []string{`"24:00:00"`, `"12:00"`, `"12:00:00Z"`, `"12:60:00"`}},
		{"markdown", []string{`"# a\n"`}, []string{`""`}},
	} {
		for _, src := range c.good {
			tree, err := fhir.ParseValueJSON(d, c.typ, []byte(src), fhir.Limits{})
			if err != nil {
				t.Errorf("%s %s: %v", c.typ, src, err)
				continue
			}
			same(t, string(tree.Root().AppendJSON(nil)), src)
		}
		for _, src := range c.bad {
			if _, err := fhir.ParseValueJSON(d, c.typ, []byte(src), fhir.Limits{}); err == nil {
				t.Errorf("%s %s is accepted", c.typ, src)
			}
		}
	}
	huge := `"` + strings.Repeat("ä", 1<<20) + `"`
	if _, err := fhir.ParseValueJSON(d, "string", []byte(huge), fhir.Limits{}); err != nil {
		t.Error("a string of 1048576 characters is refused:", err)
	}
	if _, err := fhir.ParseValueJSON(d, "string", []byte(`"a`+huge[1:]), fhir.Limits{}); err == nil {
		t.Error("a string of 1048577 characters is accepted")
	}
}

const everything = `{"resourceType":"Patient","id":"a","meta":{"versionId":"1","lastUpdated":"2020-01-01T00:00:00Z"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">A &amp; B</div>"},"contained":[{"resourceType":"Organization","id":"o","name":"Ünï \"x\" \\ \u00e9"}],"extension":[{"url":"http://x","valueDecimal":1.50}],"active":true,"name":[{"family":"F","given":["a",null,"c"],"_given":[null,{"extension":[{"url":"http://x","valueBoolean":false}]},{"id":"z"}]}],"birthDate":"1970-01-01","_birthDate":{"extension":[{"url":"http://y","valueString":"s"}]},"multipleBirthInteger":2,"contact":[{"name":{"text":"C"}}],"managingOrganization":{"reference":"#o"}}`

func TestEachTruncationIsRefused(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	same(t, string(parse(t, everything).Root().AppendJSON(nil)), everything)
	for n := range len(everything) {
		if _, err := fhir.ParseJSON(d, []byte(everything[:n]), fhir.Limits{}); err == nil || !errors.Is(err, fhir.ErrMalformed) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	x, err := parse(t, everything).Root().AppendXML(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(x) {
		if _, err := fhir.ParseXML(d, x[:n], fhir.Limits{}); err == nil {
			t.Fatalf("XML of %d bytes is accepted", n)
		}
	}
}

func TestDeepNestsAreRefused(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	const deep = 10_000
	open, shut := `{"url":"http://x","extension":[`, `]}`
	for name, src := range map[string]string{
		"known elements": `{"resourceType":"Patient","extension":[` + strings.Repeat(open, deep) + `{"url":"http://x"}` + strings.Repeat(shut, deep) + `]}`,
		"unknown arrays": `{"resourceType":"Patient","x":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + `}`,
		"no resource":    strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep),
		"only opened":    strings.Repeat("[", deep),
		"a wrong value":  `{"resourceType":"Patient","active":` + strings.Repeat("[", deep) + strings.Repeat("]", deep) + `}`,
		"contained":      `{"resourceType":"Patient","contained":[` + strings.Repeat(`{"contained":[`, deep) + strings.Repeat(`],"resourceType":"Patient"}`, deep) + `]}`,
	} {
		if _, err := fhir.ParseJSON(d, []byte(src), fhir.Limits{}); err == nil {
			t.Errorf("%s: accepted", name)
		} else if fault.KindOf(err) != fault.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	x := `<Patient xmlns="http://hl7.org/fhir">` + strings.Repeat(`<extension url="http://x">`, deep) + strings.Repeat(`</extension>`, deep) + `</Patient>`
	if _, err := fhir.ParseXML(d, []byte(x), fhir.Limits{}); fault.KindOf(err) != fault.TooLarge {
		t.Error(err)
	}
	atLimit := func(n int) error {
		src := `{"resourceType":"Patient","extension":[` + strings.Repeat(open, n) + `{"url":"http://x","valueString":"x"}` + strings.Repeat(shut, n) + `]}`
		_, err := fhir.ParseJSON(d, []byte(src), fhir.Limits{MaxDepth: 10})
		return err
	}
	if err := atLimit(8); err != nil {
		t.Error(err)
	}
	if err := atLimit(9); err == nil {
		t.Error("eleven deep is accepted")
	}
}

func TestLimitsOfSizeAreKept(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	src := []byte(`{"resourceType":"Patient","name":[` + strings.Repeat(`{"family":"a"},`, 999) + `{"family":"a"}]}`)
	if _, err := fhir.ParseJSON(d, src, fhir.Limits{MaxBytes: len(src)}); err != nil {
		t.Error(err)
	}
	if _, err := fhir.ParseJSON(d, src, fhir.Limits{MaxBytes: len(src) - 1}); fault.KindOf(err) != fault.TooLarge {
		t.Error(err)
	}
	if _, err := fhir.ParseJSON(d, src, fhir.Limits{MaxNodes: 1500}); fault.KindOf(err) != fault.TooLarge {
		t.Error(err)
	}
	x, err := parse(t, string(src)).Root().AppendXML(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fhir.ParseXML(d, x, fhir.Limits{MaxNodes: 1500}); fault.KindOf(err) != fault.TooLarge {
		t.Error(err)
	}
	if _, err := fhir.ParseXML(d, x, fhir.Limits{MaxBytes: 100}); fault.KindOf(err) != fault.TooLarge {
		t.Error(err)
	}
}

func TestEveryProblemIsReportedUpToABound(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	_, err := fhir.ParseJSON(d, []byte("{\"resourceType\":\"Patient\",\n \"a\":1,\n  \"active\":0,\n\"birthDate\":\"x\"}"), fhir.Limits{})
	var got []string
	fe, _ := errors.AsType[*fault.Error](err)
	for _, i := range fe.Issues {
		got = append(got, fmt.Sprint(i.Path, " ", i.Code, " ", i.Line, ":", i.Column))
	}
	same(t, strings.Join(got, "\n"), "Patient.a structure 2:2\nPatient.active structure 3:12\nPatient.birthDate value 4:13")

	var many bytes.Buffer
	many.WriteString(`{"resourceType":"Patient"`)
	for i := range 50 {
		fmt.Fprintf(&many, `,"x%d":1`, i)
	}
	_, err = fhir.ParseJSON(d, append(many.Bytes(), '}'), fhir.Limits{})
	fe, _ = errors.AsType[*fault.Error](err)
	if len(fe.Issues) != 21 || !strings.Contains(fe.Issues[20].Message, "30 further") {
		t.Errorf("%d issues, the last: %v", len(fe.Issues), fe.Issues[len(fe.Issues)-1])
	}
	// What is no JSON is said even when the list is full.
	_, err = fhir.ParseJSON(d, many.Bytes(), fhir.Limits{})
	if !errors.Is(err, fhir.ErrMalformed) {
		t.Error(err)
	}
}

func TestHostileInputIsReadInLinearTime(t *testing.T) {
	d := definitions.MustBuiltIn(definitions.R4)
	const many = 100_000
	names := `"name":[` + strings.Repeat(`{"family":"a"},`, many) + `{"family":"a"}]`
	nested := strings.Repeat(`{"x":"`+strings.Repeat("a", 10_000)+`","contained":[`, 45) + `{"resourceType":"Basic"}` + strings.Repeat(`],"resourceType":"Patient"}`, 45)
	start := time.Now()
	for name, src := range map[string]string{
		"names twice":       `{"resourceType":"Patient",` + names + strings.Repeat(`,"id":"a"`, many) + `}`,
		"choices":           `{"resourceType":"Patient",` + names + strings.Repeat(`,"deceasedBoolean":true,"deceasedDateTime":"2020"`, many) + `}`,
		"unknown names":     `{"resourceType":"Patient",` + names + strings.Repeat(`,"x":1`, many) + `}`,
		"bad values":        `{"resourceType":"Patient","name":[` + strings.Repeat(`{"family":""},`, many) + `{}]}`,
		"late resourceType": nested,
	} {
		if _, err := fhir.ParseJSON(d, []byte(src), fhir.Limits{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	var attributes strings.Builder
	for i := range many {
		fmt.Fprintf(&attributes, ` xmlns:a%d="x"`, i)
	}
	for name, src := range map[string]string{
		"attributes": `<Patient xmlns="http://hl7.org/fhir"` + attributes.String() + `/>`,
		"nesting":    `<Patient xmlns="http://hl7.org/fhir">` + strings.Repeat(`<x xmlns:a="b">`, many) + strings.Repeat(`</x>`, many) + `</Patient>`,
		"names":      `<Patient xmlns="http://hl7.org/fhir">` + strings.Repeat(`<name><family value=""/></name>`, many) + `</Patient>`,
	} {
		if _, err := fhir.ParseXML(d, []byte(src), fhir.Limits{}); err == nil {
			t.Errorf("XML %s: accepted", name)
		}
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
}

func TestResourceTypeMayStandAnywhere(t *testing.T) {
	tree := parse(t, `{"contained":[{"id":"o","name":"n","\u0072esourceType":"Organization"}],"id":"a","resourceType":"Patient"}`)
	same(t, tree.Root().Path()+" "+tree.Root().Find("contained", "name").Path(), "Patient Patient.contained[0].name")
	same(t, string(tree.Key().Type), "Patient")
}

func TestExtensionsOfPrimitivesPairWithTheirValues(t *testing.T) {
	tree := parse(t, `{"_birthDate":{"id":"b"},"name":[{"_given":[null,{"id":"x"},{"id":"y"}],"family":"f","given":["a",null,"c","d"]}],"resourceType":"Patient","birthDate":"2020"}`)
	var got []string
	for g := range tree.Root().Child("name").All("given") {
		got = append(got, g.Text()+"/"+g.Child("id").Text())
	}
	same(t, strings.Join(got, " "), "a/ /x c/y d/")
	same(t, tree.Root().Child("birthDate").Child("id").Path(), "Patient.birthDate.id")
	if err := tree.Root().Child("name").Child("family").SetText("g"); err != nil {
		t.Fatal(err)
	}
	same(t, string(tree.Root().AppendJSON(nil)),
		`{"resourceType":"Patient","birthDate":"2020","_birthDate":{"id":"b"},"name":[{"given":["a",null,"c","d"],"_given":[null,{"id":"x"},{"id":"y"},null],"family":"g"}]}`)
}

func TestAHugeArrayIsRead(t *testing.T) {
	const many = 200_000
	src := `{"resourceType":"Patient","name":[{"given":[` + strings.Repeat(`"a",`, many-1) + `"a"]}]}`
	tree := parse(t, src)
	if n := tree.Root().Child("name").Count("given"); n != many {
		t.Error(n)
	}
	same(t, fmt.Sprint(len(tree.Root().AppendJSON(nil))), fmt.Sprint(len(src)))
}
