package graphql

import (
	"errors"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/spec/fault"
)

// document is a parsed query with the operation that is to be run.
type document struct {
	operation *ast.OperationDefinition
	fragments map[string]*ast.FragmentDefinition
	variables map[string]value // those that have a value
	declared  map[string]bool
	compiled  map[string]compiled // FHIRPath by its text
}

type compiled struct {
	expression *fhirpath.Expression
	err        error
}

// parse reads a request.
func (s *Schema) parse(r Request, l Limits) (*document, error) {
	if err := r.check(l); err != nil {
		return nil, err
	}
	parsed, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: r.Query}, l.Tokens)
	if err != nil {
		return nil, failure(unreadable(err))
	}
	d := &document{fragments: map[string]*ast.FragmentDefinition{}, compiled: map[string]compiled{}}
	for _, f := range parsed.Fragments {
		if d.fragments[f.Name] != nil {
			return nil, failure(invalid(f.Position, nil, fault.CodeDuplicate, "there are two fragments called %s", fault.Shorten(f.Name)))
		}
		d.fragments[f.Name] = f
	}
	if d.operation, err = choose(parsed.Operations, r.OperationName); err != nil {
		return nil, err
	}
	if err := d.circles(); err != nil {
		return nil, err
	}
	return d, s.bind(d, r.Variables)
}

func unreadable(err error) Error {
	e := invalid(nil, nil, fault.CodeInvalid, "the query cannot be read: %v", err)
	if g, ok := errors.AsType[*gqlerror.Error](err); ok {
		e.Message = "the query cannot be read: " + g.Message
		if len(g.Locations) > 0 {
			e.Line, e.Column = g.Locations[0].Line, g.Locations[0].Column
		}
	}
	return e
}

// choose finds the operation that is meant. Only queries are: nothing is
// changed through GraphQL.
func choose(operations ast.OperationList, name string) (*ast.OperationDefinition, error) {
	var names []string
	var chosen *ast.OperationDefinition
	for _, o := range operations {
		names = append(names, o.Name)
		if name == "" && len(operations) == 1 || name != "" && o.Name == name {
			chosen = o
		}
	}
	switch {
	case len(operations) == 0:
		return nil, failure(invalid(nil, nil, fault.CodeRequired, "the query holds fragments only, and no operation"))
	case chosen == nil && name == "":
		return nil, failure(invalid(nil, nil, fault.CodeRequired, "the query holds %d operations: say with operationName which one is meant: %s", len(operations), fault.Shorten(strings.Join(names, ", "))))
	case chosen == nil:
		return nil, failure(invalid(nil, nil, fault.CodeNotFound, "the query holds no operation called %q; it has: %s", fault.Shorten(name), fault.Shorten(strings.Join(names, ", "))))
	case chosen.Operation != ast.Query:
		return nil, failure(invalid(chosen.Position, nil, fault.CodeNotSupported, "a %s is not possible here: GraphQL only reads; write through the REST API", chosen.Operation))
	}
	for _, directive := range chosen.Directives {
		return nil, failure(invalid(directive.Position, nil, fault.CodeNotSupported, "an operation takes no directive @%s", fault.Shorten(directive.Name)))
	}
	return chosen, nil
}

// circles refuses fragments that contain themselves.
func (d *document) circles() error {
	done := map[string]bool{}
	var open []string
	var visit func(f *ast.FragmentDefinition) error
	visit = func(f *ast.FragmentDefinition) error {
		if i := slices.Index(open, f.Name); i >= 0 {
			return failure(invalid(f.Position, nil, fault.CodeStructure, "a fragment may not contain itself: %s",
				fault.Shorten(strings.Join(append(open[i:], f.Name), " → "))))
		}
		if done[f.Name] {
			return nil
		}
		open = append(open, f.Name)
		for name := range spreads(f.SelectionSet) {
			if next := d.fragments[name]; next != nil {
				if err := visit(next); err != nil {
					return err
				}
			}
		}
		open = open[:len(open)-1]
		done[f.Name] = true
		return nil
	}
	for _, f := range d.fragments {
		if err := visit(f); err != nil {
			return err
		}
	}
	return nil
}

// spreads are the names of the fragments that a selection uses at any depth.
func spreads(set ast.SelectionSet) map[string]bool {
	names := map[string]bool{}
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				walk(s.SelectionSet)
			case *ast.InlineFragment:
				walk(s.SelectionSet)
			case *ast.FragmentSpread:
				names[s.Name] = true
			}
		}
	}
	walk(set)
	return names
}
