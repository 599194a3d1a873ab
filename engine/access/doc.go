// Package access decides what a token may do: it turns scopes, the patient in
// context and the user's own resource into a search filter for each resource
// type and interaction. Package records joins the filter to every query.
//
// SMART App Launch 2.2 §3.0.2, Scopes for requesting FHIR resources.
package access
