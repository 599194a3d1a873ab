package records

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// Incomplete is a search parameter that does not find all it should.
type Incomplete struct {
	Param   string // "Observation.code"
	Reading bool   // its rows are being made
	Percent int    // about so much of the resources was read for it
	Problem string // why it stays so; "" when it is being built
}

func (i Incomplete) String() string {
	if i.Problem != "" {
		return fmt.Sprintf("search parameter %s is not completely indexed: %s", i.Param, i.Problem)
	}
	return fmt.Sprintf("search parameter %s is being indexed: %d %% is done", i.Param, i.Percent)
}

// incomplete lists those of params that cannot be trusted.
func (x *indexes) incomplete(ctx context.Context, params func() []search.Param) ([]Incomplete, error) {
	if err := x.refresh(ctx); err != nil {
		return nil, err
	}
	return x.lacking(params), nil
}

// lacking is incomplete by the state as it was read last.
func (x *indexes) lacking(params func() []search.Param) []Incomplete {
	x.mu.Lock()
	whole := x.whole
	x.mu.Unlock()
	if whole {
		return nil
	}
	asked := params()
	x.mu.Lock()
	defer x.mu.Unlock()
	var found []Incomplete
	add := func(o search.Origin) {
		for _, i := range x.lackedOf(o) {
			if !slices.Contains(found, i) {
				found = append(found, i)
			}
		}
	}
	for _, p := range asked {
		add(search.Origin{Type: p.Type, Code: p.Code})
		for _, o := range p.Origins() {
			add(o)
		}
	}
	slices.SortFunc(found, func(a, b Incomplete) int { return strings.Compare(a.Param, b.Param) })
	return found
}

// lackedOf is what of a parameter cannot be trusted, of each type that has it; x.mu is held.
func (x *indexes) lackedOf(o search.Origin) []Incomplete {
	found, known := x.lacked[o]
	if known {
		return found
	}
	for k, t := range x.state.Types {
		if o.Type != search.System && o.Type != string(k.Type) {
			continue
		}
		if i, ok := x.lacks(k, t, o.Code); ok {
			found = append(found, i)
		}
	}
	x.lacked[o] = found
	return found
}

// containedCode stands for all parameters of contained resources.
const containedCode = "#"

// contentCode is the parameter that the values of others belong to as well.
const contentCode = "_content"

// lacks says whether a parameter of a type may lack rows; x.mu is held.
func (x *indexes) lacks(k indexKey, t *typeIndex, code string) (Incomplete, bool) {
	i := Incomplete{Param: string(k.Type) + "." + code, Reading: t.Failed == "", Problem: t.Failed}
	if t.Total > 0 {
		i.Percent = int(min(99, 100*t.Read/t.Total))
	}
	if strings.Contains(code, containedCode) {
		code = containedCode
	}
	p := x.printsOf(k)
	if p == nil || p.of == t.Print {
		if slices.Contains(t.Gone, code) {
			i.Problem, i.Reading = "it is no longer a search parameter", false
			return i, true
		}
		_, lacks := t.Build[code]
		return i, lacks || code == contentCode && len(t.Build) > 0
	}
	print, mine := p.params()[code]
	if !mine || t.Done[code] == print {
		return i, false
	}
	if t.Build[code] != print {
		i.Problem, i.Reading = "another process works on the same records with other search parameters", false
	}
	return i, true
}
