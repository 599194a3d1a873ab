package record

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const structureDefinition = "http://hl7.org/fhir/StructureDefinition/"

// Add reads one conformance resource, or a Bundle of them, into the set.
// Resources of other types are passed over. The error says what is malformed.
func (s *Set) Add(data []byte) error {
	var head struct {
		ResourceType string `json:"resourceType"`
	}
	if kind := jsontext.Value(data).Kind(); kind != '{' && jsontext.Value(data).IsValid(lenient) {
		return nil // JSON, but no resource
	}
	if err := json.Unmarshal(data, &head, lenient); err != nil {
		return err
	}
	switch head.ResourceType {
	case "Bundle":
		return s.addBundle(data)
	case "StructureDefinition":
		return s.addStructure(data)
	case "SearchParameter":
		return s.addParameter(data)
	case "ImplementationGuide":
		return s.addGuide(data)
	case "CompartmentDefinition":
		return s.addCompartment(data)
	case "OperationDefinition":
		return s.addOperation(data)
	case "ValueSet":
		return s.addValueSet(data)
	case "CodeSystem":
		return s.addCodeSystem(data)
	case "ConceptMap":
		return s.addConceptMap(data)
	case topicType, "Basic":
		return s.addTopic(data)
	}
	return nil
}

// lenient lets published files pass that repeat a name or hold bad UTF-8.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

func unmarshal(data []byte, v any) error { return json.Unmarshal(data, v, lenient) }

func (s *Set) addBundle(data []byte) error {
	var bundle struct {
		Entry []struct {
			Resource jsontext.Value `json:"resource"`
		} `json:"entry"`
	}
	if err := json.Unmarshal(data, &bundle, lenient); err != nil {
		return err
	}
	for i, e := range bundle.Entry {
		if len(e.Resource) == 0 {
			continue
		}
		if err := s.Add(e.Resource); err != nil {
			return fmt.Errorf("entry %d of the Bundle: %w", i, err)
		}
	}
	return nil
}

func (s *Set) addStructure(data []byte) error {
	type elements struct {
		Element []Element `json:"element"`
	}
	var in struct {
		URL          string         `json:"url"`
		Version      string         `json:"version"`
		Name         string         `json:"name"`
		Title        string         `json:"title"`
		Kind         string         `json:"kind"`
		Type         string         `json:"type"`
		Base         string         `json:"baseDefinition"`
		Derivation   string         `json:"derivation"`
		Abstract     bool           `json:"abstract"`
		Snapshot     elements       `json:"snapshot"`
		Differential elements       `json:"differential"`
		Context      jsontext.Value `json:"context"`
		Invariants   []string       `json:"contextInvariant"`
	}
	if err := json.Unmarshal(data, &in, lenient); err != nil {
		return err
	}
	out := Structure{
		URL: in.URL, Version: in.Version, Name: in.Name, Title: in.Title, Kind: in.Kind, Type: in.Type,
		Base: in.Base, Derivation: in.Derivation, Abstract: in.Abstract, Elements: in.Snapshot.Element,
	}
	if out.URL == "" {
		return fmt.Errorf("StructureDefinition %s has no url", in.Name)
	}
	// Since 3.x a type may be given by URL in logical models; the tail names it.
	out.Type = strings.TrimPrefix(out.Type, structureDefinition)
	if len(out.Elements) == 0 {
		out.Elements, out.Differential = in.Differential.Element, true
	}
	out.Contexts, out.ContextInvariants = contexts(in.Context), in.Invariants
	s.Structures = append(s.Structures, out)
	return nil
}

// contexts reads where an extension may stand, as "type:expression"; STU3's
// list of strings is passed over.
func contexts(data jsontext.Value) []string {
	var list []struct {
		Type       string `json:"type"`
		Expression string `json:"expression"`
	}
	if json.Unmarshal(data, &list, lenient) != nil {
		return nil
	}
	var out []string
	for _, c := range list {
		out = append(out, c.Type+":"+c.Expression)
	}
	return out
}

// addGuide reads which guide it is, and the profiles that it sets for all resources of a type.
func (s *Set) addGuide(data []byte) error {
	var in struct {
		URL     string `json:"url"`
		Version string `json:"version"`
		Global  []struct {
			Type    string         `json:"type"`
			Profile jsontext.Value `json:"profile"`
		} `json:"global"`
	}
	if err := json.Unmarshal(data, &in, lenient); err != nil {
		return err
	}
	switch {
	case in.URL != "" && in.Version != "":
		s.Guides = append(s.Guides, in.URL+"|"+in.Version)
	case in.URL != "":
		s.Guides = append(s.Guides, in.URL)
	}
	for _, g := range in.Global {
		var canonical string // STU3 has a Reference
		if json.Unmarshal(g.Profile, &canonical, lenient) == nil && g.Type != "" && canonical != "" {
			s.Globals = append(s.Globals, Global{g.Type, canonical})
		}
	}
	return nil
}

// stringOrList reads a list of strings that old packages give as one string.
func stringOrList(v jsontext.Value) []string {
	if len(v) == 0 {
		return nil
	}
	var list []string
	if json.Unmarshal(v, &list, lenient) == nil {
		return list
	}
	var one string
	if json.Unmarshal(v, &one, lenient) == nil {
		return []string{one}
	}
	return nil
}

func (s *Set) addParameter(data []byte) error {
	var in struct {
		URL         string         `json:"url"`
		Version     string         `json:"version"`
		Name        string         `json:"name"`
		Code        string         `json:"code"`
		Type        string         `json:"type"`
		Expression  string         `json:"expression"`
		Description string         `json:"description"`
		Base        jsontext.Value `json:"base"`
		Target      jsontext.Value `json:"target"`
		Component   []struct {
			Definition jsontext.Value `json:"definition"`
			Expression string         `json:"expression"`
		} `json:"component"`
	}
	if err := json.Unmarshal(data, &in, lenient); err != nil {
		return err
	}
	if in.URL == "" || in.Code == "" || in.Type == "" {
		return fmt.Errorf("SearchParameter %s needs url, code and type", in.Name)
	}
	out := SearchParameter{
		URL: in.URL, Version: in.Version, Name: in.Name, Code: in.Code, Type: in.Type,
		Base: stringOrList(in.Base), Targets: stringOrList(in.Target), Expression: in.Expression, Human: in.Description,
	}
	for _, c := range in.Component {
		var definition string
		if json.Unmarshal(c.Definition, &definition, lenient) != nil {
			var ref struct {
				Reference string `json:"reference"`
			}
			if err := json.Unmarshal(c.Definition, &ref, lenient); err != nil {
				return err
			}
			definition = ref.Reference
		}
		out.Components = append(out.Components, SearchComponent{Definition: definition, Expression: c.Expression})
	}
	s.Parameters = append(s.Parameters, out)
	return nil
}

func (s *Set) addCompartment(data []byte) error {
	var in struct {
		URL      string `json:"url"`
		Code     string `json:"code"`
		Resource []struct {
			Code  string   `json:"code"`
			Param []string `json:"param"`
		} `json:"resource"`
	}
	if err := json.Unmarshal(data, &in, lenient); err != nil {
		return err
	}
	out := Compartment{URL: in.URL, Code: in.Code}
	for _, r := range in.Resource {
		if len(r.Param) > 0 {
			out.Resources = append(out.Resources, CompartmentResource{Code: r.Code, Params: r.Param})
		}
	}
	s.Compartments = append(s.Compartments, out)
	return nil
}

type operationParameter struct {
	Name          string               `json:"name"`
	Use           string               `json:"use"`
	Max           string               `json:"max"`
	Type          string               `json:"type"`
	Documentation string               `json:"documentation"`
	Min           int                  `json:"min"`
	Part          []operationParameter `json:"part"`
}

func (s *Set) addOperation(data []byte) error {
	var in struct {
		URL          string               `json:"url"`
		Version      string               `json:"version"`
		Name         string               `json:"name"`
		Code         string               `json:"code"`
		Title        string               `json:"title"`
		Kind         string               `json:"kind"`
		Resource     []string             `json:"resource"`
		System       bool                 `json:"system"`
		Type         bool                 `json:"type"`
		Instance     bool                 `json:"instance"`
		AffectsState bool                 `json:"affectsState"`
		Parameter    []operationParameter `json:"parameter"`
	}
	if err := json.Unmarshal(data, &in, lenient); err != nil {
		return err
	}
	parameters, err := operationParameters(in.Parameter)
	if err != nil {
		return fmt.Errorf("OperationDefinition %s: %w", in.Name, err)
	}
	human := in.Title
	if human == "" {
		human = in.Name
	}
	s.Operations = append(s.Operations, Operation{
		URL: in.URL, Version: in.Version, Name: in.Name, Code: in.Code, Human: human, Resources: in.Resource,
		System: in.System, TypeLevel: in.Type, Instance: in.Instance, Affects: in.AffectsState,
		Query: in.Kind == "query", Parameters: parameters,
	})
	return nil
}

func operationParameters(in []operationParameter) ([]OperationParameter, error) {
	var out []OperationParameter
	for _, p := range in {
		max, err := cardinality(p.Max)
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
		parts, err := operationParameters(p.Part)
		if err != nil {
			return nil, err
		}
		out = append(out, OperationParameter{
			Name: p.Name, In: p.Use == "in", Min: p.Min, Max: max, Type: p.Type, Parts: parts,
		})
	}
	return out, nil
}
