package records

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// entry is one Bundle.entry of a batch or transaction, as read.
type entry struct {
	index    int
	node     fhir.Node
	fullURL  string
	method   string
	url      string
	route    route
	resource fhir.Node // zero when there is none
	asks     bool      // it calls by POST an operation that changes nothing

	precondition    Precondition
	read            ReadOptions
	ifNoneExist     []search.Pair
	ifNoneExistText string
}

// place is the entry's path in messages.
func (e *entry) place() string { return fmt.Sprintf("Bundle.entry[%d]", e.index) }

// fail moves an error's paths into the entry.
func (e *entry) fail(err error) error { return inside(err, e.place(), e.place()+".resource") }

// misread moves the error of a read's parameters to where they are.
func (e *entry) misread(err error) error { return inside(err, e.place()+".request.url", "") }

// order is the place of an entry in processing, by its method (R4 §3.1.0.11.2).
// A POST that only asks comes with the reads.
func (e *entry) order() int {
	if e.asks {
		return 3
	}
	switch e.method {
	case "DELETE":
		return 0
	case "POST":
		return 1
	case "PUT", "PATCH":
		return 2
	}
	return 3
}

// writes says whether the entry changes a resource.
func (e *entry) writes() bool { return e.order() < 3 && e.route.kind != routeOperation }

// entry reads Bundle.entry[i].
func (d *Door) entry(rel *release, n fhir.Node, i int, o BundleOptions) (*entry, error) {
	request := n.Child("request")
	e := &entry{
		index: i, node: n,
		fullURL:         n.Child("fullUrl").Text(),
		method:          request.Child("method").Text(),
		url:             request.Child("url").Text(),
		resource:        n.Child("resource"),
		ifNoneExistText: request.Child("ifNoneExist").Text(),
	}
	if request.IsZero() {
		return nil, fault.New(fault.Invalid, fault.CodeRequired, e.place()+".request", "the entry needs a request, which says what to do with it")
	}
	var err error
	if e.route, err = d.route(rel, e.url); err != nil {
		return nil, inside(err, e.place()+".request.url", e.place()+".request.url")
	}
	e.asks = e.route.kind == routeOperation && e.method == "POST" && o.Reads != nil && o.Reads(e.url)
	if text := request.Child("ifMatch").Text(); text != "" {
		if e.precondition.IfMatch = ParseETags(text); e.precondition.IfMatch == nil {
			return nil, fault.New(fault.Invalid, fault.CodeValue, e.place()+".request.ifMatch", `holds no entity tag; it looks like this: W/"3"`)
		}
	}
	if text := request.Child("ifNoneMatch").Text(); text != "" {
		if e.read.IfNoneMatch = ParseETags(text); e.writes() {
			e.precondition.IfNoneMatch = text
		}
	}
	if text := request.Child("ifModifiedSince").Text(); text != "" {
		e.read.IfModifiedSince, _ = time.Parse(time.RFC3339Nano, text)
	}
	if e.ifNoneExistText != "" {
		if e.ifNoneExist, err = ParseCriteria(e.ifNoneExistText); err == nil {
			err = CheckCriteria(e.route.typ, e.ifNoneExistText)
		}
		if err != nil {
			return nil, inside(err, e.place()+".request.ifNoneExist", "")
		}
	}
	if issue := e.wrong(); issue != nil {
		return nil, issue
	}
	return e, nil
}

// wrong says what makes the entry impossible by itself, or nil.
func (e *entry) wrong() error {
	bad := func(path, format string, args ...any) error {
		return fault.New(fault.Invalid, fault.CodeInvalid, e.place()+path, format, args...)
	}
	has := !e.resource.IsZero()
	if strings.Contains(e.fullURL, "/_history/") {
		return bad(".fullUrl", "must not name a version")
	}
	if id, ok := strings.CutPrefix(e.fullURL, "urn:uuid:"); ok && (len(id) != len(uuid.Nil.String()) || uuid.Validate(id) != nil) {
		return bad(".fullUrl", "%s is no urn:uuid: it needs 8-4-4-4-12 hexadecimal digits, such as urn:uuid:%s", fault.Shorten(e.fullURL), uuid.NewString())
	}
	if e.route.kind == routeOperation {
		return nil
	}
	if text := e.precondition.IfNoneMatch; text != "" && text != "*" {
		return bad(".request.ifNoneMatch", "ifNoneMatch of a write can only be *; to write over a known version say ifMatch")
	}
	conditional := e.route.kind == routeType && len(e.route.pairs) > 0
	switch e.method {
	case "GET", "HEAD":
		if has {
			return bad(".resource", "a %s has no resource", e.method)
		}
		return nil
	case "DELETE":
		if e.route.kind != routeInstance && !conditional {
			return bad(".request.url", "a DELETE names a resource (Patient/1) or criteria (Patient?identifier=...)")
		}
		if has {
			return bad(".resource", "a DELETE has no resource")
		}
		return nil
	case "POST":
		if e.route.kind != routeType {
			return bad(".request.url", "a POST names the resource type")
		}
		if path, _, _ := strings.Cut(e.url, "?"); strings.HasSuffix(path, "/_search") {
			return bad(".request.url", "a search in a Bundle is a GET: Patient?name=smith")
		}
		if e.route.query {
			return bad(".request.url", "a POST has no criteria: put them into ifNoneExist")
		}
	case "PUT", "PATCH":
		if e.route.kind != routeInstance && !conditional {
			return bad(".request.url", "a %s names a resource (Patient/1) or criteria (Patient?identifier=...)", e.method)
		}
	case "":
		return fault.New(fault.Invalid, fault.CodeRequired, e.place()+".request.method", "the entry needs a method: GET, POST, PUT, PATCH or DELETE")
	default:
		return bad(".request.method", "%q is not a method of FHIR", e.method)
	}
	if !has {
		return fault.New(fault.Invalid, fault.CodeRequired, e.place()+".resource", "a %s needs a resource", e.method)
	}
	name := e.resource.Type().Name
	if e.method == "PATCH" {
		if name != "Binary" && name != "Parameters" {
			return bad(".resource", "a PATCH carries a Parameters (FHIRPath Patch) or a Binary with a JSON or XML Patch, not %s", name)
		}
	} else if fhir.Type(name) != e.route.typ {
		return bad(".resource", "the resource is of type %s, but the URL says %s", name, e.route.typ)
	}
	return nil
}
