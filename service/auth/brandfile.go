package auth

import (
	"cmp"
	"encoding/json"
	"time"

	"github.com/inglehealth/ingle/service/pages"
)

// object is JSON.
type object = map[string]any

// fileBrand is the Organization and the Endpoint of the brand file.
func (t *tenant) fileBrand() ([]brandEntry, error) {
	base := t.Identity.FHIRBase()
	var entries []brandEntry
	for _, o := range []object{t.Brand.organization(), t.brandEndpoint()} {
		o["meta"] = object{"lastUpdated": t.Brand.Changed.UTC().Format(time.RFC3339)}
		text, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		e, err := pages.ParseElement(text)
		if err != nil {
			return nil, err
		}
		entries = append(entries, brandEntry{base + "/" + e.Text("resourceType") + "/" + e.Text("id"), text, e})
	}
	return entries, nil
}

// endpointReference refers to the one Endpoint of a brand file.
func (b *Brand) endpointReference() object {
	return object{"reference": "Endpoint/brand", "display": "FHIR endpoint of " + b.Name}
}

// organization is the guide's profile User Access Brand.
func (b *Brand) organization() object {
	o := object{
		"resourceType": "Organization", "id": "brand", "active": true, "name": b.Name,
		"identifier": append([]BrandIdentifier{{uriSystem, b.home()}}, b.Identifiers...),
		"endpoint":   []object{b.endpointReference()},
		"telecom":    []object{{"system": "url", "value": b.Website}},
	}
	categories := b.Categories
	if len(categories) == 0 {
		categories = brandCategories[:1]
	}
	var types []object
	for _, c := range categories {
		types = append(types, object{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": c}}})
	}
	o["type"] = types
	if len(b.Aliases) > 0 {
		o["alias"] = b.Aliases
	}
	if len(b.Addresses) > 0 {
		o["address"] = b.Addresses
	}
	if extensions := b.extensions(); extensions != nil {
		o["extension"] = extensions
	}
	return o
}

func (b *Brand) extensions() []object {
	var all []object
	var logo subextensions
	logo.add("brandLogo", "valueUrl", b.Logo)
	logo.add("brandLogoLicense", "valueUrl", b.LogoLicense)
	if logo != nil {
		all = append(all, object{"url": "http://hl7.org/fhir/StructureDefinition/organization-brand", "extension": logo})
	}
	for _, p := range b.Portals {
		var portal subextensions
		portal.add("portalName", "valueString", p.Name)
		portal.add("portalDescription", "valueMarkdown", p.Description)
		portal.add("portalUrl", "valueUrl", p.URL)
		portal.add("portalLogo", "valueUrl", p.Logo)
		portal.add("portalLogoLicense", "valueUrl", p.LogoLicense)
		portal = append(portal, object{"url": "portalEndpoint", "valueReference": b.endpointReference()})
		all = append(all, object{"url": "http://hl7.org/fhir/StructureDefinition/organization-portal", "extension": portal})
	}
	return all
}

// subextensions are the parts of an extension.
type subextensions []object

// add adds a part if it has a value, of a kind such as valueUrl.
func (s *subextensions) add(name, kind, value string) {
	if value != "" {
		*s = append(*s, object{"url": name, kind: value})
	}
}

// brandEndpoint is the guide's profile User Access Endpoint: this server.
func (t *tenant) brandEndpoint() object {
	return object{
		"resourceType": "Endpoint", "id": "brand", "status": "active", "name": "FHIR endpoint of " + t.Brand.Name, "address": t.Identity.FHIRBase(),
		"extension":      []object{{"url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", "valueCode": t.Door.Definitions("").Version}},
		"connectionType": object{"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
		"payloadType":    []object{{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "none"}}}},
		"contact":        []object{{"system": "url", "value": cmp.Or(t.Brand.Developers, t.url(developersPath))}},
	}
}
