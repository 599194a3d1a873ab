package definitions

import (
	"testing"
)

func TestR4HasTheTypesOfTheSpecification(t *testing.T) {
	d := MustBuiltIn(R4)
	if d.Release != R4 || d.Version != "4.0.1" {
		t.Fatalf("release %s %s", d.Release, d.Version)
	}
	if n := len(d.ResourceTypes()); n != 146 {
		t.Errorf("%d concrete resource types, want 146", n)
	}
	for _, name := range []string{"Patient", "Observation", "HumanName", "string", "Patient.contact", "Timing.repeat"} {
		if d.Type(name) == nil {
			t.Errorf("no type %s", name)
		}
	}
	p := d.Type("Patient")
	if !p.Is("DomainResource") || !p.Is("Resource") || p.Is("Observation") {
		t.Error("Patient has wrong bases")
	}
	if !d.Type("Age").Is("Quantity") || !d.Type("code").Is("string") {
		t.Error("Age or code has wrong bases")
	}
	v, ok := d.Type("Observation").Property("valueQuantity")
	if !ok || v.Element.Name != "value" || v.Type.Name != "Quantity" || d.Property(v.ID) != v {
		t.Errorf("valueQuantity is %+v", v)
	}
	if _, ok := d.Type("Observation").PropertyOf([]byte("value")); ok {
		t.Error("value is no property of Observation")
	}
	id, _ := p.Property("id")
	if id.Type.Name != "id" || id.Element.Attribute {
		t.Errorf("Resource.id is %s", id.Type.Name)
	}
	eid, _ := d.Type("HumanName").Property("id")
	if eid.Type.Name != "string" || !eid.Element.Attribute {
		t.Errorf("Element.id is %s", eid.Type.Name)
	}
	item, _ := d.Type("Questionnaire.item").Property("item")
	if item.Type != d.Type("Questionnaire.item") {
		t.Errorf("Questionnaire.item.item is %s", item.Type.Name)
	}
	div, _ := d.Type("Narrative").Property("div")
	if !div.Element.XHTML {
		t.Error("Narrative.div is no XHTML")
	}
	res, _ := d.Type("Bundle.entry").Property("resource")
	if res.Type != d.Type("Resource") {
		t.Error("Bundle.entry.resource is no Resource")
	}
}

func TestEveryElementOfEveryTypeResolves(t *testing.T) {
	for _, r := range []Release{R4, R4B} {
		d := MustBuiltIn(r)
		for name, typ := range d.types {
			for i, e := range typ.Elements {
				if e.Order != i {
					t.Fatalf("%s.%s has order %d at %d", name, e.Name, e.Order, i)
				}
				for _, ref := range e.Types {
					if ref.Type == nil {
						t.Fatalf("%s: %s is not resolved", e.Path, ref.Code)
					}
					if p, ok := typ.Property(propertyName(e, ref.Code)); !ok || p.Element != e {
						t.Fatalf("%s has no property %s", name, propertyName(e, ref.Code))
					}
				}
			}
		}
	}
}

func TestSearchParametersOfAResourceIncludeThoseOfItsBases(t *testing.T) {
	d := MustBuiltIn(R4)
	for _, code := range []string{"_id", "_lastUpdated", "_text", "name", "birthdate"} {
		if d.SearchParameter("Patient", code) == nil {
			t.Errorf("Patient has no parameter %s", code)
		}
	}
	if d.SearchParameter("Patient", "code") != nil {
		t.Error("Patient has a parameter code")
	}
	c := d.Compartment("Patient")
	if c == nil || len(c.Params["Observation"]) == 0 {
		t.Error("Observation is not in the patient compartment")
	}
	if o := d.Operation("Patient", "everything"); o == nil || !o.Instance {
		t.Error("no Patient/$everything")
	}
}

func BenchmarkLoadingR4(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load(files{structure: r4Structure}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestCompartmentsNameSearchParametersThatExist(t *testing.T) {
	for _, r := range []Release{R4, R4B} {
		d := MustBuiltIn(r)
		for _, c := range []string{"Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"} {
			for typ, params := range d.Compartment(c).Params {
				if !d.IsResource(typ) {
					t.Errorf("%s %s: no resource type %s", r, c, typ)
				}
				for _, p := range params {
					if p != "{def}" && d.SearchParameter(typ, p) == nil {
						t.Errorf("%s %s: %s has no parameter %s", r, c, typ, p)
					}
				}
			}
		}
	}
}
