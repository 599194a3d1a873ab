// Package view makes tables of resources: it reads ViewDefinitions of SQL on
// FHIR (version 2, and what 3.0 adds: repeat and %rowIndex) and runs them over
// one resource at a time.
//
// A view is checked before it runs: expressions must be FHIRPath and fit the
// resource type, constants must be defined, column names be unique, and the
// branches of a unionAll alike. Every problem is reported with its path.
//
// Where the specification leaves room:
//
//   - getResourceKey() and getReferenceKey() give Type/id, so that keys of
//     different types differ.
//   - A column without a type takes primitive values as they are.
//   - A column of a string type takes any primitive value as its text; one of
//     a numeric type takes numbers, of a temporal type dates and times.
//   - A column with collection gives an empty list where its path is empty, and
//     null where there is no element to apply it to.
package view

import (
	"github.com/inglehealth/ingle/engine/fhirpath"
)

// View is a ViewDefinition that was read and checked. It is immutable and safe
// for concurrent use.
type View struct {
	Name     string // "" when it has none
	Resource string // the resource type that it makes rows of
	Columns  []*Column

	constants map[string]fhirpath.Collection
	where     []criterion
	selects   []*selection
	numbers   bool // some expression asks for %rowIndex
}

// Column is one column of the table.
type Column struct {
	Name        string
	Type        string // FHIR type, "" when the view does not say
	Collection  bool   // its cells are lists
	Description string
	Tags        []Tag

	path  expression
	kind  kind
	place int // in the row
}

// Tag is ViewDefinition.select.column.tag.
type Tag struct{ Name, Value string }

// Row holds the cells of one row in the order of View.Columns: nil for null,
// one value, or of a Collection column any number.
type Row []fhirpath.Collection

// expression is FHIRPath with its place in the ViewDefinition.
type expression struct {
	*fhirpath.Expression
	at string
}

// criterion is a where.
type criterion struct{ path expression }

// selection is a select or a branch of a unionAll. Its columns, with those of
// what is nested in it, stand together in the row, from first to last.
type selection struct {
	forEach     *expression // nil: the element around
	orNull      bool        // forEachOrNull
	repeat      []expression
	columns     []*Column
	nested      []*selection
	union       []*selection
	first, last int
	single      bool // gives exactly one row
}
