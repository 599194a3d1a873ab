package record

import "github.com/go-json-experiment/json/jsontext"

// ConceptMap is a ConceptMap. Names are R5's; R4 calls a relationship
// equivalence and a scope source[x] or target[x].
type ConceptMap struct {
	Canonical
	SourceScope, TargetScope string
	Groups                   []MapGroup
}

// MapGroup is ConceptMap.group; systems may have a version after "|".
type MapGroup struct {
	Source, Target string
	Elements       []MapElement
	Unmapped       Unmapped
}

// MapElement is ConceptMap.group.element.
type MapElement struct {
	Code, Display, ValueSet string
	NoMap                   bool
	Targets                 []MapTarget
}

// MapTarget is ConceptMap.group.element.target. Relationship holds what the
// resource says, be it R4's equivalence or R5's relationship.
type MapTarget struct {
	Code, Display, ValueSet string
	Relationship, Comment   string
	DependsOn, Products     []MapDependency
}

// MapDependency is dependsOn or product of a target.
type MapDependency struct{ Property, System, Value, Display string }

// Unmapped is ConceptMap.group.unmapped: Mode is "", use-source-code (R4:
// provided), fixed or other-map.
type Unmapped struct{ Mode, Code, Display, OtherMap, Relationship string }

type mapDependencyJSON struct {
	Property  string         `json:"property"` // R4: property, R5: attribute
	Attribute string         `json:"attribute"`
	System    string         `json:"system"`
	Value     string         `json:"value"`
	Display   string         `json:"display"`
	Code      string         `json:"valueCode"`
	String    string         `json:"valueString"`
	Coding    jsontext.Value `json:"valueCoding"`
}

type mapTargetJSON struct {
	Code         string              `json:"code"`
	Display      string              `json:"display"`
	ValueSet     string              `json:"valueSet"`
	Equivalence  string              `json:"equivalence"`
	Relationship string              `json:"relationship"`
	Comment      string              `json:"comment"`
	DependsOn    []mapDependencyJSON `json:"dependsOn"`
	Product      []mapDependencyJSON `json:"product"`
}

func (s *Set) addConceptMap(data []byte) error {
	var in struct {
		canonicalJSON
		SourceURI            string `json:"sourceUri"`
		SourceCanonical      string `json:"sourceCanonical"`
		SourceScopeURI       string `json:"sourceScopeUri"`
		SourceScopeCanonical string `json:"sourceScopeCanonical"`
		TargetURI            string `json:"targetUri"`
		TargetCanonical      string `json:"targetCanonical"`
		TargetScopeURI       string `json:"targetScopeUri"`
		TargetScopeCanonical string `json:"targetScopeCanonical"`
		Group                []struct {
			Source        string `json:"source"`
			SourceVersion string `json:"sourceVersion"`
			Target        string `json:"target"`
			TargetVersion string `json:"targetVersion"`
			Element       []struct {
				Code     string          `json:"code"`
				Display  string          `json:"display"`
				ValueSet string          `json:"valueSet"`
				NoMap    bool            `json:"noMap"`
				Target   []mapTargetJSON `json:"target"`
			} `json:"element"`
			Unmapped struct {
				Mode         string `json:"mode"`
				Code         string `json:"code"`
				Display      string `json:"display"`
				URL          string `json:"url"`
				OtherMap     string `json:"otherMap"`
				Relationship string `json:"relationship"`
			} `json:"unmapped"`
		} `json:"group"`
	}
	if err := unmarshal(data, &in); err != nil {
		return err
	}
	out := ConceptMap{
		Canonical:   in.record(),
		SourceScope: in.SourceURI + in.SourceCanonical + in.SourceScopeURI + in.SourceScopeCanonical,
		TargetScope: in.TargetURI + in.TargetCanonical + in.TargetScopeURI + in.TargetScopeCanonical,
	}
	for _, g := range in.Group {
		group := MapGroup{
			Source: versioned(g.Source, g.SourceVersion), Target: versioned(g.Target, g.TargetVersion),
			Unmapped: Unmapped{g.Unmapped.Mode, g.Unmapped.Code, g.Unmapped.Display, g.Unmapped.URL + g.Unmapped.OtherMap, g.Unmapped.Relationship},
		}
		for _, e := range g.Element {
			element := MapElement{Code: e.Code, Display: e.Display, ValueSet: e.ValueSet, NoMap: e.NoMap}
			for _, t := range e.Target {
				element.Targets = append(element.Targets, MapTarget{
					Code: t.Code, Display: t.Display, ValueSet: t.ValueSet, Relationship: t.Equivalence + t.Relationship, Comment: t.Comment,
					DependsOn: dependencies(t.DependsOn), Products: dependencies(t.Product),
				})
			}
			group.Elements = append(group.Elements, element)
		}
		out.Groups = append(out.Groups, group)
	}
	s.ConceptMaps = append(s.ConceptMaps, out)
	return nil
}

func versioned(system, version string) string {
	if version == "" {
		return system
	}
	return system + "|" + version
}

func dependencies(in []mapDependencyJSON) []MapDependency {
	var out []MapDependency
	for _, d := range in {
		c := coding(d.Coding)
		out = append(out, MapDependency{
			Property: d.Property + d.Attribute, System: d.System + c.System, Value: d.Value + d.Code + d.String + c.Code, Display: d.Display + c.Display,
		})
	}
	return out
}

func (c *coder) conceptMap(m *ConceptMap) {
	c.canonical(&m.Canonical)
	c.string(&m.SourceScope)
	c.string(&m.TargetScope)
	slice(c, &m.Groups, (*coder).mapGroup)
}

func (c *coder) mapGroup(g *MapGroup) {
	c.string(&g.Source)
	c.string(&g.Target)
	slice(c, &g.Elements, (*coder).mapElement)
	c.string(&g.Unmapped.Mode)
	c.string(&g.Unmapped.Code)
	c.string(&g.Unmapped.Display)
	c.string(&g.Unmapped.OtherMap)
	c.string(&g.Unmapped.Relationship)
}

func (c *coder) mapElement(e *MapElement) {
	c.string(&e.Code)
	c.string(&e.Display)
	c.string(&e.ValueSet)
	c.bools(&e.NoMap)
	slice(c, &e.Targets, (*coder).mapTarget)
}

func (c *coder) mapTarget(t *MapTarget) {
	c.string(&t.Code)
	c.string(&t.Display)
	c.string(&t.ValueSet)
	c.string(&t.Relationship)
	c.string(&t.Comment)
	slice(c, &t.DependsOn, (*coder).mapDependency)
	slice(c, &t.Products, (*coder).mapDependency)
}

func (c *coder) mapDependency(d *MapDependency) {
	c.string(&d.Property)
	c.string(&d.System)
	c.string(&d.Value)
	c.string(&d.Display)
}
