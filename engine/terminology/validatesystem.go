package terminology

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
)

// againstSystem checks codings against their code system.
func (c *checking) againstSystem() (*Validation, error) {
	if err := c.prepare(nil); err != nil {
		return nil, err
	}
	root := new(definitions.Canonical)
	if cs := c.r.CodeSystem; cs != nil {
		c.r.Resources.codeSystems = append(slices.Clip(c.r.Resources.codeSystems), cs)
	}
	for i, g := range c.r.Codings {
		c.at = i
		if g.System == "" {
			g.System = c.r.URL
			if c.r.CodeSystem != nil {
				g.System, g.Version = c.r.CodeSystem.URL, c.r.CodeSystem.Version
			}
		}
		if g.Version == "" {
			g.Version = c.r.Version
		}
		if c.r.Form != FormConcept {
			c.out.Coding, c.out.Known = definitions.Coding{System: g.System, Code: g.Code}, true
		}
		if err := c.ofSystem(nil, g); err != nil {
			return nil, err
		}
		sys, err := c.codeSystem(g.System, c.version(g.System, g.Version).asked)
		if err != nil {
			continue // what is missing was told
		}
		c.seen(sys.CodeSystem)
		if n, _, ok := sys.find(g.Code); ok {
			f := &found{sys: sys, index: n, system: g.System, code: sys.Concepts[n].Code}
			c.tell(f, g)
			c.judge(f, g)
			root = &sys.Canonical
		}
	}
	return c.finish(root), nil
}
