package patch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/cockroachdb/apd/v3"
	"github.com/go-json-experiment/json/jsontext"
)

// value is a JSON value that keeps the order of members and the text of
// numbers.
type value struct {
	kind    jsontext.Kind // '{', '[', or that of a literal
	literal []byte        // strings with their quotes, numbers, true, false, null
	members []member
	items   []*value
	emptied bool // something was removed from it
}

type member struct {
	name  string
	value *value
}

// readValue reads exactly one JSON value.
func readValue(text []byte) (*value, error) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := decodeValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("there is more after the value")
	}
	return v, nil
}

func decodeValue(d *jsontext.Decoder) (*value, error) {
	if d.StackDepth() > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	v := &value{kind: d.PeekKind()}
	switch v.kind {
	case '{':
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			m := member{name: name.String()}
			if m.value, err = decodeValue(d); err != nil {
				return nil, err
			}
			v.members = append(v.members, m)
		}
		_, err := d.ReadToken()
		return v, err
	case '[':
		if _, err := d.ReadToken(); err != nil {
			return nil, err
		}
		for d.PeekKind() != ']' {
			item, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, item)
		}
		_, err := d.ReadToken()
		return v, err
	}
	literal, err := d.ReadValue()
	v.literal = slices.Clone(literal)
	return v, err
}

// append writes v as compact JSON.
func (v *value) append(dst []byte) []byte {
	switch v.kind {
	case '{':
		dst = append(dst, '{')
		for i, m := range v.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst, _ = jsontext.AppendQuote(dst, m.name) // names came from valid JSON
			dst = append(dst, ':')
			dst = m.value.append(dst)
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for i, item := range v.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.append(dst)
		}
		return append(dst, ']')
	}
	return append(dst, v.literal...)
}

// find returns the position of a member, -1 when there is none.
func (v *value) find(name string) int {
	return slices.IndexFunc(v.members, func(m member) bool { return m.name == name })
}

// text is the string that v is.
func (v *value) text() (string, bool) {
	if v.kind != '"' {
		return "", false
	}
	s, err := jsontext.AppendUnquote(nil, v.literal)
	return string(s), err == nil
}

// size counts the values in v.
func (v *value) size() int {
	n := 1
	for _, m := range v.members {
		n += m.value.size()
	}
	for _, item := range v.items {
		n += item.size()
	}
	return n
}

func (v *value) clone() *value {
	c := *v
	c.members = slices.Clone(v.members)
	for i := range c.members {
		c.members[i].value = c.members[i].value.clone()
	}
	c.items = slices.Clone(v.items)
	for i := range c.items {
		c.items[i] = c.items[i].clone()
	}
	return &c
}

// equal compares as RFC 6902 §4.6 does: numbers by value, members in any
// order.
func (v *value) equal(o *value) bool {
	if v.kind != o.kind {
		return false
	}
	switch v.kind {
	case '{':
		if len(v.members) != len(o.members) {
			return false
		}
		for _, m := range v.members {
			i := o.find(m.name)
			if i < 0 || !m.value.equal(o.members[i].value) {
				return false
			}
		}
		return true
	case '[':
		return slices.EqualFunc(v.items, o.items, (*value).equal)
	case '"':
		a, _ := v.text()
		b, _ := o.text()
		return a == b
	case '0':
		a, _, errA := apd.NewFromString(string(v.literal))
		b, _, errB := apd.NewFromString(string(o.literal))
		if errA != nil || errB != nil {
			return bytes.Equal(v.literal, o.literal)
		}
		return a.Cmp(b) == 0
	}
	return true
}

// prune drops objects and arrays that removals left empty, since FHIR has no
// empty ones.
func (v *value) prune() {
	drop := func(c *value) bool {
		if c.kind != '{' && c.kind != '[' {
			return false
		}
		c.prune()
		if c.emptied && len(c.members) == 0 && len(c.items) == 0 {
			v.emptied = true
			return true
		}
		return false
	}
	v.members = slices.DeleteFunc(v.members, func(m member) bool { return drop(m.value) })
	v.items = slices.DeleteFunc(v.items, drop)
}
