package terminology

import (
	"errors"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// inactiveOut refuses an inactive code where only active ones are wanted.
func (c *checking) inactiveOut(v *ValueSet, f *found, g definitions.Coding) bool {
	active := c.r.ActiveOnly || v.Inactive == "false" || f.of != nil && f.of.Inactive == "false"
	if !active || f.sys == nil || f.fragment || !f.sys.inactive(f.index) {
		return false
	}
	if c.r.Form != FormConcept {
		c.tell(f, g)
	}
	c.state(f, g)
	c.out.Status = ""
	c.fail(fault.CodeBusinessRule, c.path("code"), "code-rule", "STATUS_CODE_WARNING_CODE", "The concept '"+fault.Shorten(g.Code)+"' is valid but is not active")
	c.notIn(v, g)
	return true
}

// absent says what is wrong with a code that the value set does not have.
func (c *checking) absent(v *ValueSet, parts []portion, g definitions.Coding) error {
	c.notIn(v, g)
	if c.r.MembershipOnly {
		return nil
	}
	return c.ofSystem(parts, g)
}

// meanwhile tells of a code what another version of its system than the one
// that is missing says: the one given, or the usual one.
func (c *checking) meanwhile(g definitions.Coding, given string) {
	if c.r.Form == FormConcept {
		return
	}
	sys, err := c.codeSystem(g.System, given)
	if given == "" || err != nil {
		if sys, err = c.codeSystem(g.System, c.version(g.System, "").asked); err != nil {
			return
		}
	}
	c.out.Coding.Version = sys.Version
	if i, _, ok := sys.find(g.Code); ok {
		c.tell(&found{sys: sys, index: i, system: g.System, code: g.Code}, g)
	}
}

// ofSystem says whether the code is one of its system at all.
func (c *checking) ofSystem(parts []portion, g definitions.Coding) error {
	version := g.Version
	for _, p := range parts {
		if version == "" && p.sys != nil {
			version = p.sys.Version
		}
	}
	for _, p := range parts { // the latest of them
		if g.Version == "" && p.sys != nil && compareVersions(p.sys.Version, version) > 0 {
			version = p.sys.Version
		}
	}
	if len(parts) == 0 {
		version = c.version(g.System, version).asked
	}
	sys, err := c.codeSystem(g.System, version)
	if missing, ok := errors.AsType[*unknownSystem](err); ok {
		if grammar := grammars[g.System]; grammar != nil && g.Version == "" {
			if grammar(g.Code) == No {
				c.fail(fault.CodeInvalidCode, c.path("code"), "invalid-code", "Unknown_Code_in_Version", "Unknown code '"+fault.Shorten(g.Code)+"' in the CodeSystem '"+fault.Shorten(g.System)+"'")
			}
			return nil
		}
		c.lack(missing, g)
		if missing.supplement == "" {
			note(&c.out.Unknown, g.System)
		}
		return nil
	}
	if err != nil {
		return err
	}
	if c.r.Form != FormConcept {
		c.out.Coding.Version = sys.Version
	}
	i, _, ok := sys.find(g.Code)
	if ok {
		if c.r.Form != FormConcept {
			c.tell(&found{sys: sys, index: i, system: g.System, code: g.Code}, g)
		}
		return nil
	}
	if !sys.complete() {
		c.judge(&found{sys: sys, fragment: true}, g)
		return nil
	}
	c.fail(fault.CodeInvalidCode, c.path("code"), "invalid-code", "Unknown_Code_in_Version",
		"Unknown code '"+fault.Shorten(g.Code)+"' in the CodeSystem '"+sys.URL+"' version '"+sys.Version+"'")
	return nil
}

// lack says that a code system is missing.
func (c *checking) lack(missing *unknownSystem, g definitions.Coding) {
	if missing.supplement != "" {
		c.fail(fault.CodeInvalid, c.path("system"), "invalid-data", "CODESYSTEM_CS_NO_SUPPLEMENT",
			"CodeSystem "+missing.supplement+" is a supplement, so can't be used as a value in Coding.system")
		return
	}
	c.fail(fault.CodeNotFound, c.path("system"), "not-found", missing.id(""), missing.message("so the code cannot be validated"))
}
