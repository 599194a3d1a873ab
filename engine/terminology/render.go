package terminology

import (
	"strconv"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Where releases before R5 have what R5 added to expansions.
const r5Extension = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ValueSet.expansion."

// Extensions that say that a part of a code system is missing.
const (
	unclosed       = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed"
	unclosedReason = "http://hl7.org/fhir/StructureDefinition/valueset-unclosed-reason"
)

// JSON renders the expansion as a ValueSet of a release.
func (e *Expansion) JSON(r definitions.Release) []byte {
	v := e.ValueSet
	o := &object{}
	o.open()
	o.text("resourceType", "ValueSet")
	o.text("language", v.Language)
	o.extensions(v.Extensions)
	o.text("url", v.URL)
	o.text("version", v.Version)
	o.text("name", v.Name)
	o.text("title", v.Title)
	o.text("status", v.Status)
	if v.Status == "" {
		o.text("status", "unknown")
	}
	o.truth("experimental", v.Experimental)
	o.text("date", v.Date)
	o.text("publisher", v.Publisher)
	o.text("description", v.Description)
	if e.Definition {
		o.compose(v.ValueSet)
	}
	o.name("expansion")
	o.open()
	e.expansionExtensions(o, r)
	o.text("identifier", e.Identifier)
	o.text("timestamp", e.Time.Format(fhir.InstantFormat))
	o.raw("total", strconv.Itoa(e.Total))
	if e.Offset >= 0 {
		o.raw("offset", strconv.Itoa(e.Offset))
	}
	o.list("parameter", len(e.Parameters), func(i int) {
		o.open()
		o.text("name", e.Parameters[i].Name)
		o.value(e.Parameters[i].Type, e.Parameters[i].Text)
		o.close()
	})
	if r == definitions.R5 {
		o.list("property", len(e.Properties), func(i int) {
			o.open()
			o.text("code", e.Properties[i].Code)
			o.text("uri", e.Properties[i].URI)
			o.close()
		})
	}
	o.contains(e.Contains, r)
	o.close()
	o.close()
	return o.b
}

func (e *Expansion) expansionExtensions(o *object, r definitions.Release) {
	var list []definitions.Extension
	add := func(url, typ, value string) {
		x := &object{}
		x.open()
		x.text("url", url)
		x.value(typ, value)
		x.close()
		list = append(list, definitions.Extension{JSON: string(x.b)})
	}
	for i, f := range e.Fragments {
		if i == 0 {
			add(unclosed, "valueBoolean", "true")
		}
		url, _, _ := cutVersion(f)
		add(unclosedReason, "valueString", "This extension is based on a fragment of the code system "+url)
	}
	if r != definitions.R5 {
		for _, p := range e.Properties {
			list = append(list, definitions.Extension{JSON: nested(r5Extension+"property", "code", definitions.ConceptValue{Type: "valueCode", Value: p.Code},
				"uri", definitions.ConceptValue{Type: "valueUri", Value: p.URI})})
		}
	}
	o.extensions(list)
}

// nested is an extension of two extensions.
func nested(url, nameA string, a definitions.ConceptValue, nameB string, b definitions.ConceptValue) string {
	x := &object{}
	x.open()
	x.name("extension")
	x.b = append(x.b, '[')
	x.open()
	x.text("url", nameA)
	x.conceptValue(a)
	x.close()
	x.b = append(x.b, ',')
	x.open()
	x.text("url", nameB)
	x.conceptValue(b)
	x.close()
	x.b = append(x.b, ']')
	x.text("url", url)
	x.close()
	return string(x.b)
}

func (o *object) conceptValue(v definitions.ConceptValue) {
	if v.Coding != nil {
		o.coding(v.Type, *v.Coding)
		return
	}
	o.value(v.Type, v.Value)
}

func (o *object) contains(list []Contained, r definitions.Release) {
	o.list("contains", len(list), func(i int) {
		c := &list[i]
		o.open()
		extensions := c.Extensions
		if r != definitions.R5 {
			for _, p := range c.Properties {
				extensions = append(extensions[:len(extensions):len(extensions)], definitions.Extension{JSON: nested(r5Extension+"contains.property",
					"code", definitions.ConceptValue{Type: "valueCode", Value: p.Code}, "value", p)})
			}
		}
		o.extensions(extensions)
		o.text("system", c.System)
		o.yes("abstract", c.Abstract)
		o.yes("inactive", c.Inactive)
		o.text("version", c.Version)
		o.text("code", c.Code)
		o.text("display", c.Display)
		o.designations(c.Designations)
		if r == definitions.R5 {
			o.list("property", len(c.Properties), func(i int) {
				o.open()
				o.text("code", c.Properties[i].Code)
				o.conceptValue(c.Properties[i])
				o.close()
			})
		}
		o.contains(c.Contains, r)
		o.close()
	})
}

func (o *object) designations(list []definitions.Designation) {
	o.list("designation", len(list), func(i int) {
		d := &list[i]
		o.open()
		o.extensions(d.Extensions)
		o.text("language", d.Language)
		o.coding("use", d.Use)
		o.text("value", d.Value)
		o.close()
	})
}

// compose writes what a value set includes and excludes.
func (o *object) compose(v *definitions.ValueSet) {
	if len(v.Includes) == 0 {
		return
	}
	o.name("compose")
	o.open()
	o.extensions(v.ComposeExtensions)
	o.truth("inactive", v.Inactive)
	o.composed("include", v.Includes)
	o.composed("exclude", v.Excludes)
	o.close()
}

func (o *object) composed(name string, list []definitions.Include) {
	o.list(name, len(list), func(i int) {
		in := &list[i]
		o.open()
		o.text("system", in.System)
		o.text("version", in.Version)
		o.list("concept", len(in.Concepts), func(i int) {
			c := &in.Concepts[i]
			o.open()
			o.extensions(c.Extensions)
			o.text("code", c.Code)
			o.text("display", c.Display)
			o.designations(c.Designations)
			o.close()
		})
		o.list("filter", len(in.Filters), func(i int) {
			o.open()
			o.text("property", in.Filters[i].Property)
			o.text("op", in.Filters[i].Op)
			o.text("value", in.Filters[i].Value)
			o.close()
		})
		o.list("valueSet", len(in.ValueSets), func(i int) { o.b = appendText(o.b, in.ValueSets[i]) })
		o.close()
	})
}

// ParametersJSON renders parameters as a Parameters resource.
func ParametersJSON(list []Parameter) []byte {
	o := &object{}
	o.open()
	o.text("resourceType", "Parameters")
	o.parameters("parameter", list)
	o.close()
	return o.b
}

func (o *object) parameters(name string, list []Parameter) {
	o.list(name, len(list), func(i int) {
		p := &list[i]
		o.open()
		o.text("name", p.Name)
		switch {
		case p.JSON != nil:
			o.raw(p.Type, string(p.JSON))
		case p.Type == "valueCoding":
			o.coding(p.Type, p.Coding)
		case p.Type != "":
			o.value(p.Type, p.Text)
		}
		o.parameters("part", p.Parts)
		o.close()
	})
}
