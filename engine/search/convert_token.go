package search

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// specialValues is the implied system of booleans (§3.1.1.4.10).
const specialValues = "http://terminology.hl7.org/CodeSystem/special-values"

// withoutCase are the types whose tokens are kept in lower case: of strings
// §3.1.1.4.10 says so, of contact points it leaves that to the server, and an e-mail
// address is the same in any case.
var withoutCase = []string{"string", "ContactPoint"}

// token makes token entries (§3.1.1.4.10, the table of what each type is
// searched by).
func (x *extraction) token(n fhir.Node) {
	t := n.Type()
	if t.Kind == definitions.Primitive && !n.HasValue() {
		return // only extensions: missing (§3.1.1.4.4)
	}
	switch t.Name {
	case "CodeableConcept":
		x.concept(n)
	case "Coding":
		x.coding(n)
	case "Identifier":
		x.identifier(n)
	case "ContactPoint":
		x.addToken("", strings.ToLower(n.Child("value").Text()), "")
	case "CodeableReference":
		if c := n.Child("concept"); !c.IsZero() {
			x.concept(c)
		}
	case "boolean":
		x.addToken(specialValues, n.Text(), "")
	case "code":
		x.addToken(x.c.impliedSystem(n), n.Text(), "")
	case "Money":
		x.addToken(currencySystem, n.Child("currency").Text(), "")
	default:
		switch {
		case t.Is("Quantity"):
			x.addToken(n.Child("system").Text(), n.Child("code").Text(), n.Child("unit").Text())
		case t.Name == "string":
			x.addToken("", strings.ToLower(n.Text()), "")
		case t.Kind == definitions.Primitive:
			x.addToken("", n.Text(), "")
		}
	}
}

func (x *extraction) concept(n fhir.Node) {
	text := n.Child("text").Text()
	said := text == ""
	for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		if c.Name() == "coding" {
			x.coding(c)
			said = said || strings.EqualFold(c.Child("display").Text(), text)
		}
	}
	if !said {
		x.addToken("", "", text)
	}
}

func (x *extraction) coding(n fhir.Node) {
	var system, code, display string
	for c := n.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		switch c.Name() {
		case "system":
			system = c.Text()
		case "code":
			code = c.Text()
		case "display":
			display = c.Text()
		}
	}
	x.addToken(system, code, display)
}

func (x *extraction) addToken(system, code, text string) {
	if system == "" && code == "" && text == "" {
		return
	}
	x.add(Entry{System: Bound(system), Code: Bound(code), Text: Bound(text)})
}
