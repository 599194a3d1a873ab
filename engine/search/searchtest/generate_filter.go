package searchtest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// filter makes a _filter about a document, of which nothing is sure.
func (g *generator) filter(d *search.Document) string {
	var b strings.Builder
	for i := range 1 + g.IntN(3) {
		if i > 0 {
			b.WriteString(g.oneOf(" and ", " or ", " and not "))
		}
		one := g.comparison(d, 2)
		if g.IntN(4) == 0 {
			one = "(" + one + g.oneOf(" or ", " and ") + g.comparison(d, 1) + ")"
		}
		b.WriteString(one)
	}
	return b.String()
}

// comparison makes one test, following references up to depth times.
func (g *generator) comparison(d *search.Document, depth int) string {
	e := &d.Entries[g.IntN(len(d.Entries))]
	if depth > 0 && e.RefID != "" && g.IntN(2) == 0 {
		target := g.byKey[fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}]
		if target != nil && len(target.Entries) > 0 {
			inside := ""
			if g.IntN(3) == 0 {
				inside = "[" + g.comparison(target, 0) + "]"
			}
			return e.Param.Code + ":" + e.RefType + inside + "." + g.comparison(target, depth-1)
		}
	}
	if g.IntN(8) == 0 {
		return strings.TrimSuffix(e.Param.Code, "/type") + g.oneOf(" pr true", " pr false")
	}
	op, value := g.compared(e)
	if code, typed := strings.CutSuffix(e.Param.Code, "/type"); typed || op == "" {
		return code + " pr true"
	}
	quoted, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("searchtest: %q: %v", value, err))
	}
	return e.Param.Code + " " + op + " " + string(quoted)
}

// compared makes an operator and a value of an entry, "" when there is none.
func (g *generator) compared(e *search.Entry) (op, value string) {
	switch e.Param.Kind {
	case definitions.SearchToken:
		if e.Code == "" || strings.TrimSpace(e.Code) == "" {
			return "", ""
		}
		return g.oneOf("eq", "ne"), g.token(e)
	case definitions.SearchString:
		letters := []rune(e.Norm)
		if len(letters) == 0 {
			return "", ""
		}
		start := g.IntN(len(letters))
		piece := string(letters[start : start+1+g.IntN(min(len(letters)-start, 60))])
		if search.Normalize(piece) == "" {
			return "", ""
		}
		return g.oneOf("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"), piece
	case definitions.SearchReference:
		if e.RefID != "" {
			return "re", e.RefType + "/" + e.RefID
		}
	case definitions.SearchURI:
		return g.oneOf("eq", "ne"), search.Escape(e.URL)
	case definitions.SearchDate:
		return g.oneOf("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap", "po", "co"), g.time(e.Time)
	case definitions.SearchNumber:
		return g.oneOf("eq", "ne", "gt", "lt", "ap"), strings.TrimLeft(g.number(e.Number), "eqngltsabp")
	case definitions.SearchQuantity:
		return g.oneOf("eq", "ne", "gt", "le", "ap"), strings.TrimLeft(g.quantity(e), "eqngltsabp")
	}
	return "", ""
}
