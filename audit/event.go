// Package audit is the log of who did what with whose data: every pass through
// the door, every refusal and every act of authentication, by IHE BALP. Events are
// appended before an answer leaves, numbered, and made the leaves of a Merkle tree
// whose heads are signed, so that no event can be changed, taken out or moved
// unseen.
//
// IHE Basic Audit Log Patterns (BALP) 1.1.3, R4 §AuditEvent.
package audit

import (
	"time"
)

// Kind is what happened: a code of FHIR's restful interactions, or one of the acts
// below.
type Kind string

// The interactions (http://hl7.org/fhir/restful-interaction).
const (
	Read      Kind = "read"
	VRead     Kind = "vread"
	Create    Kind = "create"
	Update    Kind = "update"
	Patch     Kind = "patch"
	Delete    Kind = "delete"
	History   Kind = "history"
	Search    Kind = "search"
	Operation Kind = "operation"
	Batch     Kind = "batch"
)

// The acts that are no interactions.
const (
	SignIn       Kind = "sign-in"
	SignOut      Kind = "sign-out"
	Authorize    Kind = "authorize"     // a user allows an app something, or not
	TokenIssue   Kind = "token-issue"   // of any grant type
	TokenRevoke  Kind = "token-revoke"  // RFC 7009
	TokenInspect Kind = "token-inspect" // RFC 7662
	Administer   Kind = "administer"    // users, clients, roles, keys, policies
	Account      Kind = "account"       // of one's own: password, factors, sessions
	Import       Kind = "import"
	Export       Kind = "export"
	Disclose     Kind = "disclose"    // beyond treatment, payment and operations
	BreakGlass   Kind = "break-glass" // emergency access
	Refuse       Kind = "refuse"      // by a limit, before anybody looked at what was asked
	Alert        Kind = "alert"       // of the log itself
	TakeUp       Kind = "take-up"     // of events that waited in a spool
)

// Action is what an act does to its object (R4 AuditEvent.action).
type Action byte

// The actions.
const (
	Creates  Action = 'C'
	Reads    Action = 'R'
	Updates  Action = 'U'
	Deletes  Action = 'D'
	Executes Action = 'E'
)

// Action is the one of a kind.
func (k Kind) Action() Action {
	switch k {
	case Create:
		return Creates
	case Read, VRead, History, Export:
		return Reads
	case Update, Patch:
		return Updates
	case Delete:
		return Deletes
	}
	return Executes
}

// Agent is who acted.
type Agent struct {
	User    string   // id at the authorization server; "" for none
	Login   string   // by which the user signs in
	Is      string   // the user's own resource: "Practitioner/okafor"
	Roles   []string // that the user has here
	Purpose string   // of use: TREAT, BTG ... (http://terminology.hl7.org/ValueSet/v3-PurposeOfUse)
	Client  string   // id of the app
	Token   string   // id of the access token as its issuer knows it; no part of it
	Address string   // on the network
}

// Entity is a resource that an event touched.
type Entity struct {
	Action  Action
	Key     string // "Observation/1"
	Version int64  // 0 when there is none
}

// Patient is a patient whose data an event touched, with which.
type Patient struct {
	Key      string // "Patient/maria"
	Entities []Entity
}

// Event is one thing that happened. It holds no clinical data beside what a query
// asks for, and no secret. It tells of patients, so it is for few to see.
type Event struct {
	Number  int64 // place in the log, which gives it; -1 for none yet
	Time    time.Time
	Kind    Kind
	Status  int // of HTTP; 0 for acts that are no requests and went well
	Agent   Agent
	Request string   // X-Request-Id
	Refused bool     // whatever its status says: a page can tell what is wrong, too
	Why     []string // by what it was allowed or refused, in short words
	Note    string   // what was done, of an act; why not, of a refusal
	Target  string   // what was asked for: "Observation", "Patient/maria/$everything"
	Query   string   // search parameters, as in a URL
	Count   int      // resources returned or written
	// Entities are those of no patient, and up to maxEntities in all.
	Entities []Entity
	Patients []Patient // without Key: erased
	Consents []Counted // that decided about the data of patients
	Hidden   Hidden    // what was asked for and not shown
	Erased   bool      // its content was erased; Number is all there is
}

// Counted is a Consent that counted for an event: it was in force, and about who
// asked, the purpose, and what was asked for.
type Counted struct {
	Patient string // whose it is: "Patient/maria"
	Consent string // "Consent/1"
	Version int64
}

// Hidden is a resource that is there and was kept from who asked for it.
type Hidden struct {
	Key string   // "Observation/1"; "" for none
	By  []string // what hid it: "Consent/1", "role nurse", in short words
	// Patients are those whose it is, "Patient/maria", and whom the event names beside
	// Event.Patients. They are told of nothing by it: it is found for who may read the
	// whole log, and when they are erased.
	Patients []string
}

// Outcome is how serious the failure of an event was (R4 AuditEvent.outcome): 0, 4
// or 8.
func (e *Event) Outcome() int {
	switch {
	case e.Status >= 500:
		return 8
	case e.Status >= 400, e.Refused:
		return 4
	}
	return 0
}

// maxEntities bounds the resources that an event names.
const maxEntities = 1000
