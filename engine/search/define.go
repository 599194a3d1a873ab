package search

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// MaxExpression is the most bytes that the expression of a defined parameter
// may have, and each of its components'.
const MaxExpression = 4000

// maxComponents is how many parts a defined composite parameter may have.
const maxComponents = 10

// Define reads a SearchParameter resource as a further parameter of the
// catalog's definitions (see definitions.WithParameters). The error is a
// *fault.Error with all that keeps the catalog from searching by it: what
// Extract cannot follow, what selects nothing, what takes another parameter's
// url, or its code for another meaning (R4 SearchParameter).
func (c *Catalog) Define(root fhir.Node) (definitions.SearchParameter, error) {
	d := defining{c: c, root: root, SearchParameter: definitions.SearchParameter{
		URL: root.Child("url").Text(), Version: root.Child("version").Text(), Name: root.Child("name").Text(),
		Code: root.Child("code").Text(), Type: definitions.SearchType(root.Child("type").Text()),
		Expression: strings.TrimSpace(root.Child("expression").Text()), Human: root.Child("description").Text(),
		Base: texts(root, "base"), Targets: texts(root, "target"),
	}}
	for part := range root.All("component") {
		d.Components = append(d.Components, definitions.SearchComponent{
			Definition: part.Child("definition").Text(), Expression: strings.TrimSpace(part.Child("expression").Text()),
		})
	}
	d.identity()
	d.kind()
	if d.bases(); d.issues == nil {
		d.expressions()
		d.clashes()
	}
	if d.issues != nil {
		return definitions.SearchParameter{}, fault.Of(fault.Unprocessable, d.issues)
	}
	return d.SearchParameter, nil
}

// defining is a SearchParameter being read.
type defining struct {
	definitions.SearchParameter
	c      *Catalog
	root   fhir.Node
	types  []string // concrete resource types that are to have it
	issues []fault.Issue
}

func texts(n fhir.Node, name string) []string {
	var all []string
	for child := range n.All(name) {
		all = append(all, child.Text())
	}
	return all
}

// refuse adds an issue about an element, of the root if there is none of it.
func (d *defining) refuse(n fhir.Node, code fault.Code, format string, args ...any) {
	i := fault.Issue{Severity: fault.ErrorLevel, Code: code, Path: "SearchParameter", Message: fmt.Sprintf(format, args...)}
	if !n.IsZero() {
		i.Path = n.Path()
		i.Line, i.Column = n.Position()
	}
	d.issues = append(d.issues, i)
}

// codePattern is what the name of a parameter may be in a URL, without what
// chains, modifiers and the parameters of FHIR itself are told by.
var codePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,63}$`)

func (d *defining) identity() {
	url := d.root.Child("url")
	if d.URL == "" || strings.Contains(d.URL, "|") {
		d.refuse(url, fault.CodeRequired, "a search parameter needs an absolute url without a version")
	} else if other := d.c.defs.SearchParameterByURL(d.URL); other != nil {
		whose := "that the server was started with"
		if other.Added {
			whose = "that is stored already"
		}
		d.refuse(url, fault.CodeDuplicate, "%s is the url of a search parameter %s (%s of %s): choose another one", d.URL, whose, other.Code, strings.Join(other.Base, ", "))
	}
	if !codePattern.MatchString(d.Code) {
		d.refuse(d.root.Child("code"), fault.CodeValue, "%q cannot be searched by: a code begins with a letter, and has up to 64 letters, digits and -", fault.Shorten(d.Code))
	}
	for _, usage := range []string{"xpathUsage", "processingMode"} {
		if n := d.root.Child(usage); !n.IsZero() && n.Text() != "normal" {
			d.refuse(n, fault.CodeNotSupported, "only values as they stand are searched by here: leave %s out, or make it normal", usage)
		}
	}
}

// modifiers are those that each type of parameter takes, :missing aside.
var modifiers = map[definitions.SearchType][]string{
	definitions.SearchString:    {"exact", "contains", "text"},
	definitions.SearchToken:     {"text", "text-advanced", "not", "above", "below", "in", "not-in", "ofType", "of-type"},
	definitions.SearchReference: {"type", "identifier", "above", "below", "text", "text-advanced"},
	definitions.SearchURI:       {"above", "below", "contains"},
}

// kind checks what depends on the type of the parameter.
func (d *defining) kind() {
	ordered := d.Type == definitions.SearchNumber || d.Type == definitions.SearchDate || d.Type == definitions.SearchQuantity
	if d.Type == definitions.SearchSpecial {
		d.refuse(d.root.Child("type"), fault.CodeNotSupported, "what a parameter of type special does cannot be defined: choose another type")
	}
	if n := d.root.Child("comparator"); !n.IsZero() && !ordered {
		d.refuse(n, fault.CodeBusinessRule, "a parameter of type %s has no comparators: they are of number, date and quantity", d.Type)
	}
	for n := range d.root.All("modifier") {
		if m := n.Text(); m != "missing" && !slices.Contains(modifiers[d.Type], m) {
			d.refuse(n, fault.CodeBusinessRule, "a parameter of type %s has no modifier %s", d.Type, m)
		}
	}
	for n := range d.root.All("target") {
		switch {
		case d.Type != definitions.SearchReference:
			d.refuse(n, fault.CodeBusinessRule, "a parameter of type %s has no target: it is of type reference", d.Type)
		case !d.c.defs.IsResource(n.Text()) && n.Text() != System:
			d.refuse(n, fault.CodeValue, "%q is not a resource type", fault.Shorten(n.Text()))
		}
	}
	parts := d.root.Child("component")
	switch {
	case d.Type != definitions.SearchComposite && !parts.IsZero():
		d.refuse(parts, fault.CodeBusinessRule, "a parameter of type %s has no components: it is of type composite", d.Type)
	case d.Type == definitions.SearchComposite && len(d.Components) < 2:
		d.refuse(parts, fault.CodeRequired, "a composite parameter has two components or more")
	case len(d.Components) > maxComponents:
		d.refuse(parts, fault.CodeTooCostly, "a composite parameter has up to %d components here, not %d", maxComponents, len(d.Components))
	}
}

// bases finds the types that are to have the parameter.
func (d *defining) bases() {
	if len(d.Base) == 0 {
		d.refuse(fhir.Node{}, fault.CodeRequired, "base says which resource types have the parameter")
	}
	for n := range d.root.All("base") {
		if !d.c.isResource(n.Text()) {
			d.refuse(n, fault.CodeValue, "%q is not a resource type", fault.Shorten(n.Text()))
			continue
		}
		for _, t := range d.c.defs.ResourceTypes() {
			if d.c.concerns(n.Text(), t) && !slices.Contains(d.types, t) {
				d.types = append(d.types, t)
			}
		}
	}
}

// clashes refuses a code that another parameter of a type has, unless it means
// the same.
func (d *defining) clashes() {
	for _, t := range d.types {
		other := d.c.defs.SearchParameter(t, d.Code)
		if other == nil || d.means(other) {
			continue
		}
		d.refuse(d.root.Child("code"), fault.CodeConflict, "%s has a parameter %s already, with another meaning (%s, %s, %q): choose another code",
			t, d.Code, other.URL, other.Type, fault.Shorten(other.Expression))
		return
	}
}

// means says whether what is being defined is the same as another parameter.
func (d *defining) means(o *definitions.SearchParameter) bool {
	return d.Type == o.Type && d.Expression == o.Expression && slices.Equal(d.Components, o.Components)
}
