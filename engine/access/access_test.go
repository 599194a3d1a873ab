package access_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/internal/testdata"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

func catalog(t testing.TB, defs *definitions.Definitions) *search.Catalog {
	t.Helper()
	c, err := search.NewCatalog(defs, "https://ehr.example/fhir")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is some resources and who asks for them.
type world struct {
	t       *testing.T
	catalog *search.Catalog
	o       *access.Ownership
	memory  *search.Memory
	docs    []*search.Document
	// consents are those of under, by patient.
	consents map[fhir.ID][]access.Consent
}

func newWorld(t *testing.T, resources ...string) *world {
	t.Helper()
	w := &world{t: t, catalog: catalog(t, definitions.MustBuiltIn(definitions.R4)), memory: search.NewMemory()}
	w.o = access.NewOwnership([]*search.Catalog{w.catalog}, nil)
	for _, text := range resources {
		tree, err := fhir.ParseJSON(w.catalog.Definitions(), []byte(text), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := w.catalog.Extract(t.Context(), tree)
		if err != nil {
			t.Fatal(err)
		}
		for n := range tree.Root().Pointers() { // as the door does
			if typ, id, ok := strings.Cut(n.Text(), "/"); ok {
				entries = append(entries, search.Entry{Param: search.OtherReferenceOf(string(tree.Key().Type)), RefType: typ, RefID: id})
			}
		}
		d := search.Document{Key: tree.Key(), Updated: time.Unix(0, 0), Entries: entries}
		w.memory.Put(d)
		w.docs = append(w.docs, &d)
	}
	return w
}

// reached are the resources with which rules allow an interaction, asked over all
// types and of each type by itself.
func (w *world) reached(r *access.Rules, i smart.Interactions) string {
	w.t.Helper()
	var names []string
	for _, d := range w.docs {
		one := w.find(r.Filter([]string{string(d.Key.Type)}, i), d)
		if all := w.find(r.Filter(nil, i), d); all != one {
			w.t.Errorf("%s is reached over all types: %v, by its type: %v", d.Key, all, one)
		}
		if one && !r.May(d.Key.Type, i) {
			w.t.Errorf("%s is reached, but its type is not allowed", d.Key)
		}
		if one {
			names = append(names, d.Key.String())
		}
	}
	return strings.Join(names, " ")
}

func (w *world) find(x search.Expr, d *search.Document) bool {
	w.t.Helper()
	q := &search.Query{Types: []string{string(d.Key.Type)}, Filter: search.IDs{string(d.Key.ID)}, Count: 1}
	if x != nil {
		q.Filter = search.And{q.Filter, x}
	}
	found, err := w.memory.Search(context.Background(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	return len(found.Keys) > 0
}

func grant(scopes string) access.Grant {
	list, err := smart.ParseScopes(scopes)
	if err != nil {
		panic(err)
	}
	return access.Grant{Scopes: list, Patient: "p", User: fhir.Key{Type: "Practitioner", ID: "dr"}, Subscriber: access.Subscriber{Client: "app", User: "dr", Patient: "p"}}
}

func resource(typ, id, rest string) string {
	if rest != "" {
		rest = "," + rest
	}
	return fmt.Sprintf(`{"resourceType":%q,"id":%q%s}`, typ, id, rest)
}

func to(element, reference string) string {
	return fmt.Sprintf(`%q:{"reference":%q}`, element, reference)
}

// outOfReach is beyond scopes of level patient: it is about many, about nobody, or
// about the server.
var outOfReach = []string{
	"Bundle", "Contract", "EnrollmentResponse", "Group", "InventoryItem", "InventoryReport", "Linkage", "MessageHeader",
	"OperationOutcome", "Parameters", "PaymentNotice", "PaymentReconciliation", "Permission", "Person",
	"SubscriptionStatus", "TestReport", "Transport", "VerificationResult",
}

func TestEveryResourceTypeHasItsPlaceInTheTable(t *testing.T) {
	for _, release := range []definitions.Release{definitions.R4, definitions.R4B} {
		everyTypeHasItsPlace(t, definitions.MustBuiltIn(release))
	}
}

func everyTypeHasItsPlace(t *testing.T, defs *definitions.Definitions) {
	t.Helper()
	r := access.NewOwnership([]*search.Catalog{catalog(t, defs)}, nil).Rules(grant("patient/*.rs"))
	for _, typ := range defs.ResourceTypes() {
		never := fmt.Sprint(r.Filter([]string{typ}, smart.Read)) == fmt.Sprint(search.Or{})
		if never != slices.Contains(outOfReach, typ) {
			t.Errorf("%s %s: out of reach %v", defs.Release, typ, never)
		}
	}
}

func TestWhoOwnsAResourceDecides(t *testing.T) {
	w := newWorld(t,
		resource("Patient", "p", ""), resource("Patient", "q", `"link":[{"other":{"reference":"Patient/p"},"type":"seealso"}]`),
		resource("Observation", "mine", to("subject", "Patient/p")),
		resource("Observation", "performed", to("subject", "Patient/q")+`,"performer":[{"reference":"Patient/p"}]`),
		resource("Observation", "nobodys", ""),
		resource("Appointment", "both", `"participant":[{"actor":{"reference":"Patient/q"}},{"actor":{"reference":"Patient/p"}}]`),
		resource("Coverage", "benefits", to("beneficiary", "Patient/p")),
		resource("Coverage", "pays", to("beneficiary", "Patient/q")+","+to("subscriber", "Patient/p")),
		resource("Communication", "received", to("subject", "Patient/q")+`,"recipient":[{"reference":"Patient/p"}]`),
		resource("DocumentReference", "wrote", to("subject", "Patient/q")+`,"author":[{"reference":"Patient/p"}]`),
		resource("Group", "member", `"member":[{"entity":{"reference":"Patient/p"}}]`),
		resource("Person", "linked", `"link":[{"target":{"reference":"Patient/p"}}]`),
		resource("RelatedPerson", "mother", to("patient", "Patient/p")),
		resource("Device", "pump", to("patient", "Patient/p")), resource("Device", "other", to("patient", "Patient/q")),
		resource("Task", "for", to("for", "Patient/p")), resource("Task", "asks", to("for", "Patient/q")+","+to("requester", "Patient/p")),
		resource("Binary", "mine", to("securityContext", "Patient/p")), resource("Binary", "other", to("securityContext", "Patient/q")),
		resource("Binary", "lab", to("securityContext", "Observation/mine")), resource("Binary", "nobodys", ""),
	)
	const want = "Patient/p Observation/mine Appointment/both Coverage/benefits RelatedPerson/mother Device/pump Task/for Binary/mine Binary/lab"
	if got := w.reached(w.o.Rules(grant("patient/*.cruds")), smart.Read); got != want {
		t.Errorf("reads %s", got)
	}
	if got := w.reached(w.o.Rules(grant("patient/*.cruds")), smart.Update); got != strings.TrimSuffix(want, " Binary/lab") {
		t.Errorf("writes %s", got)
	}
}

func TestWhatIsSharedIsSeenWhereSomethingVisibleRefersToIt(t *testing.T) {
	w := newWorld(t,
		resource("Medication", "mine", `"ingredient":[{"itemReference":{"reference":"Substance/s"}}]`), resource("Medication", "others", ""), resource("Medication", "nobodys", ""),
		resource("Substance", "s", ""), resource("Substance", "t", ""),
		resource("MedicationRequest", "a", to("subject", "Patient/p")+","+to("medicationReference", "Medication/mine")),
		resource("MedicationRequest", "b", to("subject", "Patient/q")+","+to("medicationReference", "Medication/others")),
		resource("Specimen", "pooled", ""), resource("Specimen", "others", to("subject", "Patient/q")), resource("Device", "shared", ""),
		resource("Observation", "o", to("subject", "Patient/p")+","+to("specimen", "Specimen/pooled")+","+to("device", "Device/shared")),
		resource("Observation", "x", to("subject", "Patient/p")+","+to("specimen", "Specimen/others")),
		resource("Binary", "scan", ""),
		resource("DocumentReference", "d", to("subject", "Patient/p")+`,"content":[{"attachment":{"url":"Binary/scan"}}]`),
		resource("Provenance", "p1", `"target":[{"reference":"Observation/o"}]`), resource("Provenance", "p2", `"target":[{"reference":"MedicationRequest/b"}]`),
		resource("AuditEvent", "a1", `"entity":[{"what":{"reference":"Patient/p"}}],"agent":[{"who":{"reference":"Practitioner/dr"}}]`),
		resource("AuditEvent", "a2", `"entity":[{"what":{"reference":"Patient/q"}}],"agent":[{"who":{"reference":"Patient/p"}}]`),
		resource("Practitioner", "dr", ""), resource("Organization", "o", ""), resource("Location", "l", ""), resource("ValueSet", "v", ""),
		resource("Patient", "p", ""),
	)
	shared := "Medication/mine Substance/s MedicationRequest/a Specimen/pooled Device/shared Observation/o Observation/x Binary/scan DocumentReference/d " +
		"Provenance/p1 AuditEvent/a1 Practitioner/dr Organization/o Location/l ValueSet/v Patient/p"
	if got := w.reached(w.o.Rules(grant("patient/*.rs")), smart.Search); got != shared {
		t.Errorf("sees %s", got)
	}
	if got := w.reached(w.o.Rules(grant("patient/Medication.rs patient/Substance.r patient/Specimen.rs")), smart.Read); got != "" {
		t.Errorf("sees %s, to which nothing refers that it sees", got)
	}
	if got := w.reached(w.o.Rules(grant("patient/*.cruds")), smart.Create|smart.Update); got != "MedicationRequest/a Observation/o Observation/x DocumentReference/d Patient/p" {
		t.Errorf("writes %s", got)
	}
}

func TestGranularScopesAddUpEachWithItsInteractions(t *testing.T) {
	category := func(code string) string {
		return to("subject", "Patient/p") + fmt.Sprintf(`,"category":[{"coding":[{"system":"urn:c","code":%q}]}]`, code)
	}
	w := newWorld(t,
		resource("Observation", "lab", category("laboratory")), resource("Observation", "vital", category("vital-signs")), resource("Observation", "social", category("social")),
		resource("Observation", "other", strings.Replace(category("laboratory"), "Patient/p", "Patient/q", 1)),
		resource("Condition", "c", to("subject", "Patient/p")),
		resource("Provenance", "p1", `"target":[{"reference":"Observation/lab"}]`), resource("Provenance", "p2", `"target":[{"reference":"Observation/social"}]`),
	)
	r := w.o.Rules(grant("patient/Observation.rs?category=urn:c|laboratory patient/Observation.cru?category=vital-signs patient/Condition.r patient/Provenance.rs"))
	for i, want := range map[smart.Interactions]string{
		smart.Read: "Observation/lab Observation/vital Condition/c Provenance/p1", smart.Search: "Observation/lab Provenance/p1", smart.Update: "Observation/vital", smart.Delete: "",
		smart.Read | smart.Search: "Observation/lab Observation/vital Condition/c Provenance/p1",
	} {
		if got := w.reached(r, i); got != want {
			t.Errorf("%s: reaches %s, want %s", i, got, want)
		}
	}
	if r.May("Observation", smart.Delete) || !r.May("Observation", smart.Create) || r.May("Patient", smart.Read) {
		t.Error("it may do what no scope says, or not what one says")
	}
	if got := w.reached(w.o.Rules(grant("user/Observation.rs?category=laboratory")), smart.Read); got != "Observation/lab Observation/other" {
		t.Errorf("a user reaches %s", got)
	}
	if got := w.reached(w.o.Rules(grant("system/*.rs?_id=c,lab,p2")), smart.Read); got != "Observation/lab Condition/c Provenance/p2" {
		t.Errorf("a system reaches %s", got)
	}
}

func TestAQueryThatCannotBeReadIsRefusedAndAllowsNothing(t *testing.T) {
	w := newWorld(t, resource("Observation", "o", to("subject", "Patient/p")+`,"status":"final"`), resource("Patient", "p", ""))
	for _, text := range []string{
		"patient/Observation.rs?unknown=x", "patient/Observation.rs?category:unheard=x", "patient/Observation.rs?date=yesterday",
		"patient/Observation.rs?_sort=date", "patient/Observation.rs?_include=Observation:subject", "patient/Observation.rs?_count=1",
		"patient/Observation.rs?subject:Patient.name=x", "patient/Observation.rs?subject.name=x", "patient/Observation.rs?_has:Provenance:target:_id=x",
		"patient/Observation.rs?_filter=status+eq+final", "patient/Observation.rs?_list=x", "patient/Observation.rs?date=ap2024", "patient/Observation.rs?code-value-date=x$ap2024",
		"patient/Observation.rs?code:in=http://example.org/vs", "patient/*.rs?category=x", "patient/Nonsense.rs", "patient/Observation.rs?_contained=true",
	} {
		s, err := smart.ParseScope(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if err := w.o.Check(s); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
		if got := w.reached(w.o.Rules(grant(text)), smart.Read|smart.Search); got != "" && !strings.Contains(text, "*") {
			t.Errorf("%s reaches %s", text, got)
		}
	}
	for _, text := range []string{"patient/Observation.rs", "user/*.cruds", "patient/Observation.rs?category=a|b&status=final,amended", "system/*.r?_tag=a", "patient/Observation.rs?date=ge2024"} {
		s, err := smart.ParseScope(text)
		if err == nil {
			err = w.o.Check(s)
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAScopeForAPatientCountsOnlyWithAPatientInContext(t *testing.T) {
	w := newWorld(t, resource("Patient", "p", ""), resource("Practitioner", "dr", ""))
	g := grant("patient/*.cruds user/Practitioner.r")
	g.Patient = ""
	r := w.o.Rules(g)
	if got := w.reached(r, smart.Read); got != "Practitioner/dr" || r.May("Patient", smart.Read) {
		t.Errorf("reaches %s", got)
	}
}

func TestTheUsersOwnResourceIsReadWithFHIRUserAlone(t *testing.T) {
	w := newWorld(t, resource("Practitioner", "dr", ""), resource("Practitioner", "other", ""), resource("Patient", "p", ""))
	r := w.o.Rules(grant("openid fhirUser"))
	if got := w.reached(r, smart.Read); got != "Practitioner/dr" {
		t.Errorf("reads %s", got)
	}
	if got := w.reached(r, smart.Search|smart.Update); got != "" || r.May("Practitioner", smart.Search) {
		t.Errorf("searches or writes %s", got)
	}
	if r = w.o.Rules(grant("openid")); w.reached(r, smart.Read) != "" || r.May("", smart.Read) {
		t.Error("reads without fhirUser")
	}
	if !r.Knows(fhir.Key{Type: "Patient", ID: "p"}) || !r.Knows(fhir.Key{Type: "Practitioner", ID: "dr"}) || r.Knows(fhir.Key{Type: "Patient", ID: "q"}) {
		t.Error("what the grant names is not what is known")
	}
}

func TestWithoutLimitsNothingIsAsked(t *testing.T) {
	w := newWorld(t)
	for _, types := range [][]string{nil, {"Patient"}, {"Patient", "Observation"}} {
		if x := w.o.Rules(grant("system/*.cruds")).Filter(types, smart.Delete); x != nil {
			t.Errorf("%v: %v", types, x)
		}
	}
	if x := w.o.Rules(grant("")).Filter(nil, smart.Read); x == nil {
		t.Error("without scopes everything is let pass")
	}
}

// The same rules hold of types that only another release has, and of parameters
// that it names differently.
func TestOwnersAreTakenFromEveryRelease(t *testing.T) {
	f, err := os.Open(testdata.Dir(t, "packages", "hl7.fhir.r5.core-5.0.0.assembled.tgz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r5, err := definitions.LoadPackage(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	everyTypeHasItsPlace(t, r5)
	o := access.NewOwnership([]*search.Catalog{catalog(t, definitions.MustBuiltIn(definitions.R4)), catalog(t, r5)}, nil)
	r := o.Rules(grant("patient/*.rs"))
	for _, typ := range []string{"NutritionIntake", "GenomicStudy", "ImagingSelection", "DeviceUsage", "EncounterHistory", "RequestOrchestration", "DeviceAssociation", "DeviceDispense", "Appointment", "SupplyRequest"} {
		params := search.ParamsOf(r.Filter([]string{typ}, smart.Read))
		if !slices.ContainsFunc(params, func(p search.Param) bool { return p.Type == typ }) {
			t.Errorf("%s has no owner: %v", typ, params)
		}
	}
	if n := len(search.ParamsOf(r.Filter([]string{"SupplyRequest"}, smart.Read))); n != 2 {
		t.Errorf("the owner of a SupplyRequest is looked for by %d parameters; R4 and R5 have one each", n)
	}
}

func stored(code, kind, expression string) definitions.SearchParameter {
	base, _, _ := strings.Cut(expression, ".")
	return definitions.SearchParameter{URL: "urn:" + code, Code: code, Type: definitions.SearchType(kind), Base: []string{base}, Expression: expression}
}

// The same rules follow the search parameters that come and go, but no such
// parameter says who owns anything.
func TestScopesAskByTheParametersThatThereAreNow(t *testing.T) {
	w := newWorld(t)
	now := w.catalog
	w.o = access.NewOwnership([]*search.Catalog{w.catalog}, func() []*search.Catalog { return []*search.Catalog{now} })
	r := w.o.Rules(grant("patient/Observation.rs?site=arm patient/SupplyRequest.rs"))
	filter := func(typ string) string { return fmt.Sprint(r.Filter([]string{typ}, smart.Read)) }
	s, err := smart.ParseScope("patient/Observation.rs?site=arm")
	if err != nil {
		t.Fatal(err)
	}
	supply := filter("SupplyRequest")
	for range 2 {
		if err := w.o.Check(s); err == nil || filter("Observation") != fmt.Sprint(search.Or{}) {
			t.Errorf("without the parameter: %v, %s", err, filter("Observation"))
		}
		now = w.catalog.With([]definitions.SearchParameter{
			stored("site", "token", "Observation.bodySite"), stored("patient", "reference", "SupplyRequest.requester"),
		})
		if err := w.o.Check(s); err != nil || !strings.Contains(filter("Observation"), "{Observation site token") {
			t.Errorf("with it: %v, %s", err, filter("Observation"))
		}
		if got := filter("SupplyRequest"); got != supply {
			t.Errorf("the owner is found by %s", got)
		}
		now = w.catalog.With([]definitions.SearchParameter{stored("site", "string", "Observation.bodySite.text")})
		if err := w.o.Check(s); err != nil || !strings.Contains(filter("Observation"), "{Observation site string") {
			t.Errorf("with another one: %v, %s", err, filter("Observation"))
		}
		now = w.catalog
	}
}

func TestWhatIsMissingIsAskedOnlyByParametersOfAllReleases(t *testing.T) {
	r4 := catalog(t, definitions.MustBuiltIn(definitions.R4))
	one := r4.With([]definitions.SearchParameter{stored("site", "token", "Observation.bodySite")})
	o := access.NewOwnership([]*search.Catalog{one, catalog(t, definitions.MustBuiltIn(definitions.R4B))}, nil)
	for query, understood := range map[string]bool{"site=arm": true, "site:not=arm": false, "site:missing=true": false, "site:missing=false": true, "code:not=arm": true} {
		s, err := smart.ParseScope("patient/Observation.rs?" + query)
		if err == nil {
			err = o.Check(s)
		}
		if understood != (err == nil) || err != nil && !strings.Contains(err.Error(), "R4B") {
			t.Errorf("%s: %v", query, err)
		}
	}
}
