package fhirapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// writeResource answers with a stored resource. Plain JSON goes out as it is
// stored; anything else passes through the tree.
func (c *call) writeResource(status int, stored []byte, release definitions.Release, part part) error {
	body, err := c.render(stored, release, part)
	if err != nil {
		return err
	}
	c.resources++
	c.writeBody(status, body)
	return nil
}

func (c *call) writeBody(status int, body []byte) {
	h := c.w.Header()
	h.Set("Content-Type", c.format.contentType())
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", c.cacheable())
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body) // the client may be gone
}

// render brings stored JSON into the negotiated form.
func (c *call) render(stored []byte, release definitions.Release, part part) ([]byte, error) {
	if err := c.format.acceptable(); err != nil {
		return nil, err
	}
	release, err := c.renderedAs(stored, release)
	if err != nil {
		return nil, err
	}
	if release != c.door.Definitions("").Release {
		c.format.release = release // clients take what is not labelled for the primary one
	}
	if part.whole() && !c.format.xml {
		if c.format.pretty {
			return indent(stored)
		}
		return stored, nil
	}
	tree, err := c.tree(stored, release)
	if err != nil {
		return nil, err
	}
	if !part.whole() {
		if tree, err = part.cut(tree); err != nil {
			return nil, err
		}
	}
	switch {
	case c.format.xml:
		return tree.Root().AppendXML(nil, c.format.pretty)
	case c.format.pretty:
		return tree.Root().AppendJSONIndent(nil), nil
	}
	return tree.Root().AppendJSON(nil), nil
}

// renderedAs returns the release that a stored resource is answered as: the
// one that Accept asks for, if the resource is valid there as it stands, or its
// own.
func (c *call) renderedAs(stored []byte, own definitions.Release) (definitions.Release, error) {
	asked := c.format.release
	if asked == "" || asked == own {
		return own, nil
	}
	if _, err := fhir.ParseJSON(c.definitions(asked), stored, unlimited); err != nil {
		return own, fault.Wrap(err, fault.NotAcceptable, fault.CodeNotSupported, "",
			"What is stored here as FHIR %s cannot be told in FHIR %s; ask for fhirVersion=%s.", own, asked, mimeVersion(own))
	}
	return asked, nil
}

// tree parses what this server made; a failure is its own fault.
func (c *call) tree(stored []byte, release definitions.Release) (*fhir.Tree, error) {
	tree, err := fhir.ParseJSON(c.definitions(release), stored, unlimited)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, fault.CodeException, "", "The stored resource cannot be rendered in this form; try application/fhir+json.")
	}
	return tree, nil
}

// unlimited are the limits of what passed them when it came in.
var unlimited = fhir.Limits{MaxBytes: 1 << 31, MaxNodes: 1 << 30}

func indent(compact []byte) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(2 * len(compact))
	if err := json.Indent(&b, bytes.TrimSpace(compact), "", "  "); err != nil {
		return nil, fault.Wrap(err, fault.Internal, fault.CodeException, "", "The stored resource cannot be indented.")
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// writeOutcome answers with an OperationOutcome that is no error.
func (c *call) writeOutcome(status int, issues []fault.Issue) error {
	c.writeBody(status, web.AppendOutcome(nil, issues, c.format.xml, c.format.pretty))
	return nil
}

// problemHeader tells of each part of what was written that cannot be computed.
const problemHeader = "Ingle-Problem"

// warn sets it, for who does not ask for an OperationOutcome.
func (c *call) warn(issues []fault.Issue) {
	for _, i := range issues {
		if i.Severity == fault.Warning {
			c.w.Header().Add(problemHeader, quoted(i.Path+": "+i.Message))
		}
	}
}

// written is the status of the answer to a create, update or patch.
func written(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

// writeResult answers a create, update or patch as Prefer asks
// (R4 §3.1.0.1.10).
func (c *call) writeResult(res records.Result) error {
	status := written(res.Created)
	c.stamp(res.Version, res.Updated)
	address := c.door.Base() + "/" + res.Key.String() + "/_history/" + strconv.FormatInt(res.Version, 10)
	if res.Created || c.r.Method == http.MethodPost {
		c.w.Header().Set("Location", address)
	} else {
		c.w.Header().Set("Content-Location", address)
	}
	c.warn(res.Issues)
	switch c.prefer.returning {
	case returnMinimal:
		c.w.WriteHeader(status)
		return nil
	case returnOutcome:
		issues := res.Issues
		if len(issues) == 0 {
			issues = []fault.Issue{note("All OK.")}
		}
		return c.writeOutcome(status, issues)
	}
	if res.JSON == nil { // who may write it may not see it
		c.w.WriteHeader(status)
		return nil
	}
	if c.format.acceptable() != nil {
		// What was committed must not be answered with an error.
		c.format.raw = ""
	}
	if _, err := c.renderedAs(res.JSON, res.Release); err != nil {
		c.format.release = res.Release
	}
	body, err := c.render(res.JSON, res.Release, part{})
	if err != nil {
		c.api.config.Log.Error("a committed resource cannot be rendered", "request", c.exchange.ID, "error", err)
		c.w.WriteHeader(status)
		return nil
	}
	c.writeBody(status, body)
	return nil
}
