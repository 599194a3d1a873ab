package ucum

import (
	"strconv"
	"strings"
)

// Name spells the unit out: "(milligram) / (deciliter)".
func (u Unit) Name() string {
	x, err := parse(u.get().text)
	if err != nil || len(x.components) == 0 || u.get() == unity {
		return "(unity)"
	}
	return x.name()
}

func (x *expression) name() string {
	var b strings.Builder
	for i, c := range x.components {
		switch {
		case c.divide && i == 0:
			b.WriteString("1 / ")
		case c.divide:
			b.WriteString(" / ")
		case i > 0:
			b.WriteString(" * ")
		}
		b.WriteString(c.name())
	}
	return b.String()
}

func (c component) name() string {
	switch {
	case c.group != nil:
		return "(" + c.group.name() + ")"
	case c.number != "":
		return c.number
	case c.atom == nil:
		return "(unity)"
	}
	s := c.atom.name
	if s == "" {
		s = c.atom.code
	}
	if c.prefix != nil {
		s = c.prefix.name + s
	}
	if c.exp != 1 {
		s += " ^ " + strconv.Itoa(c.exp)
	}
	return "(" + s + ")"
}
