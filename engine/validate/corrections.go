package validate

// correctedInvariant replaces an expression that the release publishes wrongly.
type correctedInvariant struct {
	expression string
	reason     string
}

// correctedInvariants are published invariants that refuse what they mean to
// allow, or cannot be evaluated, by key and published expression.
var correctedInvariants = map[ruleKey]correctedInvariant{}
