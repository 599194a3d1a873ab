package fhirapi

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// viewOperations run ViewDefinitions of SQL on FHIR: under the name of version
// 2.0 of the guide, and under that of the later ones, which can also be called
// at the base.
func viewOperations() []*operation {
	const doc = "Runs a ViewDefinition of SQL on FHIR over stored resources or those in the request, as ndjson, json or csv " +
		"(parameters _format, header, viewResource, viewReference, resource, patient, group, _since, _limit)."
	return []*operation{
		{
			name: "run", url: "http://sql-on-fhir.org/OperationDefinition/$run", types: []fhir.Type{"ViewDefinition"},
			typed: true, instance: true, formats: true, run: (*call).tableEntry, serve: (*call).runView, doc: doc,
		},
		{
			name: "viewdefinition-run", url: "http://sql-on-fhir.org/OperationDefinition/$viewdefinition-run", types: []fhir.Type{"", "ViewDefinition"},
			system: true, typed: true, instance: true, formats: true, run: (*call).tableEntry, serve: (*call).runView, doc: doc,
		},
	}
}

var viewParameters = []string{"_format", "header", "viewResource", "viewReference", "resource", "patient", "group", "_since", "_limit"}

// runView performs $run. The view is the parameter viewResource, the body, what
// viewReference names, or the instance. The answer is written while the rows
// are made; an error that comes later than its first part cuts the connection.
func (c *call) runView() error {
	in, err := c.invocation()
	if err != nil {
		return err
	}
	table, out, err := c.table(c.r.Context(), in)
	if err != nil {
		return err
	}
	return c.writeTable(table, out)
}

// table is the table that is asked for, and how it is to be written.
func (c *call) table(ctx context.Context, in *invocation) (*records.Table, tableOptions, error) {
	p, sent, err := c.parametersOrResource(in)
	if err != nil {
		return nil, tableOptions{}, err
	}
	if p.has("source") {
		return nil, tableOptions{}, errParameter(p.node("source"), "$%s has no source to choose from: it runs over what is stored here, or over the resources in the parameter resource. Leave source out.", in.Op)
	}
	if err := p.known(in.Op, viewParameters...); err != nil {
		return nil, tableOptions{}, err
	}
	if err := p.once("_format", "header", "viewResource", "viewReference", "_since", "_limit"); err != nil {
		return nil, tableOptions{}, err
	}
	out, err := c.tableOptions(in, p)
	if err != nil {
		return nil, out, err
	}
	req, err := tableRequest(in, p, sent)
	if err != nil {
		return nil, out, err
	}
	table, err := c.session.Table(ctx, req)
	return table, out, err
}

// tableRequest says what is to be run over what.
func tableRequest(in *invocation, p parameters, sent *records.Content) (records.TableRequest, error) {
	r := records.TableRequest{Content: sent, Reference: p.reference("viewReference")}
	given := 0
	if view := p.node("viewResource"); !view.IsZero() {
		resource := view.Child("resource")
		if resource.IsZero() {
			return r, errParameter(view, "viewResource must hold a ViewDefinition as its resource.")
		}
		r.Content = &records.Content{Tree: resource.CopyTree(), Release: in.content.Release}
		given++
	}
	if sent != nil {
		given++
	}
	if r.Reference != "" {
		given++
	}
	if in.ID != "" {
		r.Reference = in.key().String()
		given++
	}
	if given != 1 {
		return r, errParameter(p.root, "One ViewDefinition is needed: as viewResource or the body, by viewReference, or by calling the operation on a stored one.")
	}
	for n := range p.root.All("parameter") {
		switch n.Child("name").Text() {
		case "resource":
			resource := n.Child("resource")
			if resource.IsZero() {
				return r, errParameter(n, "resource must hold a resource.")
			}
			r.Resources = append(r.Resources, resource.CopyTree())
		case "patient":
			r.Patients = append(r.Patients, valueOrReference(n))
		case "group":
			r.Groups = append(r.Groups, valueOrReference(n))
		}
	}
	for _, pair := range p.pairs {
		switch pair.Name {
		case "patient":
			r.Patients = append(r.Patients, pair.Value)
		case "group":
			r.Groups = append(r.Groups, pair.Value)
		}
	}
	if since := p.text("_since"); since != "" {
		t, ok := search.ParseTime(strings.ReplaceAll(since, " ", "+"))
		if !ok {
			return r, errParameter(p.node("_since"), "_since is an instant like 2024-05-01T12:00:00Z, not %q.", fault.Shorten(since))
		}
		r.Since = time.UnixMicro(t.Lo)
	}
	if r.Resources != nil && (r.Patients != nil || r.Groups != nil || !r.Since.IsZero()) {
		return r, errParameter(p.root, "patient, group and _since choose among stored resources; with resource there are none.")
	}
	return r, nil
}

// has says whether there is a parameter called name.
func (p parameters) has(name string) bool {
	if !p.node(name).IsZero() {
		return true
	}
	for _, pair := range p.pairs {
		if pair.Name == name {
			return true
		}
	}
	return false
}

// reference returns a parameter that is a reference, or a simple value.
func (p parameters) reference(name string) string {
	if n := p.node(name); !n.IsZero() {
		return valueOrReference(n)
	}
	return p.text(name)
}

func valueOrReference(parameter fhir.Node) string {
	value := parameter.Child("value")
	if reference := value.Child("reference"); !reference.IsZero() {
		return reference.Text()
	}
	return value.Text()
}

// tableOptions say how a table is written.
type tableOptions struct {
	format string // ndjson, json, csv
	header bool   // of csv
	limit  int    // rows; 0 for no limit
}

func (c *call) tableOptions(in *invocation, p parameters) (tableOptions, error) {
	o := tableOptions{header: true}
	asked := p.text("_format")
	switch {
	case asked != "":
		o.format = tableFormat(asked)
	case !in.own:
		o.format = "ndjson" // the formats of the request are those of the Bundle
	case c.format.asked != "":
		asked = c.format.asked
		o.format = tableFormat(asked)
	default:
		o.format = acceptedTable(c.r.Header.Values("Accept"))
	}
	if o.format == "" {
		return o, fault.New(fault.NotAcceptable, fault.CodeNotSupported, "", "A table is written as ndjson, json or csv, not as %q.", fault.Shorten(asked))
	}
	var err error
	if p.has("header") {
		if o.header, err = p.boolean("header"); err != nil {
			return o, err
		}
	}
	if limit := p.text("_limit"); limit != "" {
		if o.limit, err = strconv.Atoi(limit); err != nil || o.limit < 1 {
			return o, errParameter(p.node("_limit"), "_limit must be a number above 0, not %q.", fault.Shorten(limit))
		}
	}
	return o, nil
}

// tableFormat is the format of a table that a media type or short name means,
// "" for none.
func tableFormat(name string) string {
	name, _, _ = strings.Cut(name, ";")
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "ndjson", "application/x-ndjson", "application/ndjson", "application/fhir+ndjson", "*/*", "application/*":
		return "ndjson"
	case "json", "application/json", "application/fhir+json":
		return "json"
	case "csv", "text/csv", "text/*":
		return "csv"
	}
	return ""
}

// acceptedTable is the first format in Accept that a table can have; ndjson
// when there is none, as the guide has it.
func acceptedTable(accepts []string) string {
	for _, header := range accepts {
		for item := range strings.SplitSeq(header, ",") {
			if q, err := quality(item); err == nil && q > 0 && tableFormat(item) != "" {
				return tableFormat(item)
			}
		}
	}
	return "ndjson"
}
