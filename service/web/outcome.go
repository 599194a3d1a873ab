package web

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

type outcomeJSON struct {
	ResourceType string      `json:"resourceType"`
	Issue        []issueJSON `json:"issue"`
}

type issueJSON struct {
	Extension  []extensionJSON `json:"extension,omitempty"`
	Severity   fault.Severity  `json:"severity"`
	Code       fault.Code      `json:"code"`
	Details    detailsJSON     `json:"details"`
	Location   []string        `json:"location,omitempty"`
	Expression []string        `json:"expression,omitempty"`
}

type detailsJSON struct {
	Coding []codingJSON `json:"coding,omitempty"`
	Text   string       `json:"text"`
}

type codingJSON struct {
	System string `json:"system"`
	Code   string `json:"code"`
}

type extensionJSON struct {
	URL         string `json:"url"`
	ValueString string `json:"valueString"`
}

// AppendOutcome renders issues as an OperationOutcome. The message stands in
// details.text, where R5 says that a person should look for it, the path in
// expression, line and column in location.
func AppendOutcome(dst []byte, issues []fault.Issue, asXML, pretty bool) []byte {
	o := outcomeJSON{ResourceType: "OperationOutcome", Issue: make([]issueJSON, len(issues))}
	for i, issue := range issues {
		message := strings.ToValidUTF8(issue.Message, "\uFFFD")
		o.Issue[i] = issueJSON{
			Severity: issue.Severity, Code: issue.Code, Details: detailsJSON{Text: message},
		}
		if issue.TxType != "" {
			o.Issue[i].Details.Coding = []codingJSON{{fault.TxIssueType, issue.TxType}}
		}
		if issue.MessageID != "" {
			o.Issue[i].Extension = []extensionJSON{{fault.MessageIDExtension, issue.MessageID}}
		}
		if issue.Path != "" {
			o.Issue[i].Expression = []string{strings.ToValidUTF8(issue.Path, "\uFFFD")}
		}
		if issue.Line > 0 {
			o.Issue[i].Location = []string{fmt.Sprintf("line %d, column %d", issue.Line, issue.Column)}
		}
	}
	if asXML {
		return appendOutcomeXML(dst, o, pretty)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if pretty {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(o); err != nil {
		panic(err) // strings and slices of them always encode
	}
	return append(dst, b.Bytes()...)
}

func appendOutcomeXML(dst []byte, o outcomeJSON, pretty bool) []byte {
	b := bytes.NewBuffer(dst)
	line := func(depth int, format string, args ...any) {
		if pretty && b.Len() > len(dst) {
			b.WriteByte('\n')
			b.WriteString(strings.Repeat("  ", depth))
		}
		fmt.Fprintf(b, format, args...)
	}
	value := func(depth int, name, v string) {
		line(depth, "<%s value=\"", name)
		// EscapeText writes to a buffer, which never fails, and replaces
		// characters that XML cannot hold.
		_ = xml.EscapeText(b, []byte(v))
		b.WriteString("\"/>")
	}
	line(0, `<OperationOutcome xmlns="http://hl7.org/fhir">`)
	for _, issue := range o.Issue {
		line(1, "<issue>")
		for _, x := range issue.Extension {
			line(2, `<extension url="%s">`, x.URL)
			value(3, "valueString", x.ValueString)
			line(2, "</extension>")
		}
		value(2, "severity", string(issue.Severity))
		value(2, "code", string(issue.Code))
		line(2, "<details>")
		for _, c := range issue.Details.Coding {
			line(3, "<coding>")
			value(4, "system", c.System)
			value(4, "code", c.Code)
			line(3, "</coding>")
		}
		value(3, "text", issue.Details.Text)
		line(2, "</details>")
		for _, v := range issue.Location {
			value(2, "location", v)
		}
		for _, v := range issue.Expression {
			value(2, "expression", v)
		}
		line(1, "</issue>")
	}
	line(0, "</OperationOutcome>")
	return b.Bytes()
}
