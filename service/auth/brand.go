package auth

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Brand is how patients know the place that a tenant is, for apps that have them
// choose where their records are. It is what a brand file holds, as JSON.
//
// SMART App Launch 2.2, User-access Brands and Endpoints.
type Brand struct {
	Name        string            `json:"name"`    // required
	Website     string            `json:"website"` // required; its host identifies the brand
	Aliases     []string          `json:"aliases,omitempty"`
	Categories  []string          `json:"categories,omitempty"` // of what is accessible; none: prov
	Logo        string            `json:"logo,omitempty"`       // address of an image
	LogoLicense string            `json:"logoLicense,omitempty"`
	Portals     []BrandPortal     `json:"portals,omitempty"`
	Addresses   []BrandAddress    `json:"addresses,omitempty"`
	Identifiers []BrandIdentifier `json:"identifiers,omitempty"` // further ones
	Developers  string            `json:"developers,omitempty"`  // website; "": the page of this server
	Changed     time.Time         `json:"-"`                     // when the file was
}

// BrandPortal is where patients sign in.
type BrandPortal struct {
	Name        string `json:"name,omitempty"`
	Description string `json:"description,omitempty"`
	URL         string `json:"url"` // required
	Logo        string `json:"logo,omitempty"`
	LogoLicense string `json:"logoLicense,omitempty"`
}

// BrandAddress is a place of the brand, as a FHIR Address.
type BrandAddress struct {
	Line       []string `json:"line,omitempty"`
	City       string   `json:"city,omitempty"`
	State      string   `json:"state,omitempty"`
	PostalCode string   `json:"postalCode,omitempty"`
	Country    string   `json:"country,omitempty"`
}

// BrandIdentifier is a FHIR Identifier of an Organization.
type BrandIdentifier struct {
	System string `json:"system,omitempty"`
	Value  string `json:"value"`
}

// uriSystem is the system of identifiers that are addresses.
const uriSystem = "urn:ietf:rfc:3986"

// brandCategories are those of the guide's value set user-access-category.
var brandCategories = []string{"prov", "ins", "laboratory", "imaging", "pharmacy", "health-information-network", "health-data-aggregator"}

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
	if err := b.check(); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *Brand) check() error {
	if b.Name == "" {
		return fmt.Errorf("the brand needs a name")
	}
	if b.home() == "" {
		return fmt.Errorf("the brand needs a website, such as https://clinic.example")
	}
	for _, c := range b.Categories {
		if !slices.Contains(brandCategories, c) {
			return fmt.Errorf("%s is no category of a brand; those are %s", c, strings.Join(brandCategories, ", "))
		}
	}
	addresses := map[string]string{"logo": b.Logo, "logoLicense": b.LogoLicense, "developers": b.Developers}
	for n, p := range b.Portals {
		if p.URL == "" {
			return fmt.Errorf("portals[%d] of the brand needs a url", n)
		}
		for name, address := range map[string]string{"url": p.URL, "logo": p.Logo, "logoLicense": p.LogoLicense} {
			addresses[fmt.Sprintf("portals[%d].%s", n, name)] = address
		}
	}
	for name, address := range addresses {
		if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "https" && u.Scheme != "data") {
			return fmt.Errorf("the brand's %s is an address that begins with https://", name)
		}
	}
	for _, i := range b.Identifiers {
		if i.Value == "" {
			return fmt.Errorf("an identifier of the brand needs a value")
		}
	}
	return nil
}

// home is the website as it identifies a brand: without www. and path.
func (b *Brand) home() string {
	u, err := url.Parse(b.Website)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return "https://" + strings.TrimPrefix(strings.ToLower(u.Host), "www.")
}
