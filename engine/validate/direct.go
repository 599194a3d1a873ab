package validate

import (
	"regexp"
	"strings"

	"github.com/inglehealth/ingle/spec/fhir"
)

// direct are invariants of the base types in Go, by their expression: they
// hold for nearly every element of every resource that is written. known is
// false when the expression itself must be asked. A test compares them with
// the expressions.
var direct = map[string]func(r *run, n fhir.Node) (holds, known bool){
	"extension.exists() != value.exists()": func(_ *run, n fhir.Node) (bool, bool) {
		return n.Child("extension").IsZero() != n.Child("value").IsZero(), true
	},
	"contained.contained.empty()": func(_ *run, n fhir.Node) (bool, bool) {
		return !anyContained(n, func(c fhir.Node) bool { return !c.Child("contained").IsZero() }), true
	},
	"contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()": func(_ *run, n fhir.Node) (bool, bool) {
		return !anyContained(n, func(c fhir.Node) bool {
			meta := c.Child("meta")
			return !meta.Child("versionId").IsZero() || !meta.Child("lastUpdated").IsZero()
		}), true
	},
	"contained.meta.security.empty()": func(_ *run, n fhir.Node) (bool, bool) {
		return !anyContained(n, func(c fhir.Node) bool { return !c.Child("meta").Child("security").IsZero() }), true
	},
	"start.hasValue().not() or end.hasValue().not() or (start <= end)": func(_ *run, n fhir.Node) (bool, bool) {
		return true, !n.Child("start").HasValue() || !n.Child("end").HasValue()
	},
	"code.empty() or system.exists()": func(_ *run, n fhir.Node) (bool, bool) {
		return n.Child("code").IsZero() || !n.Child("system").IsZero(), true
	},
}

// directly finds the Go form of an invariant. What dom-3 and ref-1 say is the
// same in every release, however they put it.
func directly(key, expression string) func(r *run, n fhir.Node) (holds, known bool) {
	switch {
	case key == "dom-3" && strings.HasPrefix(expression, "contained.where("):
		return func(_ *run, n fhir.Node) (bool, bool) { return referredTo(n), true }
	case key == "txt-2" && expression == "htmlChecks()":
		return func(_ *run, n fhir.Node) (bool, bool) { return shows(n.Text()), true }
	case key == "ref-1" && strings.HasPrefix(expression, "reference."):
		return func(r *run, n fhir.Node) (bool, bool) { return r.pointsToContained(n), true }
	}
	if f := direct[expression]; f != nil {
		return f
	}
	if m := guard.FindStringSubmatch(expression); m != nil && !strings.Contains(m[3], " implies ") && !strings.Contains(m[3], " xor ") {
		name := m[1]
		return func(_ *run, n fhir.Node) (bool, bool) { return true, n.Child(name).IsZero() }
	}
	return nil
}

// guard is the beginning of an invariant that says nothing when an element is
// absent. What follows must not bind looser than the operator seen.
var guard = regexp.MustCompile(`^([a-z][A-Za-z]*)\.(empty\(\) or|exists\(\) implies) (.*)$`)

func anyContained(n fhir.Node, is func(fhir.Node) bool) bool {
	for c := range n.All("contained") {
		if is(c) {
			return true
		}
	}
	return false
}

// shows is txt-2: the narrative has text or an image. A letter outside of the
// tags tells at once; else the narrative is read.
func shows(xhtml string) bool {
	inTag := false
	for i := range len(xhtml) {
		switch c := xhtml[i]; {
		case c == '<':
			inTag = true
		case c == '>':
			inTag = false
		case c == '&':
			inTag = true // an entity, up to the next tag
		case !inTag && (c|0x20 >= 'a' && c|0x20 <= 'z'):
			return true
		}
	}
	_, shows := fhir.CheckNarrative(xhtml)
	return shows
}

// referredTo is dom-3: each contained resource is referred to from elsewhere
// in the resource, or refers to the resource itself.
func referredTo(n fhir.Node) bool {
	var wanted map[string]bool
	for c := range n.All("contained") {
		if !refersToContainer(c) {
			if wanted == nil {
				wanted = map[string]bool{}
			}
			wanted["#"+c.Child("id").Text()] = true
		}
	}
	if wanted == nil {
		return true
	}
	for c := range n.Descendants() {
		switch {
		case !c.HasValue():
		case mayRefer(c):
			delete(wanted, c.Text())
		case c.Type().Name == "xhtml":
			// An image of the narrative may be contained, too.
			for part := range strings.SplitSeq(c.Text(), `"`) {
				if strings.HasPrefix(part, "#") {
					delete(wanted, part)
				}
			}
		}
		if len(wanted) == 0 {
			return true
		}
	}
	return false
}

func refersToContainer(c fhir.Node) bool {
	for d := range c.Descendants() {
		if d.HasValue() && mayRefer(d) && d.Text() == "#" {
			return true
		}
	}
	return false
}

// mayRefer says whether a value can be a reference to a contained resource.
func mayRefer(n fhir.Node) bool {
	return n.Name() == "reference" || n.Type().Is("uri")
}

// pointsToContained is ref-1: "#id" is the id of a resource contained in the
// resource around the reference; "#" alone is that resource.
func (r *run) pointsToContained(n fhir.Node) bool {
	id, ok := strings.CutPrefix(n.Child("reference").Text(), "#")
	return !ok || id == "" || !r.contained(container(n), id).IsZero()
}
