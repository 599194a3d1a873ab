package auth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
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
	entries, err := c.brandEntries(c.r.Context())
	if err != nil {
		return err
	}
	if entries == nil {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "This server has no user-access brand. Administrators give it one with a brand file, or with an Organization that has the tag %s|%s.", BrandTagSystem, BrandTagCode)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:12])
	changed, err := c.Identity.Published(c.r.Context(), "brands", digest, newest(entries))
	if err != nil {
		return err
	}
	at := changed.UTC().Format(time.RFC3339Nano)
	tag := `W/"` + digest + "-" + strconv.FormatInt(changed.UnixMilli(), 36) + `"`
	h := c.w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "public, max-age=300")
	if slices.ContainsFunc(strings.Split(c.r.Header.Get("If-None-Match"), ","), func(one string) bool { return strings.TrimSpace(one) == tag }) {
		c.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.writeFHIR(http.StatusOK, brandBundle{"Bundle", object{"lastUpdated": at}, "collection", at, text})
}

// brandBundle is the Bundle as it is served.
type brandBundle struct {
	Type      string          `json:"resourceType"`
	Meta      object          `json:"meta"`
	Kind      string          `json:"type"`
	Timestamp string          `json:"timestamp"`
	Entries   json.RawMessage `json:"entry"`
}

// newest is when the newest of the resources was changed.
func newest(entries []brandEntry) time.Time {
	var last time.Time
	for _, e := range entries {
		if at, err := time.Parse(time.RFC3339, e.element.Text("meta", "lastUpdated")); err == nil && at.After(last) {
			last = at
		}
	}
	return last
}

// brandEntries is nil when the tenant has no brand.
func (t *tenant) brandEntries(ctx context.Context) ([]brandEntry, error) {
	entries, err := t.storedBrands(ctx)
	if entries == nil && err == nil && t.Brand != nil {
		return t.fileBrand()
	}
	return entries, err
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
	used := map[string]bool{}         // references to Endpoints
	for _, r := range found.Entries { // matches come before what they include
		e, err := pages.ParseElement(r.JSON)
		if err != nil {
			return nil, err
		}
		if !onlyAsked(e.JSON()) || r.Key.Type != "Organization" && !used[r.Key.String()] {
			continue
		}
		for _, one := range e.List("endpoint") {
			used[t.relative(one.Text("reference"))] = true
		}
		entries = append(entries, brandEntry{t.Identity.FHIRBase() + "/" + r.Key.String(), r.JSON, e})
	}
	return entries, nil
}

// relative is a reference to a resource of this server without its address.
func (t *tenant) relative(reference string) string {
	return strings.TrimPrefix(reference, t.Identity.FHIRBase()+"/")
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
		if slices.ContainsFunc(e.element.List("endpoint"), func(r element) bool { return own[t.relative(r.Text("reference"))] }) {
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
	entries, err := c.brandEntries(c.r.Context())
	if err != nil {
		return brandDiscovery{}, err
	}
	primary := c.primaryBrand(entries)
	if primary == nil {
		return brandDiscovery{}, nil
	}
	return brandDiscovery{c.url(brandsPath), primary}, nil
}
