package fhirpath

import "encoding/json"

// debugNode is a node of the parse tree in the form that FHIRPath Lab shows.
type debugNode struct {
	ExpressionType string       `json:"ExpressionType"`
	Name           string       `json:"Name,omitempty"`
	Arguments      []*debugNode `json:"Arguments,omitempty"`
	ReturnType     string       `json:"ReturnType,omitempty"`
	Position       int          `json:"Position"`
	Length         int          `json:"Length"`
	Line           int          `json:"Line"`
	Column         int          `json:"Column"`
}

// MarshalJSON writes the tree as FHIRPath Lab's API has parseDebugTree.
func (s *Syntax) MarshalJSON() ([]byte, error) { return json.Marshal(s.debug()) }

func (s *Syntax) debug() *debugNode {
	n := &debugNode{Name: s.Text, Position: s.Start, Length: s.End - s.Start, Line: s.Line, Column: s.Column}
	switch s.Kind {
	case SyntaxMember:
		n.ExpressionType = "ChildExpression"
	case SyntaxCall:
		n.ExpressionType = "FunctionCallExpression"
	case SyntaxIndexer:
		n.ExpressionType, n.Name = "IndexerExpression", "[]"
	case SyntaxPolarity:
		n.ExpressionType = "UnaryExpression"
	case SyntaxBinary:
		n.ExpressionType = "BinaryExpression"
	case SyntaxType:
		n.ExpressionType = "BinaryExpression"
	case SyntaxVariable:
		n.ExpressionType = "VariableRefExpression"
	case SyntaxThis:
		n.ExpressionType, n.Name = "AxisExpression", "$"+s.Text
	case SyntaxEmpty:
		n.ExpressionType = "EmptyListExpression"
	case SyntaxInstance:
		n.ExpressionType = "InstanceExpression"
	default:
		n.ExpressionType, n.Name = "ConstantExpression", s.String()
		if v, err := literal(s); err == nil {
			n.ReturnType = v.TypeName()
		}
	}
	switch {
	case s.Input != nil:
		n.Arguments = append(n.Arguments, s.Input.debug())
	case s.Kind == SyntaxMember || s.Kind == SyntaxCall:
		n.Arguments = append(n.Arguments, &debugNode{ExpressionType: "AxisExpression", Name: "builtin.that", Position: s.Start, Line: s.Line, Column: s.Column})
	}
	for _, a := range s.Args {
		n.Arguments = append(n.Arguments, a.debug())
	}
	if s.Kind == SyntaxType {
		n.Arguments = append(n.Arguments, &debugNode{ExpressionType: "ConstantExpression", Name: s.Unit, ReturnType: "System.TypeInfo",
			Position: s.Start, Length: s.End - s.Start, Line: s.Line, Column: s.Column})
	}
	return n
}
