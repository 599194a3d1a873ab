package fhirapi

import (
	"bytes"
	"mime"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// mediaType is a parsed Content-Type.
type mediaType struct {
	name    string
	release definitions.Release
}

func (c *call) mediaType() (mediaType, error) {
	header := c.r.Header.Get("Content-Type")
	switch header {
	case "application/fhir+json", "application/fhir+xml", "application/json":
		return mediaType{name: header}, nil
	case "":
		return mediaType{}, nil
	}
	name, params, err := mime.ParseMediaType(header)
	if err != nil {
		return mediaType{}, fault.Wrap(err, fault.UnsupportedMedia, fault.CodeNotSupported, "", "Content-Type %q cannot be understood.", fault.Shorten(header))
	}
	m := mediaType{name: name}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") && (isJSON(name) || isXML(name)) {
		return m, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "charset %s is not supported; FHIR is written in UTF-8.", fault.Shorten(charset))
	}
	if v := params["fhirversion"]; v != "" {
		if m.release, err = parseMimeVersion(v); err != nil || !c.loaded(m.release) {
			return m, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "fhirVersion=%s is not loaded in this server.", fault.Shorten(v))
		}
	}
	return m, nil
}

func isJSON(name string) bool {
	switch name {
	case "application/fhir+json", "application/json", "application/json+fhir", "text/json":
		return true
	}
	return false
}

func isXML(name string) bool {
	switch name {
	case "application/fhir+xml", "application/xml", "application/xml+fhir", "text/xml":
		return true
	}
	return false
}

// content reads the body as a resource.
func (c *call) content() (records.Content, error) {
	m, err := c.mediaType()
	if err != nil {
		return records.Content{}, err
	}
	if !isJSON(m.name) && !isXML(m.name) {
		return records.Content{}, errContentType(m.name, "application/fhir+json or application/fhir+xml")
	}
	body, err := web.ReadBody(c.r)
	if err != nil {
		return records.Content{}, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return records.Content{}, fault.New(fault.Invalid, fault.CodeRequired, "", "The request has no body; %s needs a resource.", c.endpoint.name)
	}
	switch first := bytes.TrimSpace(body)[0]; {
	case first == '<' && isJSON(m.name):
		return records.Content{}, errOther("XML", m.name, "application/fhir+xml")
	case first == '{' && isXML(m.name):
		return records.Content{}, errOther("JSON", m.name, "application/fhir+json")
	}
	content := records.Content{Release: m.release}
	if isXML(m.name) {
		content.XML = body
	} else {
		content.JSON = body
	}
	return content, nil
}

func errOther(is, name, want string) error {
	return fault.New(fault.Invalid, fault.CodeStructure, "", "The body is %s, but Content-Type says %s; send it as %s.", is, name, want)
}

func errContentType(name, want string) error {
	if name == "" {
		return fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "The request names no Content-Type; send %s.", want)
	}
	return fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "Content-Type %s is not supported here; send %s.", fault.Shorten(name), want)
}

// hasBody says whether the client sent a body.
func hasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// parse makes the tree of a content.
func (c *call) parse(content records.Content) (*fhir.Tree, error) {
	d := c.definitions(content.Release)
	if content.XML != nil {
		return fhir.ParseXML(d, content.XML, fhir.Limits{})
	}
	return fhir.ParseJSON(d, content.JSON, fhir.Limits{})
}
