package auth

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"
)

// Brand is how patients know the place that a tenant is, for apps that have them
// choose where their records are. It is what a brand file holds, as JSON.
//
// SMART App Launch 2.2, User-access Brands and Endpoints.
type Brand struct {
	Name    string   `json:"name"`    // required
	Website string   `json:"website"` // required; its host identifies the brand
	Aliases []string `json:"aliases,omitempty"`
	Logo    string   `json:"logo,omitempty"` // address of an image
	Portal  struct {
		Name        string `json:"name,omitempty"`
		Description string `json:"description,omitempty"`
		URL         string `json:"url,omitempty"`
		Logo        string `json:"logo,omitempty"`
	} `json:"portal,omitzero"` // where patients sign in
	Address *struct {
		Line       []string `json:"line,omitempty"`
		City       string   `json:"city,omitempty"`
		State      string   `json:"state,omitempty"`
		PostalCode string   `json:"postalCode,omitempty"`
		Country    string   `json:"country,omitempty"`
	} `json:"address,omitempty"`
	Identifiers []BrandIdentifier `json:"identifiers,omitempty"` // further ones
	Changed     time.Time         `json:"-"`                     // when the file was
}

// BrandIdentifier is a FHIR Identifier of an Organization.
type BrandIdentifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

// uriSystem is the system of identifiers that are addresses.
const uriSystem = "urn:ietf:rfc:3986"

// ReadBrand reads a brand file that was changed at a time. The error says what is
// wrong with it.
func ReadBrand(r io.Reader, changed time.Time) (*Brand, error) {
	const most = 64 << 10
	d := json.NewDecoder(io.LimitReader(r, most))
	d.DisallowUnknownFields()
	b := &Brand{Changed: changed}
	if err := d.Decode(b); err != nil {
		return nil, fmt.Errorf("the brand cannot be read: %w", err)
	}
	if b.Name == "" {
		return nil, fmt.Errorf("the brand needs a name")
	}
	if b.home() == "" {
		return nil, fmt.Errorf("the brand needs a website, such as https://clinic.example")
	}
	for name, address := range map[string]string{"logo": b.Logo, "portal.url": b.Portal.URL, "portal.logo": b.Portal.Logo} {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "data") {
			return nil, fmt.Errorf("the brand's %s is an address that begins with https://", name)
		}
	}
	for _, i := range b.Identifiers {
		if i.Value == "" {
			return nil, fmt.Errorf("an identifier of the brand needs a value")
		}
	}
	return b, nil
}

// home is the website as it identifies a brand: without www. and path.
func (b *Brand) home() string {
	u, err := url.Parse(b.Website)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return "https://" + strings.TrimPrefix(strings.ToLower(u.Host), "www.")
}

// object is JSON.
type object = map[string]any

// resources are the Organization and the Endpoint that the brand is.
func (b *Brand) resources(base, release string) (organization, endpoint object) {
	updated := object{"lastUpdated": b.Changed.UTC().Format(time.RFC3339)}
	reference := object{"reference": "Endpoint/brand", "display": "FHIR endpoint of " + b.Name}
	identifiers := []BrandIdentifier{{uriSystem, b.home()}}
	identifiers = append(identifiers, b.Identifiers...)
	organization = object{
		"resourceType": "Organization", "id": "brand", "meta": updated, "active": true, "name": b.Name,
		"identifier": identifiers, "endpoint": []object{reference},
		"telecom": []object{{"system": "url", "value": b.Website}},
		"type":    []object{{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/organization-type", "code": "prov"}}}},
	}
	if len(b.Aliases) > 0 {
		organization["alias"] = b.Aliases
	}
	if b.Address != nil {
		organization["address"] = []any{b.Address}
	}
	var extensions []object
	if b.Logo != "" {
		extensions = append(extensions, object{
			"url": "http://hl7.org/fhir/StructureDefinition/organization-brand", "extension": []object{{"url": "brandLogo", "valueUrl": b.Logo}},
		})
	}
	if p := b.Portal; p.URL != "" {
		parts := []object{{"url": "portalUrl", "valueUrl": p.URL}, {"url": "portalEndpoint", "valueReference": reference}}
		for _, o := range []struct{ name, kind, value string }{
			{"portalName", "valueString", p.Name}, {"portalDescription", "valueMarkdown", p.Description}, {"portalLogo", "valueUrl", p.Logo},
		} {
			if o.value != "" {
				parts = append(parts, object{"url": o.name, o.kind: o.value})
			}
		}
		extensions = append(extensions, object{"url": "http://hl7.org/fhir/StructureDefinition/organization-portal", "extension": parts})
	}
	if extensions != nil {
		organization["extension"] = extensions
	}
	endpoint = object{
		"resourceType": "Endpoint", "id": "brand", "meta": updated, "status": "active", "name": "FHIR endpoint of " + b.Name, "address": base,
		"extension":      []object{{"url": "http://hl7.org/fhir/StructureDefinition/endpoint-fhir-version", "valueCode": release}},
		"connectionType": object{"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "hl7-fhir-rest"},
		"payloadType":    []object{{"coding": []object{{"system": "http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "code": "none"}}}},
		"contact":        []object{{"system": "url", "value": b.Website}},
	}
	return organization, endpoint
}
