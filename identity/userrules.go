package identity

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Role is what a user does at the place that the tenant is.
type Role string

// The roles.
const (
	Patient        Role = "patient"
	Proxy          Role = "proxy"
	Practitioner   Role = "practitioner"
	Nurse          Role = "nurse"
	FrontDesk      Role = "front-desk"
	PrivacyOfficer Role = "privacy-officer"
	Administrator  Role = "administrator"
	AppDeveloper   Role = "app-developer"
)

// Staff says whether users with the role work here: all but those of the roles that
// have other rights.
func (r Role) Staff() bool {
	return r != "" && !slices.Contains([]Role{Patient, Proxy, Administrator, AppDeveloper}, r)
}

// Roles are the roles of a new server.
func Roles() []Role {
	return []Role{Patient, Proxy, Practitioner, Nurse, FrontDesk, PrivacyOfficer, Administrator, AppDeveloper}
}

// Bounds of a user.
const (
	maxLogin = 128 // bytes
	maxName  = 200 // characters
	maxLinks = 50
)

// linkTypes are the types that fhirUser may name, and Ingle lets it name.
var linkTypes = []fhir.Type{"Practitioner", "Patient", "RelatedPerson", "Person"}

// canonicalLogin is what two spellings of a login have in common: RFC 8265,
// UsernameCaseMapped.
func canonicalLogin(login string) (string, error) {
	canonical, err := precis.UsernameCaseMapped.String(login)
	if err != nil || canonical == "" || len(login) > maxLogin || len(canonical) > maxLogin {
		return "", fault.New(fault.Unprocessable, fault.CodeValue, "login",
			"a login has 1 to %d letters, digits and signs without spaces, such as a name or an e-mail address", maxLogin)
	}
	return canonical, nil
}

func loginTaken(login string) error {
	return fault.New(fault.Conflict, fault.CodeDuplicate, "login", "the login %q is taken; choose another", login)
}

// check says which rule a user breaks, and returns the canonical login.
func (u *User) check() (string, error) {
	canonical, err := canonicalLogin(u.Login)
	if err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(u.Name); n > maxName || !utf8.ValidString(u.Name) {
		return "", fault.New(fault.Unprocessable, fault.CodeTooLong, "name", "a name has at most %d characters", maxName)
	}
	if len(u.Links) > maxLinks {
		return "", fault.New(fault.Unprocessable, fault.CodeTooLong, "links", "a user has at most %d links", maxLinks)
	}
	for i, l := range u.Links {
		switch {
		case !slices.Contains(linkTypes, l.Type) || !l.ID.Valid():
			return "", fault.New(fault.Unprocessable, fault.CodeValue, "links",
				"%q is no resource that a user can be: it is one of Practitioner, Patient, RelatedPerson and Person, such as Patient/123", l.Key())
		case l.PractitionerRole != "" && (l.Type != "Practitioner" || !l.PractitionerRole.Valid()):
			return "", fault.New(fault.Unprocessable, fault.CodeValue, "links", "%s: only a Practitioner has a PractitionerRole, named by its id", l.Key())
		case slices.ContainsFunc(u.Links[:i], func(o Link) bool { return o.Key() == l.Key() }):
			return "", fault.New(fault.Unprocessable, fault.CodeDuplicate, "links", "%s is linked twice", l.Key())
		}
	}
	return canonical, nil
}
