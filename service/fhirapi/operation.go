package fhirapi

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// operation is one $operation that this server performs (R4 §3.2).
type operation struct {
	name                    string
	url                     string // canonical of its definition
	system, typed, instance bool
	version                 bool        // also on a version: Patient/1/_history/2/$name
	types                   []fhir.Type // that have it, "" being the base; nil: all
	writes                  bool        // POST only
	formats                 bool        // _format is a parameter of its own, in a batch, too
	listed                  []Listed
	doc                     string
	run                     func(c *call, ctx context.Context, in *invocation) ([]byte, error) // nil: there is nothing to tell
	// serve answers a request by itself; nil when the answer is the resource
	// that run returns.
	serve func(c *call) error
	below bool   // the addresses below it are its own
	shape *shape // nil: as writes says
}

// invocation is one call of an operation.
type invocation struct {
	target
	pairs   []search.Pair
	content *records.Content // body, or nil
	own     bool             // a request of its own, not an entry of a batch

	answered
}

// operations are the operations of this server by name; the
// CapabilityStatement lists them as they stand here.
func operations(others []Mounted) map[string]*operation {
	list := []*operation{
		{
			name: "validate", url: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
			system: true, typed: true, instance: true, run: (*call).validate,
			doc: "Checks a resource in the request or in the store: structure, cardinality, types, bindings, invariants, profiles.",
		},
		{
			name: "fhirpath", url: "https://ingle.health/fhir/OperationDefinition/fhirpath",
			system: true, typed: true, instance: true, run: (*call).fhirpath,
			doc: "Evaluates a FHIRPath expression over a resource in the request or in the store (parameters expression, context, resource, variables).",
		},
		everythingOperation(), lastNOperation(), docRefOperation(), metaOperation(), metaAddOperation(), metaDeleteOperation(),
		diffOperation(), documentOperation(), whyOperation(), simulateOperation(), unclearOperation(), reviewOperation(), breakGlassOperation(), mendGlassOperation(), accountingOperation(), proofOperation(),
		expandOperation(), validateCodeOperation(), batchValidateCodeOperation(), lookupOperation(), subsumesOperation(), translateOperation(),
		{
			name: "expunge", url: "https://ingle.health/fhir/OperationDefinition/expunge",
			system: true, typed: true, instance: true, writes: true, run: (*call).expunge,
			doc: "Removes old versions, deleted resources or everything for good, where policy allows it (parameters limit, expungeDeletedResources, expungePreviousVersions, expungeEverything).",
		},
		{
			name: "reindex", url: "https://ingle.health/fhir/OperationDefinition/reindex",
			system: true, writes: true, run: (*call).reindex,
			doc: "Has the resources of a type (parameter type), or all, indexed anew in the background, where policy allows it.",
		},
		{
			name: "index-state", url: "https://ingle.health/fhir/OperationDefinition/index-state",
			system: true, run: (*call).indexState,
			doc: "Lists the search parameters that are not completely indexed, and what the job that indexes them has done.",
		},
		{
			name: "graphql", url: "http://hl7.org/fhir/OperationDefinition/Resource-graphql",
			system: true, instance: true, run: (*call).graphqlEntry, serve: (*call).graphql,
			doc: "Answers a GraphQL query about a resource or the whole system (GET with query, POST as application/graphql or application/json); it reads only.",
		},
	}
	list = append(slices.Concat(list, viewOperations(), keepingOperations(), limitOperations(), subscriptionOperations()), exportRecordOperation())
	for _, m := range others {
		list = append(list, mounted(m))
	}
	byName := make(map[string]*operation, len(list))
	for _, op := range list {
		byName[op.name] = op
	}
	return byName
}

// at says whether the operation can be called on what the path names.
func (o *operation) at(t target) bool {
	switch {
	case len(o.types) > 0 && !slices.Contains(o.types, t.Type):
		return false
	case t.Version != "":
		return o.version
	case t.ID != "":
		return o.instance
	case t.Type != "":
		return o.typed
	}
	return o.system
}

// operation serves GET and POST of [base][/type[/id]]/$name.
func (c *call) operation() error {
	c.exchange.Route = "operation $" + c.Op
	op := c.api.operations[c.Op]
	if op.serve != nil {
		return op.serve(c)
	}
	if err := c.format.acceptable(); err != nil {
		return err
	}
	graph, err := c.cutGraph(op)
	if err != nil {
		return err
	}
	in, err := c.invocation()
	if err != nil {
		return err
	}
	ctx, cancel := c.r.Context(), context.CancelFunc(func() {})
	if !op.writes {
		if ctx, cancel, err = c.bounded(c.api.config.Evaluation); err != nil {
			return err
		}
	}
	defer cancel()
	body, err := op.run(c, ctx, in)
	if err != nil {
		return err
	}
	if graph != "" {
		return c.graphOf(ctx, graph, body)
	}
	c.stamp(in.version, in.updated)
	if body == nil {
		c.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if in.location != "" {
		c.w.Header().Set("Location", c.door.Base()+"/"+in.location)
	}
	return c.writeBundle(http.StatusOK, body, in.release, in.mixed)
}

// invocation reads the request as a call of an operation.
func (c *call) invocation() (*invocation, error) {
	in := &invocation{target: c.target, pairs: c.pairs, own: true, answered: answered{release: c.format.release}}
	if c.r.Method != http.MethodPost || !hasBody(c.r) {
		return in, nil
	}
	content, err := c.operationContent(in)
	in.content = content
	return in, err
}

// operationContent reads a body: a resource, or a form with simple
// parameters.
func (c *call) operationContent(in *invocation) (*records.Content, error) {
	m, err := c.mediaType()
	if err != nil {
		return nil, err
	}
	if m.name == "application/x-www-form-urlencoded" {
		body, err := web.ReadBody(c.r)
		if err != nil {
			return nil, err
		}
		form, err := parseQuery(string(body))
		in.pairs = append(in.pairs, form...)
		return nil, err
	}
	content, err := c.content()
	return &content, err
}

// entryOperation answers GET metadata and $operations in a batch.
func (c *call) entryOperation(ctx context.Context, r records.EntryRequest) (records.EntryResult, error) {
	result := records.EntryResult{Status: http.StatusOK, Method: r.Method}
	path := c.entryPath(r.URL)
	shape, target, err := c.match(path)
	if err != nil {
		return result, err
	}
	if shape.endpoints[r.Method] == nil {
		return result, fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "", "%s is not possible on %s; possible: %s.", r.Method, fault.Shorten(path), shape.allow)
	}
	if shape == c.api.shapes.metadata {
		mode := ""
		for _, p := range r.Pairs {
			if p.Name == "mode" {
				mode = p.Value
			}
		}
		result.Body, err = c.capabilityStatement(mode)
		return result, err
	}
	op := c.api.operations[target.Op]
	if op == nil || op.run == nil {
		return result, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "%s is not possible in a batch.", fault.Shorten(path))
	}
	pairs := r.Pairs
	if !op.formats { // the Bundle decides the form of its answer
		pairs = slices.DeleteFunc(slices.Clone(pairs), func(p search.Pair) bool { return p.Name == "_format" || p.Name == "_pretty" })
	}
	in := &invocation{target: target, pairs: pairs, answered: answered{release: c.format.release}}
	if r.Resource != nil {
		in.content = &records.Content{JSON: r.Resource}
	}
	if !op.writes {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.api.config.Patience)
		defer cancel()
	}
	if result.Body, err = op.run(c, ctx, in); err == nil && result.Body == nil {
		result.Status = http.StatusNoContent
	}
	result.BodyRelease, result.BodyMixed = in.release, in.mixed
	result.Version, result.LastModified, result.Location = in.version, in.updated, in.location
	return result, err
}

// entryReads says whether a POST to an operation's URL in a batch changes nothing: it
// is one of those that GET calls, too, or none.
func (c *call) entryReads(url string) bool {
	shape, _, err := c.match(c.entryPath(url))
	return err != nil || shape.endpoints[http.MethodGet] != nil
}

// entryPath is the path of the URL of an entry, below the base.
func (c *call) entryPath(url string) string {
	path, _, _ := strings.Cut(strings.TrimPrefix(url, c.door.Base()), "?")
	return path
}

// errNoOperation says what became of an operation that cannot be called: it
// is defined but not performed here, or misspelt, or called in a wrong place.
func (c *call) errNoOperation(t target, name string) error {
	if op := c.api.operations[name]; op != nil {
		return fault.New(fault.NotFound, fault.CodeNotSupported, "", "$%s cannot be called here. %s", name, places(op))
	}
	if def := c.definitions("").Operation(string(t.Type), name); def != nil {
		return fault.New(fault.NotSupported, fault.CodeNotSupported, "", "$%s (%s) is not performed by this server. /metadata lists what is.", name, def.URL)
	}
	if s := fault.Nearest(name, slices.Sorted(maps.Keys(c.api.operations))); s != "" {
		return fault.New(fault.NotFound, fault.CodeNotSupported, "", "There is no operation $%s. Did you mean $%s?", fault.Shorten(name), s)
	}
	return fault.New(fault.NotFound, fault.CodeNotSupported, "", "There is no operation $%s. /metadata lists what there is.", fault.Shorten(name))
}

func places(o *operation) string {
	var at []string
	if o.system {
		at = append(at, "the base")
	}
	if o.typed {
		at = append(at, "a type")
	}
	if o.instance {
		at = append(at, "an instance")
	}
	if o.version {
		at = append(at, "a version")
	}
	of := ""
	if types := slices.DeleteFunc(slices.Clone(o.types), func(t fhir.Type) bool { return t == "" }); len(types) > 0 {
		of = " of " + joined(types)
	}
	return "It is called on " + strings.Join(at, " or ") + of + "."
}

func joined(types []fhir.Type) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

// parameters are the inputs of an operation, from a Parameters resource and
// from the query.
type parameters struct {
	root  fhir.Node // of the Parameters, or zero
	pairs []search.Pair
}

// parametersOf reads the body as Parameters.
func (c *call) parametersOf(in *invocation) (parameters, error) {
	p, other, err := c.parametersOrResource(in)
	if err == nil && other != nil {
		err = fault.New(fault.Invalid, fault.CodeStructure, "", "The body must be a Parameters resource.")
	}
	return p, err
}

// parametersOrResource reads the body as Parameters, or as the one parameter
// that is a resource (R4 §3.2.0.1), which it returns.
func (c *call) parametersOrResource(in *invocation) (parameters, *records.Content, error) {
	p := parameters{pairs: in.pairs}
	if in.content == nil {
		return p, nil, nil
	}
	tree, err := c.parse(*in.content)
	if err != nil {
		return p, nil, err
	}
	if tree.Root().Name() != "Parameters" {
		return p, &records.Content{Tree: tree, Release: in.content.Release}, nil
	}
	p.root = tree.Root()
	return p, nil, nil
}

// node returns the first parameter called name; zero if there is none.
func (p parameters) node(name string) fhir.Node {
	for n := range p.root.All("parameter") {
		if n.Child("name").Text() == name {
			return n
		}
	}
	return fhir.Node{}
}

// text returns a parameter's simple value.
func (p parameters) text(name string) string {
	if n := p.node(name); !n.IsZero() {
		return n.Child("value").Text()
	}
	for _, pair := range p.pairs {
		if pair.Name == name {
			return pair.Value
		}
	}
	return ""
}

// only refuses parameters beyond names, and those that are given twice.
func (p parameters) only(op string, names ...string) error {
	if err := p.known(op, names...); err != nil {
		return err
	}
	return p.once(names...)
}

// once refuses parameters called names that are given again: all but one would be
// dropped.
func (p parameters) once(names ...string) error {
	given := make(map[string]bool, len(names))
	return p.each(func(name, path string) error {
		if given[name] {
			return fault.New(fault.Invalid, fault.CodeInvalid, path, "%s is given twice.", name)
		}
		given[name] = slices.Contains(names, name)
		return nil
	})
}

// each checks the name and the path of every parameter.
func (p parameters) each(check func(name, path string) error) error {
	for n := range p.root.All("parameter") {
		if err := check(n.Child("name").Text(), n.Path()); err != nil {
			return err
		}
	}
	for _, pair := range p.pairs {
		if err := check(pair.Name, ""); err != nil {
			return err
		}
	}
	return nil
}

// known refuses parameters beyond names.
func (p parameters) known(op string, names ...string) error {
	return p.each(func(name, path string) error {
		if slices.Contains(names, name) {
			return nil
		}
		has := "none"
		if len(names) > 0 {
			has = strings.Join(names, ", ")
		}
		return fault.New(fault.Invalid, fault.CodeNotSupported, path, "$%s has no parameter %q; it has %s.", op, fault.Shorten(name), has)
	})
}

// definitionOf is the canonical of an operation's definition for a type, "" for
// the system: that of a loaded package if it has one.
func (o *operation) definitionOf(d *definitions.Definitions, resourceType string) string {
	if def := d.Operation(resourceType, o.name); def != nil {
		return def.URL
	}
	return o.url
}

// errParameter says that a parameter is wrong.
func errParameter(n fhir.Node, format string, args ...any) error {
	path := ""
	if !n.IsZero() {
		path = n.Path()
	}
	return fault.New(fault.Invalid, fault.CodeValue, path, "%s", fmt.Sprintf(format, args...))
}
