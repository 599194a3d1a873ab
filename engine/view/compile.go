package view

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Bounds of a view.
const (
	maxColumns = 2000
	maxNesting = 50
)

// Compile reads and checks a ViewDefinition for resources of a release. The
// error is a *fault.Error that lists all that is wrong, each with its path.
func Compile(d *definitions.Definitions, definition fhir.Node) (*View, error) {
	if definition.Type().Name != "ViewDefinition" {
		return nil, fault.New(fault.Unprocessable, fault.CodeStructure, definition.Path(), "a ViewDefinition is needed, not a %s", definition.Type().Name)
	}
	c := &compiler{d: d, view: &View{constants: map[string]fhirpath.Collection{}}}
	c.read(definition)
	if c.problems != nil {
		return nil, &fault.Error{Kind: fault.Unprocessable, Issues: c.problems}
	}
	return c.view, nil
}

type compiler struct {
	d        *definitions.Definitions
	view     *View
	columns  []*Column // so far, in the order of the row
	nesting  int
	problems []fault.Issue
}

func (c *compiler) problem(code fault.Code, path, format string, args ...any) {
	c.problems = append(c.problems, fault.Issue{Severity: fault.ErrorLevel, Code: code, Path: path, Message: fmt.Sprintf(format, args...)})
}

func (c *compiler) read(n fhir.Node) {
	v := c.view
	v.Name, v.Resource = n.Child("name").Text(), n.Child("resource").Text()
	switch {
	case v.Resource == "":
		c.problem(fault.CodeRequired, n.Path(), "the view does not say which resource type it is of: add resource, such as \"Patient\"")
	case !c.d.IsResource(v.Resource):
		hint := ""
		if near := fault.Nearest(v.Resource, c.d.ResourceTypes()); near != "" {
			hint = "; did you mean " + near + "?"
		}
		c.problem(fault.CodeValue, n.Child("resource").Path(), "there is no resource type %q in FHIR %s%s", fault.Shorten(v.Resource), c.d.Release, hint)
		return // what follows cannot be checked
	}
	if name := n.Child("name"); !name.IsZero() {
		c.name(name)
	}
	for constant := range n.All("constant") {
		c.constant(constant)
	}
	focus := fhirpath.ShapeOf(c.d, v.Resource)
	for w := range n.All("where") {
		c.where(w, focus)
	}
	v.selects = c.selects(n, "select", focus)
	if len(v.selects) == 0 {
		c.problem(fault.CodeRequired, n.Path(), "the view has no select, so no columns")
	}
	v.Columns = c.columns
	c.unique(n)
}

// sqlName is what databases take for a name: invariant sql-name.
var sqlName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func (c *compiler) name(n fhir.Node) string {
	if !sqlName.MatchString(n.Text()) {
		c.problem(fault.CodeInvariant, n.Path(), "%q is not a name for a database: it begins with a letter and has letters, digits and '_'", fault.Shorten(n.Text()))
	}
	return n.Text()
}

func (c *compiler) constant(n fhir.Node) {
	name := n.Child("name")
	if name.IsZero() {
		c.problem(fault.CodeRequired, n.Path(), "the constant has no name")
		return
	}
	text := c.name(name)
	value := n.Child("value")
	switch {
	case c.view.constants[text] != nil:
		c.problem(fault.CodeDuplicate, name.Path(), "the constant %s is defined twice", text)
	case text == rowIndex:
		c.problem(fault.CodeBusinessRule, name.Path(), "%%%s is the number of the row within its forEach; give the constant another name", text)
	case !value.HasValue():
		c.problem(fault.CodeRequired, n.Path(), "the constant %s has no value: add one, such as valueString", text)
	default:
		c.view.constants[text] = fhirpath.Collection{fhirpath.NodeValue(value)}
	}
}

func (c *compiler) where(n fhir.Node, focus fhirpath.Shape) {
	path, shape, ok := c.expression(n, n.Child("path"), focus)
	if ok && !shape.MayBeBoolean() {
		c.problem(fault.CodeInvariant, path.at, "a where must be a condition, true or false; this gives something else")
	}
	c.view.where = append(c.view.where, criterion{path})
}

// selects reads the selects, or branches of unionAll, of a parent.
func (c *compiler) selects(parent fhir.Node, name string, focus fhirpath.Shape) []*selection {
	if c.nesting++; c.nesting > maxNesting {
		c.problem(fault.CodeTooCostly, parent.Path(), "selects are nested more than %d deep", maxNesting)
		return nil
	}
	var list []*selection
	for n := range parent.All(name) {
		list = append(list, c.selection(n, focus))
	}
	c.nesting--
	// What gives one row is evaluated before what gives many, not for each of
	// them. It does not change the order of the rows.
	slices.SortStableFunc(list, bySingle)
	return list
}

func (c *compiler) selection(n fhir.Node, focus fhirpath.Shape) *selection {
	s := &selection{first: len(c.columns)}
	focus = c.iteration(s, n, focus)
	for column := range n.All("column") {
		if len(c.columns) == maxColumns {
			c.problem(fault.CodeTooCostly, column.Path(), "the view has more than %d columns", maxColumns)
			return s
		}
		s.columns = append(s.columns, c.column(column, focus))
	}
	s.nested = c.selects(n, "select", focus)
	s.union = c.union(n, focus)
	s.last = len(c.columns)
	if s.first == s.last {
		c.problem(fault.CodeRequired, n.Path(), "the select has no columns: add column, select or unionAll")
	}
	s.single = s.forEach == nil && s.repeat == nil && s.union == nil &&
		!slices.ContainsFunc(s.nested, func(x *selection) bool { return !x.single })
	return s
}

func bySingle(a, b *selection) int {
	switch {
	case a.single == b.single:
		return 0
	case a.single:
		return -1
	}
	return 1
}

// iteration reads forEach, forEachOrNull or repeat, and returns the shape of
// what the columns are applied to.
func (c *compiler) iteration(s *selection, n fhir.Node, focus fhirpath.Shape) fhirpath.Shape {
	forEach, orNull, repeat := n.Child("forEach"), n.Child("forEachOrNull"), n.Child("repeat")
	given := 0
	for _, x := range [...]fhir.Node{forEach, orNull, repeat} {
		if !x.IsZero() {
			given++
		}
	}
	switch {
	case given > 1:
		c.problem(fault.CodeInvariant, n.Path(), "a select has one of forEach, forEachOrNull and repeat; nest selects for more")
		return fhirpath.ShapeOf(c.d, "")
	case !repeat.IsZero():
		for path := range n.All("repeat") {
			x, _, _ := c.expression(n, path, fhirpath.ShapeOf(c.d, ""))
			s.repeat = append(s.repeat, x)
		}
		return fhirpath.ShapeOf(c.d, "")
	case given == 1:
		s.orNull = !orNull.IsZero()
		if s.orNull {
			forEach = orNull
		}
		x, shape, _ := c.expression(n, forEach, focus)
		s.forEach = &x
		return shape
	}
	return focus
}

// union reads the branches of a unionAll, whose columns stand in the same
// places and so must be the same.
func (c *compiler) union(n fhir.Node, focus fhirpath.Shape) []*selection {
	start := len(c.columns)
	var first []*Column
	var list []*selection
	c.nesting++
	defer func() { c.nesting-- }()
	if c.nesting > maxNesting {
		c.problem(fault.CodeTooCostly, n.Path(), "selects are nested more than %d deep", maxNesting)
		return nil
	}
	for branch := range n.All("unionAll") {
		c.columns = c.columns[:start:start]
		list = append(list, c.selection(branch, focus))
		if first == nil {
			first = c.columns[start:]
		} else {
			c.alike(branch.Path(), first, c.columns[start:])
		}
	}
	c.columns = append(c.columns[:start:start], first...)
	return list
}

func (c *compiler) alike(path string, first, other []*Column) {
	for i := range max(len(first), len(other)) {
		switch {
		case i >= len(other):
			c.problem(fault.CodeInvariant, path, "the branches of a unionAll must have the same columns; this one lacks %s", first[i].Name)
		case i >= len(first):
			c.problem(fault.CodeInvariant, path, "the branches of a unionAll must have the same columns; the first one has no %s", other[i].Name)
		case first[i].Name != other[i].Name:
			c.problem(fault.CodeInvariant, path, "the branches of a unionAll must have the same columns in the same order; column %d is %s here and %s in the first one",
				i+1, other[i].Name, first[i].Name)
		case first[i].Type != other[i].Type || first[i].Collection != other[i].Collection:
			c.problem(fault.CodeInvariant, path, "the branches of a unionAll must have columns of the same type; %s is %s here and %s in the first one",
				other[i].Name, other[i].describe(), first[i].describe())
		default:
			continue
		}
		return
	}
}

func (c *Column) describe() string {
	text := c.Type
	if text == "" {
		text = "without a type"
	}
	if c.Collection {
		text += " as a collection"
	}
	return text
}

func (c *compiler) column(n fhir.Node, focus fhirpath.Shape) *Column {
	column := &Column{
		Collection: n.Child("collection").Bool(), Description: n.Child("description").Text(), place: len(c.columns),
	}
	if name := n.Child("name"); name.IsZero() {
		c.problem(fault.CodeRequired, n.Path(), "the column has no name")
	} else {
		column.Name = c.name(name)
	}
	for tag := range n.All("tag") {
		column.Tags = append(column.Tags, Tag{tag.Child("name").Text(), tag.Child("value").Text()})
	}
	column.path, _, _ = c.expression(n, n.Child("path"), focus)
	if t := n.Child("type"); !t.IsZero() {
		c.typed(column, t)
	}
	c.columns = append(c.columns, column)
	return column
}

func (c *compiler) unique(n fhir.Node) {
	seen := map[string]bool{}
	for _, column := range c.columns {
		if column.Name != "" && seen[column.Name] {
			c.problem(fault.CodeDuplicate, n.Path(), "two columns have the name %s", column.Name)
		}
		seen[column.Name] = true
	}
}

// expression compiles FHIRPath that is applied to elements of some shape, and
// tells the shape of its result.
func (c *compiler) expression(owner, n fhir.Node, focus fhirpath.Shape) (expression, fhirpath.Shape, bool) {
	x := expression{at: n.Path()}
	anything := fhirpath.ShapeOf(c.d, "")
	if !n.HasValue() {
		c.problem(fault.CodeRequired, owner.Path(), "there is no path: write FHIRPath, such as name.family")
		return x, anything, false
	}
	compiled, err := fhirpath.Compile(n.Text())
	if err != nil {
		c.problem(fault.CodeInvalid, x.at, "this is not FHIRPath: %v", err)
		return x, anything, false
	}
	x.Expression = compiled
	for _, name := range compiled.Variables() {
		if name == rowIndex {
			c.view.numbers = true
		} else if c.view.constants[name] == nil {
			c.problem(fault.CodeValue, x.at, "there is no constant %%%s: define it in constant", name)
			return x, anything, false
		}
	}
	shape, err := compiled.Infer(c.d, focus)
	if err != nil {
		c.problem(fault.CodeInvalid, x.at, "%v", err)
		return x, anything, false
	}
	return x, shape, true
}
