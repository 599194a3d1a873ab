package bulk

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// orderText is an order as it comes: a manifest, or Parameters.
type orderText struct {
	ResourceType string            `json:"resourceType"`
	Parameter    []json.RawMessage `json:"parameter"`

	InputFormat string `json:"inputFormat"`
	InputSource string `json:"inputSource"`
	Input       []struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	} `json:"input"`
	Storage struct {
		Type string `json:"type"`
	} `json:"storageDetail"`
	ExportURL  string `json:"exportUrl"`
	ExportType string `json:"exportType"`
}

// orderMembers are those of a manifest, and parameters those of Parameters beside what
// is meant for the export.
var (
	orderMembers = []string{"inputFormat", "inputSource", "input", "storageDetail", "exportUrl", "exportType"}
	forExport    = []string{"patient", "includeAssociatedData", "organizeOutputBy", "allowPartialManifests"}
)

// readOrder reads an order.
func readOrder(body []byte) (intake.Order, error) {
	var text orderText
	if err := json.Unmarshal(body, &text); err != nil {
		return intake.Order{}, fault.Wrap(err, fault.Invalid, fault.CodeStructure, "", "The order is no JSON object of the form that it must have: %s.", err)
	}
	o := intake.Order{}
	var err error
	switch text.ResourceType {
	case "Parameters":
		o, err = text.parameters()
	case "":
		o, err = text.manifest(body)
	default:
		err = fault.New(fault.Invalid, fault.CodeStructure, "", "The order is a Parameters resource or a manifest, not a resource of type %s: send resources as NDJSON, with Content-Type: application/fhir+ndjson.", fault.Shorten(text.ResourceType))
	}
	return o, err
}

// manifest reads the manifest form.
func (t *orderText) manifest(body []byte) (intake.Order, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return intake.Order{}, err
	}
	for name := range members {
		if !slices.Contains(orderMembers, name) {
			return intake.Order{}, unknown(name)
		}
	}
	return t.order()
}

func unknown(name string) error {
	return fault.New(fault.Invalid, fault.CodeNotSupported, "", "$import has no parameter %q; it has %s, and with exportUrl those of the export.", fault.Shorten(name), strings.Join(orderMembers, ", "))
}

// order checks what was read.
func (t *orderText) order() (o intake.Order, err error) {
	switch t.InputFormat {
	case "", "application/fhir+ndjson", "application/ndjson", "ndjson":
	default:
		return o, fault.New(fault.Invalid, fault.CodeNotSupported, "", "inputFormat is application/fhir+ndjson, not %q.", fault.Shorten(t.InputFormat))
	}
	if t.Storage.Type != "" && t.Storage.Type != "https" {
		return o, fault.New(fault.Invalid, fault.CodeNotSupported, "", "storageDetail is of type https, not %q: give signed URLs.", fault.Shorten(t.Storage.Type))
	}
	o.Source = t.InputSource
	for _, in := range t.Input {
		o.Inputs = append(o.Inputs, intake.Input{Type: fhir.Type(in.Type), URL: in.URL})
	}
	if t.ExportURL == "" {
		if t.ExportType != "" {
			return o, fault.New(fault.Invalid, fault.CodeRequired, "", "exportType belongs to an exportUrl, which is missing.")
		}
		return o, nil
	}
	o.Export = &intake.Export{URL: t.ExportURL}
	switch t.ExportType {
	case "", "dynamic":
	case "static":
		o.Export.Static = true
	default:
		return o, fault.New(fault.Invalid, fault.CodeValue, "", "exportType is dynamic or static, not %q.", fault.Shorten(t.ExportType))
	}
	return o, nil
}

// parameters reads the Parameters form.
func (t *orderText) parameters() (intake.Order, error) {
	var passed []json.RawMessage
	for _, raw := range t.Parameter {
		p, err := readParameter(raw)
		if err != nil {
			return intake.Order{}, err
		}
		switch p.name {
		case "inputFormat":
			t.InputFormat = p.value
		case "inputSource":
			t.InputSource = p.value
		case "exportUrl":
			t.ExportURL = p.value
		case "exportType":
			t.ExportType = p.value
		case "storageDetail":
			t.Storage.Type = p.parts["type"]
		case "input":
			t.Input = append(t.Input, struct {
				Type string `json:"type"`
				URL  string `json:"url"`
			}{p.parts["type"], p.parts["url"]})
		default:
			if !strings.HasPrefix(p.name, "_") && !slices.Contains(forExport, p.name) {
				return intake.Order{}, unknown(p.name)
			}
			passed = append(passed, raw)
		}
	}
	o, err := t.order()
	if err != nil || passed == nil {
		return o, err
	}
	if o.Export == nil || o.Export.Static {
		return o, fault.New(fault.Invalid, fault.CodeNotSupported, "", "Parameters of an export belong to an exportUrl of exportType dynamic.")
	}
	o.Export.Parameters = passed
	return o, nil
}

// parameter is one of Parameters with a simple value, or with parts that have one.
type parameter struct {
	name, value string
	parts       map[string]string
}

func readParameter(raw []byte) (p parameter, err error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return p, fault.New(fault.Invalid, fault.CodeStructure, "Parameters.parameter", "A parameter is a JSON object.")
	}
	for name, text := range members {
		switch {
		case name == "name":
			err = json.Unmarshal(text, &p.name)
		case name == "part":
			var parts []json.RawMessage
			if err = json.Unmarshal(text, &parts); err != nil {
				break
			}
			p.parts = map[string]string{}
			for _, one := range parts {
				part, err := readParameter(one)
				if err != nil {
					return p, err
				}
				p.parts[part.name] = part.value
			}
		case strings.HasPrefix(name, "value"):
			if json.Unmarshal(text, &p.value) != nil {
				p.value = "" // it is not simple, and so none that is read here
			}
		}
		if err != nil {
			return p, fault.New(fault.Invalid, fault.CodeStructure, "Parameters.parameter", "A parameter's name is a string, and its part a list of parameters.")
		}
	}
	return p, nil
}
