// Package smart is the language of SMART App Launch: scopes, launch context and
// the names of capabilities. It knows no server and does no I/O.
//
// SMART App Launch 2.2, https://hl7.org/fhir/smart-app-launch/STU2.2/
package smart
