package terminology

import "github.com/inglehealth/ingle/spec/definitions"

// Parameter is one parameter of a Parameters resource.
type Parameter struct {
	Name string
	// Type is the name of the value in JSON ("valueCode"), "" when there is
	// none, and Text its text; Coding is the value of a valueCoding.
	Type, Text string
	Coding     definitions.Coding
	// JSON is a value of another complex type, or with Type "resource" a
	// resource.
	JSON  []byte
	Parts []Parameter
}
