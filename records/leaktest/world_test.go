package leaktest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

const base = "https://ehr.example/fhir"

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// rig is a server with people in it, what the oracle knows of it, and who asks it.
type rig struct {
	*testing.T
	random *rand.Rand
	door   *records.Door
	// serverChooses says that clients do not choose ids there.
	serverChooses bool
	// masking says that roles of who asks may mask elements.
	masking bool
	admin   *records.Session // sees everything
	world   *leaktest.World
	seen    records.Seq // up to where world has the changes
	params  map[string][]leaktest.Param
	ranks   map[string]map[string]int // of the order of results, by type and _sort

	asks     *leaktest.Principal
	session  way
	direct   *records.Session   // of who asks
	url      string             // where the door is served
	client   *http.Client       // for it
	overHTTP bool               // whether session asks over HTTP
	heads    bool               // whether it reads by HEAD
	shown    []records.Resource // by answers to writes over HTTP
	sight    *leaktest.Sight
	did      []string // what was asked since the asker came, for a report
	made     int      // ids that were made up
	found    int      // answers that the oracle could not explain

	teller *records.Door       // that of admin, which tells subscribers
	mail   *mailbox            // nil before anybody subscribes
	news   []*leaktest.Version // what change wrote last
}

func openRig(t *testing.T, database string, seed uint64) *rig {
	t.Helper()
	schema, dir := pgtest.Schema(), t.TempDir()
	process := func() (s store.Store) {
		var err error
		if database == "postgres" {
			s, err = postgres.Open(context.Background(), pgtest.URL(t), schema)
		} else {
			s, err = sqlite.Open(context.Background(), dir)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	open := func(s store.Store, p records.Policy) *records.Door {
		p.Validation = records.ValidateStructure
		d, err := records.Open(context.Background(), records.Config{Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Policy: p})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	r := &rig{T: t, random: rand.New(rand.NewPCG(seed, 1)), world: leaktest.NewWorld(base), params: leaktest.Params()}
	r.serverChooses = r.chance(50)
	policy := records.Policy{}
	if r.serverChooses {
		policy.ClientIDs = records.ServerChooses
	}
	mine := process()
	others := mine
	if database == "postgres" { // what others change another process does
		others = process()
	}
	r.door = open(mine, policy)
	r.teller = open(others, records.Policy{AllowDangling: true, AllowDeleteReferred: true})
	r.admin = r.teller.Session(records.Principal{ID: "admin"}, nil)
	r.populate()
	r.serve()
	return r
}

// populate loads synthetic patients and what is made to be difficult.
func (r *rig) populate() {
	r.Helper()
	for line := range testdata.Lines(r, testdata.Dir(r, "synthea", "base-2019", "base-2019-04.bundles.ndjson.gz"), 1) {
		res, err := r.admin.Bundle(r.Context(), records.Content{JSON: line}, records.BundleOptions{})
		if err != nil {
			r.Fatal(err)
		}
		for _, e := range res.Entries {
			if e.Err != nil {
				r.Fatal(e.Err)
			}
		}
	}
	r.sync()
	given := slices.Collect(r.world.All("Patient"))[0].Reference()
	doctor := slices.Collect(r.world.All("Practitioner"))[0].Reference()
	organization := slices.Collect(r.world.All("Organization"))[0].Reference()
	known := strings.NewReplacer("GIVEN", given, "DOCTOR", doctor, "ORGANIZATION", organization, "BASE", base)
	for line := range strings.Lines(difficult) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		reference, body, _ := strings.Cut(known.Replace(line), " ")
		if body == "deleted" {
			r.delete(reference)
			continue
		}
		r.put(reference, body)
	}
	r.sync()
	for range 12 {
		r.label()
		r.sync()
	}
}

// difficult are resources of several patients and of none, contained ones, what
// points at others in every way, versions of others and deleted ones.
const difficult = `
Organization/ward {"name":"Ward"}
Practitioner/dr {"name":[{"family":"Doctor"}]}
Practitioner/other {"name":[{"family":"Other"}]}
PractitionerRole/dr {"practitioner":{"reference":"Practitioner/dr"},"organization":{"reference":"Organization/ward"}}
Patient/p {"name":[{"family":"Seen"}],"gender":"female","birthDate":"1970-02-03","generalPractitioner":[{"reference":"Practitioner/dr"}],"managingOrganization":{"reference":"Organization/ward"}}
Patient/q {"name":[{"family":"Quiet"}],"gender":"male","birthDate":"1980","identifier":[{"system":"urn:i","value":"q"}],"link":[{"other":{"reference":"Patient/p"},"type":"seealso"}]}
Patient/r {"name":[{"family":"Rare"}],"gender":"male"}
RelatedPerson/rp {"patient":{"reference":"Patient/p"},"name":[{"family":"Seen"}]}
CareTeam/t {"status":"active","subject":{"reference":"Patient/q"},"participant":[{"member":{"reference":"Practitioner/dr"}}]}
CareTeam/past {"status":"inactive","subject":{"reference":"Patient/r"},"participant":[{"member":{"reference":"Practitioner/dr"}}]}
Encounter/top {"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"period":{"start":"2019-01-02","end":"2019-01-05"},"serviceProvider":{"reference":"Organization/ward"}}
Encounter/q {"status":"finished","class":{"code":"IMP"},"subject":{"reference":"Patient/q"},"partOf":{"reference":"Encounter/top"},"period":{"start":"2020-03-01"},"participant":[{"individual":{"reference":"Practitioner/other"}}]}
Encounter/below {"status":"planned","class":{"code":"AMB"},"subject":{"reference":"Patient/p"},"partOf":{"reference":"Encounter/q"}}
Observation/p1 {"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"a"}]},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/top"},"effectiveDateTime":"2019-01-03","identifier":[{"system":"urn:i","value":"p1"}]}
Observation/p2 {"status":"amended","category":[{"coding":[{"code":"vital-signs"}]}],"code":{"coding":[{"system":"urn:c","code":"b"}]},"subject":{"reference":"Patient/p"},"encounter":{"reference":"Encounter/q"},"effectiveDateTime":"2020-05-01T10:00:00Z","derivedFrom":[{"reference":"Observation/q1"},{"reference":"Observation/p1/_history/1"}]}
Observation/q1 {"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"a"}]},"subject":{"reference":"Patient/q"},"performer":[{"reference":"Patient/p"},{"reference":"Practitioner/dr"}],"encounter":{"reference":"Encounter/q"},"effectiveDateTime":"2020-03","derivedFrom":[{"reference":"Observation/p1"}],"identifier":[{"system":"urn:i","value":"q1"}]}
Observation/q2 {"status":"amended","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"c"}]},"subject":{"reference":"BASE/Patient/q"},"performer":[{"reference":"DOCTOR"}]}
Observation/r1 {"status":"final","code":{"coding":[{"system":"urn:c","code":"a"}]},"subject":{"reference":"Patient/r"},"effectiveDateTime":"2018"}
Observation/none {"status":"final","code":{"coding":[{"system":"urn:c","code":"a"}]}}
Observation/group {"status":"final","code":{"coding":[{"system":"urn:c","code":"b"}]},"subject":{"reference":"Group/g"}}
Observation/moved {"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"m"}]},"subject":{"reference":"Patient/q"}}
Observation/moved {"status":"amended","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"m"}]},"subject":{"reference":"Patient/p"}}
Observation/left {"status":"final","code":{"coding":[{"system":"urn:c","code":"m"}]},"subject":{"reference":"Patient/p"}}
Observation/left {"status":"final","code":{"coding":[{"system":"urn:c","code":"m"}]},"subject":{"reference":"Patient/q"}}
Observation/gone {"status":"final","code":{"text":"gone"},"subject":{"reference":"Patient/q"}}
Observation/gone deleted
Observation/went {"status":"final","code":{"text":"went"},"subject":{"reference":"Patient/p"}}
Observation/went deleted
Condition/p {"clinicalStatus":{"coding":[{"code":"active"}]},"code":{"coding":[{"system":"urn:c","code":"d"}]},"subject":{"reference":"Patient/p"},"recorder":{"reference":"Practitioner/dr"},"encounter":{"reference":"Encounter/top"},"onsetDateTime":"2019"}
Condition/q {"clinicalStatus":{"coding":[{"code":"resolved"}]},"code":{"coding":[{"system":"urn:c","code":"d"}]},"subject":{"reference":"Patient/q"},"asserter":{"reference":"Practitioner/other"},"encounter":{"reference":"Encounter/q"},"evidence":[{"detail":[{"reference":"Observation/p1"}]}]}
Medication/p {"code":{"coding":[{"system":"urn:m","code":"x"}]},"ingredient":[{"itemReference":{"reference":"Substance/p"}}]}
Medication/q {"code":{"coding":[{"system":"urn:m","code":"y"}]}}
Medication/none {"code":{"coding":[{"system":"urn:m","code":"x"}]}}
Substance/p {"code":{"text":"s"}}
MedicationRequest/p {"status":"active","intent":"order","medicationReference":{"reference":"Medication/p"},"subject":{"reference":"Patient/p"},"requester":{"reference":"Practitioner/dr"}}
MedicationRequest/q {"status":"active","intent":"plan","medicationReference":{"reference":"Medication/q"},"subject":{"reference":"Patient/q"},"requester":{"reference":"Practitioner/dr"}}
MedicationRequest/inside {"status":"active","intent":"order","medicationReference":{"reference":"#in"},"subject":{"reference":"Patient/q"},"contained":[{"resourceType":"Medication","id":"in","code":{"coding":[{"system":"urn:m","code":"x"}]}}]}
Specimen/p {"subject":{"reference":"Patient/p"},"type":{"text":"blood"}}
Specimen/none {"type":{"text":"blood"}}
Specimen/lost {"type":{"text":"blood"}}
DiagnosticReport/p {"status":"final","code":{"coding":[{"system":"urn:c","code":"r"}]},"subject":{"reference":"Patient/p"},"result":[{"reference":"Observation/p1"},{"reference":"Observation/q1"}],"specimen":[{"reference":"Specimen/none"}]}
DiagnosticReport/q {"status":"final","code":{"coding":[{"system":"urn:c","code":"r"}]},"subject":{"reference":"Patient/q"},"resultsInterpreter":[{"reference":"Practitioner/other"}],"result":[{"reference":"Observation/p2"}],"specimen":[{"reference":"Specimen/p"}]}
Device/p {"patient":{"reference":"Patient/p"}}
Device/none {"distinctIdentifier":"d"}
Appointment/both {"status":"booked","participant":[{"status":"accepted","actor":{"reference":"Patient/p"}},{"status":"accepted","actor":{"reference":"Patient/q"}},{"status":"accepted","actor":{"reference":"Practitioner/other"}}]}
PractitionerRole/past {"active":false,"practitioner":{"reference":"Practitioner/dr"}}
Patient/s {"name":[{"family":"Shared"}],"gender":"female"}
Patient/u {"name":[{"family":"Unknown"}],"generalPractitioner":[{"reference":"PractitionerRole/past"}]}
Encounter/role {"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/s"},"participant":[{"individual":{"reference":"PractitionerRole/dr"}}]}
Observation/s1 {"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"a"}]},"subject":{"reference":"Patient/s"},"effectiveDateTime":"2018"}
Observation/u1 {"status":"final","code":{"coding":[{"system":"urn:c","code":"a"}]},"subject":{"reference":"Patient/u"}}
Appointment/r {"status":"booked","participant":[{"status":"accepted","actor":{"reference":"Patient/r"}},{"status":"accepted","actor":{"reference":"Practitioner/dr"}}]}
Group/g {"type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p"}},{"entity":{"reference":"Patient/q"}}]}
List/p {"status":"current","mode":"working","subject":{"reference":"Patient/p"},"entry":[{"item":{"reference":"Observation/p1"}},{"item":{"reference":"Observation/q1"}},{"item":{"reference":"GIVEN"}}]}
List/q {"status":"current","mode":"working","subject":{"reference":"Patient/q"},"entry":[{"item":{"reference":"Observation/p1"}},{"item":{"reference":"Observation/q2"}},{"item":{"reference":"Observation/p2"}}]}
Composition/p {"status":"final","type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},"date":"2024","title":"t","subject":{"reference":"Patient/p"},"author":[{"reference":"Practitioner/dr"}],"section":[{"entry":[{"reference":"Observation/q1"},{"reference":"Observation/p1"}]}]}
Binary/p {"contentType":"text/plain","securityContext":{"reference":"Patient/p"},"data":"c2Vlbg=="}
Binary/q {"contentType":"text/plain","securityContext":{"reference":"Patient/q"},"data":"c2VjcmV0"}
Binary/o {"contentType":"text/plain","securityContext":{"reference":"Observation/p1"},"data":"c2Vlbg=="}
Binary/free {"contentType":"text/plain","data":"ZnJlZQ=="}
Binary/claim {"contentType":"text/plain","data":"c2VjcmV0"}
Binary/task {"contentType":"text/plain","securityContext":{"reference":"Patient/p"},"data":"c2VjcmV0"}
Binary/shared {"contentType":"text/plain","data":"c2VjcmV0"}
Binary/linked {"contentType":"text/plain","data":"c2VjcmV0"}
Binary/photo {"contentType":"image/png","data":"c2VjcmV0"}
Claim/attaching {"status":"active","type":{"text":"t"},"use":"claim","patient":{"reference":"Patient/q"},"created":"2024-01-01","provider":{"reference":"Practitioner/dr"},"priority":{"text":"p"},"insurance":[{"sequence":1,"focal":true,"coverage":{"display":"c"}}],"supportingInfo":[{"sequence":1,"category":{"text":"c"},"valueAttachment":{"url":"Binary/claim"}},{"sequence":2,"category":{"text":"c"},"valueReference":{"reference":"Binary/shared"}}]}
Task/attaching {"status":"draft","intent":"order","for":{"reference":"Patient/p"},"input":[{"type":{"text":"t"},"valueAttachment":{"url":"BASE/Binary/task"}}],"output":[{"type":{"text":"t"},"valueReference":{"reference":"Binary/shared"}}]}
Procedure/linking {"status":"completed","subject":{"reference":"Patient/r"},"extension":[{"url":"urn:e","valueUrl":"Binary/linked"}]}
RelatedPerson/photo {"patient":{"reference":"Patient/r"},"photo":[{"url":"Binary/photo"}]}
Binary/source {"contentType":"text/plain","data":"c2VjcmV0"}
Provenance/sourced {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Observation/q1"},{"reference":"Binary/free"}],"entity":[{"role":"source","what":{"reference":"Binary/source"}}]}
Provenance/attached {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Binary/shared"}]}
DocumentReference/p {"status":"current","type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},"subject":{"reference":"Patient/p"},"date":"2024-01-01T00:00:00Z","content":[{"attachment":{"url":"Binary/free"}}]}
DocumentReference/q {"status":"current","type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},"subject":{"reference":"Patient/q"},"author":[{"reference":"Practitioner/dr"}],"date":"2024-01-01T00:00:00Z","content":[{"attachment":{"url":"Binary/q"}}]}
Provenance/p {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Observation/p1"}]}
Provenance/q {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Patient/p"}}],"target":[{"reference":"Observation/q1"}]}
Provenance/both {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"Condition/p"},{"reference":"Condition/q"}]}
Provenance/org {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":"ORGANIZATION"}]}
Patient/m {"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Mia Mask of Hidden Lane, an a</div>"},"name":[{"family":"Masked","given":["Mia","Ada"]},{"given":["Mimi"]}],"gender":"female","birthDate":"1990-01-01","address":[{"city":"Hidden Lane"}],"telecom":[{"system":"phone","value":"5550100"}],"identifier":[{"system":"urn:i","value":"m"}],"generalPractitioner":[{"reference":"Practitioner/dr","display":"Dr Doctor"}],"managingOrganization":{"reference":"Organization/ward","display":"The Ward"}}
Patient/m {"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Mia Mask of Hidden Lane, an a</div>"},"name":[{"family":"Mask","given":["Mia"]}],"gender":"female","birthDate":"1990-01-02","address":[{"city":"Hidden Lane"}],"telecom":[{"system":"phone","value":"5550100"}],"identifier":[{"system":"urn:i","value":"m"}],"generalPractitioner":[{"reference":"Practitioner/dr","display":"Dr Doctor"}],"managingOrganization":{"reference":"Organization/ward","display":"The Ward"}}
Encounter/m {"status":"finished","class":{"code":"AMB","display":"ambulatory"},"type":[{"text":"checkup"}],"subject":{"reference":"Patient/m","display":"Mia Mask"},"participant":[{"individual":{"reference":"PractitionerRole/dr","display":"Dr Doctor"}},{"individual":{"display":"A colleague"}}],"period":{"start":"2020-03-01"},"serviceProvider":{"reference":"BASE/Organization/ward","display":"The Ward"}}
Observation/m1 {"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Mia Mask of Hidden Lane, an a</div>"},"contained":[{"resourceType":"Patient","id":"in","name":[{"family":"Inside"}],"birthDate":"1950"},{"resourceType":"Practitioner","id":"by","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Mia Mask of Hidden Lane, an a</div>"},"name":[{"family":"Writer"}]}],"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"a","display":"an a"}],"text":"what is a"},"subject":{"reference":"Patient/m","identifier":{"system":"urn:i","value":"m"},"display":"Mia Mask"},"focus":[{"reference":"#in","display":"Inside"}],"encounter":{"reference":"Encounter/m","display":"the checkup"},"performer":[{"reference":"#by","display":"Writer"},{"reference":"PractitionerRole/dr","display":"Dr Doctor"},{"display":"A performer"}],"effectiveDateTime":"2020-03-01","valueQuantity":{"value":7.5,"unit":"mmol"},"derivedFrom":[{"reference":"Observation/p1/_history/1","display":"an a"}],"extension":[{"url":"urn:e","valueReference":{"reference":"Patient/m","display":"Mia Mask"}}],"component":[{"code":{"coding":[{"system":"urn:c","code":"a"}],"text":"a part"},"valueString":"of it"}]}
Observation/m2 {"status":"final","code":{"coding":[{"system":"urn:c","code":"b"}]},"subject":{"type":"Patient","identifier":{"system":"urn:i","value":"m"},"display":"Mia Mask"},"valueQuantity":{"value":6,"unit":"mmol"}}
MedicationRequest/m {"contained":[{"resourceType":"Medication","id":"in","code":{"coding":[{"system":"urn:m","code":"x"}]}}],"status":"active","intent":"order","medicationReference":{"reference":"#in","display":"an x"},"subject":{"reference":"Patient/m","display":"Mia Mask"},"requester":{"reference":"Practitioner/dr","display":"Dr Doctor"}}
DiagnosticReport/m {"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Mia Mask of Hidden Lane, an a</div>"},"status":"final","code":{"coding":[{"system":"urn:c","code":"r"}]},"subject":{"reference":"Patient/m"},"performer":[{"reference":"Organization/ward","display":"The Ward"}],"result":[{"reference":"Observation/m1","display":"an a"},{"display":"another one"}]}
Composition/m {"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Mia Mask of Hidden Lane, an a</div>"},"status":"final","type":{"coding":[{"system":"http://loinc.org","code":"34133-9"}]},"date":"2024","title":"about Mia","subject":{"reference":"Patient/m","display":"Mia Mask"},"author":[{"reference":"Practitioner/dr","display":"Dr Doctor"}],"section":[{"title":"first","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Mia Mask of Hidden Lane, an a</div>"},"entry":[{"reference":"Observation/m1","display":"an a"}]},{"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Mia Mask of Hidden Lane, an a</div>"}}]}
Provenance/m {"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"display":"A witness"}}],"target":[{"reference":"Observation/m1","display":"an a"}]}
`

func keyOf(reference string) fhir.Key {
	t, id, _ := strings.Cut(reference, "/")
	return fhir.Key{Type: fhir.Type(t), ID: fhir.ID(id)}
}

// put writes a resource as one who may do everything.
func (r *rig) put(reference, body string) {
	r.Helper()
	k := keyOf(reference)
	body = fmt.Sprintf(`{"resourceType":%q,"id":%q,%s`, k.Type, k.ID, body[1:])
	if _, err := r.admin.Update(r.Context(), k, records.Content{JSON: []byte(body)}, records.UpdateOptions{}); err != nil {
		r.Fatalf("%s: %v", reference, err)
	}
}

func (r *rig) delete(reference string) {
	r.Helper()
	if _, err := r.admin.Delete(r.Context(), keyOf(reference), records.DeleteOptions{}); err != nil {
		r.Fatalf("%s: %v", reference, err)
	}
}

// sync tells the oracle what was written, and returns it.
func (r *rig) sync() (written []*leaktest.Version) {
	r.Helper()
	for {
		changes, last, end, err := r.admin.Changes(r.Context(), r.seen, 500)
		if err != nil {
			r.Fatal(err)
		}
		for _, c := range changes {
			text := c.JSON
			if c.Deleted {
				text = nil
			}
			if err := r.world.Add(string(c.Key.Type), string(c.Key.ID), c.Version, text); err != nil {
				r.Fatal(err)
			}
			written = append(written, r.world.Newest(c.Key.String()))
		}
		if r.seen = last; end {
			break
		}
	}
	if written != nil {
		r.ranks = map[string]map[string]int{}
	}
	return written
}

// change changes what there is as others do meanwhile: mostly consents.
func (r *rig) change() {
	r.Helper()
	switch n := r.random.IntN(12); {
	case n >= 10 && r.mail == nil: // who subscribes is told of each write as things are at that moment
		r.leave()
	case n >= 10:
		r.label()
	case n < 6:
		r.consent()
	case n < 7:
		if all := slices.Collect(r.world.All("Consent")); len(all) > 0 {
			r.delete(pick(r, all).Reference())
		}
	case n < 9:
		r.label()
	default:
		owner := pick(r, []string{"Patient/p", "Patient/q", "Patient/r"})
		r.put("Observation/moved", fmt.Sprintf(`{"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"m"}]},"subject":{"reference":%q},"note":[{"text":"%d"}]}`, owner, r.random.Int()))
	}
	r.news = append(r.news, r.sync()...)
	r.look()
}

// leave deletes what a Provenance tells of, with the Encounter or the Medication that may label
// it, or writes it anew.
func (r *rig) leave() {
	r.Helper()
	r.made++
	owner := pick(r, []string{"p", "q", "r"})
	labelled := func() string {
		system, code, _ := strings.Cut(pick(r, labels), "|")
		if r.chance(40) {
			return ""
		}
		return fmt.Sprintf(`,"meta":{"security":[{"system":%q,"code":%q}]}`, system, code)
	}
	id := fmt.Sprint("left", r.made)
	by := "Encounter/" + id
	r.put(by, fmt.Sprintf(`{"status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/%s"}%s}`, owner, labelled()))
	left := "Observation/" + id
	body := fmt.Sprintf(`{"status":"final","category":[{"coding":[{"code":"laboratory"}]}],"code":{"coding":[{"system":"urn:c","code":"a"}]},"subject":{"reference":"Patient/%s"},"performer":[{"reference":"Practitioner/dr"}],"encounter":{"reference":%q},"effectiveDateTime":"2020-03"%s}`, owner, by, labelled())
	if r.chance(40) {
		by, left = "Medication/"+id, "MedicationRequest/"+id
		r.put(by, fmt.Sprintf(`{"code":{"coding":[{"system":"urn:m","code":"x"}]}%s}`, labelled()))
		body = fmt.Sprintf(`{"status":"active","intent":"order","medicationReference":{"reference":%q},"subject":{"reference":"Patient/%s"}%s}`, by, owner, labelled())
	}
	r.put(left, body)
	target := left
	if r.chance(30) {
		target += "/_history/1"
	}
	r.put("Provenance/"+id, fmt.Sprintf(`{"recorded":"2024-01-01T00:00:00Z","agent":[{"who":{"reference":"Practitioner/dr"}}],"target":[{"reference":%q}]}`, target))
	r.delete(left)
	if r.chance(60) {
		r.delete(by)
	}
	if r.chance(20) {
		r.put(left, strings.Replace(body, "Patient/"+owner, "Patient/p", 1))
	}
}

// label gives a resource a security label, or takes it away.
func (r *rig) label() {
	r.Helper()
	types := []string{"Encounter", "Observation", "Condition", "MedicationRequest", "Procedure", "Medication", "Appointment", "DocumentReference"}
	all := slices.Collect(r.world.All(pick(r, types)))
	if len(all) == 0 {
		return
	}
	v := pick(r, all)
	body := map[string]any{}
	for name, value := range v.Body {
		body[name] = value
	}
	meta := map[string]any{"tag": []any{map[string]any{"system": "urn:t", "code": fmt.Sprint("tag", r.random.IntN(5))}}}
	if r.random.IntN(4) > 0 {
		meta["security"] = []any{coding(pick(r, labels))}
	}
	body["meta"] = meta
	text, err := json.Marshal(body)
	if err != nil {
		r.Fatal(err)
	}
	if _, err := r.admin.Update(r.Context(), keyOf(v.Reference()), records.Content{JSON: text}, records.UpdateOptions{}); err != nil {
		r.Fatalf("%s: %v", v.Reference(), err)
	}
}

func pick[T any](r *rig, all []T) T { return all[r.random.IntN(len(all))] }

// chance says yes with a probability in percent.
func (r *rig) chance(percent int) bool { return r.random.IntN(100) < percent }

// look makes the session of who asks anew, as each request does.
func (r *rig) look() {
	r.Helper()
	if r.asks == nil {
		return
	}
	r.asks.Actors = r.actors()
	r.direct = r.door.Session(records.Principal{ID: "fuzzer"}, r.rules())
	r.session = atDoor{r.direct}
	if r.overHTTP {
		r.session = remote{r, r.client}
	}
	r.sight = leaktest.See(r.world, r.asks, time.Now())
}
