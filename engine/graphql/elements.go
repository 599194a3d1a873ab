package graphql

import (
	"context"
	"slices"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// elementFilter selects among the values of an element (List Navigation).
type elementFilter struct {
	criterion *fhirpath.Expression // where(...) over all of them; nil for none
	equal     []equality
	offset    int
	count     int // -1: all
}

// equality is name(use: official): a primitive below must have one of the
// texts.
type equality struct {
	property string
	texts    []string
}

func (d *document) readElementFilter(p *planned) error {
	if len(p.arguments) == 0 {
		return nil
	}
	typ := p.property.Type
	if typ.Kind == definitions.Primitive {
		return failure(invalid(p.arguments[0].at, nil, fault.CodeNotSupported, "%s is a primitive, which takes no arguments", p.name))
	}
	f := &elementFilter{count: -1}
	for _, a := range p.arguments {
		var err error
		switch a.name {
		case argFHIRPath:
			f.criterion, err = d.criterion(a)
		case argOffset:
			f.offset, err = whole(a)
		case argCount:
			f.count, err = whole(a)
		default:
			err = f.equals(p, typ, a)
		}
		if err != nil {
			return err
		}
	}
	p.elements = f
	return nil
}

// criterion compiles an argument fhirpath. It becomes where(...), in which
// $index has a value.
func (d *document) criterion(a given) (*fhirpath.Expression, error) {
	if a.kind != stringKind {
		return nil, failure(invalid(a.at, nil, fault.CodeValue, `fhirpath is a string, as in fhirpath: "family.exists()"`))
	}
	// The text must be an expression by itself before it is put between
	// brackets, and a comment at its end must not hide the second one.
	if _, err := d.compile(a.text, a.at); err != nil {
		return nil, err
	}
	return d.compile("where("+a.text+"\n)", a.at)
}

func whole(a given) (int, error) {
	n, ok := a.integer()
	if !ok {
		return 0, failure(invalid(a.at, nil, fault.CodeValue, "%s is a whole number, and not negative", a.name))
	}
	return n, nil
}

func (f *elementFilter) equals(p *planned, typ *definitions.Type, a given) error {
	property, ok := typ.Property(a.name)
	if !ok || property.Type.Kind != definitions.Primitive {
		names := []string{argFHIRPath, argOffset, argCount}
		for _, other := range typ.Properties() {
			if other.Type.Kind == definitions.Primitive && !other.Element.Choice {
				names = append(names, other.Name)
			}
		}
		return p.noArgument(a, names)
	}
	texts, ok := a.texts()
	if !ok {
		return failure(invalid(a.at, nil, fault.CodeValue, "%s is a value to compare with, or a list of values", a.name))
	}
	f.equal = append(f.equal, equality{a.name, texts})
	return nil
}

func (q equality) holds(n fhir.Node) bool {
	for child := range n.Children() {
		if child.PropertyName() == q.property && slices.Contains(q.texts, child.Text()) {
			return true
		}
	}
	return false
}

// apply selects among nodes, whose slice it reuses; their order stays.
func (f *elementFilter) apply(ctx context.Context, env *fhirpath.Env, nodes []fhir.Node) ([]fhir.Node, error) {
	if f.criterion != nil && len(nodes) > 0 {
		input := make(fhirpath.Collection, len(nodes))
		for i, n := range nodes {
			input[i] = fhirpath.NodeValue(n)
		}
		found, err := f.criterion.Evaluate(ctx, env, input)
		if err != nil {
			return nil, err
		}
		nodes = nodes[:0]
		for _, v := range found {
			if n, ok := v.Node(); ok {
				nodes = append(nodes, n)
			}
		}
	}
	for _, q := range f.equal {
		nodes = slices.DeleteFunc(nodes, func(n fhir.Node) bool { return !q.holds(n) })
	}
	nodes = nodes[min(f.offset, len(nodes)):]
	if f.count >= 0 {
		nodes = nodes[:min(f.count, len(nodes))]
	}
	return nodes, nil
}
