package fhirapi

import (
	"encoding/json"
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
)

// The parts of a TerminologyCapabilities that this server fills in.
type (
	termCapabilities struct {
		ResourceType   string            `json:"resourceType"`
		URL            string            `json:"url"`
		Version        string            `json:"version,omitempty"`
		Name           string            `json:"name"`
		Title          string            `json:"title"`
		Status         string            `json:"status"`
		Date           string            `json:"date"`
		Description    string            `json:"description"`
		Kind           string            `json:"kind"`
		Software       capSoftware       `json:"software"`
		Implementation capImplementation `json:"implementation"`
		LockedDate     bool              `json:"lockedDate"`
		CodeSystem     []termSystem      `json:"codeSystem,omitempty"`
		Expansion      termExpansion     `json:"expansion"`
		CodeSearch     string            `json:"codeSearch"`
		ValidateCode   termTranslations  `json:"validateCode"`
		Translation    termNeeds         `json:"translation"`
	}
	termSystem struct {
		URI         string        `json:"uri"`
		Content     string        `json:"content,omitempty"` // R5
		Version     []termVersion `json:"version,omitempty"`
		Subsumption bool          `json:"subsumption"`
	}
	termVersion struct {
		Code      string `json:"code"`
		IsDefault bool   `json:"isDefault"`
	}
	termExpansion struct {
		Hierarchical bool            `json:"hierarchical"`
		Paging       bool            `json:"paging"`
		Incomplete   bool            `json:"incomplete"`
		Parameter    []termParameter `json:"parameter"`
		TextFilter   string          `json:"textFilter"`
	}
	termParameter struct {
		Name          string `json:"name"`
		Documentation string `json:"documentation,omitempty"`
	}
	termTranslations struct {
		Translations bool `json:"translations"`
	}
	termNeeds struct {
		NeedsMap bool `json:"needsMap"`
	}
)

// expansionParameters are those of $expand.
var expansionParameters = []termParameter{
	{"activeOnly", "leaves out inactive codes"},
	{"check-system-version", "a canonical|version that must be met, x standing for any part"},
	{"count", "with offset: a page of the expansion, which then is flat"},
	{"default-valueset-version", "a canonical|version for references to value sets without one"},
	{"designation", "only these, as system|code of their use, or urn:ietf:bcp:47|language"},
	{"displayLanguage", "languages of displays, as in Accept-Language"},
	{"exclude-system", "a code system to leave out"},
	{"excludeNested", "a flat list"},
	{"excludeNotForUI", "leaves out abstract codes"},
	{"excludePostCoordinated", "there are no post-coordinated codes"},
	{"filter", "words that the code or one of its names holds"},
	{"force-system-version", "a canonical|version in place of what value sets say"},
	{"includeDefinition", "the compose as well"},
	{"includeDesignations", "all names of the codes"},
	{"offset", "with count"},
	{"property", "properties of the codes to tell"},
	{"system-version", "a canonical|version for includes without one"},
	{"tx-resource", "ValueSets and CodeSystems that go before those of the server"},
	{"useSupplement", "a code system supplement to use"},
}

// terminologyCapabilities describes the terminology service: its operations'
// parameters, and the code systems of the packages. Stored ones are found by
// search.
func (c *call) terminologyCapabilities() ([]byte, error) {
	d := c.definitions(c.format.release)
	t := termCapabilities{
		ResourceType: "TerminologyCapabilities", URL: c.door.Base() + "/metadata?mode=terminology", Version: c.api.config.Version,
		Name: "IngleTerminology", Title: "Ingle, terminology service", Status: "active", Date: started.UTC().Format(time.RFC3339),
		Description: "The code systems listed come with what is loaded: " + packageList(d) +
			". Stored CodeSystems, ValueSets and ConceptMaps are used as well, and go before these.",
		Kind: "instance", Software: capSoftware{"Ingle", c.api.config.Version}, Implementation: capImplementation{"Ingle", c.door.Base()},
		Expansion: termExpansion{
			Hierarchical: true, Paging: true, Parameter: expansionParameters,
			TextFilter: "Each word must be part of the code or of one of its names; case does not matter.",
		},
		CodeSearch: "all", ValidateCode: termTranslations{true}, Translation: termNeeds{false},
	}
	for _, url := range d.CodeSystems() {
		system := termSystem{URI: url, Subsumption: true}
		some := false
		for i, cs := range d.CodeSystemVersions(url) {
			if d.Release == definitions.R5 && i == 0 {
				system.Content = cs.Content
			}
			some = some || len(cs.Concepts) > 0 && cs.Content != "supplement"
			if cs.Version != "" {
				system.Version = append(system.Version, termVersion{cs.Version, i == 0})
			}
		}
		if some {
			t.CodeSystem = append(t.CodeSystem, system)
		}
	}
	return json.Marshal(t)
}
