package validate

// correctedInvariant replaces an expression that the release publishes wrongly.
type correctedInvariant struct {
	expression string
	reason     string
}

// correctedInvariants are published invariants that do not say what their text
// says, by key and published expression.
var correctedInvariants = map[ruleKey]correctedInvariant{
	{"que-12", "enableWhen.count() > 2 implies enableBehavior.exists()"}: {
		expression: "enableWhen.count() > 1 implies enableBehavior.exists()",
		reason:     "the text says \"more than one enableWhen\"",
	},
	{"que-7", "operator = 'exists' implies (answer is Boolean)"}: {
		expression: "operator = 'exists' implies (answer is boolean)",
		reason:     "answerBoolean is FHIR's boolean, which System.Boolean is not",
	},
}

// correctedBindings are value sets that the release publishes as required where they
// cannot be: they are extensible.
var correctedBindings = map[string]string{
	"http://hl7.org/fhir/ValueSet/ucum-vitals-common": "a component of a vital sign, such as the flow of oxygen, has other units; R5 has no binding there",
}
