package fhirapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// endpoint is one interaction at one kind of address.
type endpoint struct {
	name  string // for the access log and messages; never holds an id
	serve func(*call) error
}

// shape is one kind of address with what can be done there.
type shape struct {
	endpoints map[string]*endpoint // by method
	allow     string               // value of the Allow header
}

func newShape(endpoints map[string]*endpoint) *shape {
	methods := []string{http.MethodOptions}
	for m := range endpoints {
		methods = append(methods, m)
		if m == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return &shape{endpoints, strings.Join(methods, ", ")}
}

// shapes are the kinds of address (R4 §3.1.0 and §3.2.0).
type shapes struct {
	system, metadata, systemSearch, history, typ, typeSearch, instance, version *shape
	compartment, compartmentSearch, readingOperation, writingOperation          *shape
}

func newShapes() *shapes {
	operation := &endpoint{"operation", (*call).operation}
	return &shapes{
		system: newShape(map[string]*endpoint{
			"GET": {"search-system", (*call).search}, "POST": {"batch", (*call).bundle},
		}),
		metadata:     newShape(map[string]*endpoint{"GET": {"capabilities", (*call).metadata}}),
		systemSearch: newShape(map[string]*endpoint{"POST": {"search-system", (*call).searchPosted}}),
		history:      newShape(map[string]*endpoint{"GET": {"history", (*call).history}}),
		typ: newShape(map[string]*endpoint{
			"GET": {"search-type", (*call).search}, "POST": {"create", (*call).create},
			"PUT": {"update-conditional", (*call).updateWhere}, "PATCH": {"patch-conditional", (*call).patchWhere},
			"DELETE": {"delete-conditional", (*call).deleteWhere},
		}),
		typeSearch: newShape(map[string]*endpoint{"POST": {"search-type", (*call).searchPosted}}),
		instance: newShape(map[string]*endpoint{
			"GET": {"read", (*call).read}, "PUT": {"update", (*call).update},
			"PATCH": {"patch", (*call).patch}, "DELETE": {"delete", (*call).delete},
		}),
		version:           newShape(map[string]*endpoint{"GET": {"vread", (*call).vread}}),
		compartment:       newShape(map[string]*endpoint{"GET": {"search-compartment", (*call).search}}),
		compartmentSearch: newShape(map[string]*endpoint{"POST": {"search-compartment", (*call).searchPosted}}),
		readingOperation:  newShape(map[string]*endpoint{"GET": operation, "POST": operation}),
		writingOperation:  newShape(map[string]*endpoint{"POST": operation}),
	}
}

// match finds what a path below the base names.
func (c *call) match(path string) (*shape, target, error) {
	at := c.api.shapes
	var parts [6]string
	n := 0
	for path = strings.Trim(path, "/"); path != ""; n++ {
		if n == len(parts) {
			return nil, target{}, errNoAddress()
		}
		parts[n], path, _ = strings.Cut(path, "/")
	}
	var t target
	if n == 0 {
		return at.system, t, nil
	}
	first := parts[0]
	if n == 1 {
		switch first {
		case "metadata":
			return at.metadata, t, nil
		case "_history":
			return at.history, t, nil
		case "_search":
			return at.systemSearch, t, nil
		}
	}
	if name, ok := strings.CutPrefix(first, "$"); ok {
		if op := c.api.operations[name]; n == 1 || op != nil && op.below {
			t.rest = strings.Join(parts[1:n], "/")
			return c.matchOperation(t, name)
		}
	}
	if !c.known(first) {
		return nil, t, c.errUnknownType(first)
	}
	t.Type = fhir.Type(first)
	if n == 1 {
		return at.typ, t, nil
	}
	second := parts[1]
	if n == 2 {
		switch second {
		case "_search":
			return at.typeSearch, t, nil
		case "_history":
			return at.history, t, nil
		}
		if name, ok := strings.CutPrefix(second, "$"); ok {
			return c.matchOperation(t, name)
		}
	}
	t.ID = fhir.ID(second)
	if !t.ID.Valid() {
		return nil, t, errBadID(second)
	}
	if n == 2 {
		return at.instance, t, nil
	}
	third := parts[2]
	switch {
	case third == "_history" && n == 3:
		return at.history, t, nil
	case third == "_history" && n == 4:
		t.Version = parts[3]
		return at.version, t, nil
	case third == "_history" && n == 5 && strings.HasPrefix(parts[4], "$"):
		t.Version = parts[3]
		return c.matchOperation(t, parts[4][1:])
	case strings.HasPrefix(third, "$") && n == 3:
		return c.matchOperation(t, third[1:])
	}
	return c.matchCompartment(t, parts[2:n])
}

// matchCompartment reads [compartment]/[id]/{[type]|*}[/_search] (R4 §3.1.1.2).
func (c *call) matchCompartment(t target, rest []string) (*shape, target, error) {
	if c.definitions("").Compartment(string(t.Type)) == nil {
		return nil, t, fault.New(fault.NotFound, fault.CodeNotFound, "",
			"There is nothing at this address: %s is not a compartment, so only _history and operations ($...) can follow its id.", t.Type)
	}
	at := c.api.shapes
	within := t.key()
	t = target{Within: &within}
	posted := len(rest) > 0 && rest[len(rest)-1] == "_search"
	if posted {
		rest = rest[:len(rest)-1]
	}
	switch {
	case len(rest) == 1 && rest[0] != "*":
		if !c.known(rest[0]) {
			return nil, t, c.errUnknownType(rest[0])
		}
		t.Type = fhir.Type(rest[0])
	case len(rest) > 1 || len(rest) == 0 && !posted:
		return nil, t, errNoAddress()
	}
	if posted {
		return at.compartmentSearch, t, nil
	}
	return at.compartment, t, nil
}

func (c *call) matchOperation(t target, name string) (*shape, target, error) {
	op := c.api.operations[name]
	if op == nil || !op.at(t) {
		return nil, t, c.errNoOperation(t, name)
	}
	t.Op = name
	if op.shape != nil {
		return op.shape, t, nil
	}
	if op.writes {
		return c.api.shapes.writingOperation, t, nil
	}
	return c.api.shapes.readingOperation, t, nil
}

// known says whether some loaded release has the resource type.
func (c *call) known(name string) bool { return c.door.ReleaseOf(fhir.Type(name)) != "" }

func errNoAddress() error {
	return fault.New(fault.NotFound, fault.CodeNotFound, "",
		"There is nothing at this address. See /metadata below the base for what there is.")
}

func errBadID(id string) error {
	return fault.New(fault.Invalid, fault.CodeValue, "",
		"%q is not an id: an id has 1 to 64 characters of A-Z, a-z, 0-9, '-' and '.'; this one has %d.", fault.Shorten(id), len(id))
}

func (c *call) errUnknownType(name string) error {
	if s := fault.Nearest(name, c.definitions("").ResourceTypes()); s != "" {
		return fault.New(fault.NotFound, fault.CodeNotSupported, "", "There is no resource type %q. Did you mean %s?", fault.Shorten(name), s)
	}
	return fault.New(fault.NotFound, fault.CodeNotSupported, "",
		"There is no resource type %q. The types are listed in /metadata; they are case-sensitive.", fault.Shorten(name))
}
