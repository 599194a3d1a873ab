package search

import (
	"slices"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
)

// composites are the names that R4 §3.3.2 defines for _filter: each stands for a
// composite parameter, and has names of its own for the components. The others
// of that table have no search parameters in R4.
var composites = map[string]struct {
	code       string
	components map[string]string
}{
	"Group.characteristic":        {"characteristic-value", map[string]string{"code": "characteristic"}},
	"DocumentReference.relatesTo": {"relationship", map[string]string{"code": "relation", "target": "relatesto"}},
}

// composite says whether a name before a bracket is a composite parameter, or
// stands for one, with what its components are called besides their codes.
func (f *filterParser) composite(types []string, name string) (*found, map[string]string) {
	var called map[string]string
	if len(types) == 1 {
		if known, ok := composites[types[0]+"."+name]; ok {
			name, called = known.code, known.components
		}
	}
	param, err := f.p.find(types, name)
	if err != nil || param.Kind != definitions.SearchComposite {
		return nil, nil
	}
	return &param, called
}

// together reads [component operator value and ...].component operator value:
// one entry of a composite parameter with all of these. Each component is
// compared once.
func (f *filterParser) together(param found, called map[string]string, name string) (Expr, error) {
	start := f.at
	f.take('[')
	x := Composite{Param: param.as, Parts: make([]Expr, len(param.components))}
	for {
		if err := f.component(&x, param, called); err != nil {
			return nil, err
		}
		if f.take(']') {
			break
		}
		if f.word() != "and" {
			return nil, f.unexpected("and, or ]")
		}
	}
	if !f.take('.') {
		return nil, f.unexpected("a full stop and the name of a component of " + name)
	}
	if err := f.component(&x, param, called); err != nil {
		return nil, err
	}
	for i, part := range x.Parts {
		if part == nil {
			return nil, f.refuse(start, fault.CodeInvalid, "%s needs a comparison with its component %s", name, param.components[i].code)
		}
	}
	return x, nil
}

// component reads one comparison with a component.
func (f *filterParser) component(x *Composite, param found, called map[string]string) error {
	start := f.space()
	name := f.name()
	if code, ok := called[name]; ok {
		name = code
	}
	var codes []string
	for _, one := range param.components {
		codes = append(codes, one.code)
	}
	i := slices.Index(codes, name)
	if i < 0 {
		return f.refuse(start, fault.CodeInvalid, "%q is not a component of %s%s", fault.Shorten(name), param.Code, meant(name, codes))
	}
	if x.Parts[i] != nil {
		return f.refuse(start, fault.CodeInvalid, "component %s is compared twice", name)
	}
	op, value, at, err := f.operation()
	if err != nil {
		return err
	}
	one := param.components[i]
	if op == "pr" || op == "ne" && one.kind != definitions.SearchNumber && one.kind != definitions.SearchQuantity && one.kind != definitions.SearchDate {
		return f.refuse(at, fault.CodeValue, "operator %s cannot be used on a component of type %s", op, one.kind)
	}
	as := Param{Kind: one.kind}
	x.Parts[i], err = f.p.compare(found{&parameter{Param: as, def: one.def, caseless: one.caseless}, as, one.def.Targets}, op, value)
	return f.located(at, err)
}
