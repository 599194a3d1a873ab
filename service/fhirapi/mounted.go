package fhirapi

import (
	"net/http"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Mounted is an operation that another service performs below a FHIR base. Who asks is
// found out, what is asked is recorded, and errors are rendered as for every request
// here; the rest is Serve's.
type Mounted struct {
	Name                    string // without $
	URL                     string // canonical of its definition
	Doc                     string // one sentence
	System, Typed, Instance bool
	Types                   []fhir.Type // that have it; nil: all
	Methods                 []string    // that it answers; nil: GET and POST
	// Below says that the addresses below [base]/$name are its own, too; Place.Rest
	// tells them apart.
	Below bool
	// Listed are the places of the CapabilityStatement where it stands, and under which
	// name and canonical there; nil: by its name, where it can be called.
	Listed       []Listed
	Instantiates string // canonical of a CapabilityStatement; "" for none
	Serve        func(w http.ResponseWriter, r *http.Request, at Place) error
}

// Listed is how an operation stands in the CapabilityStatement, at a type or, with "",
// at the system.
type Listed struct {
	Type      fhir.Type
	Name, URL string
}

// Place is where a mounted operation was called, and by whom.
type Place struct {
	Door    *records.Door
	Session *records.Session
	Key     fhir.Key         // Type and ID as far as the address names them
	Rest    string           // of the address, behind $name/; "" at the operation itself
	Prefer  records.Handling // of unknown parameters
}

// mounted makes an operation of one that another service performs.
func mounted(m Mounted) *operation {
	methods := m.Methods
	if methods == nil {
		methods = []string{http.MethodGet, http.MethodPost}
	}
	endpoints := make(map[string]*endpoint, len(methods))
	for _, method := range methods {
		endpoints[method] = &endpoint{"operation", (*call).operation}
	}
	return &operation{
		name: m.Name, url: m.URL, doc: m.Doc, system: m.System, typed: m.Typed, instance: m.Instance, types: m.Types,
		below: m.Below, listed: m.Listed, shape: newShape(endpoints),
		serve: func(c *call) error {
			return m.Serve(c.w, c.r, Place{Door: c.door, Session: c.session, Key: c.key(), Rest: c.rest, Prefer: c.handling()})
		},
	}
}
