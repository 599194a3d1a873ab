package bulk_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/store"
)

// brokenLines are lines of NDJSON, each with what is said of it; "" of a good one.
var brokenLines = []struct{ name, text, says string }{
	{"good", patient("good-1"), ""},
	{"truncated", `{"resourceType":"Patient","id":"cut","name":[{"fam`, "end"},
	{"two objects", patient("one") + patient("two"), "JSON"},
	{"two objects with a blank between", patient("one") + " " + patient("two"), "JSON"},
	{"a BOM in the middle of the file", "\xef\xbb\xbf" + patient("bom"), "JSON"},
	{"CRLF", patient("crlf") + "\r", ""},
	{"white space around it", " \t" + patient("space") + "  ", ""},
	{"wrong UTF-8", "{\"resourceType\":\"Patient\",\"id\":\"utf\",\"name\":[{\"family\":\"\xff\xfe\"}]}", "UTF-8"},
	{"half a character", "{\"resourceType\":\"Patient\",\"id\":\"utf\",\"name\":[{\"family\":\"\xc3\"}]}", "UTF-8"},
	{"half a surrogate", `{"resourceType":"Patient","id":"surrogate","name":[{"family":"\ud83d"}]}`, "surrogate"},
	{"an unknown type", `{"resourceType":"Patiend","id":"x"}`, "Patiend"},
	{"no type", `{"id":"typeless"}`, "resourceType"},
	{"an id for the second time", `{"resourceType":"Patient","id":"good-1","gender":"female"}`, "by an earlier line"},
	{"an array", `[` + patient("array") + `]`, "no JSON object"},
	{"a number", `12`, "no JSON object"},
	{"a word", `null`, "no JSON object"},
	{"a text", `"Patient"`, "no JSON object"},
	{"no JSON", `Patient,good,1`, "JSON"},
	{"NUL", "{\"resourceType\":\"Patient\",\"id\":\"nul\",\"name\":[{\"family\":\"a\x00b\"}]}", "control character"},
	{"only NUL", "\x00\x00\x00", "JSON"},
	{"a NUL escaped", `{"resourceType":"Patient","id":"nul","name":[{"family":"a\u0000b"}]}`, "U+0000"},
	{"over-deep", `{"resourceType":"Patient","id":"deep","extension":[` + strings.Repeat(`{"url":"http://x.example","extension":[`, 500) + `{"url":"http://x.example","valueBoolean":true}` + strings.Repeat(`]}`, 500) + `]}`, "deep"},
	{"over-deep and no resource", strings.Repeat(`[`, 20_000) + strings.Repeat(`]`, 20_000), "JSON"},
	{"a member twice", `{"resourceType":"Patient","id":"twice","gender":"male","gender":"female"}`, "gender"},
	{"an unknown element", `{"resourceType":"Patient","id":"shoe","shoe":43}`, "shoe"},
	{"a bad id", `{"resourceType":"Patient","id":"a b"}`, "id"},
	{"a long id", `{"resourceType":"Patient","id":"` + strings.Repeat("x", 65) + `"}`, "id"},
	{"a required element missing", `{"resourceType":"Observation","id":"nothing"}`, "status"},
	{"nobody to refer to", observation("orphan", "Patient/nobody"), "Patient/nobody"},
	{"XML", `<Patient xmlns="http://hl7.org/fhir"><id value="x"/></Patient>`, "JSON"},
	{"huge", `{"resourceType":"Patient","id":"huge","name":[{"family":"` + strings.Repeat("x", 70<<20) + `"}]}`, "too long"},
	{"a comment", `// ` + patient("comment"), "JSON"},
	{"a comma behind it", patient("comma") + ",", "JSON"},
	{"the same once more", patient("good-1"), ""},
	{"good again", patient("good-2"), ""},
	{"good, without an end of line", patient("good-3"), ""},
}

func TestEveryBrokenLineIsRefusedWithItsNumberAndReasonAndTheOthersAreIn(t *testing.T) {
	onEach(t, func(t *testing.T, open func() store.Store) {
		p := newImporter(t, open())
		var texts []string
		bad := 0
		for _, l := range brokenLines {
			texts = append(texts, l.text)
			if l.says != "" {
				bad++
			}
		}
		// The file begins with a BOM, and there are blank lines at its end.
		text := "\xef\xbb\xbf" + strings.Join(texts, "\n") + "\n\n \r\n"
		list := parse(t, p.do("POST", "/$import", text, "Content-Type", "application/fhir+ndjson").want(200).body)
		end := list[len(list)-1]
		if end.Status != "completed" || end.Lines != int64(len(brokenLines)) || end.Refused != int64(bad) || end.Matched != 1 || end.Accepted+end.Matched+end.Refused != end.Lines {
			t.Errorf("%+v", end)
		}
		by := map[int64]told{}
		for _, one := range list[:len(list)-1] {
			by[one.Line] = one
		}
		for i, l := range brokenLines {
			got := by[int64(i+1)]
			reason := ""
			for _, issue := range got.Outcome.Issue {
				reason += issue.Details.Text + "; "
			}
			switch {
			case l.says == "" && got.Status == "refused":
				t.Errorf("line %d, %s, is refused: %s", i+1, l.name, reason)
			case l.says != "" && (got.Status != "refused" || !strings.Contains(strings.ToLower(reason), strings.ToLower(l.says))):
				t.Errorf("line %d, %s: %s, %q does not say %q", i+1, l.name, got.Status, reason, l.says)
			}
		}
		for _, id := range []string{"good-1", "good-2", "good-3", "crlf", "space"} {
			p.stored("Patient/" + id)
		}
		if body := p.stored("Patient/good-1"); !strings.Contains(body, "Family good-1") || !strings.Contains(body, `"versionId":"1"`) {
			t.Errorf("the first line is written over: %s", body)
		}
	})
}

func TestAFileOfNothingIsImportedAsSuch(t *testing.T) {
	p := newImporter(t, sqliteStore(t))
	for name, text := range map[string]string{"nothing": "", "blank lines": "\n \n\r\n", "a BOM": "\xef\xbb\xbf"} {
		t.Run(name, func(t *testing.T) {
			list := parse(t, p.do("POST", "/$import", text, "Content-Type", "application/fhir+ndjson").want(200).body)
			if len(list) != 1 || list[0].Status != "completed" || list[0].counts != (counts{}) {
				t.Errorf("%+v", list)
			}
		})
	}
	broken := gzipped(t, strings.Repeat(patient("a")+"\n", 5000))
	list := parse(t, p.do("POST", "/$import", broken[:len(broken)/2], "Content-Type", "application/fhir+ndjson", "Content-Encoding", "gzip").want(200).body)
	if last := list[len(list)-2]; last.Status != "refused" || !strings.Contains(fmt.Sprint(last.Outcome), "EOF") {
		t.Errorf("the end of a broken archive is told as %+v", last)
	}
}
