package audit

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// projected is as much of an AuditEvent as BALP's profiles ask for.
type projected struct {
	Meta    struct{ Profile []string }
	Subtype []struct{ Code string }
	Action  string
	Outcome string
	Agent   []struct {
		Type struct {
			Coding []struct{ System, Code string }
		}
		Who       any
		Network   any
		Requestor bool
	}
	Entity []struct {
		What        any
		Type, Role  struct{ System, Code string }
		Name, Query string
		Detail      []any
	}
}

// asked is what BALP 1.1.4 asks of a profile: the action, the types of client, server and
// user, and which subtypes may be.
var asked = map[string]struct{ action, client, server, user, subtypes string }{
	"Create": {"C", "110153", "110152", "AUT", "create"},
	"Read":   {"R", "110152", "110153", "IRCP", "read vread"},
	"Update": {"U", "110153", "110152", "AUT", "update patch"},
	"Delete": {"D", "110150", "custodian", "AUT", "delete"},
	"Query":  {"E", "110153", "110152", "IRCP", "search"},
}

// blame says what an AuditEvent lacks that the profile asks for which it names; "" for
// nothing.
func (p *projected) blame() string {
	if len(p.Meta.Profile) == 0 {
		return ""
	}
	name := strings.TrimPrefix(p.Meta.Profile[0], profileBALP)
	kind, ofPatient := strings.CutPrefix(name, "Patient")
	want, known := asked[kind]
	agents := map[string]int{}
	for i, a := range p.Agent {
		agents[a.Type.Coding[0].Code]++
		if a.Who == nil || i < 2 && a.Network == nil || i == 2 && (a.Network != nil || !a.Requestor) {
			return "who or network"
		}
	}
	entities := map[string]int{} // by type, which tells slices apart
	for _, e := range p.Entity {
		entities[e.Type.Code]++
		switch {
		case e.Name != "" && e.Query != "":
			return "a name and a query"
		case e.Type.Code != "2":
		case kind == "Query" && (e.What != nil || e.Role.Code != "24" || e.Query == "" || e.Detail != nil):
			return "the query"
		case kind != "Query" && (e.What == nil || e.Role.Code != "4"):
			return "the data"
		}
	}
	switch {
	case !known:
		return "no such profile"
	case p.Outcome != "0":
		return "its outcome"
	case p.Action != want.action || len(p.Subtype) != 1 || !slices.Contains(strings.Fields(want.subtypes), p.Subtype[0].Code):
		return "the action or subtype"
	case agents[want.client] != 1 || agents[want.server] != 1 || len(p.Agent) == 3 && agents[want.user] != 1:
		return "the agents"
	case entities["2"] != 1 || ofPatient != (entities["1"] == 1) || entities["XrequestId"] > 1:
		return "the entities"
	}
	return ""
}

func TestAnEventThatNamesAProfileOfBALPHasWhatThatAsksFor(t *testing.T) {
	did := func(k Kind, target, query string, touched ...Entity) *Event {
		e := seen("maria")
		e.Kind, e.Target, e.Query, e.Patients[0].Entities = k, target, query, touched
		return e
	}
	with := func(e *Event, change func(*Event)) *Event { change(e); return e }
	one, by := Entity{Reads, "Observation/1", 3}, Entity{Reads, "RelatedPerson/r", 1}
	for name, c := range map[string]struct {
		event   *Event
		profile string
	}{
		"a read":                       {did(Read, "Observation/1", "", one), "PatientRead"},
		"a read by a proxy, as XML":    {did(Read, "Observation/1", "_format=xml", by, one), "PatientRead"},
		"a version":                    {did(VRead, "Observation/1/_history/3", "", one), "PatientRead"},
		"a history":                    {did(History, "Observation/1/_history", "", one), ""},
		"a create with its Provenance": {did(Create, "Observation", "", Entity{Creates, "Provenance/p", 1}, Entity{Creates, "Observation/1", 1}), "PatientCreate"},
		"an update":                    {did(Update, "Observation/1", "", by, Entity{Updates, "Observation/1", 4}), "PatientUpdate"},
		"a conditional patch":          {did(Patch, "Observation", "identifier=x", Entity{Updates, "Observation/1", 4}), "PatientUpdate"},
		"a delete of several":          {did(Delete, "Observation", "code=x", Entity{Deletes, "Observation/1", 4}, Entity{Deletes, "Observation/2", 4}), "PatientDelete"},
		"an update that made it":       {did(Update, "Observation/1", "", Entity{Creates, "Observation/1", 1}), ""},
		"a search":                     {did(Search, "Observation", "patient=maria", one, by), "PatientQuery"},
		"a search of everything":       {did(Search, "", "", one), "PatientQuery"},
		"a search for nobody":          {with(did(Search, "Observation", "code=x"), func(e *Event) { e.Patients = nil }), "Query"},
		"a read of nobody's":           {with(did(Read, "Organization/o", ""), func(e *Event) { e.Patients, e.Entities = nil, []Entity{{Reads, "Organization/o", 1}} }), "Read"},
		"a search about several":       {with(seen("maria 1", "walter 2"), func(*Event) {}), ""},
		"what is shared by several": {with(seen("maria", "walter"), func(e *Event) {
			e.Kind, e.Target, e.Entities = Read, "Appointment/a", []Entity{{Reads, "Appointment/a", 1}}
		}), "PatientRead"},
		"what was refused":     {with(did(Read, "Observation/1", ""), func(e *Event) { e.Status = 403 }), ""},
		"a page":               {did(Read, "clinic/patient/maria", "", one, by), ""},
		"a batch":              {did(Batch, "", "", one, by), ""},
		"by a token of nobody": {with(did(Read, "Observation/1", "", one), func(e *Event) { e.Agent = Agent{Login: "script", Address: "192.0.2.7"} }), "PatientRead"},
		"by an app alone":      {with(did(Delete, "Observation/1", "", Entity{Deletes, "Observation/1", 4}), func(e *Event) { e.Agent = Agent{Client: "app", Address: "192.0.2.7"} }), "PatientDelete"},
	} {
		for patient := -1; patient < len(c.event.Patients); patient++ {
			if (patient < 0) != (len(c.event.Patients) == 0) {
				continue
			}
			text, err := c.event.FHIR(base, patient)
			if err != nil {
				t.Fatal(err)
			}
			var p projected
			if err := json.Unmarshal(text, &p); err != nil {
				t.Fatal(err)
			}
			profile := ""
			if len(p.Meta.Profile) > 0 {
				profile = strings.TrimPrefix(p.Meta.Profile[0], profileBALP)
			}
			if what := p.blame(); what != "" || profile != c.profile {
				t.Errorf("%s follows %q and lacks %q: %s", name, profile, what, text)
			}
		}
	}
}
