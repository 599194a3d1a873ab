package bulkload_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/sqlite"
)

// world is a tenant on SQLite.
type world struct {
	store store.Store
	door  *records.Door
	dir   string // for files
}

func newWorld(t testing.TB, policy records.Policy) *world {
	t.Helper()
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return over(t, s, policy)
}

func over(t testing.TB, s store.Store, policy records.Policy) *world {
	t.Helper()
	door, err := records.Open(t.Context(), records.Config{
		Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "http://localhost:8080/fhir", Policy: policy,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := door.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{store: s, door: door, dir: t.TempDir()}
}

// file writes a file; with .gz in its name it is gzipped.
func (w *world) file(t testing.TB, name, text string) string {
	t.Helper()
	content := []byte(text)
	if strings.HasSuffix(name, ".gz") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		content = b.Bytes()
	}
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (w *world) options(files ...string) bulkload.Options {
	return bulkload.Options{
		Session: w.door.Session(records.Principal{ID: "import"}, nil), Files: files, Report: filepath.Join(w.dir, "refused.tsv"),
	}
}

func (w *world) load(t testing.TB, files ...string) bulkload.Result {
	t.Helper()
	r, err := bulkload.Run(t.Context(), w.options(files...))
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, r)
	return r
}

func balanced(t testing.TB, r bulkload.Result) {
	t.Helper()
	if r.Accepted+r.Matched+r.Refused != r.Resources {
		t.Errorf("%d accepted + %d matched + %d refused are not %d read", r.Accepted, r.Matched, r.Refused, r.Resources)
	}
}

// refusals reads the report.
func (w *world) refusals(t testing.TB) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(w.dir, "refused.tsv"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
	if !strings.HasPrefix(lines[0], "# file") {
		t.Errorf("the report begins with %q", lines[0])
	}
	return lines[1:]
}

func (w *world) read(t testing.TB, typ fhir.Type, id fhir.ID) string {
	t.Helper()
	r, err := w.store.Read(t.Context(), fhir.Key{Type: typ, ID: id})
	if err != nil {
		t.Fatalf("%s/%s: %v", typ, id, err)
	}
	return string(r.Body)
}

func want(t testing.TB, r bulkload.Result, lines, accepted, matched, refused int64) {
	t.Helper()
	c := bulkload.Counts{Lines: lines, Resources: accepted + matched + refused, Accepted: accepted, Matched: matched, Refused: refused}
	if r.Counts != c {
		t.Errorf("counts are %+v, want %+v", r.Counts, c)
	}
}

func patient(id string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":"Family %s"}]}`, id, id)
}

func observation(id, subject string) string {
	return fmt.Sprintf(`{"resourceType":"Observation","id":%q,"status":"final","code":{"text":"pulse"},"subject":{"reference":%q},"valueInteger":61}`, id, subject)
}

func TestEveryShapeOfFileIsLoaded(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	pretty := "{\n  \"resourceType\": \"Patient\",\n  \"id\": \"pretty\"\n}\n"
	collection := `{"resourceType":"Bundle","type":"collection","entry":[
	  {"fullUrl":"urn:uuid:7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a001","resource":{"resourceType":"Patient","name":[{"family":"Unnamed"}]}},
	  {"resource":` + observation("c-obs", "urn:uuid:7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a001") + `}]}`
	searchset := `{"resourceType":"Bundle","type":"searchset","total":1,"entry":[
	  {"fullUrl":"http://elsewhere.example/fhir/Patient/s1","resource":` + patient("s1") + `,"search":{"mode":"match"}},
	  {"fullUrl":"http://elsewhere.example/fhir/Observation/s2","resource":` + observation("s2", "http://elsewhere.example/fhir/Patient/s1") + `,"search":{"mode":"include"}},
	  {"resource":{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"informational"}]},"search":{"mode":"outcome"}}]}`
	transaction := `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a002","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}},{"resource":` +
		observation("t-obs", "urn:uuid:7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a002") + `,"request":{"method":"PUT","url":"Observation/t-obs"}}]}`
	document := `{"resourceType":"Bundle","id":"doc","type":"document","identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a009"},"timestamp":"2020-01-01T00:00:00Z","entry":[{"fullUrl":"urn:uuid:7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a003","resource":{"resourceType":"Composition","status":"final","type":{"text":"note"},"date":"2020","author":[{"display":"A"}],"title":"T"}}]}`
	r := w.load(t,
		w.file(t, "plain.ndjson", patient("a")+"\n\n  \n"+patient("b")+"\r\n"+observation("o", "Patient/a")),
		w.file(t, "zipped.ndjson.gz", patient("z1")+"\n"+patient("z2")+"\n"),
		w.file(t, "pretty.json", pretty),
		w.file(t, "bom.ndjson", "\xef\xbb\xbf"+patient("bom")+"\n"),
		w.file(t, "collection.json", collection),
		w.file(t, "searchset.json", searchset),
		w.file(t, "oneline.json", transaction),
		w.file(t, "document.json", document),
		w.file(t, "empty.ndjson", ""),
	)
	want(t, r, 11, 14, 0, 1)
	if report := w.refusals(t); len(report) != 1 || !strings.Contains(report[0], "searchset.json\t1\t2\t") || !strings.Contains(report[0], "outcome of a search") {
		t.Errorf("the report says %q", report)
	}
	if body := w.read(t, "Observation", "c-obs"); !strings.Contains(body, `"Patient/7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a001"`) {
		t.Errorf("the reference in the collection is not resolved: %s", body)
	}
	if body := w.read(t, "Observation", "s2"); !strings.Contains(body, `"Patient/s1"`) {
		t.Errorf("the reference in the searchset is not resolved: %s", body)
	}
	if body := w.read(t, "Observation", "t-obs"); !strings.Contains(body, `"Patient/7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a002"`) {
		t.Errorf("the reference in the transaction is not resolved: %s", body)
	}
	w.read(t, "Bundle", "doc")
}

func TestLoadingTwiceMatchesEverything(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	files := []string{
		w.file(t, "a.ndjson", patient("a")+"\n"+`{"resourceType":"Patient","gender":"other"}`+"\n"),
		w.file(t, "b.json", `{"resourceType":"Bundle","type":"transaction","entry":[{"fullUrl":"urn:uuid:7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a002","resource":{"resourceType":"Patient"},"request":{"method":"POST","url":"Patient"}}]}`),
	}
	want(t, w.load(t, files...), 3, 3, 0, 0)
	want(t, w.load(t, files...), 3, 0, 3, 0)
}

func TestBrokenLinesAreRefusedAndReportedAndTheRestIsLoaded(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	lines := []struct{ text, says string }{
		{patient("good-1"), ""},
		{`{"resourceType":"Patient","id":"cut","name":[{"fam`, "broken.ndjson"},
		{`not json at all`, "not valid JSON: invalid character"},
		{`<Patient xmlns="http://hl7.org/fhir"/>`, "it is XML"},
		{`[1,2,3]`, "no JSON object"},
		{`"text"`, "no JSON object"},
		{`{"id":"typeless"}`, "resourceType"},
		{`{"resourceType":"Person2","id":"x"}`, "Person2"},
		{`{"resourceType":"Patient","id":"nick","nickname":"X"}`, "nickname"},
		{`{"resourceType":"Patient","id":"` + strings.Repeat("x", 65) + `"}`, "id"},
		{`{"resourceType":"Patient","id":"twice","gender":"male","gender":"female"}`, "gender"},
		{"{\"resourceType\":\"Patient\",\"id\":\"utf\",\"name\":[{\"family\":\"\xff\"}]}", "UTF-8"},
		{`{"resourceType":"Observation","id":"no-status","code":{"text":"x"}}`, "status"},
		{observation("orphan", "Patient/nobody"), "Patient/nobody"},
		{strings.Replace(observation("cond", "x"), `"x"`, `"Patient?identifier=none"`, 1), "Patient?identifier=none"},
		{strings.Repeat(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":`, 1) + patient("in-bundle") + `},{"resource":{"resourceType":"Patient","id":"bad","active":"yes"}},{"note":1}]}`, "active"},
		{`{"resourceType":"Bundle","type":"history","entry":[{"resource":` + patient("old") + `}]}`, "history"},
		{`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Pat`, "not valid JSON"},
		{strings.Repeat(`{"a":`, 500) + "1" + strings.Repeat("}", 500), ""},
		{patient("good-2"), ""},
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l.text + "\n")
	}
	o := w.options(w.file(t, "broken.ndjson", text.String()))
	r, err := bulkload.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	balanced(t, r)
	if r.Accepted != 3 || r.Lines != int64(len(lines)) {
		t.Errorf("%+v", r.Counts)
	}
	report := w.refusals(t)
	for i, l := range lines {
		if l.says == "" {
			continue
		}
		found := slices.ContainsFunc(report, func(s string) bool {
			return strings.Contains(s, fmt.Sprintf("broken.ndjson\t%d\t", i+1)) && strings.Contains(s, l.says)
		})
		if !found {
			t.Errorf("line %d: no refusal says %q", i+1, l.says)
		}
	}
	if int64(len(report)) != r.Refused {
		t.Errorf("%d refused, %d reported:\n%s", r.Refused, len(report), strings.Join(report, "\n"))
	}
}

func TestADamagedArchiveIsReportedAndTheOtherFilesAreLoaded(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	var text strings.Builder
	for i := range 3000 {
		text.WriteString(patient(fmt.Sprintf("p%d", i)) + "\n")
	}
	whole := w.file(t, "a.ndjson.gz", text.String())
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(whole, content[:len(content)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	notGzip := filepath.Join(w.dir, "c.ndjson.gz")
	if err := os.WriteFile(notGzip, []byte{0x1f, 0x8b, 9, 9}, 0o600); err != nil {
		t.Fatal(err)
	}
	r := w.load(t, whole, w.file(t, "b.ndjson", patient("fine")), notGzip)
	if report := strings.Join(w.refusals(t), "\n"); r.Accepted < 100 || r.Refused != 2 || !strings.Contains(report, "cut off or damaged") {
		t.Errorf("%+v: %q", r.Counts, report)
	}
	w.read(t, "Patient", "fine")
}

func TestResourcesThatComeBeforeWhatTheyReferToAreLoadedInTheEnd(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	r := w.load(t,
		w.file(t, "1.ndjson", observation("o1", "Patient/p1")+"\n"+observation("o2", "Patient?identifier=http://x.example%7C7")+"\n"+observation("o3", "Patient/p1")),
		w.file(t, "2.ndjson", `{"resourceType":"Patient","id":"p1","link":[{"other":{"reference":"Patient/p2"},"type":"seealso"}]}`),
		w.file(t, "3.ndjson", `{"resourceType":"Patient","id":"p2","identifier":[{"system":"http://x.example","value":"7"}],"link":[{"other":{"reference":"Patient/p1"},"type":"seealso"}]}`),
		w.file(t, "4.ndjson", observation("never", "Patient/nobody")),
	)
	want(t, r, 6, 5, 0, 1)
	if body := w.read(t, "Observation", "o2"); !strings.Contains(body, `"Patient/p2"`) {
		t.Errorf("the conditional reference is not resolved: %s", body)
	}
	if report := w.refusals(t); len(report) != 1 || !strings.Contains(report[0], "4.ndjson\t1\t\tObservation/never\t") {
		t.Errorf("the report says %q", report)
	}
}

func TestABatchWithConditionsIsCarriedOutAsItIs(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	practitioner := func(n int) string {
		return fmt.Sprintf(`{"fullUrl":"urn:uuid:7b0fbd9c-9f1f-4a63-8d4f-a3f3b1a1a%03d","resource":{"resourceType":"Practitioner","identifier":[{"system":"http://npi","value":"%d"}]},"request":{"method":"POST","url":"Practitioner","ifNoneExist":"identifier=http://npi%%7C%d"}}`, n, n, n)
	}
	batch := w.file(t, "infrastructure.ndjson", `{"resourceType":"Bundle","type":"batch","entry":[`+practitioner(1)+","+practitioner(2)+
		`,{"resource":{"resourceType":"Practitioner","active":7},"request":{"method":"POST","url":"Practitioner","ifNoneExist":"identifier=x"}}]}`+"\n")
	encounter := w.file(t, "data.ndjson", `{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"participant":[{"individual":{"reference":"Practitioner?identifier=http://npi|2"}}]}`)
	r := w.load(t, encounter, batch) // the infrastructure goes first all the same
	want(t, r, 2, 3, 0, 1)
	if t.Failed() {
		t.Logf("the report says %q", w.refusals(t))
	}
	if body := w.read(t, "Encounter", "e"); !strings.Contains(body, `"Practitioner/`) {
		t.Errorf("the conditional reference is not resolved: %s", body)
	}
	want(t, w.load(t, encounter, batch), 2, 0, 3, 1)
}

func TestATransactionWithConditionsIsAtomic(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	r := w.load(t, w.file(t, "t.json", `{"resourceType":"Bundle","type":"transaction","entry":[
	  {"resource":{"resourceType":"Patient","id":"x"},"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=http://a|1"}},
	  {"resource":{"resourceType":"Observation","code":{"text":"x"}},"request":{"method":"POST","url":"Observation"}}]}`))
	want(t, r, 1, 0, 0, 2)
	if n, err := w.store.Stats(t.Context()); err != nil || len(n) != 0 {
		t.Errorf("there is something: %v, %v", n, err)
	}
	report := w.refusals(t)
	if len(report) != 2 || !strings.Contains(report[1], "status") || !strings.Contains(report[0], "because of entry 1") {
		t.Errorf("the report says %q", report)
	}
}

func TestALoadThatWasKilledGoesOnWithoutDuplicates(t *testing.T) { goesOn(t, time.Nanosecond) }

func TestWhoTakesUpALoadMakesACheckpointAtOnce(t *testing.T) { goesOn(t, time.Hour) }

func goesOn(t *testing.T, checkpoint time.Duration) {
	t.Helper()
	w := newWorld(t, records.DefaultPolicy())
	var text strings.Builder
	const n = 900
	for i := range n {
		switch {
		case i%100 == 7:
			text.WriteString("{broken\n")
		case i%2 == 0:
			text.WriteString(`{"resourceType":"Patient","gender":"other"}` + "\n") // no id of its own
		default:
			text.WriteString(observation(fmt.Sprintf("o%d", i), "Patient/late") + "\n")
		}
	}
	o := w.options(w.file(t, "a.ndjson", text.String()), w.file(t, "b.ndjson", patient("late")))
	o.Batch, o.Checkpoint = 50, checkpoint
	const broken = n / 100
	interrupted := 0
	for {
		ctx, stop := context.WithCancel(t.Context())
		groups := 0
		o.Progress = func(bulkload.Progress) {
			if groups++; groups == 3 {
				stop()
			}
		}
		r, err := bulkload.Run(ctx, o)
		stop()
		if err != nil {
			if interrupted++; interrupted > 100 {
				t.Fatal("it gets nowhere")
			}
			continue
		}
		balanced(t, r)
		if r.Resources != n+1 || r.Refused != broken || !r.Resumed {
			t.Errorf("%+v", r)
		}
		break
	}
	if interrupted < 3 {
		t.Errorf("only %d interruptions", interrupted)
	}
	stats, err := w.store.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if wanted := map[fhir.Type]int64{"Patient": n/2 + 1, "Observation": n/2 - broken}; !maps.Equal(stats, wanted) {
		t.Errorf("there are %v, want %v", stats, wanted)
	}
	if report := w.refusals(t); len(report) != broken {
		t.Errorf("%d refusals reported, want %d", len(report), broken)
	}
}

func TestALineBeyondTheLimitIsSkippedAndReported(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	o := w.options(w.file(t, "long.ndjson", patient("a")+"\n"+strings.Repeat("x", 5000)+"\n"+patient("b")),
		w.file(t, "long.json", "{\n\"resourceType\":\n\"Patient\",\"language\":\""+strings.Repeat("x", 5000)+"\"}"))
	o.MaxLine = 4096
	r, err := bulkload.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, 4, 2, 0, 2)
}

func TestAFileWithoutEndIsNotReadToIt(t *testing.T) {
	for name, c := range map[string]struct{ middle, says string }{
		"blank lines":        {strings.Repeat("\n", 2<<20), "more than 1.0 MiB of blank lines"},
		"lines of blanks":    {strings.Repeat(strings.Repeat(" ", 1023)+"\n", 2<<10), "more than 1.0 MiB of blank lines"},
		"one line of blanks": {strings.Repeat(" ", 1<<20) + "\n", "more than 16 times too long"},
		"one long line":      {strings.Repeat("x", 1<<20) + "\n", "more than 16 times too long"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, records.DefaultPolicy())
			o := w.options(w.file(t, "a.ndjson.gz", patient("a")+"\n"+c.middle+patient("b")+"\n"), w.file(t, "b.ndjson", patient("c")+"\n"+strings.Repeat("\n", 1000)+patient("d")))
			o.MaxLine = 4096
			r, err := bulkload.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			want(t, r, 4, 3, 0, 1)
			if said := w.refusals(t); len(said) != 1 || !strings.Contains(said[0], c.says) || !strings.Contains(said[0], "the rest of the file is not read") {
				t.Errorf("the report is %q", said)
			}
		})
	}
}

func TestAMissingFileIsAnError(t *testing.T) {
	w := newWorld(t, records.DefaultPolicy())
	if _, err := bulkload.Run(t.Context(), w.options("nowhere.ndjson")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if _, err := bulkload.Run(t.Context(), w.options()); err == nil {
		t.Error("no files are accepted")
	}
}
