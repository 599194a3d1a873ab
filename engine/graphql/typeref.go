package graphql

// typeRef is the type of a field or argument.
type typeRef struct {
	of       *named
	list     bool
	required bool
}

// wraps says whether t is a list or what is not null of another type.
func (t typeRef) wraps() bool { return t.required || t.list }

func (t typeRef) kind() any {
	switch {
	case t.required:
		return "NON_NULL"
	case t.list:
		return "LIST"
	}
	return [...]string{scalar: "SCALAR", object: "OBJECT", abstract: "INTERFACE", enum: "ENUM"}[t.of.kind]
}

func (t typeRef) name() any {
	if t.wraps() {
		return nil
	}
	return t.of.name
}

func (t typeRef) description() any {
	if t.wraps() {
		return nil
	}
	return orNull(t.of.doc)
}

// specifiedBy is the definition of a scalar of FHIR.
func (t typeRef) specifiedBy() any {
	if t.wraps() || t.of.kind != scalar || t.of.fhir == nil {
		return nil
	}
	return orNull(t.of.fhir.URL)
}

func (t typeRef) fields() any {
	if t.wraps() || t.of.kind != object && t.of.kind != abstract {
		return nil
	}
	return list(t.of.fields())
}

func (t typeRef) interfaces() any {
	if t.wraps() || t.of.kind != object && t.of.kind != abstract {
		return nil
	}
	return refs(t.of.above)
}

func (t typeRef) possible() any {
	if t.wraps() || t.of.kind != abstract {
		return nil
	}
	return refs(t.of.possible)
}

func (t typeRef) values() any {
	if t.wraps() || t.of.kind != enum {
		return nil
	}
	return list(t.of.values)
}

func (t typeRef) inner() any {
	switch {
	case t.required:
		return typeRef{of: t.of, list: t.list}
	case t.list:
		return typeRef{of: t.of}
	}
	return nil
}

func refs(types []*named) []any {
	out := make([]any, len(types))
	for i, t := range types {
		out[i] = typeRef{of: t}
	}
	return out
}
