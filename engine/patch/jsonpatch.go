package patch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

type jsonPatch struct{ operations []jsonOperation }

type jsonOperation struct {
	op         string
	path, from pointer
	text       string // of path
	value      *value
}

// ParseJSON reads a JSON Patch (RFC 6902). The error is a *fault.Error of kind
// Invalid, or TooLarge.
func ParseJSON(document []byte) (Patch, error) {
	if err := checkSize(document); err != nil {
		return nil, err
	}
	v, err := readValue(document)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, fault.CodeStructure, "", "the patch is not valid JSON: %s", err)
	}
	if v.kind != '[' {
		return nil, fault.New(fault.Invalid, fault.CodeStructure, "", "a JSON Patch is an array of operations")
	}
	if len(v.items) > MaxOperations {
		return nil, tooMany(len(v.items))
	}
	p := &jsonPatch{operations: make([]jsonOperation, len(v.items))}
	for i, item := range v.items {
		if p.operations[i], err = readOperation(item); err != nil {
			return nil, malformed(i, "%s", err)
		}
	}
	return p, nil
}

func checkSize(document []byte) error {
	if len(document) > MaxBytes {
		return fault.New(fault.TooLarge, fault.CodeTooLong, "", "the patch has %d bytes; at most %d are taken", len(document), MaxBytes)
	}
	return nil
}

func tooMany(n int) error {
	return fault.New(fault.TooLarge, fault.CodeTooCostly, "", "the patch has %d operations; at most %d are taken", n, MaxOperations)
}

func readOperation(v *value) (jsonOperation, error) {
	var o jsonOperation
	if v.kind != '{' {
		return o, errors.New("an operation is an object")
	}
	text := func(name string) (string, error) {
		i := v.find(name)
		if i < 0 {
			return "", fmt.Errorf("member %q is missing", name)
		}
		s, ok := v.members[i].value.text()
		if !ok {
			return "", fmt.Errorf("member %q is not a string", name)
		}
		return s, nil
	}
	var err error
	if o.op, err = text("op"); err != nil {
		return o, err
	}
	if !slices.Contains([]string{"add", "remove", "replace", "move", "copy", "test"}, o.op) {
		return o, fmt.Errorf("op %q is unknown; it is one of add, remove, replace, move, copy, test", fault.Shorten(o.op))
	}
	if o.text, err = text("path"); err != nil {
		return o, err
	}
	if o.path, err = parsePointer(o.text); err != nil {
		return o, fmt.Errorf("path %w", err)
	}
	switch o.op {
	case "move", "copy":
		from, err := text("from")
		if err != nil {
			return o, err
		}
		if o.from, err = parsePointer(from); err != nil {
			return o, fmt.Errorf("from %w", err)
		}
		if o.op == "move" && o.path.within(o.from) {
			return o, errors.New("a value cannot be moved into itself")
		}
	case "add", "replace", "test":
		i := v.find("value")
		if i < 0 {
			return o, errors.New(`member "value" is missing`)
		}
		o.value = v.members[i].value
	}
	return o, nil
}

func (p *jsonPatch) Apply(ctx context.Context, t *fhir.Tree) (*fhir.Tree, error) {
	doc, err := readValue(t.Root().AppendJSON(nil))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, fault.CodeException, "", "the resource cannot be read as JSON")
	}
	if doc, err = p.apply(ctx, doc, string(t.Type())); err != nil {
		return nil, err
	}
	doc.prune()
	patched, err := fhir.ParseJSON(t.Definitions(), doc.append(nil), outcomeLimits)
	if err != nil {
		return nil, unfit(err)
	}
	return sameType(t, patched)
}

// apply works on doc and returns it, or what a change of the whole document
// put in its place.
func (p *jsonPatch) apply(ctx context.Context, doc *value, root string) (*value, error) {
	e := &jsonEditor{doc: doc}
	for i, o := range p.operations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := e.run(o); err != nil {
			return nil, operationError(i, o.op, fmt.Sprintf("%q", o.text), o.path.path(root), "%s", err)
		}
	}
	return e.doc, nil
}

type jsonEditor struct {
	doc    *value
	copied int
}

func (e *jsonEditor) run(o jsonOperation) error {
	switch o.op {
	case "add":
		return e.add(o.path, o.value)
	case "remove":
		_, err := e.remove(o.path)
		return err
	case "replace":
		return e.replace(o.path, o.value)
	case "move":
		v, err := e.remove(o.from)
		if err != nil {
			return err
		}
		return e.put(o.path, v)
	case "copy":
		v, err := o.from.get(e.doc)
		if err != nil {
			return err
		}
		return e.add(o.path, v)
	}
	v, err := o.path.get(e.doc)
	if err != nil {
		return err
	}
	if !v.equal(o.value) {
		return fmt.Errorf("the value is %s, not %s", fault.Shorten(string(v.append(nil))), fault.Shorten(string(o.value.append(nil))))
	}
	return nil
}

// add puts a copy, so that later operations leave the patch as it is.
func (e *jsonEditor) add(p pointer, v *value) error {
	if e.copied += v.size(); e.copied > maxCopied {
		return errors.New("the patch copies too much")
	}
	return e.put(p, v.clone())
}

func (e *jsonEditor) put(p pointer, v *value) error {
	if len(p) == 0 {
		e.doc = v
		return nil
	}
	parent, last, err := e.parent(p)
	if err != nil {
		return err
	}
	switch parent.kind {
	case '{':
		if i := parent.find(last); i >= 0 {
			parent.members[i].value = v
		} else {
			parent.members = append(parent.members, member{last, v})
		}
	case '[':
		i := len(parent.items)
		if last != "-" {
			if i, err = arrayIndex(last, len(parent.items)); err != nil {
				return err
			}
		}
		parent.items = slices.Insert(parent.items, i, v)
	default:
		return errors.New("its parent is neither object nor array")
	}
	return nil
}

func (e *jsonEditor) replace(p pointer, v *value) error {
	if len(p) == 0 {
		return e.add(p, v)
	}
	old, err := p.get(e.doc)
	if err != nil {
		return err
	}
	if e.copied += v.size(); e.copied > maxCopied {
		return errors.New("the patch copies too much")
	}
	*old = *v.clone()
	return nil
}

func (e *jsonEditor) remove(p pointer) (*value, error) {
	if len(p) == 0 {
		return nil, errors.New("the whole resource cannot be removed")
	}
	parent, last, err := e.parent(p)
	if err != nil {
		return nil, err
	}
	v, err := parent.child(last)
	if err != nil {
		return nil, err
	}
	parent.emptied = true
	if parent.kind == '{' {
		i := parent.find(last)
		parent.members = slices.Delete(parent.members, i, i+1)
	} else {
		i, _ := arrayIndex(last, len(parent.items)-1) // child found it
		parent.items = slices.Delete(parent.items, i, i+1)
	}
	return v, nil
}

func (e *jsonEditor) parent(p pointer) (*value, string, error) {
	last := p[len(p)-1]
	v, err := p[:len(p)-1].get(e.doc)
	if err != nil {
		return nil, "", fmt.Errorf("%w, so %q cannot be reached", err, "/"+strings.Join(p, "/"))
	}
	return v, last, nil
}
