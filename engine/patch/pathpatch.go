package patch

import (
	"context"
	"errors"
	"fmt"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func (p *pathPatch) Apply(ctx context.Context, t *fhir.Tree) (*fhir.Tree, error) {
	t = t.Clone()
	for i, o := range p.operations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := pathEditor{ctx: ctx, root: t.Root(), op: o}
		if path, err := e.run(); err != nil {
			if path == "" {
				path = o.text
			}
			return nil, operationError(i, o.op, o.text, path, "%s", reason(err))
		}
	}
	return t, nil
}

// reason is the text of a fault without its path, which the caller states.
func reason(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok {
		issue := e.Issues[0]
		if issue.Path != "" {
			return issue.Path + " " + issue.Message
		}
		return issue.Message
	}
	return err.Error()
}

// pathEditor runs one operation on a tree of its own.
type pathEditor struct {
	ctx  context.Context
	root fhir.Node
	op   pathOperation
}

// run returns the path of the element that was meant, as far as it was found.
func (e pathEditor) run() (string, error) {
	switch e.op.op {
	case "add":
		return e.add()
	case "insert":
		return e.insert()
	case "delete":
		return e.delete()
	case "replace":
		return e.replace()
	}
	return e.move()
}

func (e pathEditor) nodes(x *fhirpath.Expression) ([]fhir.Node, error) {
	env := &fhirpath.Env{Resource: e.root, RootResource: e.root, Definitions: e.root.Tree().Definitions()}
	found, err := x.Evaluate(e.ctx, env, fhirpath.Collection{fhirpath.NodeValue(e.root)})
	if err != nil {
		return nil, err
	}
	nodes := make([]fhir.Node, len(found))
	for i, v := range found {
		n, ok := v.Node()
		if !ok || n.Tree() != e.root.Tree() {
			return nil, fmt.Errorf("the path gives %s, which is no element of the resource", v.TypeName())
		}
		nodes[i] = n
	}
	return nodes, nil
}

// single finds exactly one element.
func (e pathEditor) single() (fhir.Node, error) {
	found, err := e.nodes(e.op.path)
	if err != nil {
		return fhir.Node{}, err
	}
	if len(found) != 1 {
		return fhir.Node{}, fmt.Errorf("the path finds %d elements; it must find one", len(found))
	}
	return found[0], nil
}

func (e pathEditor) add() (string, error) {
	n, err := e.single()
	if err != nil {
		return "", err
	}
	return n.Path(), addValue(n, e.op.name, e.op.value)
}

func (e pathEditor) delete() (string, error) {
	found, err := e.nodes(e.op.path)
	switch {
	case err != nil:
		return "", err
	case len(found) == 0: // "Path of the element to delete (if found)"
		return "", nil
	case len(found) > 1:
		return "", fmt.Errorf("the path finds %d elements; only a single one can be deleted", len(found))
	case found[0] == e.root:
		return e.root.Path(), errors.New("the whole resource cannot be deleted by a patch")
	}
	// FHIR has no empty elements: what the deletion leaves empty goes as well.
	for n := found[0]; ; {
		parent := n.Parent()
		n.Remove()
		if n = parent; n == e.root || n.HasValue() || !n.FirstChild().IsZero() {
			return "", nil
		}
	}
}

func (e pathEditor) replace() (string, error) {
	n, err := e.single()
	if err != nil {
		return "", err
	}
	if n == e.root {
		return n.Path(), errors.New("the whole resource cannot be replaced by a patch")
	}
	path := n.Path()
	v, err := readPatchValue(n.Tree().Definitions(), n.Type(), e.op.value)
	if err != nil {
		return path, err
	}
	_, err = n.Replace(v)
	return path, err
}

// list finds the parent and the name of the list that the path means: all
// values of one repeating element, which may be none yet.
func (e pathEditor) list() (parent fhir.Node, property string, err error) {
	found, err := e.nodes(e.op.path)
	if err != nil {
		return fhir.Node{}, "", err
	}
	if len(found) == 0 {
		if e.op.parent == nil {
			return fhir.Node{}, "", errors.New("the path finds no list")
		}
		parents, err := e.nodes(e.op.parent)
		if err != nil {
			return fhir.Node{}, "", err
		}
		if len(parents) != 1 {
			return fhir.Node{}, "", fmt.Errorf("the path leads through %d elements; it must lead through one", len(parents))
		}
		parent, property = parents[0], e.op.last
	} else {
		parent, property = found[0].Parent(), found[0].PropertyName()
		if parent.IsZero() || found[0].Index() < 0 {
			return parent, property, errors.New("the path finds no list: the element does not repeat")
		}
		for _, n := range found {
			if n.Parent() != parent || n.PropertyName() != property {
				return parent, property, errors.New("the path finds elements of several lists")
			}
		}
		if all := parent.Count(found[0].Name()); all != len(found) {
			return parent, property, fmt.Errorf("the path finds %d of the %d values of the list; it must find the whole list", len(found), all)
		}
	}
	p, ok := parent.Type().Property(property)
	if !ok {
		return parent, property, fmt.Errorf("%s has no element %q", parent.Type().Name, fault.Shorten(property))
	}
	if !p.Element.Repeats() {
		return parent, property, fmt.Errorf("%s does not repeat, so it is no list", p.Element.Path)
	}
	return parent, property, nil
}

func (e pathEditor) insert() (string, error) {
	parent, property, err := e.list()
	if err != nil {
		return "", err
	}
	path := parent.Path() + "." + property
	if n := parent.Count(property); e.op.index > n {
		return path, fmt.Errorf("index %d is beyond the end of a list of %d", e.op.index, n)
	}
	p, _ := parent.Type().Property(property) // list found it
	v, err := readPatchValue(parent.Tree().Definitions(), p.Type, e.op.value)
	if err != nil {
		return path, err
	}
	_, err = parent.InsertAt(property, e.op.index, v)
	return path, err
}

func (e pathEditor) move() (string, error) {
	parent, property, err := e.list()
	if err != nil {
		return "", err
	}
	path := parent.Path() + "." + property
	if n := parent.Count(property); e.op.source >= n || e.op.dst >= n {
		return path, fmt.Errorf("source %d and destination %d must be positions in a list of %d", e.op.source, e.op.dst, n)
	}
	return path, parent.Move(property, e.op.source, e.op.dst)
}
