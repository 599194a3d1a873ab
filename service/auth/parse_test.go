package auth

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func FuzzParseLinks(f *testing.F) {
	f.Add("Practitioner/1 PractitionerRole/2\r\nPatient/3\n\n")
	f.Add("Patient")
	f.Add("Practitioner/1 2 3")
	f.Fuzz(func(t *testing.T, text string) {
		links, err := parseLinks(text)
		if err != nil {
			return
		}
		again, err := parseLinks(linkLines(links))
		if err != nil || !reflect.DeepEqual(links, again) {
			t.Errorf("%q: %v, then %v, %v", text, links, again, err)
		}
	})
}

// A brand that is taken makes resources with a name, an identifier and an
// endpoint.
func FuzzReadBrand(f *testing.F) {
	f.Add(`{"name":"x","website":"https://www.x.example/y","portals":[{"url":"https://p.example"}],"addresses":[{"city":"c"}],"categories":["ins"]}`)
	f.Add(`{"name":"x","website":"http://x.example"}`)
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ReadBrand(strings.NewReader(text), time.Time{})
		if err != nil {
			return
		}
		organization := b.organization()
		identifiers, _ := organization["identifier"].([]BrandIdentifier)
		if organization["name"] == "" || len(identifiers) == 0 || !strings.HasPrefix(identifiers[0].Value, "https://") || organization["endpoint"] == nil {
			t.Errorf("%q: %v", text, organization)
		}
	})
}
