package validate

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// resource checks a resource: the root, a contained one or an entry's.
func (r *run) resource(n fhir.Node) {
	r.content(n, r.v.typePlan(n.Type()))
	r.containedIDs(n)
	if !r.full {
		return
	}
	claimed := map[string]bool{}
	for p := range n.Child("meta").All("profile") {
		if p.HasValue() {
			url, _, _ := strings.Cut(p.Text(), "|")
			claimed[url] = true
			r.conform(n, p.Text(), false)
		}
	}
	r.imposed(n, claimed)
}

// containedIDs checks that resources contained in n have ids of their own (R4
// §2.3.0.4).
func (r *run) containedIDs(n fhir.Node) {
	var seen map[string]bool
	for c := range n.All("contained") {
		id := c.Child("id")
		if !id.HasValue() {
			continue
		}
		if seen[id.Text()] {
			r.add(fault.ErrorLevel, fault.CodeDuplicate, id, fmt.Sprintf("%q is the id of another contained resource, too: each needs an id of its own", fault.Shorten(id.Text())))
		}
		if seen == nil {
			seen = map[string]bool{}
		}
		seen[id.Text()] = true
	}
}

// content checks what stands in n by the plan of its type.
func (r *run) content(n fhir.Node, plan *typePlan) {
	var seen [2]uint64
	var counted []int
	substance := n.HasValue() || plan.typ.Kind == definitions.Resource
	for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		p := r.v.property(c.PropertyID())
		seen[p.word] |= p.bit
		substance = substance || p.element.Name != "id"
		if p.bounded {
			if counted == nil {
				counted = make([]int, len(plan.typ.Elements))
			}
			if counted[p.element.Order]++; counted[p.element.Order] == p.element.Max+1 {
				r.add(fault.ErrorLevel, fault.CodeStructure, c, fmt.Sprintf("stands here more than %d times, which is the most allowed", p.element.Max))
			}
		}
		if p.uri && r.full {
			r.urn(c)
		}
		if p.nothing && c.FirstChild().IsZero() {
			continue
		}
		r.element(c, p)
	}
	if missing := [2]uint64{plan.mask[0] &^ seen[0], plan.mask[1] &^ seen[1]}; missing != [2]uint64{} {
		r.missing(n, plan, seen)
	}
	if !substance {
		r.add(fault.ErrorLevel, fault.CodeInvariant, n, "has no value and no content: leave it out (invariant ele-1)")
	}
	for _, rule := range plan.errors {
		r.obey(n, rule, "", false)
	}
	if !r.full {
		return
	}
	for _, rule := range plan.others {
		r.obey(n, rule, "", false)
	}
	switch {
	case plan.isExt:
		r.extension(n)
	case plan.typ.Name == "Reference":
		r.address(n)
		r.agree(n)
	case plan.typ.Name == "Coding":
		r.coding(n)
	case plan.typ.Name == "Narrative":
		r.narrative(n)
	case plan.typ.Name == "Bundle":
		r.bundle(n)
	case plan.typ.Name == "StructureDefinition":
		r.discriminators(n)
	case plan.typ.Name == "Questionnaire":
		r.questions(n)
	case plan.typ.Name == "Attachment":
		r.attachment(n)
	case plan.typ.Name == "QuestionnaireResponse":
		r.answers(n)
	}
}

func (r *run) missing(n fhir.Node, plan *typePlan, seen [2]uint64) {
	for _, e := range plan.required {
		if e.Order < 128 && seen[e.Order>>6]>>(e.Order&63)&1 != 0 || e.Order >= 128 && !n.Child(e.Name).IsZero() {
			continue
		}
		name := e.Name
		if e.Choice {
			name += "[x] (" + typeNames(e) + ")"
		}
		r.add(fault.ErrorLevel, fault.CodeRequired, n, fmt.Sprintf("%s is missing: %s must have it", name, plan.typ.Name))
	}
}

// element checks a child by its place and its type.
func (r *run) element(n fhir.Node, p *propertyPlan) {
	if p.plan == nil {
		r.resource(n)
	} else if p.plan.typ.Kind != definitions.Primitive || !n.FirstChild().IsZero() {
		r.content(n, p.plan)
	}
	if p.binding != nil && (p.binding.strength == "required" || r.full) {
		r.bound(n, p.binding, "")
	}
	if p.targets != nil {
		r.target(n, p.targets)
	}
	if p.maxLength > 0 && utf8.RuneCountInString(n.Text()) > p.maxLength {
		r.add(fault.ErrorLevel, fault.CodeTooLong, n, fmt.Sprintf("is longer than %d characters", p.maxLength))
	}
	if p.elementID {
		r.identity(n)
	}
	for _, rule := range p.errors {
		r.obey(n, rule, "", true)
	}
	for _, url := range p.profiles {
		r.conform(n, url, false)
	}
	if r.full {
		for _, rule := range p.others {
			r.obey(n, rule, "", true)
		}
	}
}
