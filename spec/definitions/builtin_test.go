package definitions

import (
	"runtime"
	"strings"
	"testing"
)

func TestR4HasTheTypesOfTheSpecification(t *testing.T) {
	d := MustBuiltIn(R4)
	if d.Release != R4 || d.Version != "4.0.1" {
		t.Fatalf("release %s %s", d.Release, d.Version)
	}
	if n := len(d.ResourceTypes()); n != 147 {
		t.Errorf("%d concrete resource types, want the 146 of the specification and ViewDefinition", n)
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

func BenchmarkLoadingABuiltInRelease(b *testing.B) {
	for name, f := range map[string]files{
		"R4":  {r4Structure, r4Profiles, r4Terminology},
		"R4B": {r4bStructure, r4bProfiles, r4bTerminology},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := load(f); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/profiles", func(b *testing.B) {
			for b.Loop() {
				d, err := load(f)
				if err != nil || len(d.Profiles("Extension")) == 0 {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/value set", func(b *testing.B) {
			for b.Loop() {
				d, err := load(f)
				if err != nil || d.ValueSet("http://hl7.org/fhir/ValueSet/administrative-gender") == nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoadingAPackage(b *testing.B) {
	for _, name := range []string{"hl7.fhir.us.core-7.0.0.tgz", "hl7.fhir.r5.core-5.0.0.assembled.tgz"} {
		b.Run(name, func(b *testing.B) {
			base := MustBuiltIn(R4)
			if strings.Contains(name, "r5") {
				base = nil
			}
			b.ReportAllocs()
			for b.Loop() {
				loadFile(b, name, base)
			}
		})
	}
}

func TestALoadedReleaseIsSmall(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d, err := load(files{structure: r4Structure, profiles: r4Profiles, terminology: r4Terminology})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 6<<20 {
		t.Errorf("R4 holds %d KiB", used>>10)
	} else {
		t.Logf("R4 holds %d KiB", used>>10)
	}
	runtime.KeepAlive(d)
}

func TestAPropertyIsFoundWithoutAllocating(t *testing.T) {
	typ := MustBuiltIn(R4).Type("Observation")
	name := []byte("valueSampledData")
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := typ.PropertyOf(name); !ok {
			t.Fatal("no valueSampledData")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTypesAndProfilesAreFoundByTheirCanonical(t *testing.T) {
	d := MustBuiltIn(R4)
	if typ := d.TypeOf("http://hl7.org/fhir/StructureDefinition/Patient|4.0.1"); typ != d.Type("Patient") {
		t.Error("Patient is not found by its canonical")
	}
	if d.TypeOf("http://hl7.org/fhir/StructureDefinition/vitalsigns") != nil {
		t.Error("a profile is no type")
	}
	p := d.Profile("http://hl7.org/fhir/StructureDefinition/vitalsigns")
	if p == nil || p.Type != "Observation" {
		t.Fatalf("vitalsigns is %+v", p)
	}
	root, err := p.Root()
	if err != nil {
		t.Fatal(err)
	}
	category := root.Child("category")
	if category == nil || category.Slicing == nil || len(category.Slices) != 1 || category.Slices[0].SliceName != "VSCat" {
		t.Errorf("category is %+v", category)
	}
	if d.Profile("http://example.org/none") != nil || d.ValueSet("http://example.org/none") != nil || d.CodeSystem("http://example.org/none") != nil {
		t.Error("what is unknown must be nil")
	}
	for url, want := range map[string]int{"http://hl7.org/fhir/administrative-gender": 4, "http://terminology.hl7.org/CodeSystem/v3-ActCode": 1000} {
		if cs := d.CodeSystem(url); cs == nil || len(cs.Concepts) < want {
			t.Errorf("%s is incomplete", url)
		}
	}
}

func TestAReleaseThatIsNotBuiltInSaysHowToGetIt(t *testing.T) {
	if _, err := BuiltIn(R5); err == nil || !strings.Contains(err.Error(), "--package") {
		t.Errorf("error %v", err)
	}
}
