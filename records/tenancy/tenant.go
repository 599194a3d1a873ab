// Package tenancy makes tenants, copies, suspends and removes them while servers run.
//
// Which there are stands in a setting of the default tenant's store, which every process
// on it reads again and again (Watch). Making and removing are durable jobs there: when
// a process dies at it another one, or the next, begins anew.
package tenancy

import (
	"fmt"
	"regexp"
	"time"

	"github.com/inglehealth/ingle/spec/fault"
)

// Tenant is one of the list.
type Tenant struct {
	Name     string    `json:"name"`
	State    State     `json:"state"`
	Content  Content   `json:"content"`
	Of       string    `json:"of,omitempty"`       // the tenant that a Copy is of; "" for the default one
	Patients int       `json:"patients,omitempty"` // that a Sandbox is made with; 0: as many as whoever makes it gives any
	By       string    `json:"by"`                 // the login of who had it made
	Created  time.Time `json:"created"`
	Since    time.Time `json:"since"`           // when its State changed last
	Job      string    `json:"job,omitempty"`   // that is at it, or was last
	Error    string    `json:"error,omitempty"` // why it Failed
}

// State says how far a tenant is.
type State string

// The states.
const (
	Making    State = "making"    // it is being made
	Serving   State = "serving"   // requests to it are answered
	Suspended State = "suspended" // nobody reaches it, and all of it is kept
	Ending    State = "ending"    // it is being removed
	Failed    State = "failed"    // it could not be made, and nothing of it is there
)

// Content is what is in a tenant when it has been made.
type Content string

// The contents.
const (
	Empty   Content = "empty"
	Copy    Content = "copy"    // of another tenant: records, users, apps, rules and audit log
	Sandbox Content = "sandbox" // a clinic and its synthetic patients, which can be reset
)

// String names a tenant with what is in it.
func (t Tenant) String() string {
	switch t.Content {
	case Copy:
		return fmt.Sprintf("tenant %s (a copy of %s)", t.Name, Called(t.Of))
	case Sandbox:
		return fmt.Sprintf("tenant %s (a sandbox)", t.Name)
	}
	return "tenant " + t.Name
}

// Called is what people call a tenant.
func Called(name string) string {
	if name == "" {
		return "the default tenant"
	}
	return "tenant " + name
}

var names = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// ValidName says whether a tenant may be called so.
func ValidName(name string) bool { return names.MatchString(name) }

// NameRule is what ValidName asks for.
const NameRule = "a tenant's name has 1 to 32 of a-z, 0-9 and '-', and begins with a letter"

// check refuses what cannot be made.
func (t Tenant) check() error {
	switch {
	case !ValidName(t.Name):
		return fault.New(fault.Invalid, fault.CodeValue, "name", "%s.", upper(NameRule))
	case t.Name == "default":
		return fault.New(fault.Invalid, fault.CodeValue, "name", "The tenant without a name is called the default one: choose another name.")
	case t.Content != Empty && t.Content != Copy && t.Content != Sandbox:
		return fault.New(fault.Invalid, fault.CodeValue, "content", "A tenant is empty, a copy, or a sandbox.")
	}
	return nil
}

func upper(text string) string { return string(text[0]-'a'+'A') + text[1:] }
