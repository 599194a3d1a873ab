package leaktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// What the standards say of what is masked.
const (
	absentURL    = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
	valueSystem  = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
	emptyText    = `<div xmlns="http://www.w3.org/1999/xhtml">masked</div>`
	redactedCode = "REDACTED"
	partCode     = "SUBSETTED"
)

// Unexplained says what an answer tells of a version that the principal is not shown, or
// lacks of what the principal is; nothing when it is as it should be. A part need not have
// everything.
func (s *Sight) Unexplained(v *Version, answer []byte, part bool) []string {
	var body map[string]any
	if err := json.Unmarshal(answer, &body); err != nil {
		return []string{err.Error()}
	}
	said := &telling{leaves: map[string]int{}}
	said.node(body, nil)
	may := s.told(v)
	var wrong []string
	if may.redacted != said.redacted && !(part && body["meta"] == nil) {
		wrong = append(wrong, fmt.Sprintf("it says that it is redacted: %v", said.redacted))
	}
	for _, leaf := range slices.Sorted(maps.Keys(said.leaves)) {
		if said.leaves[leaf] > may.leaves[leaf] {
			wrong = append(wrong, "it tells "+leaf)
		}
	}
	for _, leaf := range slices.Sorted(maps.Keys(may.leaves)) {
		if said.leaves[leaf] < may.leaves[leaf] && !part {
			wrong = append(wrong, "it lacks "+leaf)
		}
	}
	return wrong
}

// Shows says whether a value is one of those that the principal is shown of a version.
func (s *Sight) Shows(v *Version, value string) bool {
	for leaf := range s.told(v).leaves {
		if said, ok := textOf(leaf); ok && said == value {
			return true
		}
	}
	return false
}

// textOf is the value of a leaf, if that is an element: a type is none.
func textOf(leaf string) (value string, ok bool) {
	path, value, _ := strings.Cut(leaf, "=")
	return value, !strings.HasSuffix(path, "resourceType")
}

// Partly says whether the principal is shown but a part of a version.
func (s *Sight) Partly(v *Version) bool { return s.told(v).redacted }

// Values are the texts in a version, shown or not.
func (v *Version) Values() (all []string) {
	whole := &telling{leaves: map[string]int{}}
	whole.node(v.Body, nil)
	for leaf := range whole.leaves {
		if value, ok := textOf(leaf); ok {
			all = append(all, value)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// told is what the principal may be told of a version.
func (s *Sight) told(v *Version) *telling {
	if t := s.tellings[v]; t != nil {
		return t
	}
	// What is left out takes all narratives along, so that there are two passes.
	first := &telling{leaves: map[string]int{}, s: s, root: v.Body}
	first.node(v.Body, nil)
	may := first
	if first.redacted {
		may = &telling{leaves: map[string]int{}, s: s, root: v.Body, redacted: true}
		may.node(v.Body, nil)
	}
	s.tellings[v] = may
	return may
}

// telling is what some JSON tells: each value with the path to it, without places in lists,
// and how often it stands there. Reasons for what is missing and labels of what is left are not of it.
type telling struct {
	s        *Sight // whose masks count; nil: none
	root     map[string]any
	leaves   map[string]int
	redacted bool
	resource string // the type of that which is looked at
	depth    int    // of that in the path
}

func (t *telling) node(node any, path []string) {
	switch node := node.(type) {
	case nil:
	case []any:
		for _, one := range node {
			t.node(one, path)
		}
	case map[string]any:
		t.object(node, path)
	default:
		t.leaves[fmt.Sprintf("%s=%v", strings.Join(path, "."), node)]++
	}
}

func (t *telling) object(node map[string]any, path []string) {
	if typeName := text(node, "resourceType"); typeName != "" {
		resource, depth := t.resource, t.depth
		defer func() { t.resource, t.depth = resource, depth }()
		t.resource, t.depth = typeName, len(path)
		t.redacted = t.redacted || t.s != nil && slices.ContainsFunc(t.s.Masks(), func(mask string) bool { return strings.HasPrefix(mask, typeName+".") })
	}
	switch {
	case t.isBesides(node):
		return
	case node["div"] != nil && (t.s == nil && node["div"] == emptyText && node["status"] == "empty" || t.s != nil && t.redacted):
		return
	}
	for name, one := range node {
		at := append(slices.Clone(path), strings.TrimPrefix(name, "_"))
		if name == "contained" && t.s != nil && t.redacted {
			one = t.staying(node, path)
		}
		switch {
		case t.s == nil:
		case t.isMasked(at):
			continue
		case t.isNameless(node, at):
			t.redacted = true
			continue
		}
		t.node(one, at)
	}
}

// isMasked says whether what a path leads to is in an element that is masked.
func (t *telling) isMasked(path []string) bool {
	names := append([]string{t.resource}, path[t.depth:]...)
	return slices.ContainsFunc(t.s.Masks(), func(mask string) bool { return within(names, mask) })
}

// isBesides says whether an object tells only that something is missing.
func (t *telling) isBesides(node map[string]any) bool {
	switch {
	case t.s != nil:
		return false
	case node["url"] == absentURL && node["valueCode"] == "masked":
		return true
	case node["system"] == valueSystem && node["code"] == redactedCode:
		t.redacted = true
		return true
	}
	return node["system"] == valueSystem && node["code"] == partCode
}

// isNameless says whether a property is a part of a Reference that is not told.
func (t *telling) isNameless(node map[string]any, path []string) bool {
	part := path[len(path)-1]
	if part != "display" && part != "identifier" || len(path) < 2 || !isReference(node, path[len(path)-2]) {
		return false
	}
	return t.s.HidesNames(part, t.targets(node, path[len(path)-2])...)
}

// isReference says whether an object is a Reference: a Coding has a code or a system where it has a
// display, and stands in elements of known names.
func isReference(node map[string]any, name string) bool {
	for property := range node {
		if !slices.Contains([]string{"id", "extension", "reference", "_reference", "type", "identifier", "display", "_display"}, property) {
			return false
		}
	}
	_, logical := node["identifier"].(map[string]any)
	return node["reference"] != nil || logical || !slices.Contains([]string{"coding", "class", "tag", "security"}, name)
}

// targets are the types that a Reference in an element may be to.
func (t *telling) targets(node map[string]any, name string) []string {
	literal := text(node, "reference")
	if literal == "#" {
		return []string{text(t.root, "resourceType")}
	}
	if id, inside := strings.CutPrefix(literal, "#"); inside {
		for _, one := range at(t.root, "contained") {
			if text(one, "id") == id {
				return []string{text(one, "resourceType")}
			}
		}
	}
	if typeName := text(node, "type"); typeName != "" {
		return []string{typeName}
	}
	parts := strings.Split(literal, "/")
	if i := slices.Index(parts, "_history"); i >= 0 {
		parts = parts[:i]
	}
	if n := len(parts); n >= 2 {
		return []string{parts[n-2]}
	}
	types, known := meanings[name]
	if !known {
		panic("leaktest: it is not known to what " + name + " may refer")
	}
	return types
}

// meanings are the types that elements may refer to of which the server is told no more than a
// name.
var meanings = map[string][]string{
	"actor":      {"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Device", "HealthcareService", "Location"},
	"author":     {"Practitioner", "PractitionerRole", "Device", "Patient", "RelatedPerson", "Organization"},
	"coverage":   {"Coverage"},
	"insurer":    {"Organization"},
	"payor":      {"Organization", "Patient", "RelatedPerson"},
	"performer":  {"Practitioner", "PractitionerRole", "Organization", "CareTeam", "Patient", "RelatedPerson"},
	"individual": {"Practitioner", "PractitionerRole", "RelatedPerson"},
	"result":     {"Observation"},
	// Who is concerned by a Consent; what it is about is named by more.
	"reference": {"Device", "Group", "CareTeam", "Organization", "Patient", "Practitioner", "RelatedPerson", "PractitionerRole"},
	"requester": {"Practitioner", "PractitionerRole", "Organization", "Patient", "RelatedPerson", "Device"},
	"subject":   {"Patient", "Group", "Device", "Location"},
	"who":       {"Practitioner", "PractitionerRole", "RelatedPerson", "Patient", "Device", "Organization"},
}
