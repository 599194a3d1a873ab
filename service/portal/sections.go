package portal

import (
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fhir"
)

// section is a part of the record: resources of one type.
type section struct {
	Slug  string
	Name  string
	Lead  string
	None  string // what is said when there is nothing
	Type  fhir.Type
	Pairs []search.Pair
	entry func(*record, pages.Element) entry
	Main  bool // it is named also when there is nothing
}

// entry is one thing in the record, in plain words.
type entry struct {
	Title    string
	Original string // how the record calls it; "" for the same
	Means    string
	When     string
	Tag      pages.Tag
	Facts    []fact
	Text     string // of several lines
	Link     string
	LinkText string
}

type fact struct{ Name, Value string }

// by sorts.
func by(name string) []search.Pair { return []search.Pair{{Name: "_sort", Value: name}} }

// sections are the parts of a record, in the order in which patients look for them.
var sections = []section{
	{Slug: "problems", Name: "Health problems", Lead: "What was diagnosed, now or before.", None: "No health problems are recorded.", Type: "Condition", Pairs: by("-recorded-date"), entry: condition, Main: true},
	{Slug: "medications", Name: "Medications", Lead: "What was prescribed, and how it is taken.", None: "No prescriptions are recorded.", Type: "MedicationRequest", Pairs: by("-authoredon"), entry: prescription, Main: true},
	{Slug: "taken", Name: "Other medications that are taken", None: "None are recorded.", Type: "MedicationStatement", Pairs: by("-effective"), entry: statement},
	{Slug: "allergies", Name: "Allergies", Lead: "What should be avoided.", None: "No allergies are recorded. That is no promise that there are none: tell your clinic.", Type: "AllergyIntolerance", Pairs: by("-date"), entry: allergy, Main: true},
	{Slug: "immunizations", Name: "Vaccinations", Lead: "Protection against diseases.", None: "No vaccinations are recorded.", Type: "Immunization", Pairs: by("-date"), entry: immunization, Main: true},
	{Slug: "visits", Name: "Visits", Lead: "Visits to the clinic and stays at the hospital.", None: "No visits are recorded.", Type: "Encounter", Pairs: by("-date"), entry: visit, Main: true},
	{Slug: "appointments", Name: "Appointments", None: "None are recorded.", Type: "Appointment", Pairs: by("-date"), entry: appointment},
	{Slug: "documents", Name: "Documents and notes", Lead: "What was written about visits and tests.", None: "No documents are recorded.", Type: "DocumentReference", Pairs: by("-date"), entry: note, Main: true},
	{Slug: "reports", Name: "Reports of tests", None: "No reports are recorded.", Type: "DiagnosticReport", Pairs: by("-date"), entry: report, Main: true},
	{Slug: "care-team", Name: "Care team", Lead: "The people who give care.", None: "Nobody is recorded as care team.", Type: "CareTeam", entry: team, Main: true},
	{Slug: "procedures", Name: "Operations and procedures", None: "None are recorded.", Type: "Procedure", Pairs: by("-date"), entry: procedure},
	{Slug: "plans", Name: "Care plans", None: "None are recorded.", Type: "CarePlan", Pairs: by("-date"), entry: plan},
	{Slug: "goals", Name: "Goals", None: "None are recorded.", Type: "Goal", Pairs: by("-start-date"), entry: goal},
	{Slug: "orders", Name: "Orders and referrals", None: "None are recorded.", Type: "ServiceRequest", Pairs: by("-authored"), entry: order},
	{Slug: "devices", Name: "Implants and devices", None: "None are recorded.", Type: "Device", entry: device},
	{Slug: "questionnaires", Name: "Answered questionnaires", None: "None are recorded.", Type: "QuestionnaireResponse", Pairs: by("-authored"), entry: answers},
	{Slug: "family-history", Name: "Health of the family", None: "Nothing is recorded.", Type: "FamilyMemberHistory", Pairs: by("-date"), entry: relative},
	{Slug: "family", Name: "Family and close people", None: "Nobody is recorded.", Type: "RelatedPerson", entry: related},
	{Slug: "insurance", Name: "Insurance", None: "No insurance is recorded.", Type: "Coverage", entry: coverage},
	{Slug: "bills", Name: "What the insurance paid", None: "Nothing is recorded.", Type: "ExplanationOfBenefit", Pairs: by("-created"), entry: benefit},
}
