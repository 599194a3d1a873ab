// Package portal holds the pages where patients see their record in plain words, which
// apps may use it and what they looked at, choose who may see what, and find out who
// looked. People who act for a patient, such as parents, see the same of that patient.
//
// All of it comes through the visitor's session with the records, so that it shows
// what the visitor may see; a choice about sharing is a Consent (R4), and who looked
// is what the audit log tells the patient.
package portal
