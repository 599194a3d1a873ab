package leaktest

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Criterion is a condition of a search, as a parameter and its value.
type Criterion interface {
	// Pair is the parameter with its modifier, and the value.
	Pair() (name, value string)
	holds(s *Sight, v *Version) bool
}

// Own is a condition on a resource itself.
type Own struct {
	Param    Param
	Modifier string   // "", not or missing
	Values   []string // one of them, each without commas
}

// Param is a search parameter.
type Param struct {
	Type, Code string
	Kind       string // token, string, date, reference
	Paths      []string
	Target     string // the only type that a reference of it goes to, or ""
}

// Pair implements Criterion.
func (o *Own) Pair() (name, value string) {
	name = o.Param.Code
	if o.Modifier != "" {
		name += ":" + o.Modifier
	}
	return name, strings.Join(o.Values, ",")
}

// String is the condition as part of a URL.
func (o *Own) String() string {
	name, value := o.Pair()
	return name + "=" + url.QueryEscape(value)
}

func (o *Own) holds(s *Sight, v *Version) bool { return o.holdsOf(s, v.Body, v.ID) }

func (o *Own) holdsOf(s *Sight, body any, id string) bool {
	if o.Param.Code == "_id" {
		return slices.Contains(o.Values, id)
	}
	matches, there := false, false
	for _, path := range o.Param.Paths {
		for _, one := range at(body, path) {
			there = there || o.Param.Target == "" || slices.ContainsFunc(s.w.referred(map[string]any{"x": one}, "x"), o.Param.goesTo)
			matches = matches || slices.ContainsFunc(o.Values, func(value string) bool { return o.Param.matches(s.w, one, value) })
		}
	}
	switch o.Modifier {
	case "missing":
		return there == (o.Values[0] == "false")
	case "not":
		return !matches
	}
	return matches
}

func (p *Param) goesTo(reference string) bool {
	return p.Target == "" || strings.HasPrefix(reference, p.Target+"/")
}

func (p *Param) matches(w *World, node any, value string) bool {
	switch p.Kind {
	case "token":
		system, code, both := strings.Cut(value, "|")
		if !both {
			code = value
		}
		has := func(s, c string) bool { return c == code && (!both || s == system) }
		switch node := node.(type) {
		case string:
			return node == code && !both
		case bool:
			return fmt.Sprint(node) == value
		case map[string]any:
			for _, one := range append(at(node, "coding"), node) {
				if has(text(one, "system"), text(one, "code")) && text(one, "code") != "" || has(text(one, "system"), text(one, "value")) && text(one, "value") != "" {
					return true
				}
			}
		}
	case "string":
		s, _ := node.(string)
		return strings.HasPrefix(strings.ToLower(s), strings.ToLower(value))
	case "date":
		t := timeOf(node)
		switch of := extent(value[2:]); value[:2] {
		case "gt":
			return t.hi.After(of.hi)
		case "lt":
			return t.lo.Before(of.lo)
		}
	case "reference":
		to := w.local(text(node, "reference"))
		return to != "" && p.goesTo(to) && (to == value || !strings.Contains(value, "/") && strings.HasSuffix(to, "/"+value))
	}
	return false
}

// Chain is a condition on what a parameter refers to: of that only what the
// principal sees counts, and what is contained in the resource.
type Chain struct {
	Param Param
	Type  string
	Of    Criterion
}

// Pair implements Criterion.
func (c *Chain) Pair() (name, value string) {
	name, value = c.Of.Pair()
	return c.Param.Code + ":" + c.Type + "." + name, value
}

func (c *Chain) holds(s *Sight, v *Version) bool {
	for _, path := range c.Param.Paths {
		for _, to := range s.w.referred(v.Body, path) {
			if strings.HasPrefix(to, c.Type+"/") && s.Knows(to) && c.Of.holds(s, s.w.Current(to)) {
				return true
			}
		}
		for _, one := range at(v.Body, path) {
			id, inside := strings.CutPrefix(text(one, "reference"), "#")
			if own, ok := c.Of.(*Own); inside && ok {
				for _, in := range at(v.Body, "contained") {
					if text(in, "id") == id && text(in, "resourceType") == c.Type && own.holdsOf(s, in, id) {
						return true
					}
				}
			}
		}
	}
	return false
}

// Has is a condition on what refers to the resource: of that only what the
// principal sees counts.
type Has struct {
	Param Param
	Of    Criterion
}

// Pair implements Criterion.
func (h *Has) Pair() (name, value string) {
	name, value = h.Of.Pair()
	return "_has:" + h.Param.Type + ":" + h.Param.Code + ":" + name, value
}

func (h *Has) holds(s *Sight, v *Version) bool {
	for one := range s.w.All(h.Param.Type) {
		if !s.Sees(one, "rs") || !h.Of.holds(s, one) {
			continue
		}
		for _, path := range h.Param.Paths {
			if slices.Contains(s.w.referred(one.Body, path), v.Reference()) && h.Param.goesTo(v.Reference()) {
				return true
			}
		}
	}
	return false
}

// Listed is a condition that a List which the principal sees names the resource.
type Listed struct{ ID string }

// Pair implements Criterion.
func (l *Listed) Pair() (name, value string) { return "_list", l.ID }

func (l *Listed) holds(s *Sight, v *Version) bool {
	return s.Knows("List/"+l.ID) && slices.Contains(s.w.referred(s.w.Current("List/"+l.ID).Body, "entry.item"), v.Reference())
}

// Matches says whether a search for a type, "" for all, finds a resource.
func (s *Sight) Matches(v *Version, criteria []Criterion) bool {
	return s.Sees(v, "s") && s.Meets(v, criteria)
}

// Meets says whether all criteria hold of a version.
func (s *Sight) Meets(v *Version, criteria []Criterion) bool {
	return !slices.ContainsFunc(criteria, func(c Criterion) bool { return !c.holds(s, v) })
}

// Found are the references of what a search finds.
func (s *Sight) Found(typeName string, criteria []Criterion) map[string]bool {
	found := map[string]bool{}
	for v := range s.w.All(typeName) {
		if s.Matches(v, criteria) {
			found[v.Reference()] = true
		}
	}
	return found
}

// Include is an _include or _revinclude by a parameter.
type Include struct {
	Param            Param
	Reverse, Iterate bool
}

// Included are the references of what a page of matches includes.
func (s *Sight) Included(matches []string, includes []Include) map[string]bool {
	found := map[string]bool{}
	frontier := matches
	for round := 0; len(frontier) > 0; round++ {
		var next []string
		for _, i := range includes {
			if round > 0 && !i.Iterate {
				continue
			}
			for _, from := range frontier {
				for _, to := range s.follow(from, i) {
					if !found[to] && !slices.Contains(matches, to) {
						found[to] = true
						next = append(next, to)
					}
				}
			}
		}
		frontier = next
	}
	return found
}

func (s *Sight) follow(from string, i Include) []string {
	if v := s.w.Current(from); v != nil {
		return s.followVersion(v, i)
	}
	return nil
}

// followVersion is follow from a version, which need not be the current one.
func (s *Sight) followVersion(v *Version, i Include) (all []string) {
	if i.Reverse {
		from := v.Reference()
		for one := range s.w.All(i.Param.Type) {
			for _, path := range i.Param.Paths {
				if slices.Contains(s.w.referred(one.Body, path), from) && i.Param.goesTo(from) && s.Sees(one, "s") {
					all = append(all, one.Reference())
				}
			}
		}
		return all
	}
	if v.Type != i.Param.Type {
		return nil
	}
	for _, path := range i.Param.Paths {
		for _, to := range s.w.referred(v.Body, path) {
			if i.Param.goesTo(to) && s.Knows(to) {
				all = append(all, to)
			}
		}
	}
	return all
}
