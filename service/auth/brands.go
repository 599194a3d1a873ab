package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
)

// Organizations with this tag are the brands of a tenant: stored, they take the
// place of the brand file.
const (
	BrandTagSystem = "https://ingle.health/fhir/CodeSystem/tag"
	BrandTagCode   = "user-access-brand"
)

const brandsPath = "/auth/brands"

var brandEndpoints = []endpoint{{brandsPath, "GET", corsAny, (*call).brands, failFHIR}}

// brandBundle is the Bundle of brands as it is served.
type brandBundle struct {
	body    []byte
	primary *BrandIdentifier // of the brand of this FHIR server; nil for none
}

// maxBrands is how many Organizations a bundle has at most.
const maxBrands = "500"

// brandEntry is one resource of the bundle.
type brandEntry struct {
	FullURL  string          `json:"fullUrl"`
	Resource json.RawMessage `json:"resource"`

	element element
}

// brands serves the user-access brands: the Organizations that are tagged, with
// the Endpoints that they refer to, or those of the brand file.
func (c *call) brands() error {
	b, err := c.brandBundle(c.r.Context())
	if err != nil {
		return err
	}
	if b == nil {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "This server has no user-access brand. Administrators give it one with a brand file, or with an Organization that has the tag %s|%s.", BrandTagSystem, BrandTagCode)
	}
	sum := sha256.Sum256(b.body)
	tag := `W/"` + hex.EncodeToString(sum[:12]) + `"`
	h := c.w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "public, max-age=300")
	if slices.ContainsFunc(strings.Split(c.r.Header.Get("If-None-Match"), ","), func(one string) bool { return strings.TrimSpace(one) == tag }) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.writeFHIR(http.StatusOK, json.RawMessage(b.body))
}

// brandBundle is nil when the tenant has no brand.
func (t *tenant) brandBundle(ctx context.Context) (*brandBundle, error) {
	entries, err := t.storedBrands(ctx)
	if err != nil {
		return nil, err
	}
	if entries == nil && t.Brand != nil {
		if entries, err = t.fileBrand(); err != nil {
			return nil, err
		}
	}
	if entries == nil {
		return nil, nil
	}
	changed := ""
	for _, e := range entries {
		changed = max(changed, e.element.Text("meta", "lastUpdated"))
	}
	b := &brandBundle{primary: t.primaryBrand(entries)}
	b.body, err = json.Marshal(struct {
		Type      string       `json:"resourceType"`
		Kind      string       `json:"type"`
		Timestamp string       `json:"timestamp"`
		Entries   []brandEntry `json:"entry"`
	}{"Bundle", "collection", changed, entries})
	return b, err
}

// storedBrands finds the Organizations that are tagged and their Endpoints.
func (t *tenant) storedBrands(ctx context.Context) ([]brandEntry, error) {
	s := t.Door.Session(records.Principal{ID: "brands"}, nil)
	found, err := s.Search(ctx, records.SearchRequest{Type: "Organization", Partial: true, Pairs: []search.Pair{
		{Name: "_tag", Value: BrandTagSystem + "|" + BrandTagCode}, {Name: "_count", Value: maxBrands}, {Name: "_include", Value: "Organization:endpoint"},
	}})
	if err != nil {
		return nil, err
	}
	var entries []brandEntry
	for _, r := range found.Entries {
		e, err := parseElement(r.JSON)
		if err != nil {
			return nil, err
		}
		if (r.Key.Type == "Organization" || r.Key.Type == "Endpoint") && onlyAsked(e.value) {
			entries = append(entries, brandEntry{t.Identity.FHIRBase() + "/" + r.Key.String(), r.JSON, e})
		}
	}
	return entries, nil
}

const absentReason = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"

// onlyAsked says whether the reasons for absent data in JSON are those that a
// brand may give: it was asked for and declined, or is not known.
func onlyAsked(value any) bool {
	switch v := value.(type) {
	case []any:
		return !slices.ContainsFunc(v, func(one any) bool { return !onlyAsked(one) })
	case map[string]any:
		if v["url"] == absentReason && v["valueCode"] != "asked-declined" && v["valueCode"] != "asked-unknown" {
			return false
		}
		for _, one := range v {
			if !onlyAsked(one) {
				return false
			}
		}
	}
	return true
}

// fileBrand is the brand of the brand file.
func (t *tenant) fileBrand() ([]brandEntry, error) {
	organization, endpoint := t.Brand.resources(t.Identity.FHIRBase(), t.Door.Definitions("").Version)
	var entries []brandEntry
	for _, o := range []object{organization, endpoint} {
		text, err := json.Marshal(o)
		if err != nil {
			return nil, err
		}
		e, err := parseElement(text)
		if err != nil {
			return nil, err
		}
		entries = append(entries, brandEntry{t.Identity.FHIRBase() + "/" + e.Text("resourceType") + "/" + e.Text("id"), text, e})
	}
	return entries, nil
}

// primaryBrand is the identifier, of exactly one Organization, of the brand whose
// Endpoint this FHIR server is: one that no other belongs to first, and an
// address first. nil when there is none.
func (t *tenant) primaryBrand(entries []brandEntry) *BrandIdentifier {
	own := map[string]bool{} // references to Endpoints that are this server
	count := map[BrandIdentifier]int{}
	for _, e := range entries {
		if e.element.Text("resourceType") == "Endpoint" && strings.TrimSuffix(e.element.Text("address"), "/") == t.Identity.FHIRBase() {
			own["Endpoint/"+e.element.Text("id")] = true
		}
		for _, i := range brandIdentifiers(e.element) {
			count[i]++
		}
	}
	var candidates []element
	for _, e := range entries {
		if slices.ContainsFunc(e.element.List("endpoint"), func(r element) bool { return own[r.Text("reference")] }) {
			candidates = append(candidates, e.element)
		}
	}
	slices.SortStableFunc(candidates, func(a, b element) int {
		return cmp.Compare(len(a.Text("partOf", "reference")), len(b.Text("partOf", "reference")))
	})
	for _, o := range candidates {
		all := slices.DeleteFunc(brandIdentifiers(o), func(i BrandIdentifier) bool { return count[i] != 1 })
		slices.SortStableFunc(all, func(a, b BrandIdentifier) int {
			return -cmp.Compare(rank(a), rank(b))
		})
		if len(all) > 0 {
			return &all[0]
		}
	}
	return nil
}

func rank(i BrandIdentifier) int {
	if i.System == uriSystem {
		return 1
	}
	return 0
}

func brandIdentifiers(e element) []BrandIdentifier {
	var all []BrandIdentifier
	if e.Text("resourceType") != "Organization" {
		return nil
	}
	for _, i := range e.List("identifier") {
		if v := i.Text("value"); v != "" {
			all = append(all, BrandIdentifier{i.Text("system"), v})
		}
	}
	return all
}

// brandDiscovery is what the discovery document says of the brands: nothing when
// none of them is this server's, by an identifier.
type brandDiscovery struct {
	Bundle     string           `json:"user_access_brand_bundle,omitempty"`
	Identifier *BrandIdentifier `json:"user_access_brand_identifier,omitempty"`
}

func (c *call) brandDiscovery() (brandDiscovery, error) {
	b, err := c.brandBundle(c.r.Context())
	if err != nil || b == nil || b.primary == nil {
		return brandDiscovery{}, err
	}
	return brandDiscovery{c.url(brandsPath), b.primary}, nil
}
