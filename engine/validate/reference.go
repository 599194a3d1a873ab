package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// target checks that a reference points to one of the types allowed, as far
// as that can be seen from the reference itself, the contained resources and
// the Bundle around it.
func (r *run) target(n fhir.Node, allowed []string) {
	name := r.targetType(n)
	typ := r.v.definitions.Type(name)
	if typ == nil || slices.ContainsFunc(allowed, typ.Is) {
		return
	}
	r.add(fault.ErrorLevel, fault.CodeValue, n, fmt.Sprintf("refers to %s; allowed here: %s", name, listed(allowed, false)))
}

// address checks that a reference has the form of one.
func (r *run) address(n fhir.Node) {
	if reference := n.Child("reference"); strings.ContainsAny(reference.Text(), " \t\r\n") {
		r.add(fault.ErrorLevel, fault.CodeValue, reference, "is no address, as it holds white space: "+fault.Shorten(reference.Text()))
	}
}

// agree checks that a reference which is resolved in its Bundle leads to a
// resource of the type that the reference names.
func (r *run) agree(n fhir.Node) {
	reference := n.Child("reference").Text()
	named := r.namedType(reference)
	if named == "" {
		return
	}
	if found := r.local(n, reference); !found.IsZero() && found.Type().Name != named {
		r.add(fault.ErrorLevel, fault.CodeValue, n, fmt.Sprintf("says that it refers to %s, but the entry with that fullUrl is of type %s", named, found.Type().Name))
	}
}

// targetType is the type that a Reference points to, "" when it cannot be
// told.
func (r *run) targetType(n fhir.Node) string {
	if ref := n.Child("reference"); ref.HasValue() {
		if name := r.namedType(ref.Text()); name != "" {
			return name
		}
		if found := r.local(n, ref.Text()); !found.IsZero() {
			return found.Type().Name
		}
	}
	if typ := n.Child("type"); typ.HasValue() {
		return strings.TrimPrefix(typ.Text(), "http://hl7.org/fhir/StructureDefinition/")
	}
	return ""
}

// namedType reads the type from "Patient/1", "Patient?identifier=…" or
// "http://server/base/Patient/1/_history/2".
func (r *run) namedType(reference string) string {
	if strings.HasPrefix(reference, "#") || strings.HasPrefix(reference, "urn:") {
		return ""
	}
	if at := strings.IndexAny(reference, "?#"); at >= 0 {
		conditional := reference[at] == '?'
		reference = reference[:at]
		if conditional && r.v.definitions.IsResource(reference) {
			return reference
		}
	}
	if at := strings.Index(reference, "/_history/"); at >= 0 {
		reference = reference[:at]
	}
	id := strings.LastIndexByte(reference, '/')
	if id < 0 {
		return ""
	}
	name := reference[strings.LastIndexByte(reference[:id], '/')+1 : id]
	if r.v.definitions.IsResource(name) && fhir.ID(reference[id+1:]).Valid() {
		return name
	}
	return ""
}

// container is the resource that holds the contained resources which n may
// refer to: the outermost one that is no entry of a Bundle or Parameters.
func container(n fhir.Node) fhir.Node {
	var found fhir.Node
	for ; !n.IsZero(); n = n.Parent() {
		if n.IsResource() {
			found = n
			if n.Name() != "contained" {
				return found
			}
		}
	}
	return found
}

// local finds the target of a reference among the contained resources or the
// entries of the Bundle that n is in; the zero Node when it is not there.
func (r *run) local(n fhir.Node, reference string) fhir.Node {
	home := container(n)
	if id, ok := strings.CutPrefix(reference, "#"); ok {
		if id == "" {
			return home
		}
		return r.contained(home, id)
	}
	entry := home.Parent()
	if entry.IsZero() || entry.Name() != "entry" {
		return fhir.Node{}
	}
	entries := r.entriesOf(entry.Parent())
	if e, ok := entries[reference]; ok {
		return e
	}
	return entries[r.absolute(reference, entry.Child("fullUrl").Text())]
}

// absolute is the fullUrl that a reference within an entry means. A relative one has the
// root of the entry's own fullUrl, or, where entries have UUIDs, its id is the UUID.
// R4 §2.36.4.1 Resolving references in Bundles.
func (r *run) absolute(reference, full string) string {
	if strings.Contains(reference, ":") {
		return reference
	}
	if root, ok := r.root(full); ok {
		return root + reference
	}
	if strings.HasPrefix(full, "urn:uuid:") && r.namedType(reference) != "" {
		reference, _, _ = strings.Cut(reference, "/_history/")
		return "urn:uuid:" + reference[strings.LastIndexByte(reference, '/')+1:]
	}
	return reference
}

// root is what stands before the type and the id in the address of a resource on a
// server.
func (r *run) root(full string) (string, bool) {
	if !strings.HasPrefix(full, "http") || r.namedType(full) == "" {
		return "", false
	}
	full, _, _ = strings.Cut(full, "/_history/")
	id := strings.LastIndexByte(full, '/')
	return full[:strings.LastIndexByte(full[:id], '/')+1], true
}

// contained finds the contained resource with an id; the zero Node when there
// is none.
func (r *run) contained(home fhir.Node, id string) fhir.Node {
	n := 0
	for c := range home.All("contained") {
		if c.Child("id").Text() == id {
			return c
		}
		if n++; n == fewContained {
			return r.containedOf(home)[id]
		}
	}
	return fhir.Node{}
}

// fewContained is how many contained resources are looked through one by one.
const fewContained = 16

func (r *run) containedOf(home fhir.Node) map[string]fhir.Node {
	if ids, ok := r.known[home]; ok {
		return ids
	}
	ids := map[string]fhir.Node{}
	for c := range home.All("contained") {
		if id := c.Child("id").Text(); ids[id].IsZero() {
			ids[id] = c
		}
	}
	r.remember(home, ids)
	return ids
}

func (r *run) remember(n fhir.Node, found map[string]fhir.Node) {
	if r.known == nil {
		r.known = map[fhir.Node]map[string]fhir.Node{}
	}
	r.known[n] = found
}

// entriesOf are the resources of a Bundle by fullUrl.
func (r *run) entriesOf(bundle fhir.Node) map[string]fhir.Node {
	if entries, ok := r.known[bundle]; ok {
		return entries
	}
	entries := map[string]fhir.Node{}
	for e := range bundle.All("entry") {
		if url := e.Child("fullUrl").Text(); url != "" {
			entries[url] = e.Child("resource")
		}
	}
	r.remember(bundle, entries)
	return entries
}

// typeOfProfile is the resource type that a profile, or a type's canonical,
// constrains; "" when it is not known.
func (v *Validator) typeOfProfile(canonical string) string {
	if t := v.definitions.TypeOf(canonical); t != nil {
		return t.Name
	}
	if p := v.definitions.Profile(canonical); p != nil {
		return p.Type
	}
	return ""
}
