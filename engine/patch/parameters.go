package patch

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// pathOperation is one operation of a FHIRPath Patch.
type pathOperation struct {
	op          string
	text        string // of path
	path        *fhirpath.Expression
	parent      *fhirpath.Expression // insert, move: the path without its last step, or nil
	last        string               // that last step
	name        string               // add
	value       fhir.Node            // part "value": of the patch's tree, which is never edited
	index       int                  // insert
	source, dst int                  // move
}

type pathPatch struct{ operations []pathOperation }

// ParseParameters reads a FHIRPath Patch: a Parameters resource with a
// parameter "operation" for each operation (R4 §2.1.21). The tree must not be
// edited afterwards. The error is a *fault.Error of kind Invalid, or TooLarge.
func ParseParameters(t *fhir.Tree) (Patch, error) {
	root := t.Root()
	if t.Type() != "Parameters" {
		return nil, fault.New(fault.Invalid, fault.CodeStructure, string(t.Type()), "a FHIRPath Patch is a Parameters resource, not %s", t.Type())
	}
	p := &pathPatch{}
	for parameter := range root.All("parameter") {
		if len(p.operations) == MaxOperations {
			return nil, tooMany(root.Count("parameter"))
		}
		o, err := readPathOperation(parameter)
		if err != nil {
			return nil, fault.New(fault.Invalid, fault.CodeStructure, parameter.Path(), "operation %d of the patch: %s", len(p.operations), err)
		}
		p.operations = append(p.operations, o)
	}
	return p, nil
}

// narrative matches the element Narrative.div where it is written as if it
// were no keyword of FHIRPath, as HL7's own patch tests do.
var narrative = regexp.MustCompile(`\.div\b`)

func compile(path string) (*fhirpath.Expression, error) {
	x, err := fhirpath.Compile(path)
	if err != nil && narrative.MatchString(path) {
		if y, quoted := fhirpath.Compile(narrative.ReplaceAllString(path, ".`div`")); quoted == nil {
			return y, nil
		}
	}
	return x, err
}

// wanted are the parts that each operation needs, besides type and path.
var wanted = map[string][]string{
	"add":     {"name", "value"},
	"insert":  {"index", "value"},
	"delete":  {},
	"replace": {"value"},
	"move":    {"source", "destination"},
}

func readPathOperation(parameter fhir.Node) (pathOperation, error) {
	var o pathOperation
	if name := parameter.Child("name").Text(); name != "operation" {
		return o, fmt.Errorf("the parameter is called %q, not \"operation\"", fault.Shorten(name))
	}
	parts := map[string]fhir.Node{}
	for part := range parameter.All("part") {
		name := part.Child("name").Text()
		if _, twice := parts[name]; twice {
			return o, fmt.Errorf("part %q is there twice", fault.Shorten(name))
		}
		parts[name] = part
	}
	text := func(name string) (string, error) {
		part, ok := parts[name]
		if !ok {
			return "", fmt.Errorf("part %q is missing", name)
		}
		v := part.Child("value")
		if !v.IsPrimitive() || v.Text() == "" {
			return "", fmt.Errorf("part %q has no primitive value", name)
		}
		return v.Text(), nil
	}
	var err error
	if o.op, err = text("type"); err != nil {
		return o, err
	}
	needs, known := wanted[o.op]
	if !known {
		return o, fmt.Errorf("type %q is unknown; it is one of add, insert, delete, replace, move", fault.Shorten(o.op))
	}
	if o.text, err = text("path"); err != nil {
		return o, err
	}
	if o.path, err = compile(o.text); err != nil {
		return o, fmt.Errorf("path: %w", err)
	}
	for _, need := range needs {
		switch need {
		case "name":
			o.name, err = text(need)
		case "value":
			if o.value = parts[need]; o.value.IsZero() {
				err = fmt.Errorf("part %q is missing", need)
			}
		default:
			var s string
			if s, err = text(need); err == nil {
				err = o.position(need, s)
			}
		}
		if err != nil {
			return o, err
		}
	}
	o.split()
	return o, nil
}

func (o *pathOperation) position(part, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return fmt.Errorf("part %q is %q, not a position from 0", part, fault.Shorten(text))
	}
	switch part {
	case "index":
		o.index = n
	case "source":
		o.source = n
	case "destination":
		o.dst = n
	}
	return nil
}

// split takes the last step off a path that ends in ".name", so that the list
// it means can be found even when it is empty.
func (o *pathOperation) split() {
	dot := strings.LastIndexByte(o.text, '.')
	if dot < 0 {
		return
	}
	last := strings.Trim(strings.TrimSpace(o.text[dot+1:]), "`")
	if last == "" || strings.ContainsAny(last, "()[]'\"` ") {
		return
	}
	if parent, err := fhirpath.Compile(o.text[:dot]); err == nil {
		o.parent, o.last = parent, last
	}
}
