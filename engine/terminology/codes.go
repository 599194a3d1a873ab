package terminology

import (
	"context"
	"fmt"
	"strings"
)

// Coding is a code of a system.
type Coding struct{ System, Code string }

// Codes lists the codes of a value set, by its canonical URL with or without
// |version. It fails when the value set is not known, when it cannot be listed
// (a system is told by a grammar, or its codes are not at hand), and when there
// are more than limit; the error says which for whoever asked.
func (c *Catalog) Codes(ctx context.Context, canonical string, limit int) ([]Coding, error) {
	s := c.Set(canonical)
	if s == nil {
		return nil, fmt.Errorf("the value set %s is not known here", canonical)
	}
	l := listing{catalog: c, ctx: ctx, of: canonical, limit: limit, seen: map[Coding]bool{}}
	for i := range s.parts {
		if err := l.part(s, &s.parts[i]); err != nil {
			return nil, err
		}
	}
	return l.codes, nil
}

// listing collects the codes of a value set.
type listing struct {
	catalog *Catalog
	ctx     context.Context // of the one call
	of      string
	limit   int
	codes   []Coding
	seen    map[Coding]bool
}

func (l *listing) part(s *Set, p *part) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	switch {
	case p.codes != nil:
		for code := range p.codes {
			if err := l.add(s, p.system, code); err != nil {
				return err
			}
		}
		if p.fold {
			return l.original(s, p)
		}
		return nil
	case p.decide == nil && p.system == "" && len(p.within) > 0:
		inner := listing{catalog: l.catalog, ctx: l.ctx, of: l.of, limit: l.limit, seen: map[Coding]bool{}}
		first := p.within[0]
		for i := range first.parts {
			if err := inner.part(first, &first.parts[i]); err != nil {
				return err
			}
		}
		for _, c := range inner.codes {
			if err := l.add(s, c.System, c.Code); err != nil {
				return err
			}
		}
		return nil
	case p.system == "":
		return fmt.Errorf("the value set %s takes in another one that is not known here", l.of)
	case grammars[p.system] != nil:
		return fmt.Errorf("the value set %s cannot be listed: the codes of %s are told by their form", l.of, p.system)
	}
	return fmt.Errorf("the value set %s cannot be listed: the codes of %s are not all at hand", l.of, p.system)
}

// original adds the codes of a system that does not mind case as it has them.
func (l *listing) original(s *Set, p *part) error {
	sys := l.catalog.system(p.system)
	if sys == nil {
		return nil
	}
	for i := range sys.Concepts {
		code := sys.Concepts[i].Code
		if _, ok := p.codes[strings.ToLower(code)]; ok {
			if err := l.add(s, p.system, code); err != nil {
				return err
			}
		}
	}
	return nil
}

// add takes a code that the set has and no exclude takes out.
func (l *listing) add(s *Set, system, code string) error {
	c := Coding{system, code}
	if l.seen[c] {
		return nil
	}
	switch s.Has(system, code) {
	case No:
		return nil
	case Unknown:
		return fmt.Errorf("the value set %s cannot be listed: whether it has %s|%s cannot be told", l.of, system, code)
	}
	if len(l.codes) == l.limit {
		return fmt.Errorf("the value set %s has more than %d codes", l.of, l.limit)
	}
	l.seen[c] = true
	l.codes = append(l.codes, c)
	return nil
}

// Below gives a code and those that it subsumes in its system. It fails when
// the system or the code is not known, and when there are more than limit.
func (c *Catalog) Below(ctx context.Context, systemURL, code string, limit int) ([]string, error) {
	return c.family(ctx, systemURL, code, limit, func(s *system, i, of int) bool { return s.below(i, of, 0) })
}

// Above gives a code and those that subsume it in its system. It fails as Below
// does.
func (c *Catalog) Above(ctx context.Context, systemURL, code string, limit int) ([]string, error) {
	return c.family(ctx, systemURL, code, limit, func(s *system, i, of int) bool { return s.below(of, i, 0) })
}

func (c *Catalog) family(ctx context.Context, systemURL, code string, limit int, belongs func(s *system, i, of int) bool) ([]string, error) {
	s := c.system(systemURL)
	if s == nil {
		return nil, fmt.Errorf("the code system %s is not at hand here", systemURL)
	}
	of, ok := s.byCode[code]
	if !ok {
		return nil, fmt.Errorf("the code system %s has no code %q", systemURL, code)
	}
	var codes []string
	for i := range s.Concepts {
		if !belongs(s, i, of) {
			continue
		}
		if len(codes) == limit {
			return nil, fmt.Errorf("the code %s of %s has more than %d others below or above it", code, systemURL, limit)
		}
		codes = append(codes, s.Concepts[i].Code)
	}
	return codes, ctx.Err()
}
