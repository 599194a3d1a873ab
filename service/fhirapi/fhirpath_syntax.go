package fhirapi

import (
	"encoding/json"

	"github.com/inglehealth/ingle/engine/fhirpath"
)

// syntaxNode is a node of the syntax tree as the FHIRPath Lab shows it.
type syntaxNode struct {
	ExpressionType string        `json:"ExpressionType"`
	Name           string        `json:"Name"`
	Arguments      []*syntaxNode `json:"Arguments,omitempty"`
	Position       int           `json:"Position"`
	Length         int           `json:"Length"`
	Line           int           `json:"Line,omitempty"`
	Column         int           `json:"Column,omitempty"`
}

// syntaxJSON renders the syntax tree of an expression.
func syntaxJSON(s *fhirpath.Syntax) []byte {
	b, err := json.Marshal(syntaxTree(s))
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return b
}

func syntaxTree(s *fhirpath.Syntax) *syntaxNode {
	n := &syntaxNode{Name: s.Text, Position: s.Start, Length: s.End - s.Start, Line: s.Line, Column: s.Column}
	switch s.Kind {
	case fhirpath.SyntaxMember:
		n.ExpressionType = "ChildExpression"
	case fhirpath.SyntaxCall:
		n.ExpressionType = "FunctionCallExpression"
	case fhirpath.SyntaxIndexer:
		n.ExpressionType, n.Name = "IndexerExpression", "[]"
	case fhirpath.SyntaxBinary:
		n.ExpressionType = "BinaryExpression"
	case fhirpath.SyntaxPolarity:
		n.ExpressionType = "UnaryExpression"
	case fhirpath.SyntaxType:
		n.ExpressionType, n.Name = "TypeExpression", s.Text+" "+s.Unit
	case fhirpath.SyntaxVariable:
		n.ExpressionType = "VariableRefExpression"
	case fhirpath.SyntaxThis:
		n.ExpressionType, n.Name = "AxisExpression", "builtin."+s.Text
	case fhirpath.SyntaxQuantity:
		n.ExpressionType, n.Name = "ConstantExpression", s.Text+" "+s.Unit
	case fhirpath.SyntaxInstance:
		n.ExpressionType = "InstanceExpression"
	default:
		n.ExpressionType = "ConstantExpression"
	}
	if s.Input != nil {
		n.Arguments = append(n.Arguments, syntaxTree(s.Input))
	}
	for _, a := range s.Args {
		n.Arguments = append(n.Arguments, syntaxTree(a))
	}
	return n
}
