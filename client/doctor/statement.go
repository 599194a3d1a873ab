package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// statement is what is read of a CapabilityStatement.
type statement struct {
	ResourceType string   `json:"resourceType"`
	FHIRVersion  string   `json:"fhirVersion"`
	Format       []string `json:"format"`
	Instantiates []string `json:"instantiates"`
	Software     struct{ Name, Version string }
	Rest         []struct {
		Mode     string `json:"mode"`
		Security struct {
			CORS    bool      `json:"cors"`
			Service []concept `json:"service"`
		} `json:"security"`
		Resource []resource `json:"resource"`
	} `json:"rest"`
}

type concept struct {
	Text   string                                   `json:"text"`
	Coding []struct{ System, Code, Display string } `json:"coding"`
}

type resource struct {
	Type             string                  `json:"type"`
	SupportedProfile []string                `json:"supportedProfile"`
	Interaction      []struct{ Code string } `json:"interaction"`
	SearchParam      []struct{ Name string } `json:"searchParam"`
	SearchRevInclude []string                `json:"searchRevInclude"`
}

// of is what the statement says of a type; nil for nothing.
func (s *statement) of(typ string) *resource {
	for _, rest := range s.Rest {
		for i := range rest.Resource {
			if rest.Resource[i].Type == typ {
				return &rest.Resource[i]
			}
		}
	}
	return nil
}

func (r *resource) searches(param string) bool {
	return slices.ContainsFunc(r.SearchParam, func(p struct{ Name string }) bool { return p.Name == param })
}

const (
	fhirSection   = "FHIR R4 §3.1.0.9"
	uscoreSection = "US Core 7.0, server capability statement"
)

// statement looks at the CapabilityStatement, and whether it announces what US Core
// demands.
func (e *examination) statement(ctx context.Context) {
	a := e.get(ctx, "/metadata")
	if !e.check(a.err == nil && a.status == http.StatusOK, Fail, "/metadata is found without a token", fhirSection, a.words(), "Nobody can tell what the server does.") {
		return
	}
	s := new(statement)
	err := json.Unmarshal(a.body, s)
	if !e.check(err == nil && s.ResourceType == "CapabilityStatement", Fail, "It is a CapabilityStatement", fhirSection, a.words(), "") {
		return
	}
	e.capability = s
	e.report.Software, e.report.FHIR = strings.TrimSpace(s.Software.Name+" "+s.Software.Version), s.FHIRVersion
	e.check(strings.Contains(a.header.Get("Content-Type"), "application/fhir+json"), Warn, "It is served as application/fhir+json", "FHIR R4 §3.1.0.1.8", a.header.Get("Content-Type"), "")
	e.check(strings.HasPrefix(s.FHIRVersion, "4.0"), Warn, "It is of FHIR R4", "", s.FHIRVersion, "US Core and most apps are written for 4.0.1.")
	e.check(slices.ContainsFunc(s.Format, func(f string) bool { return strings.Contains(f, "json") }), Fail, "JSON is a format", fhirSection, strings.Join(s.Format, " "), "")
	secure, cors := false, false
	for _, rest := range s.Rest {
		cors = cors || rest.Security.CORS
		for _, service := range rest.Security.Service {
			secure = secure || strings.Contains(service.Text, "SMART") || slices.ContainsFunc(service.Coding, func(c struct{ System, Code, Display string }) bool { return c.Code == "SMART-on-FHIR" })
		}
	}
	e.check(secure, Warn, "It says that SMART on FHIR guards it", "SMART App Launch 2.2 §8.2", "", "")
	e.check(cors, Warn, "It says that browsers may call it (cors)", fhirSection, "", "")
	e.announced(s)
}

// announced compares what the statement announces with US Core's searches.
func (e *examination) announced(s *statement) {
	const none = "no such resource"
	for _, typ := range uscoreTypes() {
		r := s.of(typ)
		if r == nil {
			e.check(typ != "Patient", Fail, "Patient is there", uscoreSection, none, "")
			if typ != "Patient" {
				e.check(false, Warn, typ+" is there", uscoreSection, none, "Apps that need it cannot be used.")
			}
			continue
		}
		var lacks []string
		for _, combination := range combinations(typ) {
			for _, param := range combination.params {
				if !r.searches(param) && param != "_id" && !slices.Contains(lacks, param) {
					lacks = append(lacks, param)
				}
			}
		}
		e.check(len(lacks) == 0, Fail, typ+" announces the search parameters that US Core demands", uscoreSection, lacking(lacks), "")
	}
}

func lacking(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return fmt.Sprintf("lacks %s", strings.Join(names, ", "))
}
