package search

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// System is the Param.Type of a parameter of every resource type.
const System = "Resource"

// Built-in parameters that are columns of the store, not index entries.
const (
	codeID          = "_id"
	codeLastUpdated = "_lastUpdated"
)

// A Catalog holds the search parameters of one set of definitions, compiled.
// The parameters of a resource type are compiled when the type is first asked
// for. A Catalog is safe for concurrent use.
type Catalog struct {
	// Content says that all text is indexed, for _content. It is set before the
	// first use.
	Content bool

	defs  *definitions.Definitions
	base  string // base URL of this server with a trailing slash, or ""
	types map[string]*typeCatalog

	advanced  func() bool // see hasAdvanced
	units     units
	implied   sync.Map  // value set -> code system, see impliedSystem
	scratches sync.Pool // of *[]Entry: where entries are collected before their number is known
}

// typeCatalog is what a Catalog knows of one resource type.
type typeCatalog struct {
	once   sync.Once
	name   string
	params map[string]*parameter
	list   []*parameter // sorted by code
	rules  rules
}

// parameter is one search parameter of one resource type.
type parameter struct {
	Param
	def        *definitions.SearchParameter
	problem    string // why it cannot be searched by; "" when it can
	caseless   bool   // a token some of whose values have no case
	components []component
	elsewhere  []string // parts of a name or address that are found under other parameters
}

// component is one part of a composite parameter.
type component struct {
	code  string
	kind  definitions.SearchType
	def   *definitions.SearchParameter
	rules rules
	// caseless is as in parameter; the component's own definition tells.
	caseless bool
}

// Parameter describes a search parameter to those who list them.
type Parameter struct {
	Param
	URL     string
	Human   string
	Targets []string // reference: resource types it may point to
	// Problem says why the parameter cannot be searched by; "" when it can.
	Problem string
	Added   bool // to the definitions, see definitions.WithParameters
}

// NewCatalog makes the catalog of d for a server whose FHIR base URL is
// baseURL; absolute references below it are references to this server. An
// empty baseURL means that no absolute reference is.
func NewCatalog(d *definitions.Definitions, baseURL string) (*Catalog, error) {
	if baseURL != "" {
		u, err := url.Parse(baseURL)
		if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("search: base URL %q is not an absolute http or https URL without query", baseURL)
		}
		baseURL = strings.TrimRight(baseURL, "/") + "/"
	}
	return newCatalog(d, baseURL, false), nil
}

func newCatalog(d *definitions.Definitions, base string, content bool) *Catalog {
	c := &Catalog{
		defs: d, base: base, Content: content, types: map[string]*typeCatalog{System: {name: System}},
		advanced: sync.OnceValue(func() bool { return hasAdvanced(d) }),
	}
	for _, t := range d.ResourceTypes() {
		c.types[t] = &typeCatalog{name: t}
	}
	return c
}

// With is a catalog like c of definitions that have further parameters.
func (c *Catalog) With(list []definitions.SearchParameter) *Catalog {
	return newCatalog(c.defs.WithParameters(list), c.base, c.Content)
}

// Definitions returns what the catalog was made of.
func (c *Catalog) Definitions() *definitions.Definitions { return c.defs }

// Parameters lists the search parameters of a resource type, or of every type
// for "", sorted by code. Those with a Problem cannot be searched by.
func (c *Catalog) Parameters(resourceType string) []Parameter {
	t := c.lookup(resourceType)
	if t == nil {
		return nil
	}
	list := make([]Parameter, len(t.list))
	for i, p := range t.list {
		list[i] = Parameter{Param: p.Param, URL: p.def.URL, Human: p.def.Human, Targets: p.def.Targets, Problem: p.problem, Added: p.def.Added}
	}
	return list
}

// Param returns the parameter called code of a resource type ("" for every
// type). The second result is false when there is none that can be searched by.
func (c *Catalog) Param(resourceType, code string) (Param, bool) {
	t := c.lookup(resourceType)
	if t == nil {
		return Param{}, false
	}
	p := t.params[code]
	if p == nil || p.problem != "" {
		return Param{}, false
	}
	return p.Param, true
}

// lookup returns the compiled parameters of a type, "" standing for every
// type, or nil for an unknown type.
func (c *Catalog) lookup(resourceType string) *typeCatalog {
	if resourceType == "" {
		resourceType = System
	}
	t := c.types[resourceType]
	if t == nil {
		return nil
	}
	t.once.Do(func() { c.compile(t) })
	return t
}

// compile fills t.
func (c *Catalog) compile(t *typeCatalog) {
	t.params = map[string]*parameter{}
	for _, def := range c.definitionsOf(t.name) {
		if parsed(def.Code) {
			continue
		}
		p := &parameter{Param: Param{Type: t.name, Code: def.Code, Kind: def.Type}, def: def}
		t.list = append(t.list, p)
		t.params[def.Code] = p
		c.check(t, p)
	}
	c.findOrigins(t)
	c.findOnce(t)
	c.compileListed(t)
	for _, p := range t.list {
		if p.problem != "" || !p.indexed() || p.unites() || p.overTexts() {
			continue
		}
		if err := c.compileInto(&t.rules, t.name, p.def.Expression, sink{param: p}); err != nil {
			p.problem = err.Error()
		}
	}
}

// indexed says whether values of p are entries.
func (p *parameter) indexed() bool { return p.Code != codeID && p.Code != codeLastUpdated }

// overTexts says whether p is about texts, wherever they stand.
func (p *parameter) overTexts() bool { return p.Code == codeText || p.Code == codeContent }

// parsed says whether the parser answers a code by itself; R4B and R5 define some.
func parsed(code string) bool {
	return code == "_has" || code == "_type" || code == "_list" || code == "_filter"
}

// answered says whether a code is searched by without what its definition says.
func answered(code string) bool {
	p := parameter{Param: Param{Code: code}}
	return parsed(code) || !p.indexed() || p.overTexts()
}

// definitionsOf lists the definitions that apply to a type, sorted by code.
func (c *Catalog) definitionsOf(typeName string) []*definitions.SearchParameter {
	if typeName != System {
		return c.defs.SearchParameters(typeName)
	}
	all := c.defs.ResourceTypes()
	if len(all) == 0 {
		return nil
	}
	var common []*definitions.SearchParameter
	for _, def := range c.defs.SearchParameters(all[0]) {
		if slices.Contains(def.Base, System) || def.Code == codeText {
			common = append(common, def)
		}
	}
	return common
}

// check decides what can be said of p without the others.
func (c *Catalog) check(t *typeCatalog, p *parameter) {
	switch {
	case !p.indexed():
		return
	case p.overTexts():
		p.Kind = definitions.SearchSpecial
		if p.Code == codeContent && !c.Content {
			p.problem = "this server does not index all text; start it with --index-content, then reindex"
		}
		return
	case p.def.Package != "" && !p.def.Core:
		p.problem = c.laidProblem(p.def, t.name)
	case p.Kind == definitions.SearchSpecial && !c.selectsPositions(p.def):
		p.problem = "parameters of type special are not supported"
	case p.def.Expression == "":
		p.problem = "its definition has no expression"
	}
	if p.problem == "" && p.Kind == definitions.SearchComposite {
		if err := c.compileComponents(t, p); err != nil {
			p.problem = err.Error()
		}
	}
	if p.problem == "" && p.def.Core && len(p.def.Base) == 1 && p.def.Base[0] == t.name {
		p.problem = c.laidProblem(c.meant(p.def), t.name)
	}
	if p.problem != "" {
		return
	}
	p.caseless = p.Kind == definitions.SearchToken && c.endsIn(t.name, p.def.Expression, withoutCase...)
}

// compileComponents fills p.components.
func (c *Catalog) compileComponents(t *typeCatalog, p *parameter) error {
	if len(p.def.Components) == 0 {
		return fmt.Errorf("its definition has no components")
	}
	for i, part := range p.def.Components {
		def := c.componentDefinition(p.def, part)
		if def == nil {
			return fmt.Errorf("the definition of its component %s is not known", part.Definition)
		}
		if def.Type == definitions.SearchComposite || def.Type == definitions.SearchSpecial {
			return fmt.Errorf("its component %s is of type %s", def.Code, def.Type)
		}
		one := component{code: def.Code, kind: def.Type, def: def}
		one.caseless = def.Type == definitions.SearchToken && c.endsIn(t.name, def.Expression, withoutCase...)
		if err := c.compileInto(&one.rules, t.name, part.Expression, sink{param: p, part: i + 1}); err != nil {
			return err
		}
		p.components = append(p.components, one)
	}
	return nil
}

// componentDefinition finds the parameter that a component is. Where the
// expression of another component's parameter is what this one selects, that
// is meant: R4 has the two of DocumentReference's "relationship" exchanged.
func (c *Catalog) componentDefinition(whole *definitions.SearchParameter, part definitions.SearchComponent) *definitions.SearchParameter {
	selected := whole.Expression + "." + part.Expression
	def := c.defs.SearchParameterByURL(part.Definition)
	if def == nil || def.Expression == selected {
		return def
	}
	for _, other := range whole.Components {
		if o := c.defs.SearchParameterByURL(other.Definition); o != nil && o.Expression == selected {
			return o
		}
	}
	return def
}

// local reads a reference to this server: "Type/id", "Type/id/_history/v", or
// either below the base URL.
func (c *Catalog) local(reference string) (key fhir.Key, version string, ok bool) {
	if c.base != "" {
		reference = strings.TrimPrefix(reference, c.base)
	}
	typeName, rest, found := strings.Cut(reference, "/")
	if !found || c.types[typeName] == nil || typeName == System {
		return fhir.Key{}, "", false
	}
	id, version, versioned := strings.Cut(rest, "/_history/")
	if !fhir.ID(id).Valid() || versioned && !fhir.ID(version).Valid() {
		return fhir.Key{}, "", false
	}
	return fhir.Key{Type: fhir.Type(typeName), ID: fhir.ID(id)}, version, true
}
