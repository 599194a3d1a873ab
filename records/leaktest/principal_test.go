package leaktest_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records/leaktest"
	"github.com/inglehealth/ingle/spec/smart"
)

const (
	actCodes        = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
)

var (
	labels   = []string{actCodes + "|ETH", actCodes + "|42CFRPart2", actCodes + "|HIV", actCodes + "|PSY", confidentiality + "|R", confidentiality + "|N"}
	purposes = []string{"TREAT", "HPAYMT", "HOPERAT", "HRESCH", "BTG", "CAREMGT", "ETREAT", "FAMRQT"}
)

func coding(label string) map[string]any {
	system, code, _ := strings.Cut(label, "|")
	return map[string]any{"system": system, "code": code}
}

// come has somebody else ask.
func (r *rig) come() {
	r.Helper()
	p := &leaktest.Principal{User: pick(r, []string{"Practitioner/dr", "Practitioner/other", "Patient/p"}), OwnReadable: r.chance(20)}
	level := "user"
	switch {
	case r.chance(50):
		level, p.Patient = "patient", pick(r, []string{"p", "q", "r", ""})
		if p.Patient == "" {
			p.Patient = slices.Collect(r.world.All("Patient"))[0].ID
		}
	case r.chance(20):
		level = "system"
	}
	p.Scopes = r.scopes(level)
	if level == "patient" && r.chance(20) {
		p.Scopes = append(p.Scopes, r.scopes("user")...)
	}
	if p.Exempt = level == "patient" && r.chance(30); !p.Exempt {
		p.Purpose = pick(r, purposes)
		if r.chance(20) {
			p.Purpose = ""
		}
		if r.chance(60) {
			p.Roles = r.roles()
		}
		if r.chance(30) {
			p.Unsealed = []string{actCodes + "|ETH"}
		}
		if r.chance(50) {
			p.Organizations = []string{"Organization/ward"}
		}
	}
	r.asks, r.did, r.overHTTP = p, nil, r.chance(50)
	r.look()
}

func (r *rig) scopes(level string) (all []leaktest.Scope) {
	if r.chance(25) {
		return []leaktest.Scope{{Level: level, Type: "*", Interactions: pick(r, []string{"cruds", "rs", "r", "s", "cruds"})}}
	}
	types := []string{"Patient", "Observation", "Encounter", "Condition", "MedicationRequest", "Medication", "Provenance", "List", "Specimen", "DiagnosticReport",
		"DocumentReference", "Binary", "Practitioner", "Organization", "Appointment", "Group", "Claim", "Procedure", "Immunization", "Consent", "CareTeam"}
	for _, t := range types {
		if !r.chance(60) {
			continue
		}
		s := leaktest.Scope{Level: level, Type: t, Interactions: pick(r, []string{"rs", "cruds", "cruds", "r", "s", "rus"})}
		if r.chance(35) {
			s.Criterion = r.own(t, func(p *leaktest.Param) bool { return p.Kind == "token" && p.Code != "_id" })
			if s.Criterion != nil {
				s.Criterion.Modifier = ""
			}
		}
		all = append(all, s)
	}
	if all == nil {
		all = []leaktest.Scope{{Level: level, Type: "Observation", Interactions: "rs"}}
	}
	return all
}

// bareRoles are some that mask nothing.
func (r *rig) bareRoles() []leaktest.Role {
	shipped := access.ShippedRoles()
	if r.chance(40) {
		return []leaktest.Role{convert[leaktest.Role](r, pick(r, shipped))}
	}
	role := leaktest.Role{Name: "made", Purposes: []string{"TREAT", "HOPERAT", "HPAYMT"}}
	for range 1 + r.random.IntN(3) {
		rule := leaktest.RoleRule{
			Types:        pick(r, [][]string{{"*"}, {"owned"}, {"owned", "about"}, {"referred", "directory"}, {"Observation", "Patient", "Encounter"}, {"Condition", "List", "Provenance"}}),
			Interactions: pick(r, []string{"cruds", "cruds", "rs", "s", "r"}), Reach: pick(r, []string{"organization", "department", "own"}),
		}
		if r.chance(20) {
			rule.Purposes = []string{pick(r, role.Purposes)}
		}
		role.Rules = append(role.Rules, rule)
	}
	return []leaktest.Role{role}
}

// convert makes one form of some data of another.
func convert[T any](r *rig, from any) (to T) {
	r.Helper()
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, &to)
	}
	if err != nil {
		r.Fatal(err)
	}
	return to
}

// actors are all whom consents may name to mean the asker.
func (r *rig) actors() []string {
	all := []string{"urn:apps|app"}
	if r.asks.User != "Patient/p" {
		all = append(all, r.asks.User)
	}
	if r.asks.User == "Practitioner/dr" {
		all = append(all, "PractitionerRole/dr", "Organization/ward", "CareTeam/t")
	}
	return all
}

// rules are what the server makes of the asker.
func (r *rig) rules() *access.Rules {
	r.Helper()
	p := r.asks
	var texts []string
	for i := range p.Scopes {
		texts = append(texts, p.Scopes[i].String())
	}
	if p.OwnReadable {
		texts = append(texts, "openid fhirUser")
	}
	scopes, err := smart.ParseScopes(strings.Join(texts, " "))
	if err != nil {
		r.Fatalf("%q: %v", texts, err)
	}
	for _, one := range scopes.Resources() {
		if err := r.door.Ownership().Check(one); err != nil {
			r.Fatal(err)
		}
	}
	asker := access.Asker{Exempt: p.Exempt, Actors: []string{"urn:apps|app"}, Purpose: p.Purpose, Unsealed: p.Unsealed}
	if p.User != "Patient/p" {
		named, err := r.door.Actors(r.Context(), keyOf(p.User))
		if err != nil {
			r.Fatal(err)
		}
		asker.Actors = append(asker.Actors, named...)
	}
	if p.Roles != nil {
		asker.Roles = convert[[]access.Role](r, p.Roles)
	}
	if asker.Carers, err = r.door.Carers(r.Context(), keyOf(p.User)); err != nil {
		r.Fatal(err)
	}
	for _, o := range p.Organizations {
		asker.Organizations = append(asker.Organizations, keyOf(o))
	}
	rules, err := r.door.Rules(r.Context(), access.Grant{Scopes: scopes, Patient: p.Patient, User: keyOf(p.User), Asker: asker})
	if err != nil {
		r.Fatal(err)
	}
	return rules
}

// who describes the asker and the consents.
func (r *rig) who() string {
	var texts []string
	for i := range r.asks.Scopes {
		texts = append(texts, r.asks.Scopes[i].String())
	}
	p := *r.asks
	p.Scopes = nil
	text, err := json.Marshal(p)
	if err != nil {
		r.Fatal(err)
	}
	out := fmt.Sprintf("scopes %s\nasker %s, over HTTP: %v\n", strings.Join(texts, " "), text, r.overHTTP)
	for v := range r.world.All("Consent") {
		one, err := json.Marshal(v.Body)
		if err != nil {
			r.Fatal(err)
		}
		out += fmt.Sprintf("%s\n", one)
	}
	return out
}

// consent writes one.
func (r *rig) consent() {
	r.Helper()
	patients := slices.Collect(r.world.All("Patient"))
	provision := r.provision(0)
	body := map[string]any{
		"status": pick(r, []string{"active", "active", "active", "active", "inactive"}), "patient": r.refer(pick(r, patients).Reference()),
		"scope":    map[string]any{"coding": []any{map[string]any{"code": pick(r, []string{"patient-privacy", "patient-privacy", "research", "treatment"})}}},
		"category": []any{map[string]any{"text": "privacy"}}, "dateTime": pick(r, []string{"2023-01-01", "2024-01-01", "2025-01-01"}),
	}
	if r.chance(40) { // the root rule as R4 has it
		delete(provision, "type")
		body["policyRule"] = map[string]any{"coding": []any{map[string]any{"code": pick(r, []string{"OPTIN", "OPTOUT", "OPTIN", "other"})}}}
	}
	if len(provision) > 0 {
		body["provision"] = provision
	}
	if r.chance(20) {
		body["sourceAttachment"] = map[string]any{"url": pick(r, []string{"Binary/claim", "Binary/free", "Binary/q"})}
	}
	text, err := json.Marshal(body)
	if err != nil {
		r.Fatal(err)
	}
	r.put(fmt.Sprint("Consent/c", r.random.IntN(6)), string(text))
}

// refer is a Reference in one of the forms in which a Consent may name a resource of the
// server: relative, absolute, each with a version or without.
func (r *rig) refer(to string) map[string]any {
	if r.chance(30) {
		to = base + "/" + to
	}
	if r.chance(30) {
		to += "/_history/1"
	}
	return map[string]any{"reference": to}
}

func (r *rig) provision(depth int) map[string]any {
	p := map[string]any{"type": pick(r, []string{"permit", "deny"})}
	most := 25
	if depth == 0 {
		most = 10
	}
	if r.chance(most) {
		p["actor"] = []any{map[string]any{"role": map[string]any{"text": "recipient"}, "reference": pick(r, []map[string]any{
			r.refer("Practitioner/dr"), r.refer("Practitioner/other"), r.refer("Organization/ward"), r.refer("CareTeam/t"), {"identifier": map[string]any{"system": "urn:apps", "value": "app"}},
		})}}
	}
	if actors, ok := p["actor"].([]any); ok && r.chance(15) {
		stranger := map[string]any{"role": map[string]any{"text": "recipient"}, "reference": map[string]any{"reference": "https://elsewhere.example/Practitioner/dr"}}
		if p["actor"] = append(actors, stranger); r.chance(40) {
			p["actor"] = []any{stranger}
		}
	}
	if r.chance(most) {
		p["purpose"] = []any{map[string]any{"code": pick(r, []string{"TREAT", "HRESCH", "HOPERAT", "PATRQT"})}}
	}
	if r.chance(most / 2) {
		p["action"] = []any{map[string]any{"coding": []any{map[string]any{"code": pick(r, []string{"access", "correct", "disclose"})}}}}
	}
	if r.chance(most) {
		p["securityLabel"] = []any{coding(pick(r, labels))}
		if r.chance(30) {
			p["securityLabel"] = []any{coding(pick(r, labels)), coding(pick(r, labels))}
		}
	}
	types := []string{"Observation", "Encounter", "Condition", "Patient", "Claim", "Procedure", "MedicationRequest"}
	if r.chance(most) {
		class := map[string]any{"system": "http://hl7.org/fhir/resource-types", "code": pick(r, types)}
		if r.chance(15) {
			class = map[string]any{"system": "http://loinc.org", "code": "34133-9"}
		}
		p["class"] = []any{class}
	}
	if r.chance(most) {
		code := map[string]any{"coding": []any{map[string]any{"system": "urn:c", "code": pick(r, []string{"a", "b", "d"})}}}
		if r.chance(20) {
			code = map[string]any{"text": "what cannot be computed"}
		}
		p["code"] = []any{code}
	}
	if r.chance(most) {
		meanings := []string{"instance", "related"}
		if depth == 0 && len(p) == 1 {
			meanings = append(meanings, "dependents")
		}
		p["data"] = []any{map[string]any{
			"meaning":   pick(r, meanings),
			"reference": r.refer(pick(r, []string{"Observation/p1", "Observation/q1", "Encounter/top", "Encounter/q", "Condition/q", "DiagnosticReport/p"})),
		}}
	}
	if r.chance(most / 2) {
		p["data"] = []any{map[string]any{"meaning": "authoredby", "reference": r.refer(pick(r, []string{"Practitioner/dr", "Practitioner/other"}))}}
	}
	if r.chance(most / 2) {
		p["class"] = []any{map[string]any{"system": "http://hl7.org/fhir/resource-types", "code": pick(r, []string{"Observation", "Encounter", "Condition", "Procedure", "Immunization", "Claim"})}}
		period := map[string]any{"start": pick(r, []string{"2010", "2019-01-03", "2020-02"})}
		if r.chance(50) {
			period["end"] = "2020-04-01"
		}
		p["dataPeriod"] = period
	}
	if r.chance(most / 2) {
		p["period"] = pick(r, []map[string]any{{"start": "2020"}, {"end": "2021"}, {"start": "2099"}})
	}
	if depth < 2 {
		for range r.random.IntN(3 - depth) {
			nested, _ := p["provision"].([]any)
			p["provision"] = append(nested, r.provision(depth+1))
		}
	}
	return p
}
