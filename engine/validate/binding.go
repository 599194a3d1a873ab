package validate

import (
	"fmt"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// bound checks a coded element against its binding. Codes of systems that are
// not at hand are taken. R4 §4.1.5: required is an error, extensible a warning
// where no other code fits, which only the author knows; the others are
// suggestions.
func (r *run) bound(n fhir.Node, b *binding, profile string) {
	if b.strength != "required" && b.strength != "extensible" || b.set == nil && r.terms == nil {
		return
	}
	answer := r.member(n, b)
	if answer != terminology.No {
		return
	}
	severity := fault.ErrorLevel
	word := "must"
	if b.strength == "extensible" {
		severity, word = fault.Warning, "should, when one fits,"
		if !n.IsPrimitive() && len(codings(n)) == 0 {
			return // text alone says that no code fits
		}
	}
	if severity != fault.ErrorLevel && r.quiet {
		return
	}
	message := fmt.Sprintf("%s is not in the value set %s, from which the code %s come", described(n), b.valueSet, word)
	if codes, more := r.examples(b); len(codes) > 0 {
		message += ": " + listed(codes, more)
	}
	if profile != "" {
		message += " (profile " + profile + ")"
	}
	r.add(severity, fault.CodeInvalidCode, n, message)
}

// member says whether one of the codes of n is in the value set. An element
// without any code that only has extensions says why there is none; that
// passes.
func (r *run) member(n fhir.Node, b *binding) terminology.Answer {
	if n.IsPrimitive() {
		if !n.HasValue() {
			return terminology.Yes
		}
		return r.hasCode(b, n.Text())
	}
	list := codings(n)
	if len(list) == 0 {
		if n.Type().Name != "CodeableConcept" || n.Child("text").IsZero() {
			return terminology.Yes
		}
		return terminology.No
	}
	answer := terminology.No
	for _, c := range list {
		switch r.has(b, c) {
		case terminology.Yes:
			return terminology.Yes
		case terminology.Unknown:
			answer = terminology.Unknown
		}
	}
	return answer
}

// has says whether a code is in the value set. Of the packages' own value sets
// the compiled form decides, unless a terminology service is to be asked, which
// knows others, too.
func (r *run) has(b *binding, c terminology.Coding) terminology.Answer {
	if r.terms != nil && c.System != "" {
		answer, err := r.terms.Member(r.ctx, b.valueSet, c)
		if err != nil {
			return terminology.Unknown
		}
		return answer
	}
	return b.set.Has(c.System, c.Code)
}

// hasCode is has for a code whose system goes without saying.
func (r *run) hasCode(b *binding, code string) terminology.Answer {
	if r.terms != nil {
		answer, err := r.terms.Member(r.ctx, b.valueSet, terminology.Coding{Code: code})
		if err != nil {
			return terminology.Unknown
		}
		return answer
	}
	return b.set.HasCode(code)
}

// examples are some codes of the value set, for messages.
func (r *run) examples(b *binding) (codes []string, more bool) {
	if r.terms != nil {
		return r.terms.Examples(r.ctx, b.valueSet, 12)
	}
	return b.set.Codes(12)
}

// codings are the codes of a CodeableConcept, a Coding, a Quantity or a
// CodeableReference.
func codings(n fhir.Node) []terminology.Coding {
	switch n.Type().Name {
	case "CodeableReference":
		return codings(n.Child("concept"))
	case "CodeableConcept":
		var out []terminology.Coding
		for c := range n.All("coding") {
			out = append(out, terminology.Coding{System: c.Child("system").Text(), Code: c.Child("code").Text()})
		}
		return out
	case "":
		return nil
	}
	if code := n.Child("code"); code.HasValue() {
		return []terminology.Coding{{System: n.Child("system").Text(), Code: code.Text()}}
	}
	return nil
}

func described(n fhir.Node) string {
	if n.IsPrimitive() {
		return fmt.Sprintf("%q", n.Text())
	}
	list := codings(n)
	if len(list) == 0 {
		return "a text without a code"
	}
	if len(list) > 1 {
		return "none of the codes"
	}
	if list[0].System == "" {
		return fmt.Sprintf("code %q without a system", list[0].Code)
	}
	return fmt.Sprintf("code %q of %s", list[0].Code, list[0].System)
}
