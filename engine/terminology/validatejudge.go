package terminology

import (
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// tell fills in what is known of a code.
func (c *checking) tell(f *found, g definitions.Coding) {
	c.out.Known = true
	c.out.Coding = definitions.Coding{System: g.System, Code: g.Code}
	it := f.item()
	c.out.Coding.Version = g.Version
	if f.sys != nil {
		c.out.Coding.Version = f.sys.Version
	}
	names := it.names()
	if at := c.r.Languages.choose(names); at >= 0 {
		c.out.Coding.Display = names[at].Value
	}
}

// judge says what there is to say of a code that the value set has.
func (c *checking) judge(f *found, g definitions.Coding) {
	if f.fragment {
		c.issue(fault.Warning, fault.CodeInvalidCode, c.path("code"), "invalid-code", "UNKNOWN_CODE_IN_FRAGMENT",
			"Unknown Code '"+fault.Shorten(g.Code)+"' in the CodeSystem '"+f.sys.URL+"' version '"+f.sys.Version+
				"' - note that the code system is labeled as a fragment, so the code may be valid in some other fragment", false)
		return
	}
	if c.r.MembershipOnly {
		return
	}
	if f.sys != nil && f.code != g.Code {
		c.out.Normalized = f.code
		c.issue(fault.Information, fault.CodeBusinessRule, c.path("code"), "code-rule", "CODE_CASE_DIFFERENCE",
			"The code '"+fault.Shorten(g.Code)+"' differs from the correct code '"+f.code+"' by case. Although the code system '"+canonical(f.sys.URL, f.sys.Version)+
				"' is case insensitive, implementers are strongly encouraged to use the correct case anyway", false)
	}
	c.state(f, g)
	if c.r.ConcreteOnly && f.sys != nil && f.sys.abstract(f.index) {
		c.fail(fault.CodeBusinessRule, c.path("code"), "code-rule", "ABSTRACT_CODE_NOT_ALLOWED",
			"Code '"+fault.Shorten(g.System)+"#"+fault.Shorten(g.Code)+"' is abstract, and not allowed in this context")
	}
	if f.concept != nil && f.of != nil && (extensionValue(f.concept.Extensions, asExtension[4]) == "true" || extensionValue(f.concept.Extensions, standardsStatus) == "deprecated") {
		c.issue(fault.Warning, fault.CodeBusinessRule, c.path("code"), "code-comment", "CONCEPT_DEPRECATED_IN_VALUESET",
			"The presence of the concept '"+fault.Shorten(g.Code)+"' in the system '"+fault.Shorten(g.System)+"' in the value set "+f.of.canonical()+
				" is marked with a status of deprecated and its use should be reviewed", false)
	}
	c.display(f, g)
}

// state warns of a concept that is not to be used any more.
func (c *checking) state(f *found, g definitions.Coding) {
	if f.sys == nil {
		return
	}
	status := f.sys.status(f.index)
	switch {
	case f.sys.inactive(f.index):
		c.out.Inactive = true
		word := "inactive"
		if status != "" && status != "inactive" {
			word = status + " and inactive"
			c.out.Status = status
		}
		c.issue(fault.Warning, fault.CodeBusinessRule, c.path(""), "code-comment", "INACTIVE_CONCEPT_FOUND",
			"The concept '"+fault.Shorten(g.Code)+"' has a status of "+word+" and its use should be reviewed", true)
	case status == "deprecated" || status == "withdrawn":
		c.issue(fault.Warning, fault.CodeBusinessRule, c.path(""), "code-comment", "DEPRECATED_CONCEPT_FOUND",
			"The concept '"+fault.Shorten(g.Code)+"' has a status of "+status+" and its use should be reviewed", false)
	}
}
