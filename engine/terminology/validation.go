package terminology

import "github.com/inglehealth/ingle/spec/fault"

// Parameters renders a validation as the parameters of the answer.
func (v *Validation) Parameters() []Parameter {
	out := []Parameter{{Name: "result", Type: "valueBoolean", Text: boolText(v.Result)}}
	add := func(name, typ, text string) {
		if text != "" {
			out = append(out, Parameter{Name: name, Type: typ, Text: text})
		}
	}
	add("message", "valueString", v.Message())
	if v.Known {
		add("system", "valueUri", v.Coding.System)
		add("code", "valueCode", v.Coding.Code)
		add("version", "valueString", v.Coding.Version)
		add("display", "valueString", v.Coding.Display)
	}
	if v.Concept != nil {
		out = append(out, Parameter{Name: "codeableConcept", Type: "valueCodeableConcept", JSON: v.Concept})
	}
	add("normalized-code", "valueCode", v.Normalized)
	if v.Inactive {
		add("inactive", "valueBoolean", "true")
	}
	add("status", "valueCode", v.Status)
	for _, c := range v.Unknown {
		add("x-unknown-system", "valueCanonical", c)
	}
	for _, c := range v.CausedBy {
		add("x-caused-by-unknown-system", "valueCanonical", c)
	}
	if len(v.Issues) > 0 {
		out = append(out, Parameter{Name: "issues", Type: "resource", JSON: OutcomeJSON(v.Issues)})
	}
	return out
}

// OutcomeJSON renders issues as an OperationOutcome within Parameters.
func OutcomeJSON(issues []fault.Issue) []byte {
	o := &object{}
	o.open()
	o.text("resourceType", "OperationOutcome")
	o.list("issue", len(issues), func(i int) {
		issue := &issues[i]
		o.open()
		if issue.MessageID != "" {
			o.list("extension", 1, func(int) {
				o.open()
				o.text("url", fault.MessageIDExtension)
				o.text("valueString", issue.MessageID)
				o.close()
			})
		}
		o.text("severity", string(issue.Severity))
		o.text("code", string(issue.Code))
		o.name("details")
		o.open()
		if issue.TxType != "" {
			o.list("coding", 1, func(int) {
				o.open()
				o.text("system", fault.TxIssueType)
				o.text("code", issue.TxType)
				o.close()
			})
		}
		o.text("text", issue.Message)
		o.close()
		if issue.Path != "" {
			for _, name := range []string{"location", "expression"} {
				o.list(name, 1, func(int) { o.b = appendText(o.b, issue.Path) })
			}
		}
		o.close()
	})
	o.close()
	return o.b
}
