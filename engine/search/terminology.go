package search

// A Terminology tells Parse about code systems and value sets. Its errors say
// in words for the client what cannot be told and why; a context's error and a
// fault of kind Internal or Unavailable become Parse's own.
type Terminology interface {
	// Codes gives all codes of a value set, by its canonical URL (perhaps with
	// |version) or as ValueSet/id of this server; an error when they cannot be
	// listed or are more than limit.
	Codes(valueSet string, limit int) (*CodeList, error)
	// Below gives a code and those that it subsumes, Above a code and those
	// that subsume it; an error when the system or the code is not known or
	// there are more than limit.
	Below(system, code string, limit int) ([]string, error)
	Above(system, code string, limit int) ([]string, error)
}
