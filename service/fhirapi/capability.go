package fhirapi

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// The parts of a CapabilityStatement that this server fills in.
type (
	capabilityStatement struct {
		ResourceType   string            `json:"resourceType"`
		URL            string            `json:"url"`
		Version        string            `json:"version,omitempty"`
		Name           string            `json:"name"`
		Title          string            `json:"title"`
		Status         string            `json:"status"`
		Experimental   bool              `json:"experimental"`
		Date           string            `json:"date"`
		Description    string            `json:"description"`
		Kind           string            `json:"kind"`
		Instantiates   []string          `json:"instantiates,omitempty"`
		Software       capSoftware       `json:"software"`
		Implementation capImplementation `json:"implementation"`
		FHIRVersion    string            `json:"fhirVersion"`
		Format         []string          `json:"format"`
		PatchFormat    []string          `json:"patchFormat"`
		Guides         []string          `json:"implementationGuide,omitempty"`
		Rest           []capRest         `json:"rest"`
	}
	capSoftware struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	capImplementation struct {
		Description string `json:"description"`
		URL         string `json:"url"`
	}
	capRest struct {
		Extension     []capExtension   `json:"extension,omitempty"`
		Mode          string           `json:"mode"`
		Documentation string           `json:"documentation"`
		Security      capSecurity      `json:"security"`
		Resource      []capResource    `json:"resource"`
		Interaction   []capInteraction `json:"interaction"`
		SearchParam   []capParam       `json:"searchParam,omitempty"`
		Operation     []capOperation   `json:"operation,omitempty"`
		Compartment   []string         `json:"compartment,omitempty"`
	}
	capSecurity struct {
		Extension   []capExtension `json:"extension,omitempty"`
		CORS        bool           `json:"cors"`
		Service     []capConcept   `json:"service,omitempty"`
		Description string         `json:"description"`
	}
	capExtension struct {
		URL       string         `json:"url"`
		Extension []capExtension `json:"extension,omitempty"`
		URI       string         `json:"valueUri,omitempty"`
		Canonical string         `json:"valueCanonical,omitempty"`
	}
	capConcept struct {
		Coding []capCoding `json:"coding"`
		Text   string      `json:"text"`
	}
	capCoding struct {
		System string `json:"system"`
		Code   string `json:"code"`
	}
	capResource struct {
		Extension         []capExtension   `json:"extension,omitempty"`
		Type              string           `json:"type"`
		Profile           string           `json:"profile"`
		SupportedProfile  []string         `json:"supportedProfile,omitempty"`
		Documentation     string           `json:"documentation,omitempty"`
		Interaction       []capInteraction `json:"interaction"`
		Versioning        string           `json:"versioning"`
		ReadHistory       bool             `json:"readHistory"`
		UpdateCreate      bool             `json:"updateCreate"`
		ConditionalCreate bool             `json:"conditionalCreate"`
		ConditionalRead   string           `json:"conditionalRead"`
		ConditionalUpdate bool             `json:"conditionalUpdate"`
		ConditionalDelete string           `json:"conditionalDelete"`
		ReferencePolicy   []string         `json:"referencePolicy"`
		SearchInclude     []string         `json:"searchInclude,omitempty"`
		SearchRevInclude  []string         `json:"searchRevInclude,omitempty"`
		SearchParam       []capParam       `json:"searchParam,omitempty"`
		Operation         []capOperation   `json:"operation,omitempty"`
	}
	capInteraction struct {
		Code string `json:"code"`
	}
	capParam struct {
		Name          string `json:"name"`
		Definition    string `json:"definition,omitempty"`
		Type          string `json:"type"`
		Documentation string `json:"documentation,omitempty"`
	}
	capOperation struct {
		Name          string `json:"name"`
		Definition    string `json:"definition"`
		Documentation string `json:"documentation,omitempty"`
	}
)

// compartments are the types that have one (R4 §3.1.1.6).
var compartments = []fhir.Type{"Patient", "Encounter", "RelatedPerson", "Practitioner", "Device"}

// started is the date of the statements: they are made of what the process
// was started with.
var started = time.Now()

// special are the parameters of every type that need no definition.
var special = []capParam{
	{Name: "_filter", Type: "special", Documentation: "Expressions over all search parameters (R4 §3.3)"},
	{Name: "_list", Type: "special", Documentation: "What a List with this id refers to"},
}

func interactions(codes ...string) []capInteraction {
	out := make([]capInteraction, len(codes))
	for i, code := range codes {
		out[i].Code = code
	}
	return out
}

// describe makes the CapabilityStatement of a release from what is loaded and
// what this package serves.
func (c *call) describe(catalog *search.Catalog, lacking map[string]records.Incomplete, topics []string) ([]byte, error) {
	d := c.definitions(c.format.release)
	title := "Ingle"
	if name := c.door.Name(); name != "" {
		title += ", tenant " + name
	}
	s := capabilityStatement{
		ResourceType: "CapabilityStatement", URL: c.door.Base() + "/metadata", Version: c.api.config.Version,
		Name: "Ingle", Title: title, Status: "active", Date: started.UTC().Format(time.RFC3339),
		Description:    "What this server does, generated from what is loaded: " + packageList(d) + ".",
		Kind:           "instance",
		Software:       capSoftware{"Ingle", c.api.config.Version},
		Implementation: capImplementation{title, c.door.Base()},
		FHIRVersion:    d.Version,
		Instantiates:   c.instantiates(),
		Format:         []string{"application/fhir+json", "application/fhir+xml", "json", "xml"},
		PatchFormat:    patchFormats,
		Guides:         slices.Clone(d.Guides()),
	}
	rest := capRest{
		Mode:          "server",
		Documentation: "Unknown parameters are refused unless the request says 'Prefer: handling=lenient'. Modifiers: :missing of all parameters; :exact, :contains of strings; :not, :text, :in, :not-in, :above, :below of tokens, :of-type of identifiers; :[type], :identifier, :text, :above, :below of references; :above, :below, :contains of uris. Pages are linked by an opaque cursor. Bodies may be sent and are answered with gzip or zstd.",
		Security:      c.security(),
		Interaction:   interactions("transaction", "batch", "search-system", "history-system"),
		SearchParam:   append(params(catalog, "", lacking), special...),
		Operation:     c.operationsAt(d, target{}),
	}
	for _, compartment := range compartments {
		if d.Compartment(string(compartment)) != nil {
			rest.Compartment = append(rest.Compartment, "http://hl7.org/fhir/CompartmentDefinition/"+strings.ToLower(string(compartment)))
		}
	}
	reverse := revIncludes(d, catalog, lacking)
	for _, name := range d.ResourceTypes() {
		if d.Additional(name) {
			rest.Documentation += " " + name + " can be stored and searched as well, though this release has no such code."
			continue
		}
		rest.Resource = append(rest.Resource, c.describeType(d, catalog, name, reverse[name], lacking))
	}
	c.describeSubscriptions(&s, &rest, d, topics)
	s.Rest = []capRest{rest}
	return json.Marshal(s)
}

// security says how access is decided, the SMART way when there is any.
func (c *call) security() capSecurity {
	config := c.api.config
	if config.Authenticate == nil {
		return capSecurity{CORS: config.Origins != nil, Description: "No authorization: the server answers on the loopback interface only."}
	}
	return capSecurity{
		Extension: []capExtension{config.OAuth(c.door).oauthURIs()},
		CORS:      config.Origins != nil,
		Service: []capConcept{{
			Coding: []capCoding{{"http://terminology.hl7.org/CodeSystem/restful-security-service", "SMART-on-FHIR"}},
			Text:   "OAuth 2 as SMART App Launch profiles it",
		}},
		Description: "Access tokens of SMART App Launch (see .well-known/smart-configuration). A type or interaction beyond a token's scopes is refused with 403; what a token does not reach answers as though it were not there. Patient.link gives access to nothing of the other Patient.",
	}
}

func packageList(d *definitions.Definitions) string {
	var names []string
	for _, p := range d.Packages() {
		names = append(names, p.Name+" "+p.Version)
	}
	return strings.Join(names, ", ")
}

func (c *call) describeType(d *definitions.Definitions, catalog *search.Catalog, name string, reverse []string, lacking map[string]records.Incomplete) capResource {
	policy := c.door.Policy()
	r := capResource{
		Type: name, Profile: d.Type(name).URL,
		Interaction: interactions("read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"),
		Versioning:  "versioned", ReadHistory: true,
		UpdateCreate:      policy.ClientIDs == records.ClientMayChoose,
		ConditionalCreate: true, ConditionalRead: "full-support", ConditionalUpdate: true,
		ConditionalDelete: "single",
		ReferencePolicy:   []string{"literal", "logical", "resolves", "enforced", "local"},
		SearchParam:       params(catalog, name, lacking),
		SearchInclude:     []string{"*", name + ":*"},
		SearchRevInclude:  reverse,
		Operation:         c.operationsAt(d, target{Type: fhir.Type(name)}),
	}
	if policy.MultipleDelete {
		r.ConditionalDelete = "multiple"
	}
	if policy.AllowDangling {
		r.ReferencePolicy = []string{"literal", "logical", "local"}
	}
	for _, p := range d.Profiles(name) {
		r.SupportedProfile = append(r.SupportedProfile, p.URL)
	}
	for _, p := range catalog.Parameters(name) {
		if p.Kind == definitions.SearchReference && inForce(p, name, lacking) {
			r.SearchInclude = append(r.SearchInclude, name+":"+p.Code)
		}
	}
	return r
}

// inForce says whether a parameter of a type is to be listed. One that is stored
// is not before it has all index rows.
func inForce(p search.Parameter, resourceType string, lacking map[string]records.Incomplete) bool {
	_, lacks := lacking[resourceType+"."+p.Code]
	return p.Problem == "" && !(lacks && p.Added)
}

// params lists the parameters of a type, or of every type, that can be searched
// by. Those of packages that lack index rows say so; all others are complete.
func params(catalog *search.Catalog, resourceType string, lacking map[string]records.Incomplete) []capParam {
	var out []capParam
	for _, p := range catalog.Parameters(resourceType) {
		if !inForce(p, resourceType, lacking) {
			continue
		}
		param := capParam{Name: p.Code, Definition: p.URL, Type: string(p.Kind), Documentation: p.Human}
		if resourceType != "" && strings.HasPrefix(p.Code, "_") {
			param.Documentation = "" // it stands at the system level
		}
		if i, ok := lacking[resourceType+"."+p.Code]; ok {
			param.Documentation = "Refused for now unless the request says _indexing=partial: " + i.String() + "."
		}
		out = append(out, param)
	}
	return out
}

// revIncludes maps a type to the parameters of other types that may refer to
// it.
func revIncludes(d *definitions.Definitions, catalog *search.Catalog, lacking map[string]records.Incomplete) map[string][]string {
	out := map[string][]string{}
	for _, source := range d.ResourceTypes() {
		for _, p := range catalog.Parameters(source) {
			if p.Kind != definitions.SearchReference || !inForce(p, source, lacking) {
				continue
			}
			for _, target := range p.Targets {
				out[target] = append(out[target], source+":"+p.Code)
			}
		}
	}
	return out
}

// instantiates are the canonicals of what mounted operations make true.
func (c *call) instantiates() (all []string) {
	for _, m := range c.api.config.Operations {
		if m.Instantiates != "" {
			all = append(all, m.Instantiates)
		}
	}
	return all
}

// operationsAt lists the operations of one level.
func (c *call) operationsAt(d *definitions.Definitions, t target) []capOperation {
	var out []capOperation
	for _, op := range c.api.operations {
		if op.listed != nil {
			for _, l := range op.listed {
				if l.Type == t.Type {
					out = append(out, capOperation{Name: l.Name, Definition: l.URL, Documentation: op.doc})
				}
			}
			continue
		}
		onInstance := target{Type: t.Type, ID: "1"}
		if !op.at(t) && (t.Type == "" || !op.at(onInstance)) {
			continue
		}
		if op.name == "expunge" && !c.door.Policy().Expunge || op.name == "reindex" && !c.door.Policy().Reindex {
			continue
		}
		listed := capOperation{Name: op.name, Definition: op.definitionOf(d, string(t.Type))}
		if t.Type == "" || !op.system {
			listed.Documentation = op.doc
		}
		out = append(out, listed)
	}
	slices.SortFunc(out, func(a, b capOperation) int { return strings.Compare(a.Name, b.Name) })
	return out
}
