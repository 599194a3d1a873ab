package access

import (
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// class says how resources of a type come within reach of a scope of level
// patient. A type that no class names is out of reach.
type class uint8

const (
	// owned: those that the patient owns. Whose subject, patient, beneficiary or
	// participant somebody is decides; being performer, author, recipient, link or
	// member does not.
	owned class = iota + 1
	// about: those that refer by a parameter to what is within reach. They are not
	// written with such a scope.
	about
	// referred: those that something within reach refers to. Neither are they.
	referred
	// directory: all. They tell of services, people in their office, and knowledge,
	// not of patients. Neither are they.
	directory
	// kept: those that whoever asks made, with the same patient in context. They are
	// written with such a scope.
	kept
)

const binaryType = "Binary"

// classes is the table. The types of all releases stand in it.
var classes = classesOf(map[class]string{
	owned: `Account AdverseEvent AllergyIntolerance Appointment AppointmentResponse Basic Binary
		BiologicallyDerivedProductDispense BodyStructure CarePlan CareTeam ChargeItem Claim ClaimResponse
		ClinicalImpression Communication CommunicationRequest Composition Condition Consent Coverage
		CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device DeviceAssociation DeviceDispense
		DeviceRequest DeviceUsage DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference Encounter
		EncounterHistory EnrollmentRequest EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory Flag GenomicStudy
		Goal GuidanceResponse ImagingSelection ImagingStudy Immunization ImmunizationEvaluation
		ImmunizationRecommendation Invoice List MeasureReport Media MedicationAdministration MedicationDispense
		MedicationRequest MedicationStatement MolecularSequence NutritionIntake NutritionOrder Observation Patient
		Procedure QuestionnaireResponse RelatedPerson RequestGroup RequestOrchestration ResearchSubject
		RiskAssessment Schedule ServiceRequest Specimen SupplyDelivery SupplyRequest Task VisionPrescription`,
	about: "AuditEvent Provenance",
	referred: `BiologicallyDerivedProduct DeviceMetric Medication NutritionProduct Slot Substance
		SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation
		SubstanceSourceMaterial`,
	directory: `ActivityDefinition ActorDefinition AdministrableProductDefinition ArtifactAssessment CapabilityStatement
		CatalogEntry ChargeItemDefinition Citation ClinicalUseDefinition CodeSystem CompartmentDefinition ConceptMap
		ConditionDefinition DeviceDefinition EffectEvidenceSynthesis Endpoint EventDefinition Evidence EvidenceReport
		EvidenceVariable ExampleScenario FormularyItem GraphDefinition HealthcareService ImplementationGuide Ingredient
		InsurancePlan Library Location ManufacturedItemDefinition Measure MedicationKnowledge MedicinalProduct
		MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductDefinition
		MedicinalProductIndication MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured
		MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition
		NamingSystem ObservationDefinition OperationDefinition Organization OrganizationAffiliation
		PackagedProductDefinition PlanDefinition Practitioner PractitionerRole Questionnaire RegulatedAuthorization
		Requirements ResearchDefinition ResearchElementDefinition ResearchStudy RiskEvidenceSynthesis SearchParameter
		SpecimenDefinition StructureDefinition StructureMap SubscriptionTopic SubstanceDefinition
		SubstanceSpecification TerminologyCapabilities TestPlan TestScript ValueSet ViewDefinition`,
	kept: "Subscription",
})

func classesOf(table map[class]string) map[string]class {
	of := map[string]class{}
	for c, names := range table {
		for name := range strings.FieldsSeq(names) {
			of[name] = c
		}
	}
	return of
}

// ownerCodes are the search parameters that say who owns a resource: of these the
// first that a release has.
func ownerCodes(typeName string) []string {
	switch typeName {
	case "Schedule":
		return []string{"actor"}
	case binaryType:
		return []string{search.OtherReference} // its securityContext has no parameter
	}
	return []string{"patient", "subject"}
}

// aboutCodes are the parameters by which a resource of class about refers.
var aboutCodes = map[string]string{"AuditEvent": "entity", "Provenance": "target"}

// ownerless are the types of class owned whose resources need no owner, with the
// parameters that none of them then has. Such a resource is within reach as one of
// class referred is.
var ownerless = map[string][]string{
	"Binary": {search.OtherReference}, "Device": {"patient"}, "Specimen": {"subject"},
}
