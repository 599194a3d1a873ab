package ucum

import (
	_ "embed" // the table
	"fmt"
	"strings"
	"sync"
)

//go:embed data/ucum.tsv
var embedded string

// table is UCUM's prefixes and units, each unit reduced to base units.
type table struct {
	prefixes map[string]*prefix
	atoms    map[string]*atom
	folded   map[string]string // lower-case code to code
	names    map[string]string // lower-case name or synonym to code
}

type prefix struct {
	name   string
	factor ratio
}

// atom is a unit symbol.
type atom struct {
	code, name string
	metric     bool // takes prefixes
	value      value

	literal, definition, function string
	arbitrary                     bool
	state                         uint8 // while resolving
}

const (
	unresolved = iota
	resolving
	resolved
)

// units is the table, read once. The embedded file is checked by tests; a
// broken one is a fault of the build.
var units = sync.OnceValue(func() *table {
	t, err := readTable(embedded)
	if err != nil {
		panic("ucum: embedded table: " + err.Error())
	}
	return t
})

// readTable reads the lines that ./generate writes: "prefix code name factor" and
// "unit code name flags value definition function synonyms", tab-separated.
func readTable(text string) (*table, error) {
	t := &table{prefixes: map[string]*prefix{}, atoms: map[string]*atom{}, folded: map[string]string{}, names: map[string]string{}}
	for n, code := range baseCodes {
		a := &atom{code: code, metric: true, state: resolved, value: value{scale: one, before: one}}
		a.value.dim.base[n] = 1
		t.atoms[code] = a
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := t.read(strings.Split(line, "\t")); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
	}
	for code, a := range t.atoms {
		if err := t.resolve(a); err != nil {
			return nil, fmt.Errorf("%s: %w", code, err)
		}
	}
	return t, nil
}

func (t *table) read(f []string) error {
	switch {
	case f[0] == "prefix" && len(f) == 4:
		factor, err := newRatio(f[3])
		if err != nil {
			return err
		}
		t.prefixes[f[1]] = &prefix{name: f[2], factor: factor}
	case f[0] == "base" && len(f) == 4:
		a := t.atoms[f[1]]
		if a == nil {
			return fmt.Errorf("not one of the seven base units")
		}
		a.name = f[2]
		t.remember(a, f[3])
	case f[0] == "unit" && len(f) == 8:
		a := &atom{code: f[1], name: f[2], literal: f[4], definition: f[5], function: f[6],
			metric: strings.Contains(f[3], "m"), arbitrary: strings.Contains(f[3], "a")}
		t.atoms[f[1]] = a
		t.remember(a, f[7])
	default:
		return fmt.Errorf("not a line of the table")
	}
	return nil
}

func (t *table) remember(a *atom, synonyms string) {
	set := func(m map[string]string, key string) {
		if _, taken := m[key]; !taken && key != "" {
			m[key] = a.code
		}
	}
	set(t.folded, strings.ToLower(a.code))
	set(t.names, strings.ToLower(a.name))
	for s := range strings.SplitSeq(synonyms, ";") {
		set(t.names, strings.ToLower(strings.TrimSpace(s)))
	}
}

// resolve reduces an atom, and first those that it is defined by.
func (t *table) resolve(a *atom) error {
	switch a.state {
	case resolved:
		return nil
	case resolving:
		return fmt.Errorf("is defined by itself")
	}
	a.state = resolving
	p := &parser{src: a.definition, table: t}
	x := &expression{}
	if err := p.term(x, p.accept('/')); err != nil {
		return err
	}
	if err := t.resolveAll(x); err != nil {
		return err
	}
	v, err := x.evaluate(a.definition)
	if err != nil {
		return err
	}
	factor, err := newRatio(a.literal)
	if err != nil {
		return err
	}
	v.scale = v.scale.multiplied(factor)
	v.number = a.code == "10*" || a.code == "10^"
	if a.arbitrary && v.dim.isNumber() {
		v.dim.arbitrary = []power{{a.code, 1}}
	}
	if a.function != "" {
		if v.special = functions[a.function]; v.special == nil {
			return fmt.Errorf("function %q is unknown", a.function)
		}
	}
	a.value, a.state = v, resolved
	return nil
}

func (t *table) resolveAll(x *expression) error {
	for _, c := range x.components {
		if c.group != nil {
			if err := t.resolveAll(c.group); err != nil {
				return err
			}
		}
		if c.atom != nil {
			if err := t.resolve(c.atom); err != nil {
				return err
			}
		}
	}
	return nil
}

// symbol finds a unit, or a prefix before a metric unit.
func (t *table) symbol(s string) (*prefix, *atom, bool) {
	if a, ok := t.atoms[s]; ok {
		return nil, a, true
	}
	for n := 1; n <= 2 && n < len(s); n++ {
		if p, ok := t.prefixes[s[:n]]; ok {
			if a, ok := t.atoms[s[n:]]; ok && a.metric {
				return p, a, true
			}
		}
	}
	return nil, nil, false
}
