package records

import (
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// May refuses, before any data is touched, what the session may not do with any resource
// of a type ("": of any type) by one of the interactions. The error is final, with
// ErrScope in its chain when it is about access.
func (s *Session) May(t fhir.Type, i smart.Interactions) error { return s.may(t, i) }
