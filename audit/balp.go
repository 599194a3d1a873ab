package audit

import "strings"

// What IHE BALP asks of the AuditEvents that say they follow one of its profiles.

// profiles are BALP's, of which each has a twin for patients.
var profiles = map[Kind]string{Read: "Read", VRead: "Read", Create: "Create", Update: "Update", Patch: "Update", Delete: "Delete", Search: queryProfile}

const queryProfile = "Query"

// profile is the one that the AuditEvent of the i-th patient, -1 for none, follows; none
// of what was refused or failed, of what was touched in another way than its kind says,
// and of a query that is not told.
func (e *Event) profile(patient int) []string {
	name := profiles[e.Kind]
	if name == "" || e.Outcome() != 0 || e.Agent.Address == "" {
		return nil
	}
	if name == queryProfile && e.asked() == nil || name != queryProfile && e.main(e.touched(patient)) < 0 {
		return nil
	}
	if patient >= 0 {
		name = "Patient" + name
	}
	return []string{profileBALP + name}
}

// main is the place of the one resource that a read or a write of one was about; -1 for
// none. The others came with it.
func (e *Event) main(touched []Entity) int {
	if name := profiles[e.Kind]; name == "" || name == queryProfile {
		return -1
	}
	typ, _, _ := strings.Cut(e.Target, "/")
	found := -1
	for i, one := range touched {
		if one.Action != e.Kind.Action() || !strings.HasPrefix(one.Key, typ+"/") {
			continue
		}
		if rest, ok := strings.CutPrefix(e.Target, one.Key); ok && (rest == "" || rest[0] == '/') {
			return i
		}
		if found < 0 {
			found = i
		}
	}
	return found
}

// parts are as what client, server and user take part.
type parts struct{ client, server, user coding }

// parts of a kind: what is read flows to the client, and what is written to the server.
func (k Kind) parts() parts {
	source, destination := coding{systemDICOM, "110153", "Source Role ID"}, coding{systemDICOM, "110152", "Destination Role ID"}
	recipient, author := coding{systemPart, "IRCP", "information recipient"}, coding{systemPart, "AUT", "author (originator)"}
	switch k {
	case Read, VRead, History, Export:
		return parts{destination, source, recipient}
	case Create, Update, Patch:
		return parts{source, destination, author}
	case Delete:
		return parts{coding{systemDICOM, "110150", "Application"}, coding{systemParticipant, "custodian", "Custodian"}, author}
	}
	return parts{source, destination, recipient} // of a query that is the question
}
