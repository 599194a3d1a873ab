package smart

import "encoding/json"

// Context is what a launch tells the app, in the token response beside the token
// (§3.0.3).
type Context struct {
	Patient   string `json:"patient,omitempty"`   // id
	Encounter string `json:"encounter,omitempty"` // id
	// Items are further resources. Patients and Encounters stand among them only
	// with a role other than "launch".
	Items  []ContextItem `json:"fhirContext,omitempty"`
	Banner *bool         `json:"need_patient_banner,omitempty"`
	Style  string        `json:"smart_style_url,omitempty"`
	Intent string        `json:"intent,omitempty"`
	Tenant string        `json:"tenant,omitempty"`
}

// ContextItem is one element of fhirContext. It has at least one of Reference,
// Canonical and Identifier.
type ContextItem struct {
	Reference  string          `json:"reference,omitempty"` // relative: "ImagingStudy/123"
	Canonical  string          `json:"canonical,omitempty"`
	Identifier json.RawMessage `json:"identifier,omitempty"` // a FHIR Identifier
	Type       string          `json:"type,omitempty"`
	Role       string          `json:"role,omitempty"` // an absolute URI, or one that SMART defines; never empty
}
