package patch

import (
	"context"
	"slices"
	"strconv"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Diff returns the FHIRPath Patch (R4 §2.1.21), a Parameters resource of the
// release of both, that makes to of from. Elements whose path skip holds of are
// left as they are; nil skips none. Lists are compared from both ends: what
// differs in between is changed place by place. The error is a *fault.Error,
// Unprocessable when the two are of different types or releases, or differ in
// more than MaxOperations places.
func Diff(ctx context.Context, from, to *fhir.Tree, skip func(path string) bool) (*fhir.Tree, error) {
	if from.Type() != to.Type() || from.Definitions() != to.Definitions() {
		return nil, fault.New(fault.Unprocessable, fault.CodeBusinessRule, "",
			"a %s (%s) and a %s (%s) cannot be compared: both must be of one type and release",
			from.Type(), from.Definitions().Release, to.Type(), to.Definitions().Release)
	}
	out, err := fhir.New(to.Definitions(), "Parameters")
	if err != nil {
		return nil, err
	}
	d := &differ{ctx: ctx, root: out.Root(), open: to.Definitions().Type("Parameters.parameter"), skip: skip}
	d.element(from.Root(), to.Root(), from.Root().Type().Name)
	return out, d.err
}

// differ writes operations as it finds differences. The first error stays in
// err; after it nothing is written.
type differ struct {
	ctx   context.Context
	root  fhir.Node         // of the patch
	open  *definitions.Type // of a parameter: which value[x] there are
	skip  func(path string) bool
	count int
	err   error
}

// element compares two complex elements that stand at path. What is new is
// added before what is gone is deleted, since an element must never be left
// empty on the way.
func (d *differ) element(a, b fhir.Node, path string) {
	var gone []string // paths, deleted in this order
	for _, e := range a.Type().Elements {
		at := step(path, e.Name)
		if d.err != nil || d.skip != nil && d.skip(at) {
			continue
		}
		olds, news := slices.Collect(a.All(e.Name)), slices.Collect(b.All(e.Name))
		switch {
		case e.Repeats():
			gone = append(gone, d.list(olds, news, path, e.Name)...)
		case len(olds) == 0 && len(news) == 1:
			d.add(path, e.Name, news[0])
		case len(olds) == 1 && len(news) == 0:
			gone = append(gone, at)
		case len(olds) == 1:
			d.value(olds[0], news[0], at)
		}
	}
	for _, at := range gone {
		d.operation("delete", at)
	}
}

// value compares two values that stand at the same path.
func (d *differ) value(a, b fhir.Node, path string) {
	switch {
	case a.Equal(b):
	case a.IsPrimitive() || a.Type() != b.Type():
		d.valued(d.operation("replace", path), "value", b)
	default:
		d.element(a, b, path)
	}
}

// list compares the values of a repeating element, and returns the paths of
// those that are to be deleted, the last one first.
func (d *differ) list(a, b []fhir.Node, parent, name string) (gone []string) {
	at := step(parent, name)
	place := func(i int) string { return at + "[" + strconv.Itoa(i) + "]" }
	from := 0
	for from < min(len(a), len(b)) && a[from].Equal(b[from]) {
		from++
	}
	end := 0 // equal values at the end
	for end < min(len(a), len(b))-from && a[len(a)-1-end].Equal(b[len(b)-1-end]) {
		end++
	}
	both := min(len(a), len(b)) - end
	for i := from; i < both; i++ {
		d.value(a[i], b[i], place(i))
	}
	for i := len(a) - end - 1; i >= both; i-- {
		gone = append(gone, place(i))
	}
	for i := both; i < len(b)-end; i++ {
		if i >= len(a)-end && end == 0 {
			d.add(parent, name, b[i])
			continue
		}
		o := d.operation("insert", at)
		d.text(d.part(o, "index"), "valueInteger", strconv.Itoa(i))
		d.valued(o, "value", b[i])
	}
	return gone
}

func (d *differ) add(parent, name string, value fhir.Node) {
	o := d.operation("add", parent)
	d.text(d.part(o, "name"), "valueString", name)
	d.valued(o, "value", value)
}

// operation begins an operation on a path.
func (d *differ) operation(kind, path string) fhir.Node {
	if d.err == nil {
		d.err = d.ctx.Err()
	}
	if d.count++; d.err == nil && d.count > MaxOperations {
		d.err = fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "the two differ in more than %d places", MaxOperations)
	}
	o := d.child(d.root, "parameter")
	d.text(o, "name", "operation")
	d.text(d.part(o, "type"), "valueCode", kind)
	d.text(d.part(o, "path"), "valueString", path)
	return o
}

// step appends an element to a path; div is a word of FHIRPath.
func step(path, name string) string {
	if name == "div" {
		name = "`div`"
	}
	return path + "." + name
}
