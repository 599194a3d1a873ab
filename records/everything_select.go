package records

import (
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// recordSelection is what the parameters of an $everything call select.
type recordSelection struct {
	start, end *search.TimeRange
	since      search.And // none or one search.LastUpdated
	types      []string   // nil: all
	count      int
}

// selectRecord reads the parameters of an $everything call.
func (d *Door) selectRecord(rel *release, pairs []search.Pair) (*recordSelection, error) {
	p := &recordSelection{count: d.policy.MaxCount}
	seen := map[string]bool{}
	for _, pair := range pairs {
		if seen[pair.Name] && pair.Name != "_type" {
			return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "%s is given twice", pair.Name)
		}
		seen[pair.Name] = true
		var err error
		switch pair.Name {
		case "start":
			p.start, err = dateOf(pair)
		case "end":
			p.end, err = dateOf(pair)
		case "_since":
			var since *search.TimeRange
			if since, err = dateOf(pair); err == nil {
				p.since = search.And{search.LastUpdated{Prefix: search.GE, Range: *since}}
			}
		case "_type":
			err = p.addTypes(rel, pair.Value)
		case "_count":
			p.count, err = countOf(pair, d.policy.MaxCount)
		default:
			err = unknownParameter("everything", pair.Name, "start", "end", "_since", "_type", "_count")
		}
		if err != nil {
			return nil, err
		}
	}
	return p, inOrder(p.start, p.end)
}

func (p *recordSelection) addTypes(rel *release, names string) error {
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); !rel.defs.IsResource(name) {
			return fault.New(fault.Invalid, fault.CodeValue, "", "_type: %q is not a resource type of FHIR %s%s",
				fault.Shorten(name), rel.defs.Release, meant(name, rel.defs.ResourceTypes()))
		}
		if !slices.Contains(p.types, name) {
			p.types = append(p.types, name)
		}
	}
	return nil
}

// passes says whether a record is of the types and times asked for.
func (p *recordSelection) passes(r store.Record) bool {
	if len(p.types) > 0 && !slices.Contains(p.types, string(r.Key.Type)) {
		return false
	}
	for _, x := range p.since {
		if r.Updated.UnixMicro() < x.(search.LastUpdated).Range.Lo {
			return false
		}
	}
	return true
}
