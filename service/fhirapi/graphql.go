package fhirapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// graphql serves $graphql on the base and on an instance (R4, Using GraphQL
// with FHIR). The answer is JSON that is no resource, and so are its errors.
func (c *call) graphql() error {
	if c.format.xml || c.format.raw != "" && c.format.raw != graphqlResponse {
		return fault.New(fault.NotAcceptable, fault.CodeNotSupported, "", "$graphql answers with application/json or %s only.", graphqlResponse)
	}
	ctx, cancel, err := c.bounded(c.api.config.Evaluation)
	if err != nil {
		return err
	}
	defer cancel()
	var answer []byte
	request, err := c.graphqlRequest()
	if err == nil {
		answer, err = c.session.GraphQL(ctx, records.GraphQLRequest{Request: request, Key: c.key(), Release: c.format.release})
	}
	return c.writeGraph(answer, err)
}

// graphqlResponse is the media type that GraphQL over HTTP prefers.
const graphqlResponse = "application/graphql-response+json"

// graphqlRequest reads the query from the URL and the body, which counts more.
func (c *call) graphqlRequest() (graphql.Request, error) {
	if err := c.only("query", "operationName", "variables"); err != nil {
		return graphql.Request{}, err
	}
	request := graphqlIn(c.pairs)
	if c.r.Method != http.MethodPost || !hasBody(c.r) {
		return request, nil
	}
	m, err := c.mediaType()
	if err != nil {
		return request, err
	}
	switch m.name {
	case "application/graphql":
		body, err := c.graphqlBody()
		request.Query = string(body)
		return request, err
	case "application/json":
		body, err := c.graphqlBody()
		if err != nil {
			return request, err
		}
		return graphql.ParseRequest(body)
	case "application/x-www-form-urlencoded":
		body, err := c.graphqlBody()
		if err != nil {
			return request, err
		}
		form, err := parseQuery(string(body))
		return graphqlIn(append(slices.Clip(c.pairs), form...)), err
	case "application/fhir+json", "application/fhir+xml":
		in := &invocation{target: c.target, pairs: c.pairs}
		if in.content, err = c.operationContent(in); err != nil {
			return request, err
		}
		p, err := c.parametersOf(in)
		if err != nil {
			return request, err
		}
		request.Query = p.text("query")
		return request, p.only("graphql", "query", "operationName", "variables")
	}
	return request, errContentType(m.name, "application/graphql, application/json, or Parameters")
}

// graphqlBody reads the body of a request, which is small.
func (c *call) graphqlBody() ([]byte, error) {
	const most = 4 << 20 // escapes included, more than the engine's limits on query and variables
	body, err := web.ReadBody(c.r)
	if err == nil && len(body) > most {
		err = fault.New(fault.TooLarge, fault.CodeTooLong, "", "A GraphQL request of more than %s is refused.", humanize.IBytes(most))
	}
	return body, err
}

// graphqlIn reads a request from parameters.
func graphqlIn(pairs []search.Pair) graphql.Request {
	var r graphql.Request
	for _, p := range pairs {
		switch p.Name {
		case "query":
			r.Query = p.Value
		case "operationName":
			r.OperationName = p.Value
		case "variables":
			r.Variables = []byte(p.Value)
		}
	}
	return r
}

// graphqlEntry is $graphql in a batch: the answer is a Binary, as its
// definition has it.
func (c *call) graphqlEntry(ctx context.Context, in *invocation) ([]byte, error) {
	request := graphqlIn(in.pairs)
	if in.content != nil {
		p, err := c.parametersOf(in)
		if err != nil {
			return nil, err
		}
		request.Query = p.text("query")
	}
	answer, err := c.session.GraphQL(ctx, records.GraphQLRequest{Request: request, Key: in.key()})
	if failure, ok := errors.AsType[*graphql.Failure](err); ok {
		return nil, fault.Of(failure.Kind, issuesOf(failure))
	}
	if err != nil {
		return nil, err
	}
	return binaryOf("application/json", answer)
}

// binaryOf is a Binary, as which a batch holds what is no resource.
func binaryOf(contentType string, data []byte) ([]byte, error) {
	return json.Marshal(struct {
		ResourceType string `json:"resourceType"`
		ContentType  string `json:"contentType"`
		Data         []byte `json:"data"`
	}{"Binary", contentType, data})
}

func issuesOf(f *graphql.Failure) []fault.Issue {
	issues := make([]fault.Issue, len(f.Errors))
	for i, e := range f.Errors {
		issues[i] = e.Issue
	}
	return issues
}

// cutGraph takes the parameter _graphql out of a call of another operation. It
// is a query over what the operation returns.
func (c *call) cutGraph(op *operation) (string, error) {
	query, ok := c.value("_graphql")
	if !ok {
		return "", nil
	}
	if op.writes {
		return "", fault.New(fault.Invalid, fault.CodeNotSupported, "", "_graphql is not possible with $%s, which writes.", op.name)
	}
	if strings.TrimSpace(query) == "" {
		return "", fault.New(fault.Invalid, fault.CodeRequired, "", "_graphql is empty: it holds a GraphQL query over what the operation returns.")
	}
	c.pairs = slices.DeleteFunc(slices.Clone(c.pairs), func(p search.Pair) bool { return p.Name == "_graphql" })
	return query, nil
}

// graphOf answers with a query over the resource that an operation returned.
func (c *call) graphOf(ctx context.Context, query string, resource []byte) error {
	answer, err := c.session.GraphQL(ctx, records.GraphQLRequest{
		Request: graphql.Request{Query: query}, Content: &records.Content{JSON: resource, Release: c.format.release},
	})
	return c.writeGraph(answer, err)
}

// graphError is one entry of errors (R4, GraphQL, Error Handling).
type graphError struct {
	Message    string          `json:"message"`
	Locations  []graphLocation `json:"locations,omitempty"`
	Path       []any           `json:"path,omitempty"`
	Extensions struct {
		Resource json.RawMessage `json:"resource"`
	} `json:"extensions"`
}

type graphLocation struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// writeGraph answers with data, or with errors that each have an
// OperationOutcome.
func (c *call) writeGraph(answer []byte, err error) error {
	status := http.StatusOK
	if err != nil {
		failure, ok := errors.AsType[*graphql.Failure](err)
		if !ok {
			c.challenge(err)
			explained := web.Explain(err)
			if explained.Kind == fault.Internal {
				return err // the server's own failure is logged and told as everywhere
			}
			failure = &graphql.Failure{Kind: explained.Kind}
			for _, issue := range explained.Issues {
				failure.Errors = append(failure.Errors, graphql.Error{Issue: issue})
			}
		}
		status = web.Status(failure.Kind)
		if answer, err = renderGraphErrors(failure); err != nil {
			return err
		}
	}
	if c.format.pretty {
		if answer, err = indent(answer); err != nil {
			return err
		}
	}
	contentType := "application/json; charset=utf-8"
	if c.format.raw == graphqlResponse {
		contentType = graphqlResponse + "; charset=utf-8"
	}
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(answer)))
	h.Set("Cache-Control", "no-store")
	if status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "2")
	}
	c.w.WriteHeader(status)
	_, _ = c.w.Write(answer) // the client may be gone
	return nil
}

func renderGraphErrors(f *graphql.Failure) ([]byte, error) {
	out := struct {
		Data   any          `json:"data"`
		Errors []graphError `json:"errors"`
	}{Errors: make([]graphError, len(f.Errors))}
	for i, e := range f.Errors {
		g := &out.Errors[i]
		g.Message, g.Path = strings.ToValidUTF8(e.Message, "\uFFFD"), e.Response
		if e.Line > 0 {
			g.Locations = []graphLocation{{e.Line, e.Column}}
		}
		g.Extensions.Resource = web.AppendOutcome(nil, []fault.Issue{e.Issue}, false, false)
	}
	return json.Marshal(out)
}
