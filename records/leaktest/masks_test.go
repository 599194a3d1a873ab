package leaktest_test

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/leaktest"
)

// maskable are elements that roles may mask.
var maskable = strings.Fields(`Patient.name Patient.name Patient.name.family Patient.name.given Patient.identifier Patient.identifier.value Patient.birthDate Patient.gender Patient.address
	Patient.address.city Patient.telecom Patient.generalPractitioner Patient.managingOrganization Patient.extension Observation.code Observation.code Observation.code.text Observation.value
	Observation.value Observation.effective Observation.status Observation.category Observation.identifier Observation.encounter Observation.derivedFrom Observation.component
	Observation.component.code Observation.extension Condition.code Condition.onset Condition.verificationStatus Condition.encounter Encounter.status Encounter.class Encounter.type Encounter.period
	Encounter.period.start Encounter.participant Encounter.participant.individual Encounter.serviceProvider Encounter.partOf MedicationRequest.medication MedicationRequest.status
	MedicationRequest.requester Medication.code Practitioner.name Practitioner.name.family Practitioner.identifier Organization.name Organization.identifier PractitionerRole.practitioner
	DiagnosticReport.code DiagnosticReport.result Immunization.vaccineCode Procedure.code Claim.item Claim.provider Claim.use Claim.diagnosis DocumentReference.type DocumentReference.content
	DocumentReference.author List.entry List.status Specimen.type Device.distinctIdentifier Composition.section Composition.section.entry Composition.title Coverage.type ExplanationOfBenefit.contained
	Location.name CareTeam.name RelatedPerson.name Group.name`)

// roles are some of which, where masks are asked after, mostly a rule masks elements.
func (r *rig) roles() []leaktest.Role {
	if !r.masking || r.chance(30) {
		return r.bareRoles()
	}
	roles := r.bareRoles()
	if r.chance(60) {
		roles = []leaktest.Role{{Name: "made", Purposes: []string{"TREAT"}, Rules: []leaktest.RoleRule{{Types: []string{"*"}, Interactions: "cruds", Reach: "organization"}}}}
	}
	for i := range roles {
		rules := &roles[i].Rules
		for j := range *rules {
			if r.chance(80) {
				r.mask(&roles[i], &(*rules)[j])
			}
		}
		if again := (*rules)[0]; r.chance(25) { // what one masks another one shows, or not
			again.Mask = slices.Clone(again.Mask)
			if again.Interactions = pick(r, []string{"cruds", "rs", "r"}); len(again.Mask) > 0 {
				again.Mask = again.Mask[1:]
			}
			r.mask(&roles[i], &again)
			*rules = append(*rules, again)
		}
	}
	return roles
}

// mask has a rule mask some more elements of what it is about.
func (r *rig) mask(role *leaktest.Role, rule *leaktest.RoleRule) {
	r.Helper()
	some := r.random.IntN(5)
	for range 10 * some {
		masking := *rule
		masking.Mask = append(slices.Clone(rule.Mask), pick(r, maskable))
		made := convert[access.Role](r, leaktest.Role{Name: "made", Purposes: role.Purposes, Rules: []leaktest.RoleRule{masking}})
		if r.door.Ownership().CheckRole(&made) != nil {
			continue // the rule is not about it, or access is decided by it
		}
		if *rule = masking; len(rule.Mask) >= some {
			return
		}
	}
}

// shows checks what is shown of a version. A part need not have everything.
func (r *rig) shows(res records.Resource, part bool) {
	r.Helper()
	v := r.world.Version(res.Key.String(), res.Version)
	if res.JSON == nil || v == nil || v.Deleted || v.Type == "Binary" || len(r.sight.Masks()) == 0 {
		return
	}
	if wrong := r.sight.Unexplained(v, res.JSON, part); wrong != nil {
		r.wrong("version %d of %s is not shown as it should be: %.500q\n%s\nmasked are %q", res.Version, res.Key, wrong, res.JSON, r.sight.Masks())
	}
}

// veiled says whether a question is to be refused since it asks for what is masked, and checks
// that it is.
func (r *rig) veiled(err error, expected bool) bool {
	r.Helper()
	refused := isVeil(err)
	switch {
	case refused && !expected:
		r.wrong("it does not ask for what is masked: %v\nmasked are %q", err, r.sight.Masks())
	case expected && !refusal(err):
		r.wrong("it asks for what is masked: %v\nmasked are %q", err, r.sight.Masks())
	}
	return refused || expected
}

// isVeil says whether an error is the refusal to ask for what is masked.
func isVeil(err error) bool {
	return err != nil && strings.Contains(told(err), "you cannot search, sort or include by")
}

// asked are the parameters of a question.
func (q *question) asked(r *rig) []leaktest.Param {
	all := leaktest.Asked(q.criteria...)
	for _, i := range q.includes {
		all = append(all, i.Param)
	}
	return append(all, r.named(q.typeName, "_sort="+q.sort)...)
}

// others are parameters that the oracle does not evaluate.
var others = map[string][]string{
	"Observation value-quantity": {"value"}, "Observation combo-code": {"code", "component.code"}, "Patient name": {"name"}, "Condition evidence-detail": {"evidence.detail"},
	"DocumentReference type": {"type"}, "DocumentReference date": {"date"}, "Patient given": {"name.given"}, "Patient address-city": {"address.city"}, "Patient phone": {"telecom"},
	"Observation code-value-quantity": {"code", "value"}, "Observation component-code": {"component.code"}, "Practitioner name": {"name"},
}

// named are the parameters that a query asks.
func (r *rig) named(typeName, query string) (all []leaktest.Param) {
	for part := range strings.SplitSeq(query, "&") {
		code, value, _ := strings.Cut(part, "=")
		switch code {
		case "_sort":
			code = strings.TrimPrefix(value, "-")
		case "_filter":
			code, _, _ = strings.Cut(value, "+")
		}
		code, _, _ = strings.Cut(code, ":")
		for _, p := range r.params[typeName] {
			if p.Code == code {
				all = append(all, p)
			}
		}
		if paths := others[typeName+" "+code]; paths != nil {
			all = append(all, leaktest.Param{Type: typeName, Code: code, Paths: paths})
		}
	}
	return all
}

// confining are the elements by which resources are in a compartment that is asked.
var confining = map[string][]string{
	"Patient>Observation": {"subject", "performer"}, "Encounter>Observation": {"encounter"}, "Practitioner>Observation": {"performer"},
}
