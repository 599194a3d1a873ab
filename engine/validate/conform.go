package validate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// maxDepth bounds profiles that lead to profiles.
const maxDepth = 16

// conform checks n against a profile, or what it says of one element. When it is not
// known, that is an error if the caller must have it, and else an information of a full
// validation.
func (r *run) conform(n fhir.Node, canonical string, must bool) {
	canonical, element, part := strings.Cut(canonical, "#")
	if t := r.v.definitions.TypeOf(canonical); t != nil {
		if !n.Type().Is(t.Name) {
			r.add(fault.ErrorLevel, fault.CodeStructure, n, fmt.Sprintf("is of type %s; %s is wanted", n.Type().Name, t.Name))
		}
		return
	}
	s, err := r.v.profile(canonical)
	if err != nil {
		r.unchecked(n, must, err.Error())
		return
	}
	if s == nil {
		r.unchecked(n, must, fmt.Sprintf("profile %s is not known, so it was not checked; load the package that holds it", canonical))
		return
	}
	if part {
		r.conformTo(n, s, element, must)
		return
	}
	if !n.Type().Is(s.profile.Type) {
		r.add(fault.ErrorLevel, fault.CodeStructure, n, fmt.Sprintf("is of type %s; profile %s is for %s", n.Type().Name, canonical, s.profile.Type))
		return
	}
	if r.depth >= maxDepth {
		return
	}
	r.depth++
	r.shape(n, s.root)
	r.depth--
}

// conformTo checks n against what a profile says of the element with an id.
func (r *run) conformTo(n fhir.Node, s *profileShape, id string, must bool) {
	e, err := s.profile.Element(id)
	if err != nil || e == nil {
		r.unchecked(n, must, fmt.Sprintf("profile %s says nothing of an element %s, so it was not checked", s.profile.URL, id))
		return
	}
	if at := s.root.element(e.ID); at != nil && r.depth < maxDepth {
		r.depth++
		r.shape(n, at)
		r.depth--
	}
}

func (r *run) unchecked(n fhir.Node, must bool, message string) {
	if must {
		r.add(fault.ErrorLevel, fault.CodeNotFound, n, message)
	} else if r.full {
		r.add(fault.Information, fault.CodeNotFound, n, message)
	}
}

// conforms is conform without a report; what is not known conforms.
func (r *run) conforms(n fhir.Node, canonical string) bool {
	q := run{v: r.v, ctx: r.ctx, env: r.env, quiet: true, depth: r.depth, known: r.known}
	q.conform(n, canonical, false)
	return !q.failed
}

// fits is shape without a report.
func (r *run) fits(n fhir.Node, s *shape) bool {
	q := run{v: r.v, ctx: r.ctx, env: r.env, quiet: true, depth: r.depth, known: r.known}
	q.shape(n, s)
	return !q.failed
}

// shape checks one element against what a profile says of it.
func (r *run) shape(n fhir.Node, s *shape) {
	if r.done() {
		return
	}
	if s.types != nil {
		r.typed(n, s)
	}
	if s.fixed != nil && !s.fixed.equals(n) {
		r.wrong(n, s, fault.CodeValue, "must be exactly "+s.fixed.shown)
	}
	if s.pattern != nil && !s.pattern.matches(n) {
		r.wrong(n, s, fault.CodeValue, "must hold at least "+s.pattern.shown)
	}
	if s.binding != nil && (s.binding.strength == "required" || r.full) && codeable(n.Type()) {
		r.bound(n, s.binding, s.profile)
	}
	r.limits(n, s)
	if s.languages != nil || s.source != "" {
		r.narrated(n, s)
	}
	for _, rule := range s.rules {
		if rule.Severity == "error" && !rule.BestPractice || r.full {
			r.obey(n, rule, s.profile, s.placed)
		}
	}
	for _, c := range s.children {
		r.childShape(n, c)
	}
	if s.origin != nil {
		for _, c := range s.origin.children {
			r.childShape(n, c)
		}
	}
}

func (r *run) wrong(n fhir.Node, s *shape, code fault.Code, message string) {
	r.add(fault.ErrorLevel, code, n, fmt.Sprintf("%s (%s of profile %s)", message, s.id, s.profile))
}

// limits checks maxLength, minValue and maxValue, and that there is a value or what may
// stand for it.
func (r *run) limits(n fhir.Node, s *shape) {
	if (s.valued || s.instead != nil) && n.Type().Kind == definitions.Primitive && !n.HasValue() {
		stands := func(url string) bool {
			for x := range n.All("extension") {
				if x.Child("url").Text() == url {
					return true
				}
			}
			return false
		}
		switch {
		case s.instead == nil:
			r.wrong(n, s, fault.CodeRequired, "must have a value")
		case !slices.ContainsFunc(s.instead, stands):
			r.wrong(n, s, fault.CodeRequired, "must have a value, or an extension that may stand for it: "+listed(s.instead, false))
		}
	}
	if s.maxText > 0 && utf8.RuneCountInString(n.Text()) > s.maxText {
		r.wrong(n, s, fault.CodeTooLong, fmt.Sprintf("is longer than %d characters", s.maxText))
	}
	if s.minValue != nil && s.minValue.compare(n) < 0 {
		r.wrong(n, s, fault.CodeValue, "is below the least value "+s.minValue.shown)
	}
	if s.maxValue != nil && s.maxValue.compare(n) > 0 {
		r.wrong(n, s, fault.CodeValue, "is above the greatest value "+s.maxValue.shown)
	}
}

// childShape checks the children that a shape is of: how many there are, each
// of them, and their slices.
func (r *run) childShape(n fhir.Node, s *shape) {
	if r.done() {
		return
	}
	var items []fhir.Node
	for c := range n.All(s.name) {
		if s.only == "" || c.Type().Name == s.only {
			items = append(items, c)
		}
	}
	r.count(n, s, s.name, len(items))
	for _, c := range items {
		r.shape(c, s)
	}
	if s.slicing != nil {
		r.parts(n, s, items)
	}
}

func (r *run) count(n fhir.Node, s *shape, what string, count int) {
	switch {
	case s.min != definitions.Unstated && count < s.min:
		r.wrong(n, s, fault.CodeRequired, fmt.Sprintf("%s is wanted %d times at least, and stands here %s", what, s.min, times(count)))
	case s.max != definitions.Unstated && count > s.max:
		if s.max == 0 {
			r.wrong(n, s, fault.CodeStructure, what+" is not allowed here")
			return
		}
		r.wrong(n, s, fault.CodeStructure, fmt.Sprintf("%s is allowed %s at most, and stands here %s", what, times(s.max), times(count)))
	}
}

func times(n int) string {
	switch n {
	case 0:
		return "not at all"
	case 1:
		return "once"
	}
	return strconv.Itoa(n) + " times"
}

// parts sorts items into slices and checks each slice.
func (r *run) parts(n fhir.Node, s *shape, items []fhir.Node) {
	counts := make([]int, len(s.slicing.slices))
	last, loose := -1, false
	for _, c := range items {
		in := -1
		for i, part := range s.slicing.slices {
			if !part.holds(r, c) {
				continue
			}
			counts[i]++
			if in < 0 {
				in = i
			}
			r.shape(c, part.shape)
			if r.done() {
				return
			}
		}
		switch {
		case in < 0 && s.slicing.rules == "closed":
			r.wrong(c, s, fault.CodeStructure, "is in none of the slices "+sliceNames(s.slicing)+", and no others are allowed")
		case in < 0:
			loose = true
		case loose && s.slicing.rules == "openAtEnd":
			r.wrong(c, s, fault.CodeStructure, "must stand before what is in no slice")
		}
		if in >= 0 && s.slicing.ordered {
			if in < last {
				r.wrong(c, s, fault.CodeStructure, "stands out of order: the slices come as "+sliceNames(s.slicing))
			}
			last = in
		}
	}
	for i, part := range s.slicing.slices {
		r.count(n, part.shape, s.name+":"+part.name, counts[i])
	}
}

func sliceNames(s *slicing) string {
	names := make([]string, len(s.slices))
	for i, part := range s.slices {
		names[i] = part.name
	}
	return listed(names, false)
}

// typed checks the type of an element, the profiles that its type names, and
// what a reference points to.
func (r *run) typed(n fhir.Node, s *shape) {
	i := slices.IndexFunc(s.types, func(t definitions.ProfileType) bool {
		return n.Type().Is(t.Code) || t.Code == "Resource" && n.IsResource()
	})
	if i < 0 {
		names := make([]string, len(s.types))
		for i, t := range s.types {
			names[i] = t.Code
		}
		r.wrong(n, s, fault.CodeStructure, fmt.Sprintf("is of type %s; allowed here: %s", n.Type().Name, listed(names, false)))
		return
	}
	t := &s.types[i]
	switch {
	case len(t.Profiles) == 1:
		r.conform(n, t.Profiles[0], false)
	case len(t.Profiles) > 1 && !slices.ContainsFunc(t.Profiles, func(url string) bool { return r.conforms(n, url) }):
		r.wrong(n, s, fault.CodeStructure, "conforms to none of "+listed(t.Profiles, false))
	}
	if len(t.TargetProfiles) > 0 && n.Type().Is("Reference") {
		r.targetProfiles(n, s, t.TargetProfiles)
	}
}

func (r *run) targetProfiles(n fhir.Node, s *shape, profiles []string) {
	ref := n.Child("reference").Text()
	if target := r.local(n, ref); ref != "" && !target.IsZero() {
		if !slices.ContainsFunc(profiles, func(url string) bool { return r.conforms(target, url) }) {
			r.wrong(n, s, fault.CodeStructure, fmt.Sprintf("refers to %s here, which conforms to none of %s", target.Type().Name, listed(profiles, false)))
		}
		return
	}
	typ := r.v.definitions.Type(r.targetType(n))
	if typ == nil {
		return
	}
	for _, url := range profiles {
		if name := r.v.typeOfProfile(url); name == "" || typ.Is(name) {
			return
		}
	}
	r.wrong(n, s, fault.CodeValue, fmt.Sprintf("refers to %s; allowed here: %s", typ.Name, listed(profiles, false)))
}
