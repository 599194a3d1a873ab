package search

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// typeSuffix ends the code of a parameter whose entries are the types of
// identifiers; no parameter of a definition has a slash in its code.
const typeSuffix = "/type"

// OfType is the parameter under which the identifiers of a token parameter
// stand with their types, for :of-type.
func (p Param) OfType() Param {
	p.Code += typeSuffix
	if p.Of != "" {
		p.Of = strings.ReplaceAll(p.Of, ",", typeSuffix+",") + typeSuffix
	}
	return p
}

// identifier makes the entries of an Identifier: the value in its system, and
// in the systems of its types.
func (x *extraction) identifier(n fhir.Node) {
	value := n.Child("value").Text()
	typ := n.Child("type")
	x.addToken(n.Child("system").Text(), value, typ.Child("text").Text())
	if value == "" || typ.IsZero() || x.out != &x.entries || x.param.Kind != definitions.SearchToken {
		return
	}
	own := x.param
	x.param = own.OfType()
	for c := typ.FirstChild(); !c.IsZero(); c = c.NextSibling() {
		if c.Name() == "coding" {
			if system, code := c.Child("system").Text(), c.Child("code").Text(); system != "" && code != "" {
				x.add(Entry{System: Bound(system), Code: Bound(code + "|" + value)})
			}
		}
	}
	x.param = own
}
