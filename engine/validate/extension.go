package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// extension checks an extension against its definition: what it holds and
// where it may stand.
func (r *run) extension(n fhir.Node) {
	url := n.Child("url").Text()
	if !strings.Contains(url, ":") {
		return // part of a complex extension, which its definition sees to
	}
	s, err := r.v.profile(url)
	if err != nil || s == nil {
		if n.Name() == "modifierExtension" {
			r.add(fault.Warning, fault.CodeExtension, n, fmt.Sprintf("modifier extension %s is not known: what it changes in the meaning of the resource cannot be seen", url))
		} else if r.full {
			r.add(fault.Information, fault.CodeExtension, n, fmt.Sprintf("extension %s is not known, so it was not checked", url))
		}
		return
	}
	r.conform(n, url, false)
	if len(s.profile.Contexts) > 0 && !r.inContext(n, s.profile.Contexts) {
		r.add(fault.ErrorLevel, fault.CodeExtension, n, fmt.Sprintf("extension %s may not stand here; it may on %s", url, contextNames(s.profile.Contexts)))
	}
}

func contextNames(contexts []string) string {
	names := make([]string, len(contexts))
	for i, c := range contexts {
		_, names[i], _ = strings.Cut(c, ":")
	}
	return listed(names, false)
}

// inContext says whether the element that holds extension n is one of those
// that the extension is for. Contexts in FHIRPath are taken as met.
func (r *run) inContext(n fhir.Node, contexts []string) bool {
	holder := n.Parent()
	return slices.ContainsFunc(contexts, func(context string) bool {
		kind, expression, _ := strings.Cut(context, ":")
		switch kind {
		case "element":
			return r.stands(holder, strings.TrimPrefix(expression, "http://hl7.org/fhir/StructureDefinition/"))
		case "extension":
			return holder.Type().Is("Extension") && holder.Child("url").Text() == strings.SplitN(expression, "#", 2)[0]
		}
		return true
	})
}

// stands says whether n is the element that a path means: a type ("Patient",
// "Element", "HumanName"), or an element below one ("Patient.contact.name").
func (r *run) stands(n fhir.Node, path string) bool {
	if n.Type().Is(path) || path == "Element" && !n.IsResource() || path == "Resource" && n.IsResource() {
		return true
	}
	path = strings.TrimSuffix(path, "[x]")
	if at := strings.IndexByte(path, '#'); at >= 0 {
		path = path[at+1:]
	}
	for ; !n.IsZero(); n = n.Parent() {
		cut := strings.LastIndexByte(path, '.')
		if cut < 0 {
			return n.Type().Is(path)
		}
		name := path[cut+1:]
		if n.Name() != name && n.PropertyName() != name {
			// Children of a contentReference stand at the path it names.
			return n.Type().Kind == definitions.Backbone && n.Type().Name == path
		}
		if n.Type().Name == path {
			return true
		}
		path = path[:cut]
	}
	return false
}
