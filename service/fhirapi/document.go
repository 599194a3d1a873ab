package fhirapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func documentOperation() *operation {
	return &operation{
		name: "document", url: "http://hl7.org/fhir/OperationDefinition/Composition-document",
		typed: true, instance: true, types: []fhir.Type{"Composition"}, run: (*call).document,
		doc: "The document of a Composition, with everything that it refers to, which persist=true stores (parameters id, of the type, and persist; graph is not supported).",
	}
}

// document performs $document (R4 Composition-document). With persist=true the
// Bundle is stored, and Location tells where.
func (c *call) document(ctx context.Context, in *invocation) ([]byte, error) {
	id, persist, err := c.documentParameters(in)
	if err != nil {
		return nil, err
	}
	resources, err := c.session.Document(ctx, id)
	if err != nil {
		return nil, err
	}
	b := &bundle{c: c}
	b.begin("document")
	b.buf = append(b.buf, `,"identifier":{"system":"urn:ietf:rfc:3986","value":"urn:uuid:`...)
	b.buf = append(b.buf, uuid.NewString()...)
	b.buf = append(b.buf, `"},"timestamp":"`...)
	b.buf = appendInstant(b.buf, c.api.config.Clock())
	b.buf = append(b.buf, '"')
	for i := range resources {
		b.entry()
		b.fullURL(&resources[i])
		b.buf = append(b.buf, ',')
		if err := b.resource(&resources[i], part{}); err != nil {
			return nil, err
		}
		b.buf = append(b.buf, '}')
	}
	b.end()
	in.release, in.mixed = b.holds(), b.mixed
	if !persist {
		return b.buf, nil
	}
	if in.mixed {
		return nil, fault.New(fault.Unprocessable, fault.CodeBusinessRule, "", "The document holds resources of several FHIR releases, so it cannot be stored as one.")
	}
	// The time of a reading operation does not bound what it stores.
	res, err := c.session.Create(c.r.Context(), "Bundle", records.Content{JSON: b.buf, Release: in.release}, records.CreateOptions{Request: records.Request{ID: c.exchange.ID}})
	if err != nil {
		return nil, err
	}
	in.release, in.version, in.updated, in.location = res.Release, res.Version, res.Updated, res.Key.String()
	return res.JSON, nil
}

func (c *call) documentParameters(in *invocation) (id fhir.ID, persist bool, err error) {
	pairs, err := c.simpleParameters(in)
	if err != nil {
		return "", false, err
	}
	p := parameters{pairs: pairs}
	if p.text("graph") != "" {
		return "", false, fault.New(fault.Invalid, fault.CodeNotSupported, "", "$document takes no graph: a document holds everything that its Composition refers to.")
	}
	if err := p.only("document", "id", "persist"); err != nil {
		return "", false, err
	}
	if persist, err = p.boolean("persist"); err != nil {
		return "", false, err
	}
	if persist && c.r.Method == http.MethodHead {
		return "", false, fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "", "A HEAD stores nothing: ask for persist=true by POST or GET.")
	}
	asked := p.text("id")
	switch {
	case in.ID != "" && asked != "":
		return "", false, fault.New(fault.Invalid, fault.CodeInvalid, "", "The URL names the Composition already: leave out the parameter id, or call /Composition/$document?id=...")
	case in.ID != "":
		return in.ID, persist, nil
	}
	id, err = c.compositionID(asked)
	return id, persist, err
}

// compositionID reads the parameter id: an id, or the address of a Composition
// of this server.
func (c *call) compositionID(asked string) (fhir.ID, error) {
	id := fhir.ID(strings.TrimPrefix(strings.TrimPrefix(asked, c.door.Base()+"/"), "Composition/"))
	switch {
	case asked == "":
		return "", fault.New(fault.Invalid, fault.CodeRequired, "", "$document needs a Composition: call /Composition/123/$document, or send the parameter id.")
	case strings.Contains(string(id), "://"):
		return "", fault.New(fault.Invalid, fault.CodeNotSupported, "", "%q is on another server; documents are made of this server's Compositions.", fault.Shorten(asked))
	case !id.Valid():
		return "", errBadID(asked)
	}
	return id, nil
}
