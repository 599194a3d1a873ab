package graphql

import (
	"github.com/inglehealth/ingle/spec/fault"
)

// output is an object of the answer. What is flattened into it from several
// places is collated by name.
type output struct {
	members []*member
	byName  map[string]*member
}

// member is one name of an object with its values.
type member struct {
	name   string
	list   bool
	of     string // type of the values, for @flatten
	values []written
}

// written is a value: JSON, or an object; neither is null.
type written struct {
	json   []byte
	object *output
}

// render writes the answer as {"data": ...}.
func (a *answer) render() ([]byte, error) {
	o := &output{}
	if err := o.collate(a, false, ""); err != nil {
		return nil, err
	}
	return append(o.append([]byte(`{"data":`)), '}'), nil
}

// collate puts the results of an answer into o. many says that a list was
// flattened on the way here, so that each name may have several values; suffix
// is what @slice appends on the way.
func (o *output) collate(a *answer, many bool, suffix string) error {
	for i := range a.results {
		r := &a.results[i]
		f := r.field
		if f.flatten {
			for _, it := range r.items {
				if it.answer == nil {
					continue
				}
				if err := o.collate(it.answer, many || f.typ.list, suffix+it.suffix); err != nil {
					return err
				}
			}
			continue
		}
		isList := (f.typ.list && f.source != fromSchema || many) && !f.singleton
		if len(r.items) == 0 && isList && !many && f.always() {
			o.member(f.key+suffix, isList, f.typ.of.name)
		}
		for _, it := range r.items {
			if many && it.answer == nil && it.json == nil {
				continue // a null keeps no place among what is collated
			}
			if err := o.add(r, it, f.key+suffix+it.suffix, isList); err != nil {
				return err
			}
		}
	}
	return nil
}

// always says whether a list stands in the answer though it is empty.
func (p *planned) always() bool { return p.source == fromList || p.source == fromValue }

func (o *output) member(name string, list bool, of string) *member {
	if m := o.byName[name]; m != nil {
		return m
	}
	m := &member{name: name, list: list, of: of}
	if o.byName == nil {
		o.byName = map[string]*member{}
	}
	o.byName[name] = m
	o.members = append(o.members, m)
	return m
}

func (o *output) add(r *result, it item, name string, list bool) error {
	f := r.field
	of := f.typ.of.name
	if f.property != nil {
		of = f.property.Type.Name
	}
	m := o.member(name, list, of)
	switch {
	case m.of != of:
		return failure(fail(fault.Unprocessable, f.at, r.place, fault.CodeConflict,
			"@flatten brings a %s and a %s together as %q: give one of them another name", m.of, of, fault.Shorten(name)))
	case len(m.values) > 0 && f.singleton:
		return failure(fail(fault.Unprocessable, f.at, r.place, fault.CodeMultiple,
			"%q has several values, and @singleton allows one: use @first, or leave @singleton out", fault.Shorten(name)))
	case len(m.values) > 0 && !(m.list && list):
		return failure(fail(fault.Unprocessable, f.at, r.place, fault.CodeConflict,
			"@flatten brings several values together as %q, which is no list: give one of them another name", fault.Shorten(name)))
	}
	w := written{json: it.json}
	if it.answer != nil {
		w.object = &output{}
		if err := w.object.collate(it.answer, false, ""); err != nil {
			return err
		}
	}
	m.values = append(m.values, w)
	return nil
}

func (o *output) append(dst []byte) []byte {
	dst = append(dst, '{')
	for i, m := range o.members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, m.name), ':')
		if m.list {
			dst = append(dst, '[')
		}
		for i, w := range m.values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = w.append(dst)
		}
		if m.list {
			dst = append(dst, ']')
		}
	}
	return append(dst, '}')
}

func (w written) append(dst []byte) []byte {
	switch {
	case w.object != nil:
		return w.object.append(dst)
	case w.json != nil:
		return append(dst, w.json...)
	}
	return append(dst, "null"...)
}
