package access

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/mask"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Role says what the users of a role may do, whatever the scopes of their apps.
type Role struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Purposes are what for, codes of v3-ActReason; the first is that of whoever
	// says none.
	Purposes []string `json:"purposes"`
	// Unseals are the sensitive labels, codes of v3-ActCode, that the role sees
	// without a consent that names them.
	Unseals []string `json:"unseals,omitempty"`
	// Operations are what the role may do about records as a whole.
	Operations []Operation `json:"operations,omitempty"`
	Rules      []RoleRule  `json:"rules"`
}

// RoleRule allows interactions with resources of some types.
type RoleRule struct {
	// Types are resource types, or all that the ownership table calls owned,
	// about, referred or directory, or "*".
	Types        []string `json:"types"`
	Interactions string   `json:"interactions"` // letters of cruds, in that order
	Reach        Reach    `json:"reach"`
	// Filter is a query of the types' search parameters, as of a granular scope.
	Filter string `json:"filter,omitempty"`
	// Purposes for which the rule counts; none: all of the role's.
	Purposes []string `json:"purposes,omitempty"`
	// Mask are elements that are not shown: Patient.address.
	Mask []mask.Path `json:"mask,omitempty"`
}

// Reach is whose data.
type Reach string

// Reaches. Own patients are those whose general practitioner the user is, of whose
// active care team, encounter or appointment, in person or as one of Asker.Carers; those of the department have an
// encounter with one of the user's organizations, or belong to it. Of Subscriptions
// both are those that the user made with the app.
const (
	ReachAll        Reach = "organization"
	ReachDepartment Reach = "department"
	ReachOwn        Reach = "own"
)

//go:embed roles.json
var shippedRoles []byte

// ShippedRoles are the roles of a new server.
func ShippedRoles() []Role {
	var roles []Role
	if err := json.Unmarshal(shippedRoles, &roles); err != nil {
		panic("access: roles.json: " + err.Error())
	}
	return roles
}

// CheckRole says what is wrong with a role, and where, as a *fault.Error.
func (o *Ownership) CheckRole(r *Role) error {
	wrong := func(path, format string, args ...any) error {
		return fault.New(fault.Unprocessable, fault.CodeValue, path, format, args...)
	}
	if r.Name == "" || strings.Trim(r.Name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return wrong("name", "%q: a name has small letters, digits and hyphens", r.Name)
	}
	if len(r.Purposes) == 0 {
		return wrong("purposes", "a role has a purpose, such as TREAT, HPAYMT, HOPERAT or HRESCH")
	}
	for i, p := range r.Purposes {
		if !KnownPurpose(p) {
			return wrong(fmt.Sprintf("purposes[%d]", i), "%q is no purpose of use of v3-ActReason, such as TREAT, HPAYMT, HOPERAT, HRESCH or BTG", p)
		}
	}
	for i, one := range r.Operations {
		if !slices.Contains(Operations(), one) {
			return wrong(fmt.Sprintf("operations[%d]", i), "%q is none of %v", one, Operations())
		}
	}
	for i, one := range r.Rules {
		path := fmt.Sprintf("rules[%d]", i)
		if _, err := interactionsOf(one.Interactions); err != nil {
			return wrong(path+".interactions", "%v", err)
		}
		if !slices.Contains([]Reach{ReachAll, ReachDepartment, ReachOwn}, one.Reach) {
			return wrong(path+".reach", "%q is none of %s, %s and %s", one.Reach, ReachAll, ReachDepartment, ReachOwn)
		}
		if len(one.Types) == 0 {
			return wrong(path+".types", "a rule has types; * is every type")
		}
		for j, t := range one.Types {
			if t != smart.Any && classNames[t] == 0 && !slices.Contains(o.types, t) {
				return wrong(fmt.Sprintf("%s.types[%d]", path, j), "%q is neither a resource type nor one of owned, about, referred, directory and *", t)
			}
			if one.Filter == "" {
				continue
			}
			if !slices.Contains(o.types, t) {
				return wrong(path+".filter", "a filter takes types by name: %q is several", t)
			}
			if _, err := o.dictionary().query(t, one.Filter); err != nil {
				return wrong(path+".filter", "%v", err)
			}
		}
		for j, p := range one.Mask {
			if err := o.checkMask(&one, p); err != nil {
				return wrong(fmt.Sprintf("%s.mask[%d]", path, j), "%v", err)
			}
		}
		for j, p := range one.Purposes {
			if !slices.Contains(r.Purposes, p) {
				return wrong(fmt.Sprintf("%s.purposes[%d]", path, j), "%q is no purpose of the role", p)
			}
		}
	}
	return nil
}

// interactionsOf reads letters of cruds.
func interactionsOf(letters string) (smart.Interactions, error) {
	s, err := smart.ParseScope("user/*." + letters)
	if err == nil && s.V1 {
		err = fmt.Errorf("%q: interactions are letters of cruds, in that order", letters)
	}
	return s.Interactions, err
}

var classNames = map[string]class{"owned": owned, "about": about, "referred": referred, "directory": directory}

// covers says whether the rule is about a type.
func (r *RoleRule) covers(typeName string) bool {
	return slices.ContainsFunc(r.Types, func(t string) bool {
		return t == smart.Any || t == typeName || classNames[t] != 0 && classNames[t] == classes[typeName]
	})
}

// allowing are the rules that allow one of the interactions with a type.
func (a *Asker) allowing(typeName string, i smart.Interactions) (rules []RoleRule) {
	for _, role := range a.Roles {
		for _, one := range role.Rules {
			if a.allows(&one, typeName, i) {
				rules = append(rules, one)
			}
		}
	}
	return rules
}

// allows says whether a rule allows the asker one of the interactions with a type.
func (a *Asker) allows(rule *RoleRule, typeName string, i smart.Interactions) bool {
	can, err := interactionsOf(rule.Interactions)
	return err == nil && can&i != 0 && rule.covers(typeName) && (len(rule.Purposes) == 0 || a.pursues(rule.Purposes))
}

// byRole holds of the resources of a type with which the asker's roles allow one of
// the interactions.
func (r *Rules) byRole(typeName string, i smart.Interactions) search.Expr {
	if r.asker.Roles == nil {
		return always()
	}
	any := never()
	for _, rule := range r.asker.allowing(typeName, i) {
		any = disj(any, r.byRule(rule, typeName))
	}
	return any
}

// byRule is what one rule reaches.
func (r *Rules) byRule(rule RoleRule, typeName string) search.Expr {
	x := r.reached(typeName, rule.Reach)
	if rule.Filter == "" {
		return x
	}
	q, err := r.dictionary.query(typeName, rule.Filter)
	if err != nil {
		return never() // it was refused when it was set
	}
	return conj(x, q)
}

// reached holds of the resources of a type that are within reach. What belongs to no
// patient is, but for what tells about a patient's, and the Subscriptions of others.
func (r *Rules) reached(typeName string, reach Reach) search.Expr {
	if reach == ReachAll {
		return always()
	}
	if classes[typeName] == kept {
		return r.kept(false)
	}
	patients := r.ownPatients
	if reach == ReachDepartment {
		patients = r.departments
	}
	switch classes[typeName] {
	case owned:
		return r.o.belonging(typeName, patients())
	case about:
		var types []string
		for _, t := range r.o.types {
			if classes[t] == owned {
				types = append(types, t)
			}
		}
		theirs := r.o.join(types, func(t string) search.Expr { return r.o.belonging(t, patients()) })
		any := never()
		for _, p := range r.o.params(typeName, []string{aboutCodes[typeName]}) {
			any = disj(any, search.Chain{Param: p, X: theirs})
		}
		return any
	}
	return always()
}

// belonging holds of the resources of a type that belong to one of patients.
func (o *Ownership) belonging(typeName string, patients search.Expr) search.Expr {
	if isNever(patients) {
		return never()
	}
	if typeName == patientType {
		return patients
	}
	any := never()
	for _, p := range o.params(typeName, ownerCodes(typeName)) {
		any = disj(any, search.Chain{Param: p, Target: patientType, X: patients})
	}
	return any
}

// findOwnPatients holds of the patients whom the user cares for.
func (r *Rules) findOwnPatients() search.Expr {
	any := never()
	if r.user.ID == "" {
		return any
	}
	named := func(typeName, code string) search.Expr {
		x := r.o.refersTo(typeName, code, r.user)
		for _, carer := range r.asker.Carers {
			x = disj(x, r.o.refersTo(typeName, code, carer))
		}
		return x
	}
	any = disj(any, named(patientType, "general-practitioner"))
	any = disj(any, r.has("CareTeam", "patient", conj(named("CareTeam", "participant"), r.o.tokens("CareTeam", []string{"status"}, "", "active"))))
	any = disj(any, r.has("Encounter", "patient", named("Encounter", "participant")))
	return disj(any, r.has("Appointment", "patient", named("Appointment", "actor")))
}

// findDepartments holds of the patients of the user's organizations.
func (r *Rules) findDepartments() search.Expr {
	any := never()
	for _, org := range r.asker.Organizations {
		any = disj(any, r.o.refersTo(patientType, "organization", org), r.has("Encounter", "patient", r.o.refersTo("Encounter", "service-provider", org)))
	}
	return any
}

func (r *Rules) has(source, code string, x search.Expr) search.Expr {
	any := never()
	if isNever(x) {
		return any
	}
	for _, p := range r.o.params(source, []string{code}) {
		any = disj(any, search.Has{Source: source, Param: p, X: x})
	}
	return any
}

// refersTo holds of resources of a type that refer to key by a parameter.
func (o *Ownership) refersTo(typeName, code string, key fhir.Key) search.Expr {
	any := never()
	for _, p := range o.params(typeName, []string{code}) {
		any = disj(any, search.Reference{Param: p, Type: string(key.Type), ID: string(key.ID)})
	}
	return any
}
