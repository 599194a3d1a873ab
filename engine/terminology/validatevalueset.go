package terminology

import (
	"errors"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

func (c *checking) againstValueSet(v *ValueSet) (*Validation, error) {
	anyIn, lacking := false, false
	var out []int // codings that are not in the value set
	for i, coding := range c.r.Codings {
		c.at = i
		in, err := c.inValueSet(v, coding)
		if err != nil {
			missing, ok := errors.AsType[*fault.Error](err)
			if !ok || missing.Kind != fault.NotFound {
				return nil, err
			}
			// A value set that it includes is missing.
			issue := missing.Issues[0]
			c.fail(issue.Code, "", issue.TxType, issue.MessageID, issue.Message)
			in.lacking = true
		}
		anyIn, lacking = anyIn || in.found, lacking || in.lacking
		if !in.found {
			out = append(out, i)
		}
	}
	if c.r.Form == FormConcept && anyIn {
		for _, c.at = range out {
			c.excuse(c.path("system"))
		}
	}
	if c.r.Form == FormConcept && !anyIn && !lacking {
		c.fail(fault.CodeInvalidCode, "", "not-in-vs", "TX_GENERAL_CC_ERROR_MESSAGE",
			"No valid coding was found for the value set '"+v.canonical()+"'")
	}
	return c.finish(&v.Canonical), nil
}

// excuse makes a warning of a code system that is not at hand, as local ones
// are, where another coding is in the value set.
func (c *checking) excuse(path string) {
	for i := range c.out.Issues {
		issue := &c.out.Issues[i]
		if issue.Path == path && strings.HasPrefix(issue.MessageID, "UNKNOWN_CODESYSTEM") {
			issue.Severity = fault.Warning
			c.out.messages = slices.DeleteFunc(c.out.messages, func(m string) bool { return m == issue.Message })
		}
	}
}

// verdict is what came of one coding.
type verdict struct {
	found   bool // it is in the value set
	lacking bool // something is missing that would tell
}

func (c *checking) inValueSet(v *ValueSet, g definitions.Coding) (verdict, error) {
	if c.r.Form != FormConcept {
		c.out.Coding, c.out.Known = definitions.Coding{System: g.System, Code: g.Code}, true
	}
	if g.System == "" {
		if c.r.Form == FormCode && c.r.InferSystem {
			system, err := c.infer(v, g.Code)
			if err != nil {
				return verdict{}, err
			}
			g.System, c.out.Coding.System = system, system
		} else {
			c.issue(fault.Warning, fault.CodeInvalid, c.path(""), "invalid-data", "Coding_has_no_system__cannot_validate",
				"Coding has no system. A code with no system has no defined meaning, and it cannot be validated. A system should be provided", true)
		}
		if g.System == "" {
			c.notIn(v, g)
			return verdict{}, nil
		}
	}
	if !strings.Contains(g.System, ":") {
		c.fail(fault.CodeInvalid, c.path("system"), "invalid-data", "Terminology_TX_System_Relative",
			"Coding.system must be an absolute reference, not a local reference")
	}
	parts, err := c.parts(v, g.System, nil)
	if err != nil {
		return verdict{}, err
	}
	given := g.Version
	lacking := c.versions(parts, &g)
	hits, err := c.hits(v, parts, g)
	if err != nil && !errors.As(err, new(*unknownSystem)) {
		return verdict{}, err
	}
	if len(hits) == 0 {
		if lacking {
			c.meanwhile(g, given)
			return verdict{lacking: true}, nil
		}
		return verdict{}, c.absent(v, parts, g)
	}
	hit := c.best(hits, g)
	if c.inactiveOut(v, hit, g) {
		return verdict{}, nil
	}
	if !c.out.Known || c.r.Form != FormConcept {
		c.tell(hit, g)
	}
	c.judge(hit, g)
	return verdict{found: true, lacking: lacking}, nil
}

// notIn says that the value set does not have the coding.
func (c *checking) notIn(v *ValueSet, g definitions.Coding) {
	message := "The provided code '" + shown(g) + "' was not found in the value set '" + v.canonical() + "'"
	if c.r.Form == FormConcept {
		c.issue(fault.Information, fault.CodeInvalidCode, c.path("code"), "this-code-not-in-vs", "None_of_the_provided_codes_are_in_the_value_set_one", message, false)
		return
	}
	c.fail(fault.CodeInvalidCode, c.path("code"), "not-in-vs", "None_of_the_provided_codes_are_in_the_value_set_one", message)
}

// infer finds the one system in which the value set has a code.
func (c *checking) infer(v *ValueSet, code string) (string, error) {
	var systems []string
	for _, in := range v.includes {
		f, err := c.memberOf(v, &in, named{code: code, plain: true}, []*ValueSet{v})
		if err != nil && !errors.As(err, new(*unknownSystem)) {
			return "", err
		}
		if f != nil && !f.fragment {
			note(&systems, f.system)
		}
	}
	if len(v.includes) == 0 && v.Expanded {
		if f := c.inExpansion(v, named{code: code, plain: true}); f != nil {
			systems = append(systems, f.system)
		}
	}
	message := "The System URI could not be determined for the code '" + fault.Shorten(code) + "' in the ValueSet '" + v.canonical() + "'"
	switch len(systems) {
	case 1:
		return systems[0], nil
	case 0:
		c.fail(fault.CodeNotFound, c.path("code"), "cannot-infer", "UNABLE_TO_INFER_CODESYSTEM", message)
	default:
		slices.Sort(systems)
		c.fail(fault.CodeNotFound, c.path("code"), "cannot-infer", "Unable_to_resolve_system__value_set_has_multiple_matches",
			message+": value set expansion has multiple matches: ["+strings.Join(systems, ", ")+"]")
	}
	return "", nil
}

// portion is an include, perhaps of a nested value set, that is about a
// system.
type portion struct {
	*resolved
	in *include
}

// parts are the includes that are about a system.
func (c *checking) parts(v *ValueSet, system string, above []*ValueSet) ([]portion, error) {
	if err := c.enter(v, above); err != nil {
		return nil, err
	}
	above = append(slices.Clip(above), v)
	var out []portion
	for i := range v.includes {
		in := &v.includes[i]
		if in.System != "" && in.System != system {
			continue
		}
		r, err := c.resolve(v, in)
		if err != nil {
			return nil, err
		}
		if in.System != "" {
			out = append(out, portion{r, in})
			continue
		}
		for _, set := range r.sets {
			inner, err := c.parts(set, system, above)
			if err != nil {
				return nil, err
			}
			out = append(out, inner...)
		}
	}
	return out, nil
}

// hits are the places where the value set has the coding, the latest version
// first.
func (c *checking) hits(v *ValueSet, parts []portion, g definitions.Coding) ([]*found, error) {
	versions := []string{""}
	for _, p := range parts {
		if p.sys != nil && p.sys.Version != "" && (g.Version == "" || matchVersion(g.Version, p.sys.Version)) {
			note(&versions, p.sys.Version)
		}
	}
	slices.SortFunc(versions, func(a, b string) int { return compareVersions(b, a) })
	if len(versions) > 1 { // "" comes last, and means whichever
		versions = versions[:len(versions)-1]
	}
	var out []*found
	var untold error
	for _, version := range versions {
		f, err := c.member(v, named{system: g.System, version: version, code: g.Code}, nil)
		if errors.As(err, new(*unknownSystem)) {
			untold = err
			continue
		}
		if err != nil {
			return nil, err
		}
		if f != nil {
			out = append(out, f)
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, untold
}

// best is the place whose name for the concept is the one given, else the
// first.
func (c *checking) best(hits []*found, g definitions.Coding) *found {
	for _, h := range hits {
		if g.Display != "" && h.sys != nil && !h.fragment && slices.ContainsFunc(h.item().names(), func(n name) bool { return sameDisplay(n.Value, g.Display) }) {
			return h
		}
	}
	return hits[0]
}
