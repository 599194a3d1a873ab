package record

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	extensionFHIRType     = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
	extensionRegex        = "http://hl7.org/fhir/StructureDefinition/regex"
	extensionBestPractice = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"
	extensionMustHave     = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.mustHaveValue"
	extensionAlternatives = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ElementDefinition.valueAlternatives"
	extensionNarrLanguage = "http://hl7.org/fhir/StructureDefinition/narrative-language-control"
	extensionNarrSource   = "http://hl7.org/fhir/StructureDefinition/narrative-source-control"
	extensionPart         = "http://hl7.org/fhir/StructureDefinition/elementdefinition-profile-element"
)

// UnmarshalJSONFrom reads an ElementDefinition; what is not kept is skipped
// without being built.
func (e *Element) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*e = Element{Min: Unset, Max: Unset}
	if tok, err := dec.ReadToken(); err != nil {
		return err
	} else if tok.Kind() != '{' {
		return fmt.Errorf("ElementDefinition is not an object")
	}
	for dec.PeekKind() != '}' {
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if err := e.member(dec, tok.String()); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

func (e *Element) member(dec *jsontext.Decoder, name string) error {
	switch name {
	case "id":
		return json.UnmarshalDecode(dec, &e.ID)
	case "path":
		return json.UnmarshalDecode(dec, &e.Path)
	case "sliceName":
		return json.UnmarshalDecode(dec, &e.SliceName)
	case "min":
		return json.UnmarshalDecode(dec, &e.Min)
	case "max":
		var max string
		if err := json.UnmarshalDecode(dec, &max); err != nil {
			return err
		}
		n, err := cardinality(max)
		e.Max = n
		return err
	case "base":
		var base struct {
			Path string `json:"path"`
		}
		err := json.UnmarshalDecode(dec, &base)
		e.BasePath = base.Path
		return err
	case "type":
		return e.types(dec)
	case "binding":
		return e.binding(dec)
	case "constraint":
		return e.constraints(dec)
	case "contentReference":
		var ref string
		err := json.UnmarshalDecode(dec, &ref)
		e.ContentReference = ref[strings.IndexByte(ref, '#')+1:]
		return err
	case "isSummary":
		return json.UnmarshalDecode(dec, &e.Summary)
	case "isModifier":
		return json.UnmarshalDecode(dec, &e.Modifier)
	case "mustSupport":
		return json.UnmarshalDecode(dec, &e.MustSupport)
	case "mustHaveValue":
		return json.UnmarshalDecode(dec, &e.MustHaveValue)
	case "valueAlternatives":
		return json.UnmarshalDecode(dec, &e.ValueAlternatives)
	case "extension":
		return e.extensions(dec)
	case "maxLength":
		return json.UnmarshalDecode(dec, &e.MaxLength)
	case "representation":
		var list []string
		err := json.UnmarshalDecode(dec, &list)
		for _, r := range list {
			e.Attribute = e.Attribute || r == "xmlAttr"
		}
		return err
	case "slicing":
		var in struct {
			Discriminator []struct {
				Type string `json:"type"`
				Path string `json:"path"`
			} `json:"discriminator"`
			Rules   string `json:"rules"`
			Ordered bool   `json:"ordered"`
		}
		if err := json.UnmarshalDecode(dec, &in); err != nil {
			return err
		}
		e.Slicing = &Slicing{Rules: in.Rules, Ordered: in.Ordered}
		for _, d := range in.Discriminator {
			e.Slicing.Discriminators = append(e.Slicing.Discriminators, Discriminator(d))
		}
		return nil
	}
	return e.value(dec, name)
}

// value reads fixed[x], pattern[x], minValue[x] or maxValue[x], whose names
// end in the type of the value; anything else is skipped.
func (e *Element) value(dec *jsontext.Decoder, name string) error {
	for _, place := range [...]struct {
		prefix string
		to     *string
	}{{"fixed", &e.Fixed}, {"pattern", &e.Pattern}, {"minValue", &e.MinValue}, {"maxValue", &e.MaxValue}} {
		kind, ok := strings.CutPrefix(name, place.prefix)
		if !ok || kind == "" {
			continue
		}
		v, err := dec.ReadValue()
		if err != nil {
			return err
		}
		v = v.Clone()
		if err := v.Compact(); err != nil {
			return err
		}
		*place.to = string(v)
		if place.to == &e.Fixed || place.to == &e.Pattern {
			e.ValueType = kind
		}
		return nil
	}
	return dec.SkipValue()
}

func cardinality(s string) (int, error) {
	if s == "*" {
		return Many, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("max %q is neither a number nor *", s)
	}
	return n, nil
}

type extension struct {
	URL          string `json:"url"`
	ValueURL     string `json:"valueUrl"`
	ValueURI     string `json:"valueUri"`
	ValueString  string `json:"valueString"`
	ValueBoolean bool   `json:"valueBoolean"`
}

// types reads ElementDefinition.type. The elements that are plain strings of
// FHIRPath's System ("Element.id", a primitive's value) name their FHIR type
// in an extension.
func (e *Element) types(dec *jsontext.Decoder) error {
	var list []struct {
		Code        string         `json:"code"`
		Profile     jsontext.Value `json:"profile"`
		ProfileMore []*struct {
			Extension []extension `json:"extension"`
		} `json:"_profile"`
		TargetProfile jsontext.Value `json:"targetProfile"`
		Extension     []extension    `json:"extension"`
	}
	if err := json.UnmarshalDecode(dec, &list); err != nil {
		return err
	}
	for _, t := range list {
		ref := TypeRef{Code: t.Code, Profiles: stringOrList(t.Profile), TargetProfiles: stringOrList(t.TargetProfile)}
		if strings.HasPrefix(ref.Code, "http://hl7.org/fhirpath/System.") {
			ref.Code = "string"
		}
		for _, x := range t.Extension {
			switch x.URL {
			case extensionFHIRType:
				ref.Code = x.ValueURL + x.ValueURI
			case extensionRegex:
				e.Regex = x.ValueString
			}
		}
		for i, more := range t.ProfileMore {
			if more == nil || i >= len(ref.Profiles) {
				continue
			}
			for _, x := range more.Extension {
				if x.URL == extensionPart && x.ValueString != "" {
					ref.Profiles[i] += "#" + x.ValueString
				}
			}
		}
		e.Types = append(e.Types, ref)
	}
	return nil
}

// extensions reads what R4 says by extensions and R5 by elements, and what both say of
// narratives.
func (e *Element) extensions(dec *jsontext.Decoder) error {
	var list []struct {
		URL       string         `json:"url"`
		Boolean   jsontext.Value `json:"valueBoolean"`
		Canonical jsontext.Value `json:"valueCanonical"`
		Code      jsontext.Value `json:"valueCode"`
	}
	if err := json.UnmarshalDecode(dec, &list); err != nil {
		return err
	}
	for _, x := range list {
		switch x.URL {
		case extensionMustHave:
			e.MustHaveValue = string(x.Boolean) == "true"
		case extensionAlternatives:
			e.ValueAlternatives = append(e.ValueAlternatives, stringOrList(x.Canonical)...)
		case extensionNarrLanguage:
			e.NarrativeLanguages = append(e.NarrativeLanguages, stringOrList(x.Code)...)
		case extensionNarrSource:
			e.NarrativeSource = strings.Join(stringOrList(x.Code), "")
		}
	}
	return nil
}

func (e *Element) binding(dec *jsontext.Decoder) error {
	var in struct {
		Strength    string `json:"strength"`
		ValueSet    string `json:"valueSet"`
		ValueSetURI string `json:"valueSetUri"`
	}
	if err := json.UnmarshalDecode(dec, &in); err != nil {
		return err
	}
	e.Binding = &Binding{Strength: in.Strength, ValueSet: in.ValueSet + in.ValueSetURI}
	return nil
}

func (e *Element) constraints(dec *jsontext.Decoder) error {
	var list []struct {
		Key        string      `json:"key"`
		Severity   string      `json:"severity"`
		Human      string      `json:"human"`
		Expression string      `json:"expression"`
		Extension  []extension `json:"extension"`
	}
	if err := json.UnmarshalDecode(dec, &list); err != nil {
		return err
	}
	for _, c := range list {
		inv := Invariant{Key: c.Key, Severity: c.Severity, Human: c.Human, Expression: c.Expression}
		for _, x := range c.Extension {
			inv.BestPractice = inv.BestPractice || x.URL == extensionBestPractice && x.ValueBoolean
		}
		e.Invariants = append(e.Invariants, inv)
	}
	return nil
}
