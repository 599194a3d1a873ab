package records_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Who looks: one at all that belongs to a patient, one at some types and only the
// laboratory's observations.
var lookers = map[string]string{
	"compartment": "patient/*.cruds fhirUser",
	"granular": "patient/Patient.cruds patient/Observation.cruds?category=laboratory patient/Encounter.cruds patient/MedicationRequest.cruds " +
		"patient/Medication.rs patient/Provenance.cruds patient/DocumentReference.cruds patient/Binary.cruds patient/List.rs patient/Composition.rs patient/Organization.rs",
}

// leakWorld is what there is; "+" stands before what every looker sees, "c" before
// what only the first one sees, "-" before what none sees, "x" before what none
// sees and is deleted.
var leakWorld = []string{
	`+Patient/p {"name":[{"family":"Seen"}],"gender":"female"}`,
	`-Patient/q {"name":[{"family":"Hidden"}],"gender":"male","identifier":[{"system":"urn:i","value":"hid"}],"link":[{"other":{"reference":"Patient/p"},"type":"seealso"}]}`,
	`cPractitioner/dr {"name":[{"family":"Doctor"}]}`,
	`-Encounter/eq {"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/q"},"partOf":{"reference":"Encounter/top"}}`,
	`+Encounter/top {"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}`,
	`+Encounter/below {"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"partOf":{"reference":"Encounter/eq"}}`,
	`-Observation/hidden {"status":"amended","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"a"}],"text":"secret"},"subject":{"reference":"Patient/q"},"performer":[{"reference":"Patient/p"}],"identifier":[{"system":"urn:i","value":"hid"}],"effectiveDateTime":"2024-06-01","derivedFrom":[{"reference":"Observation/seen"}],"meta":{"tag":[{"system":"urn:t","code":"hidden-tag"}]}}`,
	`+Observation/seen {"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"a"}],"text":"a"},"subject":{"reference":"Patient/p"},"identifier":[{"system":"urn:i","value":"vis"}],"effectiveDateTime":"2024-05-01","encounter":{"reference":"Encounter/below"},"derivedFrom":[{"reference":"Observation/hidden"},{"reference":"Observation/vital"}],"meta":{"tag":[{"system":"urn:t","code":"seen-tag"}]}}`,
	`+Observation/second {"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"b"}],"text":"b"},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-07-01","encounter":{"reference":"Encounter/eq"},"derivedFrom":[{"reference":"Observation/hidden/_history/1"}]}`,
	`+Organization/lab {"name":"Lab"}`,
	`cObservation/vital {"status":"amended","performer":[{"reference":"Organization/lab"}],"category":[{"coding":[{"code":"vital-signs"}]}],"code":{"coding":[{"system":"urn:c","code":"v"}],"text":"v"},"subject":{"reference":"Patient/p"},"effectiveDateTime":"2024-07-02","identifier":[{"system":"urn:i","value":"vital"}],"meta":{"tag":[{"system":"urn:t","code":"vital-tag"}]}}`,
	`xObservation/gone {"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"text":"gone"},"subject":{"reference":"Patient/q"}}`,
	`-Medication/hidden {"code":{"coding":[{"code":"m"}]},"identifier":[{"system":"urn:i","value":"hid"}]}`,
	`+Medication/seen {"code":{"coding":[{"code":"m"}]}}`,
	`-MedicationRequest/hidden {"status":"active","intent":"order","medicationReference":{"reference":"Medication/hidden"},"subject":{"reference":"Patient/q"}}`,
	`+MedicationRequest/seen {"status":"active","intent":"order","medicationReference":{"reference":"Medication/seen"},"subject":{"reference":"Patient/p"},"contained":[{"resourceType":"Medication","id":"in","code":{"coding":[{"code":"inside"}]}}]}`,
	`-MedicationRequest/inside {"status":"active","intent":"order","medicationReference":{"reference":"#in"},"subject":{"reference":"Patient/q"},"contained":[{"resourceType":"Medication","id":"in","code":{"coding":[{"code":"inside"}]}}]}`,
	`-List/hidden {"status":"current","mode":"working","subject":{"reference":"Patient/q"},"entry":[{"item":{"reference":"Observation/seen"}}]}`,
	`+List/seen {"status":"current","mode":"working","subject":{"reference":"Patient/p"},"entry":[{"item":{"reference":"Observation/seen"}},{"item":{"reference":"Observation/hidden"}}]}`,
	`+Composition/seen {"status":"final","type":{"text":"t"},"date":"2024","title":"t","subject":{"reference":"Patient/p"},"author":[{"reference":"Patient/p"}],"section":[{"entry":[{"reference":"Observation/hidden"}]}]}`,
	`-Composition/hidden {"status":"final","type":{"text":"t"},"date":"2024","title":"t","subject":{"reference":"Patient/q"},"author":[{"reference":"Patient/p"}]}`,
	`-Provenance/hidden {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Patient/p"}}],"target":[{"reference":"Observation/hidden"}]}`,
	`+Provenance/seen {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Patient/p"}}],"target":[{"reference":"Observation/seen"}]}`,
	`-Binary/hidden {"contentType":"text/plain","securityContext":{"reference":"Patient/q"},"data":"c2VjcmV0"}`,
	`+Binary/seen {"contentType":"text/plain","securityContext":{"reference":"Patient/p"},"data":"c2Vlbg=="}`,
	`-DocumentReference/hidden {"status":"current","type":{"text":"t"},"subject":{"reference":"Patient/q"},"date":"2024-01-01T00:00:00Z","content":[{"attachment":{"url":"Binary/hidden"}}]}`,
	`+DocumentReference/seen {"status":"current","type":{"text":"t"},"subject":{"reference":"Patient/p"},"date":"2024-01-01T00:00:00Z","content":[{"attachment":{"url":"Binary/seen"}}]}`,
	`-Group/hidden {"type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p"}}]}`,
	`cCodeSystem/cs {"url":"urn:cs","status":"active","content":"complete","concept":[{"code":"a","display":"A"}]}`,
	`cValueSet/vs {"url":"urn:vs","status":"active","compose":{"include":[{"system":"urn:c","concept":[{"code":"a"}]}]}}`,
	`cViewDefinition/v {"url":"urn:view","status":"active","resource":"Patient","select":[{"column":[{"name":"id","path":"id"}]}]}`,
}

// leakDoor opens a door over the part of leakWorld that seen holds of. References
// to the rest lead nowhere there.
func leakDoor(t *testing.T, db database, seen func(mark byte) bool) *records.Door {
	t.Helper()
	n := 0
	open := func(p records.Policy) *records.Door {
		return must(records.Open(context.Background(), records.Config{
			Store: db.open(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: p,
			Clock: func() time.Time { return time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC) },
			NewID: func() fhir.ID { n++; return fhir.ID(fmt.Sprintf("new%d", n)) },
		}))(t)
	}
	all := open(records.Policy{AllowDangling: true, Validation: records.ValidateStructure}).Session(records.Principal{}, nil)
	for _, line := range leakWorld {
		reference, rest, _ := strings.Cut(line[1:], " ")
		if !seen(line[0]) {
			continue
		}
		k := key(reference)
		put(t, all, reference, `{"resourceType":%q,"id":%q,%s`, k.Type, k.ID, rest[1:])
		if line[0] == 'x' {
			must(all.Delete(t.Context(), k, records.DeleteOptions{}))(t)
		}
	}
	return open(records.Policy{Validation: records.ValidateStructure, Explain: true})
}

// told is everything that an answer says, but for new ids and the text of cursors.
func told(answer any, err error) string {
	var failure *graphql.Failure
	text := ""
	switch {
	case errors.As(err, &failure):
		text = "failure " + failure.Error()
	case err != nil:
		text = fmt.Sprintf("%d %v", fault.KindOf(err), err)
	default:
		b, err := json.Marshal(plain(answer))
		text = fmt.Sprint(string(b), err)
	}
	text = newIDs.ReplaceAllString(text, "new")
	return cursors.ReplaceAllString(text, `"Next":"some"`)
}

var (
	newIDs  = regexp.MustCompile(`new[0-9]+`)
	cursors = regexp.MustCompile(`"Next":"[^"]+"`)
)

// plain makes JSON that can be read of what has it as bytes.
func plain(answer any) any {
	switch a := answer.(type) {
	case []byte:
		return string(a)
	case records.Resource:
		return fmt.Sprintf("%+v %s", a.Key, a.JSON)
	case records.Result:
		return fmt.Sprintf("%+v %d %v %v %v %s", a.Key, a.Version, a.Created, a.Unchanged, a.Existed, a.JSON)
	case *records.SearchResult:
		var all []any
		for _, e := range a.Entries {
			all = append(all, fmt.Sprint(e.Mode, e.Fragment, " ", plain(e.Resource)))
		}
		return map[string]any{"Entries": all, "Total": a.Total, "Next": a.Next, "Self": a.Self, "Count": a.Count, "Issues": a.Issues}
	case *records.HistoryResult:
		var all []any
		for _, e := range a.Entries {
			all = append(all, fmt.Sprint(e.Version, e.Deleted, e.Begins, " ", plain(e)))
		}
		return map[string]any{"Entries": all, "Total": a.Total, "Next": a.Next}
	case *records.BundleResult:
		var all []any
		for _, e := range a.Entries {
			one := []any{e.Status, e.Location, e.Issues, told(nil, e.Err)}
			if e.Resource != nil {
				one = append(one, plain(*e.Resource))
			}
			if e.Search != nil {
				one = append(one, plain(e.Search))
			}
			all = append(all, one)
		}
		return all
	}
	return answer
}

// probe tries to learn of what is hidden.
type probe struct {
	name string
	try  func(ctx context.Context, s *records.Session) (any, error)
}

func of[T any](f func(ctx context.Context, s *records.Session) (T, error)) func(context.Context, *records.Session) (any, error) {
	return func(ctx context.Context, s *records.Session) (any, error) { return f(ctx, s) }
}

// hiddenOf are what the probes aim at; Observation/vital and ValueSet/vs are hidden
// from one looker only.
var hiddenOf = []string{"Patient/q", "Observation/hidden", "Observation/vital", "Observation/gone", "Medication/hidden", "Binary/hidden", "Group/hidden", "Composition/hidden", "Provenance/hidden", "Observation/never"}

func probesOfReading() []probe {
	var all []probe
	add := func(name string, try func(context.Context, *records.Session) (any, error)) {
		all = append(all, probe{name, try})
	}
	for _, reference := range hiddenOf {
		k := key(reference)
		add("read "+reference, of(func(ctx context.Context, s *records.Session) (records.Resource, error) {
			return s.Read(ctx, k, records.ReadOptions{})
		}))
		for _, version := range []string{"1", "2", "9", "x"} {
			add("vread "+reference+" "+version, of(func(ctx context.Context, s *records.Session) (records.Resource, error) {
				return s.VRead(ctx, k, version, records.ReadOptions{IfNoneMatch: []string{"1"}})
			}))
			add("diff "+reference+" "+version, of(func(ctx context.Context, s *records.Session) (string, error) {
				_, err := s.Diff(ctx, records.DiffRequest{Key: k, Version: version})
				return "", err
			}))
		}
		add("history "+reference, of(func(ctx context.Context, s *records.Session) (*records.HistoryResult, error) {
			return s.History(ctx, records.HistoryRequest{Type: k.Type, ID: k.ID})
		}))
		add("meta "+reference, of(func(ctx context.Context, s *records.Session) (string, error) {
			_, _, err := s.Meta(ctx, k, "")
			return "", err
		}))
		add("fhirpath "+reference, of(func(ctx context.Context, s *records.Session) (string, error) {
			_, err := s.Evaluate(ctx, records.EvaluateRequest{Key: k, Expression: "id"})
			return "", err
		}))
		add("resolve "+reference, of(func(ctx context.Context, s *records.Session) (string, error) {
			r, err := s.Evaluate(ctx, records.EvaluateRequest{Key: key("Patient/p"), Expression: "'" + reference + "'.resolve().exists() or '" + reference + "/_history/1'.resolve().exists()"})
			if err != nil {
				return "", err
			}
			return fmt.Sprint(r.Evaluations[0].Result), nil
		}))
		add("graphql of "+reference, of(func(ctx context.Context, s *records.Session) (string, error) {
			b, err := s.GraphQL(ctx, records.GraphQLRequest{Key: k, Request: graphql.Request{Query: "{ id }"}})
			return string(b), err
		}))
		add("graphql "+reference, of(func(ctx context.Context, s *records.Session) (string, error) {
			b, err := s.GraphQL(ctx, records.GraphQLRequest{Request: graphql.Request{Query: fmt.Sprintf("{ %s(id: %q) { id } %[1]sList(_id: %[2]q) { id } %[1]sConnection { count } }", k.Type, k.ID)}})
			return string(b), err
		}))
		for _, mode := range []string{"", "delete"} {
			add("validate "+mode+reference, of(func(ctx context.Context, s *records.Session) ([]fault.Issue, error) {
				return s.Validate(ctx, records.ValidateRequest{Type: k.Type, ID: k.ID, Mode: mode})
			}))
		}
		add("validate a reference to "+reference, of(func(ctx context.Context, s *records.Session) ([]fault.Issue, error) {
			c := body(`{"resourceType":"Observation","status":"final","code":{"text":"x"},"derivedFrom":[{"reference":%q},{"reference":"%s/_history/1"}]}`, reference, reference)
			return s.Validate(ctx, records.ValidateRequest{Type: "Observation", Content: &c, Mode: "create"})
		}))
	}
	for _, id := range []string{"hidden", "seen"} {
		add("document "+id, of(func(ctx context.Context, s *records.Session) ([]records.Resource, error) {
			return s.Document(ctx, fhir.ID(id))
		}))
		add("binary "+id, of(func(ctx context.Context, s *records.Session) (string, error) {
			_, b, err := s.ReadBinary(ctx, fhir.ID(id), "", 0, -1)
			if err != nil {
				return "", err
			}
			text := ""
			for part, err := range b.Content {
				if err != nil {
					return "", err
				}
				text += string(part)
			}
			return text, nil
		}))
	}
	for _, typ := range []fhir.Type{"", "Patient", "Observation", "Medication", "Group", "Binary", "Provenance", "ValueSet"} {
		add("history of all "+string(typ), of(func(ctx context.Context, s *records.Session) (*records.HistoryResult, error) {
			return s.History(ctx, records.HistoryRequest{Type: typ})
		}))
		add("labels of all "+string(typ), of(func(ctx context.Context, s *records.Session) (records.Labels, error) { return s.LabelsInUse(ctx, typ) }))
	}
	for _, query := range leakSearches {
		path, criteria, _ := strings.Cut(query, "?")
		req := records.SearchRequest{}
		if owner, typ, ok := strings.Cut(path, ">"); ok {
			k := key(owner)
			req.Compartment, path = &k, typ
		}
		req.Type = fhir.Type(path)
		for _, more := range []string{"", "_total=accurate&_count=1", "_summary=count"} {
			add(strings.TrimSuffix("search "+query+" "+more, " "), of(func(ctx context.Context, s *records.Session) (any, error) {
				text := criteria
				if more != "" {
					text = strings.TrimPrefix(criteria+"&"+more, "&")
				}
				r := req
				var err error
				if r.Pairs, err = records.ParseCriteria(text); err != nil {
					return nil, err
				}
				return pagesOf(ctx, s, r)
			}))
		}
		add("explain "+query, of(func(ctx context.Context, s *records.Session) (any, error) {
			r := req
			r.Pairs, _ = records.ParseCriteria(criteria)
			x, err := s.Explain(ctx, r)
			if err != nil {
				return nil, err
			}
			return []any{x.Restricted, len(x.Steps), x.Kinds}, nil
		}))
	}
	for _, r := range []records.EverythingRequest{{Type: "Patient", ID: "p"}, {Type: "Patient", ID: "q"}, {Type: "Patient"}, {Type: "Encounter", ID: "eq"}, {Type: "Encounter", ID: "below"}, {Type: "Encounter"}} {
		add(fmt.Sprintf("everything %s/%s", r.Type, r.ID), of(func(ctx context.Context, s *records.Session) (*records.SearchResult, error) {
			return s.Everything(ctx, r)
		}))
	}
	for _, patient := range []string{"p", "q"} {
		add("lastn "+patient, of(func(ctx context.Context, s *records.Session) (*records.SearchResult, error) {
			criteria, _ := records.ParseCriteria("category=laboratory,vital-signs&max=3&patient=" + patient)
			return s.LastN(ctx, records.LastNRequest{Pairs: criteria})
		}))
		add("docref "+patient, of(func(ctx context.Context, s *records.Session) (*records.SearchResult, error) {
			return s.DocRef(ctx, records.DocRefRequest{Pairs: []search.Pair{{Name: "patient", Value: patient}}})
		}))
		add("view of "+patient, of(func(ctx context.Context, s *records.Session) (string, error) {
			table, err := s.Table(ctx, records.TableRequest{Content: observations(), Patients: []string{patient}})
			return rowsOf(ctx, table, err)
		}))
	}
	for _, group := range []string{"Group/hidden", "Group/never"} {
		add("view of "+group, of(func(ctx context.Context, s *records.Session) (string, error) {
			table, err := s.Table(ctx, records.TableRequest{Content: observations(), Groups: []string{group}})
			return rowsOf(ctx, table, err)
		}))
	}
	for _, view := range []string{"urn:view", "ViewDefinition/v"} {
		add("view "+view, of(func(ctx context.Context, s *records.Session) (string, error) {
			table, err := s.Table(ctx, records.TableRequest{Reference: view})
			return rowsOf(ctx, table, err)
		}))
	}
	add("view", of(func(ctx context.Context, s *records.Session) (string, error) {
		table, err := s.Table(ctx, records.TableRequest{Content: observations()})
		return rowsOf(ctx, table, err)
	}))
	add("expand", of(func(ctx context.Context, s *records.Session) (any, error) {
		b, err := s.Expand(ctx, records.TerminologyRequest{Key: fhir.Key{Type: "ValueSet"}, Inputs: terminology.Inputs{{Name: "url", Text: "urn:vs"}}})
		return len(b), err
	}))
	add("lookup", of(func(ctx context.Context, s *records.Session) ([]byte, error) {
		return s.Lookup(ctx, records.TerminologyRequest{Key: fhir.Key{Type: "CodeSystem"}, Inputs: terminology.Inputs{{Name: "system", Text: "urn:cs"}, {Name: "code", Text: "a"}}})
	}))
	add("expand by id", of(func(ctx context.Context, s *records.Session) (any, error) {
		b, err := s.Expand(ctx, records.TerminologyRequest{Key: key("ValueSet/vs")})
		return len(b), err
	}))
	add("changes", of(func(ctx context.Context, s *records.Session) ([]string, error) {
		changes, _, _, err := s.Changes(ctx, 0, 1000)
		var names []string
		for _, c := range changes {
			names = append(names, fmt.Sprint(c.Key, c.Version, c.Deleted))
		}
		return names, err
	}))
	add("snapshot", of(func(ctx context.Context, s *records.Session) ([]string, error) {
		at, err := s.Door().LastSeq(ctx)
		var names []string
		for c, err := range s.Snapshot(ctx, records.SnapshotRequest{At: at}) {
			if err != nil {
				return nil, err
			}
			names = append(names, fmt.Sprint(c.Key, c.Version))
		}
		return names, err
	}))
	return all
}

// pagesOf is a search to its end.
func pagesOf(ctx context.Context, s *records.Session, r records.SearchRequest) (any, error) {
	var pages []any
	for {
		page, err := s.Search(ctx, r)
		if err != nil {
			return nil, err
		}
		pages = append(pages, plain(page))
		if r.After = page.Next; r.After == "" {
			return pages, nil
		}
	}
}

func rowsOf(ctx context.Context, table *records.Table, err error) (string, error) {
	if err != nil {
		return "", err
	}
	text := ""
	for row, err := range table.Rows(ctx) {
		if err != nil {
			return "", err
		}
		text += string(table.AppendJSON(nil, row))
	}
	return text, nil
}

// leakSearches are Type?criteria, or Owner>Type?criteria in a compartment.
var leakSearches = strings.Fields(`
?
?_type=Patient,Observation
?_type=Patient,Group
?_id=hidden
?_tag=urn:t|hidden-tag
Patient?
Patient?family=Hidden
Patient?_id=q
Patient?identifier=hid
Patient?gender:not=female
Patient?_sort=-family
Patient?_has:Observation:performer:status=amended
Patient?_has:Observation:patient:identifier=hid
Patient?_has:Group:member:_id=hidden
Patient?_has:Observation:patient:_has:Provenance:target:_id=hidden
Patient?_has:Patient:link:_id=q
Patient?_has:List:subject:item=Observation/hidden
Patient?_revinclude=*:*
Patient?_revinclude=Observation:performer&_revinclude:iterate=Provenance:target
Patient?_revinclude=Group:member
Patient?link:missing=true
Patient?_filter=_has:Observation:performer:status+eq+amended
Patient>Observation?
Patient/q>Observation?
Patient/q>?
Patient/p>?
Encounter/eq>Observation?
Observation?
Observation?_sort=date
Observation?_sort=-date&_count=1
Observation?_id=hidden,vital,gone
Observation?identifier=hid,vital
Observation?code:text=secret
Observation?code:in=ValueSet/vs
Observation?code:in=urn:vs
Observation?code:not-in=urn:vs
Observation?subject=Patient/q
Observation?subject:Patient.name=Hidden
Observation?patient.gender=male
Observation?patient.gender:not=female
Observation?patient.identifier:missing=true
Observation?performer:Patient.name=Seen
Observation?derived-from=Observation/hidden
Observation?derived-from:Observation.status=amended
Observation?derived-from:Observation.status:not=amended
Observation?derived-from:Observation.identifier=hid
Observation?derived-from:Observation.derived-from:Observation.status=final
Observation?derived-from:Observation.subject:Patient.name=Hidden
Observation?_has:Observation:derived-from:status=amended
Observation?_has:Provenance:target:_id=seen,hidden
Observation?_list=hidden
Observation?_list=seen
Observation?encounter:below=Encounter/top
Observation?encounter:above=Encounter/below
Observation?encounter:below=Encounter/eq
Observation?encounter.part-of:below=Encounter/top
Observation?encounter.subject:Patient.name=Hidden
Observation?_filter=derived-from[status+eq+amended].identifier+eq+"hid"
Observation?_filter=not+(derived-from.status+eq+amended)
Observation?_filter=encounter.part-of.class+eq+AMB
Observation?_include=*
Observation?_include=Observation:derived-from
Observation?_include=Observation:subject&_include:iterate=Observation:derived-from&_include:iterate=Observation:subject
Observation?_include=Observation:encounter&_include:iterate=Encounter:part-of
Observation?_revinclude=Observation:derived-from
Observation?_revinclude=Provenance:target&_revinclude=List:item
Medication?
Medication?identifier=hid
Medication?code=m&_contained=both
Medication?code=inside&_contained=true&_containedType=contained
Medication?code=inside&_contained=true
Medication?_has:MedicationRequest:medication:status=active
MedicationRequest?medication.code=m
MedicationRequest?medication.code=inside
MedicationRequest?_include=MedicationRequest:medication
Provenance?
Provenance?target:Observation.status=amended
Provenance?_include=Provenance:target
Group?
Group?member=Patient/p
List?item:Observation.status=amended
List?item=Observation/hidden
Binary?
Encounter?part-of:below=Encounter/top
Encounter?part-of:above=Encounter/below
Encounter?part-of.subject:Patient.name=Hidden
DocumentReference?_include=*
ValueSet?
`)

// TestNothingCanBeLearnedOfWhatIsHidden asks a store that holds hidden resources
// and one that does not the same things: the answers must be the same.
func TestNothingCanBeLearnedOfWhatIsHidden(t *testing.T) {
	label := metaOf(t, `{"tag":[{"code":"x"}]}`)
	onEach(t, func(t *testing.T, db database) {
		for name, scopes := range lookers {
			t.Run(name, func(t *testing.T) {
				seen := func(mark byte) bool { return mark == '+' || mark == 'c' && name == "compartment" }
				with := tokenSession(t, leakDoor(t, newDatabase(t, db.name), func(byte) bool { return true }), scopes)
				without := tokenSession(t, leakDoor(t, newDatabase(t, db.name), seen), scopes)
				for _, p := range slices.Concat(probesOfReading(), probesOfWriting(label)) {
					got, want := told(p.try(t.Context(), with)), told(p.try(t.Context(), without))
					if got != want {
						t.Errorf("%s:\n  with    %.1500s\n  without %.1500s", p.name, got, want)
					}
				}
			})
		}
	})
}
