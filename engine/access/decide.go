package access

import (
	"regexp"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
)

// verdict is what consents say of the resources of a type: which they show, which
// they hide, and which sensitive ones they show by name of the label. Of the rest
// they say nothing.
type verdict struct{ shows, hides, unseals search.Expr }

// verdict of a policy that concerns the asker: newer consents prevail over older
// ones, and of those of the same time the one that hides. What it asks is no longer
// than the consents together, but for those that unseal.
func (o *Ownership) verdict(p policy, typeName string) verdict {
	v := verdict{never(), never(), never()}
	opening := never() // what one unseals that does not itself hide it
	for i := len(p) - 1; i >= 0; i-- {
		one := o.provisions(p[i], typeName)
		shown := neg(one.hides)
		v = verdict{
			shows:   conj(shown, disj(one.claims, v.shows)),
			hides:   disj(one.hides, conj(neg(one.claims), v.hides)),
			unseals: conj(shown, disj(one.opens, conj(one.claims, opening), v.unseals)),
		}
		opening = disj(opening, conj(one.opens, shown))
	}
	return v
}

// saying is what provisions say of the resources of a type: which they hide, and which of
// the others they show and unseal. What they hide may be among what they claim and open as
// well: verdict takes it out of both, so that what is hidden is not written down again and again.
type saying struct{ claims, hides, opens search.Expr }

// provisions is what several say together: of these the one that hides prevails.
func (o *Ownership) provisions(rules []rule, typeName string) saying {
	all := saying{never(), never(), never()}
	for i := range rules {
		one := o.rule(&rules[i], typeName)
		all = saying{disj(all.claims, one.claims), disj(all.hides, one.hides), disj(all.opens, one.opens)}
	}
	return all
}

// rule is what one provision says. Those in it are exceptions to it.
func (o *Ownership) rule(r *rule, typeName string) saying {
	of := o.criteria(r, typeName)
	if isNever(of) {
		return saying{never(), never(), never()}
	}
	in := o.provisions(r.Rules, typeName)
	out := saying{conj(of, in.claims), conj(of, in.hides), conj(of, in.opens)}
	switch {
	case r.Void:
	case r.Deny:
		out.hides = conj(of, disj(in.hides, neg(in.claims)))
	default:
		out.claims = of
		if labels := unsealing(r.Labels); labels != nil {
			out.opens = conj(of, o.labelled(typeName, labels))
		}
	}
	return out
}

// unsealing are the labels by which a permission opens what is sealed: not those that
// say of data that it is no more confidential than other.
func unsealing(labels []string) (some []string) {
	for _, l := range labels {
		if system, code, _ := strings.Cut(l, "|"); system != confidentialitySystem || code == "R" || code == "V" {
			some = append(some, l)
		}
	}
	return some
}

// criteria hold of the resources of a type that a provision is about.
func (o *Ownership) criteria(r *rule, typeName string) search.Expr {
	all := always()
	if len(r.Labels) > 0 {
		all = conj(all, o.labelled(typeName, r.Labels))
	}
	if len(r.Classes) > 0 {
		all = conj(all, o.classed(typeName, r.Classes))
	}
	if len(r.Codes) > 0 {
		all = conj(all, o.coded(typeName, r.Codes))
	}
	if r.Lo != nil {
		all = conj(all, o.dated(typeName, *r.Lo, *r.Hi, r.Deny))
	}
	if len(r.Data) > 0 {
		any := never()
		for _, d := range r.Data {
			any = disj(any, o.named(typeName, d, r.Deny))
		}
		all = conj(all, any)
	}
	return all
}

// Systems of codes that provisions name.
const (
	confidentialitySystem = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
	actCodeSystem         = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
	resourceTypesSystem   = "http://hl7.org/fhir/resource-types"
	uriSystem             = "urn:ietf:rfc:3986"
)

// labelled holds of resources with a security label, of those of an Encounter with one,
// and of those that tell that somebody takes a Medication with one. What has no confidentiality is N.
func (o *Ownership) labelled(typeName string, labels []string) search.Expr {
	out := o.label(typeName, labels)
	// What an Encounter or a Medication lacks is nothing to inherit.
	labels = slices.DeleteFunc(slices.Clone(labels), func(l string) bool { return l == confidentialitySystem+"|N" })
	if len(labels) == 0 {
		return out
	}
	for _, p := range o.visits(typeName) {
		out = search.Or{out, search.Chain{Param: p, Target: "Encounter", X: o.label("Encounter", labels), Former: search.Together}}
	}
	for _, p := range o.params(typeName, []string{"medication"}) {
		out = search.Or{out, search.Chain{Param: p, Target: "Medication", X: o.label("Medication", labels), Former: search.Together}}
	}
	return out
}

// visits are the parameters that say to which Encounter resources of a type belong.
func (o *Ownership) visits(typeName string) []search.Param {
	codes := []string{"encounter", "context"}
	if slices.ContainsFunc(o.of(typeName), func(c *search.Catalog) bool { return c.Definitions().Type(typeName).Element("encounter") != nil }) {
		codes = append(codes, search.OtherReference) // as Immunization.encounter has no parameter in R4
	}
	return o.params(typeName, codes)
}

// label holds of resources that have a label themselves.
func (o *Ownership) label(typeName string, labels []string) search.Expr {
	any := never()
	p, ok := o.securityOf(typeName)
	if !ok {
		return any
	}
	for _, l := range labels {
		system, code, _ := strings.Cut(l, "|")
		x := search.Expr(search.Token{Param: p, System: system, Code: code})
		if system == confidentialitySystem && code == "N" {
			other := never()
			for _, level := range []string{"U", "L", "M", "R", "V"} {
				other = disj(other, search.Token{Param: p, System: system, Code: level})
			}
			x = neg(other)
		}
		any = disj(any, x)
	}
	return any
}

// labelParam is the parameter that finds labels.
const labelParam = "_security"

func (o *Ownership) securityOf(typeName string) (search.Param, bool) {
	for _, c := range o.of(typeName) {
		if p, ok := c.Param(typeName, labelParam); ok {
			return p, true
		}
	}
	return search.Param{}, false
}

// classed holds of resources of a type, with a profile, or of a type of document.
func (o *Ownership) classed(typeName string, classes []string) search.Expr {
	any := never()
	for _, c := range classes {
		system, code, _ := strings.Cut(c, "|")
		switch {
		case strings.HasPrefix(system, resourceTypesSystem) || strings.HasPrefix(system, "http://hl7.org/fhir/fhir-types"):
			if code == typeName {
				return always()
			}
		case system == uriSystem:
			for _, one := range o.of(typeName) {
				if p, ok := one.Param(typeName, "_profile"); ok {
					any = disj(any, search.URI{Param: p, Value: code})
				}
			}
		case typeName == "DocumentReference" || typeName == "Composition":
			any = disj(any, o.tokens(typeName, []string{"type", "category"}, system, code))
		}
	}
	return any
}

// clinicalCodes are the parameters that say what a resource is about.
var clinicalCodes = []string{"code", "type", "category", "class", "vaccine-code"}

// coded holds of resources that are about a code.
func (o *Ownership) coded(typeName string, codes []string) search.Expr {
	any := never()
	for _, c := range codes {
		system, code, _ := strings.Cut(c, "|")
		any = disj(any, o.tokens(typeName, clinicalCodes, system, code))
		for _, p := range o.params(typeName, []string{"medication"}) {
			any = disj(any, search.Chain{Param: p, Target: "Medication", X: o.tokens("Medication", []string{"code"}, system, code), Former: search.Together})
		}
	}
	return any
}

func (o *Ownership) tokens(typeName string, params []string, system, code string) search.Expr {
	any := never()
	for _, c := range o.of(typeName) {
		for _, name := range params {
			if p, ok := c.Param(typeName, name); ok && p.Kind == definitions.SearchToken {
				any = disj(any, search.Token{Param: p, System: system, Code: code, AnySystem: system == ""})
			}
		}
	}
	return any
}

// dated holds of resources that tell of care between two times; with undated, of
// those without a date as well.
func (o *Ownership) dated(typeName string, lo, hi int64, undated bool) search.Expr {
	any, none := never(), always()
	for _, c := range o.of(typeName) {
		for _, p := range c.CareDateParams(typeName) {
			any = disj(any, search.Date{Param: p, Prefix: search.AP, Range: search.TimeRange{Lo: lo, Hi: hi}})
			none = conj(none, search.Missing{Param: p, Want: true})
		}
	}
	if undated {
		return disj(any, none)
	}
	return any
}

// authors are the parameters that say whose work a resource is.
var authors = []string{
	"author", "performer", "recorder", "asserter", "requester", "creator", "informant", "sender", "source", "prescriber", "provider", "result-interpreter",
	"results-interpreter", "interpreter", "assessor", "enterer", "operator", "performer-actor", "collector", "reporter",
}

// authorElements are elements that say whose work a resource is, for some of which no
// release has a parameter, as Condition.recorder.
var authorElements = []string{"author", "contributor", "recorder", "asserter", "expressedBy", "informationSource", "source", "reported", "performer", "provider", "enterer"}

// untold says whether resources of a type may say whose work they are in an element
// that no parameter has. A Consent is nobody's work: it names people as whom it is about.
func (o *Ownership) untold(typeName string) bool {
	return typeName != "Consent" && slices.ContainsFunc(o.of(typeName), func(c *search.Catalog) bool {
		return slices.ContainsFunc(authorElements, func(name string) bool {
			_, told := c.Param(typeName, name)
			return !told && c.Definitions().Type(typeName).Element(name) != nil
		})
	})
}

// named holds of the resources that a provision means by naming one. Who wrote a
// resource may stand in an element that no parameter has: broadly, any element without
// one counts then.
func (o *Ownership) named(typeName string, d datum, broadly bool) search.Expr {
	t, id, _ := strings.Cut(d.Key, "/")
	other := search.Reference{Param: search.OtherReferenceOf(typeName), Type: t, ID: id}
	if d.Meaning == "authoredby" {
		x := o.referring(typeName, authors, t, id)
		if broadly && o.untold(typeName) {
			x = disj(x, other)
		}
		return x
	}
	any := never()
	if t == typeName {
		any = search.IDs{id}
	}
	switch d.Meaning {
	case "related":
		any = disj(any, search.Referred{X: search.And{search.TypeIs{t}, search.IDs{id}}})
	case "dependents":
		any = disj(any, o.referring(typeName, nil, t, id), other)
		if typeName == "Consent" {
			any = disj(any, search.Reference{Param: search.Param{Type: typeName, Code: search.NamedReference, Kind: definitions.SearchReference}, Type: t, ID: id})
		}
	}
	return any
}

// referring holds of resources that refer to one by parameters, nil: by any.
func (o *Ownership) referring(typeName string, codes []string, t, id string) search.Expr {
	any := never()
	for _, c := range o.of(typeName) {
		for _, p := range c.Parameters(typeName) {
			if p.Kind == definitions.SearchReference && p.Problem == "" && (codes == nil || slices.Contains(codes, p.Code)) {
				any = disj(any, search.Reference{Param: p.Param, Type: t, ID: id})
			}
		}
	}
	return any
}

// sole says whether a resource of a type belongs to one patient at most: whichever
// parameter says so is about an element that does not repeat.
func (o *Ownership) sole(typeName string) bool {
	return classes[typeName] == owned && !slices.ContainsFunc(o.of(typeName), func(c *search.Catalog) bool {
		defs := c.Definitions()
		for _, code := range ownerCodes(typeName) {
			p := defs.SearchParameter(typeName, code)
			if p == nil || p.Type != definitions.SearchReference {
				continue
			}
			var names []string
			for path := range strings.SplitSeq(p.Expression, "|") {
				if of := oneStep.FindStringSubmatch(path); of == nil {
					return true
				} else if of[1] == typeName {
					names = append(names, of[2])
				}
			}
			if len(names) != 1 {
				return true
			}
			element := defs.Type(typeName).Element(names[0])
			return element == nil || element.Repeats()
		}
		return true
	})
}

// oneStep is a path from a type to an element, perhaps with the type that this refers
// to.
var oneStep = regexp.MustCompile(`^\s*([A-Za-z]+)\.([A-Za-z]+)(?:\.where\(resolve\(\) is Patient\))?\s*$`)

// governing are the parameters by which resources of types, none: of all, belong to
// patients, and whether the resource may be the patient.
func (o *Ownership) governing(types []string) (params []search.Param, self bool) {
	if len(types) == 0 {
		types = o.types
	}
	for _, t := range types {
		if classes[t] != owned {
			continue
		}
		if t == patientType {
			self = true
			continue
		}
		params = append(params, o.params(t, ownerCodes(t))...)
	}
	return params, self
}
