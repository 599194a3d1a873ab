package terminology

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// TranslateRequest is ConceptMap/$translate (R4 §4.10.17.1, and R5's).
type TranslateRequest struct {
	Options
	URL, Version string
	ConceptMap   *ConceptMap
	Codings      []definitions.Coding
	// Reverse goes from the target of the maps to their source.
	Reverse bool
	// Scopes and systems that the codes come from and are wanted in; "" for any.
	SourceScope, TargetScope, SourceSystem, TargetSystem string
	Dependencies                                         []definitions.MapDependency
}

// maxMaps bounds the maps that lead to other maps.
const maxMaps = 8

// Translate looks codes up in a concept map, or in all that are about their
// system when none is named. A map that is named but not known is a NotFound.
func (s *Service) Translate(ctx context.Context, r TranslateRequest) (*Translation, error) {
	if len(r.Codings) == 0 || r.Codings[0].Code == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "say what to translate: a code with its system, a coding or a codeableConcept")
	}
	t := &translating{scope: s.scope(ctx, &r.Options), r: &r, out: new(Translation)}
	maps, err := t.maps()
	if err != nil {
		return nil, err
	}
	for _, m := range maps {
		for _, c := range r.Codings {
			if err := t.look(m, c, 0); err != nil {
				return nil, err
			}
		}
	}
	for _, m := range t.out.Matches {
		t.out.Result = t.out.Result || m.Relationship != "not-related-to" && m.Concept.Code != ""
	}
	if !t.out.Result {
		t.out.Message = "No mapping was found for " + shown(r.Codings[0])
	}
	return t.out, nil
}

type translating struct {
	*scope
	r   *TranslateRequest
	out *Translation
}

// maps are the concept maps to look into.
func (t *translating) maps() ([]*ConceptMap, error) {
	if t.r.ConceptMap != nil {
		return []*ConceptMap{t.r.ConceptMap}, nil
	}
	if t.r.URL != "" {
		m, err := t.conceptMap(canonical(t.r.URL, t.r.Version))
		if err == nil && m == nil {
			err = refuse(fault.NotFound, fault.CodeNotFound, "", "not-found", "", "The concept map '%s' could not be found", fault.Shorten(canonical(t.r.URL, t.r.Version)))
		}
		return []*ConceptMap{m}, err
	}
	if t.r.SourceScope == "" && t.r.TargetScope == "" && t.r.SourceSystem == "" && t.r.TargetSystem == "" && t.r.Codings[0].System == "" {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, "", "say which map: by url, by a source or target, or by the system of the code")
	}
	var out []*ConceptMap
	newest := map[string]int{}
	for _, source := range t.sources {
		list, err := source.ConceptMaps(t.ctx, "")
		if err != nil {
			return nil, err
		}
		for _, m := range list {
			if !scoped(t.r.SourceScope, m.SourceScope) || !scoped(t.r.TargetScope, m.TargetScope) {
				continue
			}
			if i, ok := newest[m.URL]; ok && m.URL != "" {
				if later(m.Version, out[i].Version) {
					out[i] = m
				}
				continue
			}
			newest[m.URL] = len(out)
			out = append(out, m)
		}
	}
	return out, nil
}

func scoped(wanted, scope string) bool {
	wanted, _, _ = cutVersion(wanted)
	scope, _, _ = cutVersion(scope)
	return wanted == "" || wanted == scope
}

// conceptMap finds a concept map by its canonical, or nil.
func (s *scope) conceptMap(reference string) (*ConceptMap, error) {
	url, version, _ := cutVersion(reference)
	found := make([][]*ConceptMap, len(s.sources))
	for i, source := range s.sources {
		var err error
		if found[i], err = source.ConceptMaps(s.ctx, url); err != nil {
			return nil, err
		}
	}
	m, ok := choose(found, version, func(m *ConceptMap) string { return m.Version })
	if !ok {
		return nil, nil
	}
	return m, nil
}

// look looks a code up in a map that depth others led to.
func (t *translating) look(m *ConceptMap, c definitions.Coding, depth int) error {
	for g := range m.Groups {
		group := &m.Groups[g]
		if err := t.visit(1); err != nil {
			return err
		}
		from, to := group.Source, group.Target
		wanted := t.r.TargetSystem
		if t.r.Reverse {
			from, to = to, from
			if wanted == "" {
				wanted = t.r.SourceSystem
			}
		}
		if !scoped(wanted, to) || !fits(c, from) {
			continue
		}
		if t.r.Reverse {
			if err := t.backwards(m, group, c); err != nil {
				return err
			}
			continue
		}
		if i, ok := m.bySource[g][c.Code]; ok {
			t.element(m, group, &group.Elements[i])
			continue
		}
		if err := t.unmapped(m, group, c, depth); err != nil {
			return err
		}
	}
	return nil
}

// fits says whether a coding is of a system, which may have a version; what
// is not said fits.
func fits(c definitions.Coding, system string) bool {
	url, version, _ := cutVersion(system)
	return (c.System == "" || url == "" || url == c.System) && (c.Version == "" || version == "" || matchVersion(version, c.Version))
}

func (t *translating) element(m *ConceptMap, group *definitions.MapGroup, e *definitions.MapElement) {
	if e.NoMap {
		t.add(m, group.Target, definitions.MapTarget{Relationship: "unmatched"})
	}
	for _, target := range e.Targets {
		if t.depends(target.DependsOn) {
			t.add(m, group.Target, target)
		}
	}
}

// depends says whether a target may be used with the dependencies given; with
// none given, it tells what it depends on.
func (t *translating) depends(on []definitions.MapDependency) bool {
	if len(t.r.Dependencies) == 0 {
		return true
	}
	for _, d := range on {
		if !slices.ContainsFunc(t.r.Dependencies, func(given definitions.MapDependency) bool {
			return given.Property == d.Property && given.Value == d.Value && (given.System == "" || d.System == "" || given.System == d.System)
		}) {
			return false
		}
	}
	return true
}

func (t *translating) add(m *ConceptMap, system string, target definitions.MapTarget) {
	url, version, _ := cutVersion(system)
	concept := definitions.Coding{System: url, Version: version, Code: target.Code, Display: target.Display}
	if target.Code == "" {
		concept = definitions.Coding{}
	}
	t.out.Matches = append(t.out.Matches, Match{
		Relationship: relationship(target.Relationship), Equivalence: equivalence(target.Relationship), Concept: concept,
		Map: canonical(m.URL, m.Version), MapURL: m.URL, DependsOn: target.DependsOn, Products: target.Products, Comment: target.Comment,
	})
}

func (t *translating) backwards(m *ConceptMap, group *definitions.MapGroup, c definitions.Coding) error {
	for i := range group.Elements {
		e := &group.Elements[i]
		for _, target := range e.Targets {
			if target.Code == c.Code {
				t.add(m, group.Source, definitions.MapTarget{Code: e.Code, Display: e.Display, Relationship: inverse(target.Relationship), Comment: target.Comment})
			}
		}
	}
	return t.visit(len(group.Elements))
}

// unmapped applies what a group says of codes that it does not list.
func (t *translating) unmapped(m *ConceptMap, group *definitions.MapGroup, c definitions.Coding, depth int) error {
	relation := group.Unmapped.Relationship
	switch group.Unmapped.Mode {
	case "use-source-code", "provided":
		if relation == "" {
			relation = "equivalent"
		}
		t.add(m, group.Target, definitions.MapTarget{Code: c.Code, Display: c.Display, Relationship: relation})
	case "fixed":
		if relation == "" {
			relation = "related-to"
		}
		t.add(m, group.Target, definitions.MapTarget{Code: group.Unmapped.Code, Display: group.Unmapped.Display, Relationship: relation})
	case "other-map":
		if depth >= maxMaps {
			return fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "the concept map %s leads to more than %d others, one after the other", m.URL, maxMaps)
		}
		other, err := t.conceptMap(group.Unmapped.OtherMap)
		if err != nil {
			return err
		}
		if other == nil {
			return refuse(fault.Unprocessable, fault.CodeNotFound, "", "not-found", "",
				"The concept map '%s', to which %s leaves what it does not map, could not be found", group.Unmapped.OtherMap, m.URL)
		}
		return t.look(other, c, depth+1)
	}
	return nil
}
