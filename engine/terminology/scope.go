package terminology

import (
	"context"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// Options are what the operations have in common.
type Options struct {
	Languages Languages
	// SystemVersions are defaults for includes that name no version,
	// ForceVersions replace what they name, CheckVersions must be met:
	// canonicals of code systems with a version, which may hold wildcards.
	SystemVersions, ForceVersions, CheckVersions []string
	// ValueSetVersions are defaults for references to value sets.
	ValueSetVersions []string
	// Supplements are canonicals of the code system supplements to use.
	Supplements []string
	ActiveOnly  bool
	// Resources came with the request and win over all others.
	Resources Resources
}

// maxVisits bounds the concepts that one operation looks at.
const maxVisits = 20_000_000

// scope is one operation under way.
type scope struct {
	ctx     context.Context
	sources []Source // the first that has a version wins
	o       *Options
	sets    map[string][][]*ValueSet   // by URL, then source
	byURL   map[string]*ValueSet       // implicit ones
	systems map[string][][]*CodeSystem // by URL, then source
	// supplements are those to use, by the code system that they supplement.
	supplements []*CodeSystem
	resolved    map[*definitions.Include]*resolved
	used        used
	merged      bool // versions of a code system were not told apart
	visits      int
}

func (s *Service) scope(ctx context.Context, o *Options) *scope {
	out := &scope{
		ctx: ctx, o: o, sources: []Source{&o.Resources},
		sets: map[string][][]*ValueSet{}, byURL: map[string]*ValueSet{}, systems: map[string][][]*CodeSystem{}, resolved: map[*definitions.Include]*resolved{},
	}
	if s.source != nil {
		out.sources = append(out.sources, s.source)
	}
	out.sources = append(out.sources, s.catalog)
	return out
}

// visit counts concepts looked at.
func (s *scope) visit(n int) error {
	before := s.visits
	if s.visits += n; s.visits > maxVisits {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "",
			"this looks at more than %d concepts: ask for a smaller value set", maxVisits)
	}
	if s.visits>>12 != before>>12 {
		return s.ctx.Err()
	}
	return nil
}

// valueSet finds a value set by its canonical; nil when there is none. above
// is the value set that refers to it, or nil.
func (s *scope) valueSet(reference string, above *ValueSet) (*ValueSet, error) {
	if strings.HasPrefix(reference, "#") && above != nil {
		return above.contained(reference), nil
	}
	url, version, pinned := strings.Cut(reference, "|")
	if !pinned {
		if v := versionRules(s.o.ValueSetVersions).of(url); v != "" {
			version = v
			s.rule("default-valueset-version", canonical(url, v))
		}
	}
	found, err := versions(s, s.sets, url, func(source Source) ([]*ValueSet, error) { return source.ValueSets(s.ctx, url) })
	if err != nil {
		return nil, err
	}
	v, ok := choose(found, version, func(v *ValueSet) string { return v.Version })
	if !ok {
		return s.implicit(url)
	}
	return v, nil
}

// system is a code system with the supplements that are to be used.
type system struct {
	*CodeSystem
	supplements []*CodeSystem
}

// codeSystem finds a code system whose concepts are at hand; the error is an
// *unknownSystem when there is none.
func (s *scope) codeSystem(url, version string) (*system, error) {
	found, err := versions(s, s.systems, url, func(source Source) ([]*CodeSystem, error) { return source.CodeSystems(s.ctx, url) })
	if err != nil {
		return nil, err
	}
	cs, ok := choose(found, version, func(c *CodeSystem) string { return c.Version })
	if ok && cs.Content == "supplement" {
		return nil, &unknownSystem{url: url, version: version, supplement: canonical(cs.URL, cs.Version)}
	}
	if !ok || len(cs.Concepts) == 0 {
		return nil, &unknownSystem{url: url, version: version, known: known(found), empty: ok}
	}
	out := &system{CodeSystem: cs}
	for _, sup := range s.supplements {
		if u, v, _ := strings.Cut(sup.Supplements, "|"); u == url && (v == "" || matchVersion(v, cs.Version)) {
			out.supplements = append(out.supplements, sup)
			note(&s.used.supplements, canonical(sup.URL, sup.Version))
		}
	}
	return out, nil
}

// known lists versions, the earliest first.
func known(found [][]*CodeSystem) []string {
	var out []string
	for _, list := range found {
		for _, c := range list {
			if c.Version != "" {
				note(&out, c.Version)
			}
		}
	}
	slices.SortFunc(out, compareVersions)
	return out
}

// supplement takes the supplements that a request or a value set asks for. All
// must be there.
func (s *scope) supplement(canonicals []string) error {
	for _, c := range canonicals {
		url, version, _ := strings.Cut(c, "|")
		found, err := versions(s, s.systems, url, func(source Source) ([]*CodeSystem, error) { return source.CodeSystems(s.ctx, url) })
		if err != nil {
			return err
		}
		sup, ok := choose(found, version, func(c *CodeSystem) string { return c.Version })
		if !ok || sup.Content != "supplement" {
			return refuse(fault.Unprocessable, fault.CodeNotFound, "", "not-found", "VALUESET_SUPPLEMENT_MISSING", "Required supplement not found: %s", fault.Shorten(c))
		}
		if !slices.Contains(s.supplements, sup) {
			s.supplements = append(s.supplements, sup)
		}
	}
	return nil
}

const valueSetSupplement = "http://hl7.org/fhir/StructureDefinition/valueset-supplement"

// prepare takes the supplements of the request and of the value set asked
// about, which may be nil.
func (s *scope) prepare(v *ValueSet) error {
	wanted := slices.Clone(s.o.Supplements)
	if v != nil {
		for _, e := range v.Extensions {
			if e.URL == valueSetSupplement {
				wanted = append(wanted, e.Value)
			}
		}
	}
	return s.supplement(wanted)
}

// choice is the version of a code system that an include means.
type choice struct {
	asked   string // what to look for, perhaps with wildcards; "" for the latest
	changed bool   // the parameters say so, not the include
}

// version chooses the version of a code system for an include that names
// version, or none (R4 §4.9.16.1, the parameters force-, check- and
// system-version).
func (s *scope) version(url, version string) choice {
	if v := versionRules(s.o.ForceVersions).of(url); v != "" {
		s.rule("force-system-version", canonical(url, v))
		return choice{v, v != version}
	}
	if version != "" {
		return choice{asked: version}
	}
	if v := versionRules(s.o.SystemVersions).of(url); v != "" {
		s.rule("system-version", canonical(url, v))
		return choice{v, true}
	}
	if v := versionRules(s.o.CheckVersions).of(url); v != "" {
		s.rule("check-system-version", canonical(url, v))
		return choice{v, true}
	}
	return choice{}
}

// checked is the version that a parameter insists on, when a version is
// another; "" otherwise.
func (s *scope) checked(url, version string) string {
	if v := versionRules(s.o.CheckVersions).of(url); v != "" && !matchVersion(v, version) {
		return v
	}
	return ""
}
