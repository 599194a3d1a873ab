package search

import (
	"fmt"

	"github.com/inglehealth/ingle/spec/fhir"
)

// wholeRule is an expression that is more than a path.
type wholeRule struct{ to sink }

func compileWhole(expression string, to sink) (*wholeRule, error) {
	return nil, fmt.Errorf("%q is more than a path", expression)
}

func (x *extraction) evaluate(*wholeRule, fhir.Node) {}
