package access

import (
	"slices"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// Operation is something about records as a whole that a role may allow, beside
// interactions with resources.
type Operation string

// Operations.
const (
	Hold   Operation = "hold"   // sets and lifts legal holds
	Erase  Operation = "erase"  // erases patients
	Retain Operation = "retain" // says after which time what is removed
	Usage  Operation = "usage"  // sees who used how much
	// Consents sees what is unclear about consents and reviews it, and says what holds
	// where none decides.
	Consents Operation = "consents"
	Limit    Operation = "limit" // says how much apps, users and addresses may ask for
)

// Operations are all of them.
func Operations() []Operation { return []Operation{Hold, Erase, Retain, Usage, Consents, Limit} }

// Operates says whether the asker may do an operation: a role allows it, or the user
// administers the place, or the token is one that an administrator of the server made;
// and a scope above level patient allows the interaction that the operation comes
// closest to with a type.
func (r *Rules) Operates(o Operation, t fhir.Type, i smart.Interactions) bool {
	allowing := func(s smart.Scope) bool {
		return s.Level != smart.Patient && s.Query == "" && applies(s, string(t), i)
	}
	if slices.ContainsFunc(r.grant.Administers.Resources(), allowing) {
		return true
	}
	if !slices.ContainsFunc(r.scopes, allowing) {
		return false
	}
	if r.asker.Roles == nil {
		return r.asker.Exempt && r.user == (fhir.Key{}) && r.patient == ""
	}
	return slices.ContainsFunc(r.asker.Roles, func(role Role) bool { return slices.Contains(role.Operations, o) })
}

// OwnedTypes are the resource types that patients own, but for Patient. The caller must not
// change the slice.
func (o *Ownership) OwnedTypes() []string { return o.owned }

// Ownerless says whether resources of a type that patients own need no owner: then
// they are of whoever refers to them.
func Ownerless(t fhir.Type) bool { return ownerless[string(t)] != nil }

// About says whether resources of a type tell of others, to which they refer.
func About(t fhir.Type) bool { return classes[string(t)] == about }
