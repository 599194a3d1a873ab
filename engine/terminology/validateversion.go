package terminology

import (
	"errors"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// versions compares the version of a coding with those of the includes about
// its system, and says where they disagree. A version that no include has is
// taken out of the coding. lacking says that the version of an include is not
// at hand.
func (c *checking) versions(parts []portion, g *definitions.Coding) (lacking bool) {
	if g.Version != "" {
		for i := range parts {
			p := &parts[i]
			if p.sys != nil && matchVersion(g.Version, p.sys.Version) {
				c.insist(p, g)
				return false
			}
			if open := p.in.Version == "" && !p.choice.changed; open || matchVersion(p.choice.asked, g.Version) { // the include leaves the version to the coding
				if sys, err := c.codeSystem(g.System, g.Version); err == nil {
					c.seen(sys.CodeSystem)
					r := *p.resolved
					r.sys, r.missing, r.selection = sys, nil, nil
					if c.applyFilters(p.in.of, p.in, &r) == nil {
						c.resolved[p.in.Include] = &r
						p.resolved = &r
						return false
					}
				}
			}
		}
	}
	for i := range parts {
		p := &parts[i]
		if p.missing != nil {
			if p.missing.version == "" && (grammars[g.System] != nil || len(p.in.Concepts) > 0) {
				continue
			}
			lacking = true
			c.lack(p.missing, *g)
			note(&c.out.CausedBy, canonical(p.missing.url, p.missing.version))
		}
		c.insist(p, g)
		if g.Version != "" {
			c.disagree(p, g)
		}
	}
	if len(parts) > 0 {
		g.Version = ""
	}
	return lacking
}

// insist checks the version of an include against the parameter
// check-system-version.
func (c *checking) insist(p *portion, g *definitions.Coding) {
	if p.sys == nil {
		return
	}
	if wanted := c.checked(g.System, p.sys.Version); wanted != "" {
		c.fail(fault.CodeException, c.path("version"), "version-error", "VALUESET_VERSION_CHECK",
			"The version '"+p.sys.Version+"' is not allowed for system '"+fault.Shorten(g.System)+"': required to be '"+wanted+"' by a version-check parameter")
	}
}

// disagree says that the coding's version is none of the include's.
func (c *checking) disagree(p *portion, g *definitions.Coding) {
	if _, err := c.codeSystem(g.System, g.Version); err != nil {
		if missing, ok := errors.AsType[*unknownSystem](err); ok && p.missing == nil {
			c.lack(missing, *g)
			note(&c.out.CausedBy, canonical(g.System, g.Version))
		}
	}
	different := " is different to the one in the value ('" + fault.Shorten(g.Version) + "')"
	system := "The code system '" + fault.Shorten(g.System) + "' version '"
	switch {
	case p.choice.changed:
		c.fail(fault.CodeInvalid, c.path("version"), "vs-invalid", "VALUESET_VALUE_MISMATCH_CHANGED",
			system+p.choice.asked+"' resulting from the version '"+p.in.Version+"' in the ValueSet include"+different)
	case p.in.Version == "" && p.sys != nil:
		c.issue(fault.Warning, fault.CodeInvalid, c.path("version"), "vs-invalid", "VALUESET_VALUE_MISMATCH_DEFAULT",
			system+p.sys.Version+"' for the versionless include in the ValueSet include"+different, false)
	case p.in.Version != "":
		c.fail(fault.CodeInvalid, c.path("version"), "vs-invalid", "VALUESET_VALUE_MISMATCH",
			system+p.in.Version+"' in the ValueSet include"+different)
	}
}
