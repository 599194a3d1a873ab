package search

import (
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// listed names the entries for _list: what a List refers to in entries that are
// not marked as deleted. No client can ask for it by name.
var listed = Param{Type: "List", Code: "_listed", Kind: definitions.SearchReference}

const listedItems = "List.entry.where(deleted.exists().not() or deleted = false).item"

// compileListed adds the rule of listed to the type List.
func (c *Catalog) compileListed(t *typeCatalog) {
	if t.name != listed.Type {
		return
	}
	def := &definitions.SearchParameter{Code: listed.Code, Type: listed.Kind, Base: []string{listed.Type}, Expression: listedItems}
	hidden := &parameter{Param: listed, def: def}
	if rule, err := compileWhole(listedItems, sink{param: hidden}); err == nil {
		t.rules.whole = append(t.rules.whole, rule)
	}
}

// list reads _list (§3.1.1.5.2): the ids of Lists that have the resource.
func (p *parser) list(value string) (Expr, error) {
	raw := split(value, ',')
	if len(raw) > p.o.Limits.Values {
		return nil, fault.New(fault.Invalid, fault.CodeTooCostly, "",
			"search parameter \"_list\" has %d values; this server takes at most %d", len(raw), p.o.Limits.Values)
	}
	var ids IDs
	for _, one := range raw {
		if strings.HasPrefix(one, "$") {
			return nil, malformed("_list", one, "this server keeps no functional lists; search the resources that the list would have, or name the id of a List")
		}
		if !fhir.ID(one).Valid() {
			return nil, malformed("_list", one, "it takes the id of a List")
		}
		ids = append(ids, one)
	}
	if p.c.types[listed.Type] == nil {
		return nil, malformed("_list", value, "FHIR %s has no resource type List", p.c.defs.Release)
	}
	return Has{Source: listed.Type, Param: listed, X: ids}, nil
}
