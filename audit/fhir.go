package audit

import (
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// A Projection is an event as AuditEvent resources: one for each patient whose data
// it touched, as BALP wants it, or one. They are made when they are asked for.

// IDPrefix begins the ids of AuditEvents that are events of the log.
const IDPrefix = "log."

// ID is the id of the AuditEvent of an event and its i-th patient, -1 for none.
func ID(number int64, patient int) string {
	id := IDPrefix + strconv.FormatInt(number, 10)
	if patient >= 0 {
		id += "." + strconv.Itoa(patient)
	}
	return id
}

// ParseID reads what ID makes.
func ParseID(id string) (number int64, patient int, ok bool) {
	text, ok := strings.CutPrefix(id, IDPrefix)
	text, at, several := strings.Cut(text, ".")
	number, err := strconv.ParseInt(text, 10, 64)
	patient = -1
	if err == nil && several {
		patient, err = strconv.Atoi(at)
		if patient < 0 {
			return 0, 0, false
		}
	}
	return number, patient, ok && err == nil && number >= 0 && ID(number, patient) == id
}

// Code systems.
const (
	systemType        = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	systemInteraction = "http://hl7.org/fhir/restful-interaction"
	systemDICOM       = "http://dicom.nema.org/resources/ontology/DCM"
	systemLifecycle   = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
	systemAct         = "https://ingle.health/fhir/CodeSystem/audit-act"
	systemRole        = "http://terminology.hl7.org/CodeSystem/object-role"
	systemEntity      = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	systemBALP        = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
	systemPurpose     = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	systemPart        = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	systemParticipant = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
	systemSource      = "http://terminology.hl7.org/CodeSystem/security-source-type"
	profileBALP       = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
	rolePolicy        = "https://ingle.health/fhir/role/"
	systemTypes       = "http://hl7.org/fhir/resource-types"
	jtiPolicy         = "urn:ietf:params:oauth:jti:"
	extensionDetail   = "http://hl7.org/fhir/5.0/StructureDefinition/extension-AuditEvent.outcome.detail"
)

type coding struct {
	System  string `json:"system,omitzero"`
	Code    string `json:"code"`
	Display string `json:"display,omitzero"`
}

type concept struct {
	Coding []coding `json:"coding,omitzero"`
	Text   string   `json:"text,omitzero"`
}

type identifier struct {
	Value string `json:"value"`
}

type reference struct {
	Reference  string      `json:"reference,omitzero"`
	Identifier *identifier `json:"identifier,omitzero"`
	Display    string      `json:"display,omitzero"`
}

type network struct {
	Address string `json:"address"`
	Type    string `json:"type"` // 1 name, 2 IP address, 5 URI
}

type agent struct {
	Type      concept    `json:"type"`
	Role      []concept  `json:"role,omitzero"`
	Who       *reference `json:"who,omitzero"`
	AltID     string     `json:"altId,omitzero"`
	Requestor bool       `json:"requestor"`
	Policy    []string   `json:"policy,omitzero"`
	Network   *network   `json:"network,omitzero"`
	Purpose   []concept  `json:"purposeOfUse,omitzero"`
}

type source struct {
	Observer reference `json:"observer"`
	Type     []coding  `json:"type"`
}

type detail struct {
	Type  string `json:"type"`
	Value string `json:"valueString"`
}

type entity struct {
	What        *reference `json:"what,omitzero"`
	Type        *coding    `json:"type,omitzero"`
	Role        *coding    `json:"role,omitzero"`
	Lifecycle   *coding    `json:"lifecycle,omitzero"`
	Name        string     `json:"name,omitzero"`
	Description string     `json:"description,omitzero"`
	Query       string     `json:"query,omitzero"`
	Detail      []detail   `json:"detail,omitzero"`
}

// extended is what stands beside a primitive value.
type extended struct {
	Extension []extension `json:"extension"`
}

type extension struct {
	URL   string  `json:"url"`
	Value concept `json:"valueCodeableConcept"`
}

type meta struct {
	Version string   `json:"versionId"`
	Updated string   `json:"lastUpdated"`
	Profile []string `json:"profile,omitzero"`
}

// auditEvent is R4's.
type auditEvent struct {
	ResourceType string    `json:"resourceType"`
	ID           string    `json:"id"`
	Meta         meta      `json:"meta"`
	Type         coding    `json:"type"`
	Subtype      []coding  `json:"subtype,omitzero"`
	Action       string    `json:"action"`
	Recorded     string    `json:"recorded"`
	Outcome      string    `json:"outcome"`
	OutcomeMore  *extended `json:"_outcome,omitzero"`
	OutcomeDesc  string    `json:"outcomeDesc,omitzero"`
	Purpose      []concept `json:"purposeOfEvent,omitzero"`
	Agent        []agent   `json:"agent"`
	Source       source    `json:"source"`
	Entity       []entity  `json:"entity,omitzero"`
}

// acts are the kinds that are no interactions, as type and subtype.
var acts = map[Kind][2]coding{
	SignIn:       {{systemDICOM, "110114", "User Authentication"}, {systemDICOM, "110122", "Login"}},
	SignOut:      {{systemDICOM, "110114", "User Authentication"}, {systemDICOM, "110123", "Logout"}},
	Authorize:    {{systemDICOM, "110114", "User Authentication"}, {systemAct, "authorize", "Authorization of an app"}},
	TokenIssue:   {{systemDICOM, "110114", "User Authentication"}, {systemAct, "token-issue", "Issue of tokens"}},
	TokenRevoke:  {{systemDICOM, "110114", "User Authentication"}, {systemAct, "token-revoke", "Revocation of a token"}},
	TokenInspect: {{systemDICOM, "110114", "User Authentication"}, {systemAct, "token-inspect", "Introspection of a token"}},
	Administer:   {{systemDICOM, "110113", "Security Alert"}, {systemDICOM, "110129", "Security Configuration"}},
	Account:      {{systemDICOM, "110113", "Security Alert"}, {systemDICOM, "110137", "User Security Attributes Changed"}},
	Refuse:       {{systemDICOM, "110113", "Security Alert"}, {systemAct, "refuse", "Refusal by a limit"}},
	Alert:        {{systemDICOM, "110113", "Security Alert"}, {systemAct, "alert", "Alert of the audit log"}},
	TakeUp:       {{systemDICOM, "110113", "Security Alert"}, {systemAct, "take-up", "Events that waited in a spool are taken up"}},
	BreakGlass:   {{systemDICOM, "110113", "Security Alert"}, {systemDICOM, "110127", "Emergency Override Started"}},
	Import:       {{systemDICOM, "110107", "Import"}, {systemAct, "import", "Import of files"}},
	Export:       {{systemDICOM, "110106", "Export"}, {systemAct, "export", "Export to files"}},
	Disclose:     {{systemLifecycle, "disclose", "Disclose"}, {systemLifecycle, "disclose", "Disclose"}},
}

// Types are the type and the subtype of a kind.
func (k Kind) types() (typ, subtype coding) {
	if both, ok := acts[k]; ok {
		return both[0], both[1]
	}
	return coding{systemType, "rest", "RESTful Operation"}, coding{systemInteraction, string(k), ""}
}

// FHIR is the AuditEvent (R4) of the event and its i-th patient, -1 for none. base
// is the address of the server. What belongs to other patients is left out of it;
// the query, too, when there are several.
func (e *Event) FHIR(base string, patient int) ([]byte, error) {
	typ, subtype := e.Kind.types()
	when := e.Time.UTC().Format("2006-01-02T15:04:05.000000Z")
	r := auditEvent{
		ResourceType: "AuditEvent", ID: ID(e.Number, patient), Meta: meta{Version: "1", Updated: e.Time.UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")},
		Type: typ, Subtype: []coding{subtype}, Action: string(rune(e.Kind.Action())), Recorded: when,
		Outcome: strconv.Itoa(e.Outcome()), OutcomeMore: e.outcomeDetail(), OutcomeDesc: e.outcomeText(), Agent: e.agents(base),
		Source: source{Observer: reference{Display: base}, Type: []coding{{systemSource, "4", "Application Server"}}},
	}
	r.Meta.Profile = e.profile(patient)
	if e.Agent.Purpose != "" {
		r.Purpose = []concept{{Coding: []coding{{System: systemPurpose, Code: e.Agent.Purpose}}}}
	}
	r.Entity = e.entities(patient)
	return json.Marshal(r)
}

func (e *Event) outcomeText() string {
	var words []string
	if e.Status > 0 {
		words = append(words, "HTTP "+strconv.Itoa(e.Status))
	}
	if e.Note != "" {
		words = append(words, e.Note)
	}
	if len(e.Why) > 0 {
		words = append(words, "because of "+strings.Join(e.Why, ", "))
	}
	return strings.Join(words, ": ")
}

// outcomeDetail is what outcomeText says after "because of", as R5 has it.
func (e *Event) outcomeDetail() *extended {
	if len(e.Why) == 0 {
		return nil
	}
	all := &extended{}
	for _, why := range e.Why {
		all.Extension = append(all.Extension, extension{extensionDetail, concept{Text: why}})
	}
	return all
}

func (e *Event) agents(base string) []agent {
	a := &e.Agent
	part := e.Kind.parts()
	client := agent{Type: concept{Coding: []coding{part.client}}, Requestor: a.User == ""}
	client.Who = &reference{Display: "unknown"}
	if a.Client != "" {
		client.Who = &reference{Identifier: &identifier{a.Client}}
	}
	if a.Address != "" {
		client.Network = &network{a.Address, "2"}
	}
	if a.Token != "" {
		client.Policy = []string{jtiPolicy + a.Token}
	}
	all := []agent{client, {
		Type: concept{Coding: []coding{part.server}},
		Who:  &reference{Display: base}, Network: &network{base, "5"},
	}}
	if a.User == "" && a.Login == "" {
		return all
	}
	user := agent{Type: concept{Coding: []coding{part.user}}, AltID: a.Login, Requestor: true}
	switch {
	case a.Is != "":
		user.Who = &reference{Reference: a.Is}
	case a.User != "":
		user.Who = &reference{Identifier: &identifier{a.User}}
	default:
		user.Who = &reference{Display: a.Login}
	}
	for _, role := range a.Roles {
		user.Role = append(user.Role, concept{Text: role})
	}
	user.Policy = e.policies()
	if a.Purpose != "" {
		user.Purpose = []concept{{Coding: []coding{{System: systemPurpose, Code: a.Purpose}}}}
	}
	return append(all, user)
}

// policies are those that let the user do it: the token, and the rules of roles.
func (e *Event) policies() (all []string) {
	if e.Agent.Token != "" {
		all = append(all, jtiPolicy+e.Agent.Token)
	}
	for _, why := range e.Why {
		if name, rule, ok := strings.Cut(strings.TrimPrefix(why, "role "), " rules["); ok && strings.HasPrefix(why, "role ") {
			all = append(all, rolePolicy+name+"#rules-"+strings.TrimSuffix(rule, "]"))
		}
	}
	return all
}

// consents are the Consents that counted for the data of the i-th patient, -1 for none:
// of all (BALP, AuthZconsent).
func (e *Event) consents(patient int) (all []entity) {
	for _, c := range e.Consents {
		if patient >= 0 && c.Patient != e.Patients[patient].Key {
			continue
		}
		all = append(all, consentEntity(c.Consent+"/_history/"+strconv.FormatInt(c.Version, 10)))
	}
	return all
}

func consentEntity(key string) entity {
	return entity{What: &reference{Reference: key}, Type: typeOf(key)}
}

// typeOf is the type of the resource of a key, as the kind of an entity.
func typeOf(key string) *coding {
	t, _, _ := strings.Cut(key, "/")
	return &coding{systemTypes, t, t}
}

func patientEntity(key string) entity {
	return entity{What: &reference{Reference: key}, Type: &coding{systemEntity, "1", "Person"}, Role: &coding{systemRole, "1", "Patient"}}
}

// concealed tells of what was hidden, of whom, and by what.
func (e *Event) concealed() (all []entity) {
	for _, key := range e.Hidden.Patients {
		all = append(all, patientEntity(key))
	}
	if e.Hidden.Key == "" {
		return all
	}
	by := []detail{}
	for _, one := range e.Hidden.By {
		by = append(by, detail{"hidden-by", one})
		if strings.HasPrefix(one, "Consent/") {
			all = append(all, consentEntity(one))
		}
	}
	return append(all, entity{
		What: &reference{Reference: e.Hidden.Key}, Type: typeOf(e.Hidden.Key), Role: &coding{systemRole, "4", "Domain Resource"}, Detail: by,
	})
}

func (e *Event) entities(patient int) []entity {
	var all []entity
	if patient >= 0 {
		all = append(all, patientEntity(e.Patients[patient].Key))
	}
	if e.Request != "" {
		all = append(all, entity{What: &reference{Identifier: &identifier{e.Request}}, Type: &coding{System: systemBALP, Code: "XrequestId"}})
	}
	touched := e.touched(patient)
	asked := e.asked()
	main := e.main(touched)
	if asked != nil && main < 0 {
		all = append(all, *asked)
	}
	for i, one := range touched {
		what := one.Key
		if one.Version > 0 {
			what += "/_history/" + strconv.FormatInt(one.Version, 10)
		}
		n := entity{Type: typeOf(one.Key), Role: &coding{systemRole, "4", "Domain Resource"}, Detail: actionDetail(e.Kind, one.Action)}
		if i == main {
			n.Type = &coding{systemEntity, "2", "System Object"}
			if asked != nil {
				n.Name, n.Query = asked.Name, asked.Query
			}
		}
		n.What = &reference{Reference: what}
		all = append(all, n)
	}
	return append(append(all, e.consents(patient)...), e.concealed()...)
}

// asked is what was asked for; nil when that tells of others than the one patient. It
// has a name or a query, never both (sev-1).
func (e *Event) asked() *entity {
	switch {
	case len(e.Patients) > 1:
		return nil
	case e.Query != "" || e.Kind == Search:
		text := e.Target
		if e.Query != "" || text == "" {
			text += "?" + e.Query
		}
		return &entity{
			Type: &coding{systemEntity, "2", "System Object"}, Role: &coding{systemRole, "24", "Query"},
			Query: base64.StdEncoding.EncodeToString([]byte(text)),
		}
	case e.Target != "":
		return &entity{Type: &coding{systemEntity, "2", "System Object"}, Role: &coding{systemRole, "4", "Domain Resource"}, Name: e.Target}
	}
	return nil
}

// touched are the resources of which the projection of a patient tells.
func (e *Event) touched(patient int) []Entity {
	if patient < 0 {
		return e.Entities
	}
	own := e.Patients[patient].Entities
	return append(own[:len(own):len(own)], e.Entities...)
}

// actionDetail says what was done to one of the resources of a bundle.
func actionDetail(k Kind, a Action) []detail {
	if k != Batch {
		return nil
	}
	return []detail{{"action", string(rune(a))}}
}
