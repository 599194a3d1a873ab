package validate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// extension checks an extension against its definition: what it holds and
// where it may stand.
func (r *run) extension(n fhir.Node) {
	url := n.Child("url").Text()
	if !strings.Contains(url, ":") {
		if !n.Parent().Type().Is("Extension") && url != "" {
			r.add(fault.ErrorLevel, fault.CodeExtension, n, fmt.Sprintf("url %q must be absolute; only parts of an extension have short ones", url))
		}
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
	r.extensionParts(n, s.profile)
	if len(s.profile.Contexts) > 0 && !r.inContext(n, s.profile.Contexts) {
		r.add(fault.ErrorLevel, fault.CodeExtension, n, fmt.Sprintf("extension %s may not stand here; it may on %s", url, contextNames(s.profile.Contexts)))
		return
	}
	r.contextInvariants(n, s.profile)
}

// contextInvariants checks what must be true of the element that an extension stands on.
// One that cannot be evaluated is warned of. R4 §5.3 StructureDefinition.contextInvariant.
func (r *run) contextInvariants(n fhir.Node, p *definitions.Profile) {
	for _, expression := range p.ContextInvariants {
		x, err := fhirpath.Compile(expression)
		holds := true
		if err == nil {
			env := *r.env
			env.Variables = map[string]fhirpath.Collection{"extension": {fhirpath.NodeValue(n)}}
			holds, err = x.Holds(r.ctx, &env, n.Parent())
		}
		switch {
		case err != nil:
			r.add(fault.Warning, fault.CodeProcessing, n, fmt.Sprintf("the rule for where extension %s may stand could not be evaluated: %v", p.URL, err))
		case !holds:
			r.add(fault.ErrorLevel, fault.CodeExtension, n, fmt.Sprintf("extension %s may not stand here: it may only where %s", p.URL, expression))
		}
	}
}

// extensionParts refuses parts that the definition of a complex extension does
// not name.
func (r *run) extensionParts(n fhir.Node, p *definitions.Profile) {
	root, err := p.Root()
	if err != nil {
		return
	}
	var names []string
	if ext := root.Child("extension"); ext != nil {
		for _, s := range ext.Slices {
			names = append(names, extensionURL(s))
		}
	}
	if len(names) == 0 {
		return
	}
	for part := range n.All("extension") {
		if url := part.Child("url").Text(); !strings.Contains(url, ":") && !slices.Contains(names, url) {
			r.add(fault.ErrorLevel, fault.CodeExtension, part, fmt.Sprintf("extension %s has no part %q; it has %s", p.URL, url, listed(names, false)))
		}
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
// that the extension is for.
func (r *run) inContext(n fhir.Node, contexts []string) bool {
	element := n.Parent()
	return slices.ContainsFunc(contexts, func(context string) bool {
		kind, expression, _ := strings.Cut(context, ":")
		switch kind {
		case "element":
			return r.stands(element, strings.TrimPrefix(expression, "http://hl7.org/fhir/StructureDefinition/"))
		case "fhirpath":
			return r.selects(expression, element)
		case "extension":
			ext := element
			if !ext.Type().Is("Extension") {
				ext = ext.Parent() // it stands on the value of the extension
			}
			url, _, _ := strings.Cut(expression, "#")
			return !ext.IsZero() && ext.Type().Is("Extension") && ext.Child("url").Text() == url
		}
		return true
	})
}

// selects says whether an expression over the resource around n gives n; one
// that cannot be evaluated is taken to.
func (r *run) selects(expression string, n fhir.Node) bool {
	x, err := fhirpath.Compile(expression)
	if err != nil {
		return true
	}
	found, err := x.AppendNode(r.ctx, r.env, holder(n), nil)
	return err != nil || slices.ContainsFunc(found, func(v fhirpath.Value) bool {
		c, ok := v.Node()
		return ok && c == n
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
