package leaktest

import (
	"slices"
	"strings"
)

// roleRules are the rules that allow an interaction with a type.
func (s *Sight) roleRules(typeName string, i rune) (rules []RoleRule) {
	for _, role := range s.p.Roles {
		for _, rule := range role.Rules {
			meant := slices.ContainsFunc(rule.Types, func(t string) bool { return t == "*" || t == typeName || t == kind(typeName) })
			if meant && strings.ContainsRune(rule.Interactions, i) && (len(rule.Purposes) == 0 || s.pursues(rule.Purposes)) {
				rules = append(rules, rule)
			}
		}
	}
	return rules
}

// inRole says whether a role allows an interaction with a version.
func (s *Sight) inRole(v *Version, i rune) bool {
	if s.p.Roles == nil {
		return true
	}
	return slices.ContainsFunc(s.roleRules(v.Type, i), func(rule RoleRule) bool {
		switch {
		case rule.Reach == "organization":
			return true
		case isOwned(v.Type):
			return s.isWards(v, rule.Reach)
		case abouts[v.Type] != "":
			return slices.ContainsFunc(s.w.referred(v.Body, abouts[v.Type]), func(to string) bool {
				target := s.w.Current(to)
				return target != nil && isOwned(target.Type) && s.isWards(target, rule.Reach)
			})
		}
		return true
	})
}

// isWards says whether a version belongs to a patient within reach. A version of a
// Patient says so itself, as it is.
func (s *Sight) isWards(v *Version, reach string) bool {
	if s.wards[reach] == nil {
		s.wards[reach] = s.findWards(reach)
	}
	if v.Type == "Patient" {
		return s.wards[reach][v.ID] || s.isWard(v, reach)
	}
	return slices.ContainsFunc(s.w.patientsOf(v), func(id string) bool {
		patient := s.w.Current("Patient/" + id)
		return patient != nil && (s.wards[reach][id] || s.isWard(patient, reach))
	})
}

// isWard says whether a Patient names whoever cares: own patients have the user for
// general practitioner, in person or by a role, those of the department belong to one of the user's organizations.
func (s *Sight) isWard(patient *Version, reach string) bool {
	if reach == "own" {
		return slices.ContainsFunc(s.w.referred(patient.Body, "generalPractitioner"), func(to string) bool { return slices.Contains(s.carers(), to) })
	}
	return reach == "department" && slices.ContainsFunc(s.w.referred(patient.Body, "managingOrganization"), func(to string) bool {
		return slices.Contains(s.p.Organizations, to)
	})
}

// carers are the user and the PractitionerRoles that are the user's and not said to be in use
// no more.
func (s *Sight) carers() []string {
	all := []string{s.p.User}
	for v := range s.w.All("PractitionerRole") {
		active, said := v.Body["active"].(bool)
		if slices.Contains(s.w.referred(v.Body, "practitioner"), s.p.User) && (active || !said) {
			all = append(all, v.Reference())
		}
	}
	return all
}

// findWards are the ids of the patients within reach by other resources: of own ones the
// user is in an active care team, in an encounter or an appointment; those of the
// department have an encounter in one of the user's organizations.
func (s *Sight) findWards(reach string) map[string]bool {
	wards := map[string]bool{}
	take := func(v *Version, path string, whom ...string) {
		if slices.ContainsFunc(s.w.referred(v.Body, path), func(to string) bool { return slices.Contains(whom, to) }) {
			for _, id := range s.w.patientsOf(v) {
				wards[id] = true
			}
		}
	}
	for v := range s.w.All("") {
		switch {
		case reach == "own" && v.Type == "CareTeam" && text(v.Body, "status") == "active":
			take(v, "participant.member", s.carers()...)
		case reach == "own" && v.Type == "Encounter":
			take(v, "participant.individual", s.carers()...)
		case reach == "own" && v.Type == "Appointment":
			take(v, "participant.actor", s.carers()...)
		case reach == "department" && v.Type == "Encounter":
			take(v, "serviceProvider", s.p.Organizations...)
		}
	}
	return wards
}
