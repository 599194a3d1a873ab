package ucum

// value is what an expression comes to.
type value struct {
	dim     dimension
	scale   ratio
	special *function
	before  ratio
	number  bool // written with numbers alone: may stand beside a special unit
}

func (v value) unit(text string) *unit {
	u := &unit{text: text, canonical: v.dim.String(), dim: v.dim, scale: v.scale, special: v.special, before: v.before}
	if u.special == nil {
		u.before = one
	}
	return u
}

// evaluate multiplies the components out; src is for messages.
func (x *expression) evaluate(src string) (value, error) {
	v := value{scale: one, before: one, number: true}
	for _, c := range x.components {
		part, err := c.evaluate(src)
		if err != nil {
			return value{}, err
		}
		if err := v.join(part, c, src); err != nil {
			return value{}, err
		}
	}
	return v, nil
}

func (c component) evaluate(src string) (value, error) {
	switch {
	case c.group != nil:
		return c.group.evaluate(src)
	case c.number != "":
		n, err := newRatio(c.number)
		if err != nil || !n.withinBounds() {
			return value{}, &SyntaxError{Unit: src, Offset: c.offset, Part: c.text, Reason: "is too large a factor"}
		}
		return value{scale: n, before: one, number: true}, nil
	case c.atom == nil:
		return value{scale: one, before: one, number: true}, nil
	}
	v := c.atom.value
	if c.prefix != nil {
		if v.special != nil {
			v.before = v.before.multiplied(c.prefix.factor)
		} else {
			v.scale = v.scale.multiplied(c.prefix.factor)
		}
	}
	return v, nil
}

// join multiplies v by part, or divides, as the component says. A special
// unit goes only with numbers, and neither below the line nor with an
// exponent (UCUM §21, §22).
func (v *value) join(part value, c component, src string) error {
	refuse := func(reason string) error {
		return &SyntaxError{Unit: src, Offset: c.offset, Part: c.text, Reason: reason}
	}
	switch {
	case part.special != nil:
		if c.divide || c.exp != 1 || !v.number || v.special != nil {
			return refuse("is on a scale of its own, so it cannot be multiplied, divided or raised with other units")
		}
		v.special, v.before, v.dim = part.special, v.scale.multiplied(part.before), part.dim
		v.scale, v.number = part.scale, false
		return nil
	case v.special != nil:
		if !part.number {
			return refuse("cannot be combined with a unit on a scale of its own")
		}
		n := c.exp
		if c.divide {
			n = -n
		}
		f, ok := part.scale.raised(n)
		if !ok {
			return refuse("makes the unit's factor too large")
		}
		v.before = v.before.multiplied(f)
		return nil
	}
	if err := v.multiply(part, c.divide, c.exp); err != nil {
		return refuse(err.Error())
	}
	v.number = v.number && part.number
	return nil
}

// multiply makes v the product v · o^±exp; special units have no business
// here.
func (v *value) multiply(o value, divide bool, exp int) error {
	if divide {
		exp = -exp
	}
	dim, ok := v.dim.times(o.dim, exp)
	if !ok {
		return errBounds
	}
	factor := o.scale
	if exp != 1 {
		if factor, ok = o.scale.raised(exp); !ok {
			return errBounds
		}
	}
	scale := v.scale.multiplied(factor)
	if !scale.withinBounds() {
		return errBounds
	}
	v.dim, v.scale = dim, scale
	return nil
}
