// Package bulk moves populations over HTTP.
package bulk

import (
	_ "embed"
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/intake"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// Imports performs $import, an operation of this server's own: NDJSON that is uploaded,
// or fetched from where a manifest or another server's export says, becomes records.
// The orders follow the community's proposals, ping and pull above all
// (https://github.com/smart-on-fhir/bulk-import); there is no HL7 standard.
type Imports struct {
	// Of is the service of a door; required.
	Of func(door *records.Door) *intake.Service
	// Tokens says that reports take an access token.
	Tokens bool
}

// ImportName and ImportURL name the operation.
const (
	ImportName = "import"
	ImportURL  = "https://ingle.health/fhir/OperationDefinition/import"
	ImportDoc  = "An operation of this server, not of HL7: imports NDJSON that is sent (application/fhir+ndjson), or files that a manifest names (input) or another server exports (exportUrl), as the community's ping and pull proposal has it."
)

//go:embed import.json
var importDefinition []byte

// importCall is one request.
type importCall struct {
	*Imports
	w       http.ResponseWriter
	r       *http.Request
	door    *records.Door
	session *records.Session
	service *intake.Service
}

// Serve answers a request below [base]/$import; rest is the address behind that.
func (i *Imports) Serve(w http.ResponseWriter, r *http.Request, door *records.Door, session *records.Session, rest string) error {
	c := &importCall{i, w, r, door, session, i.Of(door)}
	id, file, of := strings.Cut(rest, "/")
	switch {
	case id == "" && r.Method == http.MethodPost:
		return c.order()
	case id == "" && r.Method != http.MethodDelete:
		return c.define()
	case of && file == reportFile && isGet(r):
		return c.report(id)
	case of:
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is nothing at this address. An import has a file %s.", reportFile)
	case id != "" && r.Method == http.MethodDelete:
		return c.cancel(id)
	case id != "" && isGet(r):
		return c.status(id)
	}
	return fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "", "%s is not possible here: imports are ordered by POST of $import, asked for by GET and ended by DELETE of their address.", r.Method)
}

func isGet(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// define tells what the operation is.
func (c *importCall) define() error {
	c.w.Header().Set("Content-Type", "application/fhir+json")
	_, _ = c.w.Write(importDefinition) // the client may be gone
	return nil
}

// Media types of NDJSON.
var ndjson = []string{"application/fhir+ndjson", "application/ndjson", "application/x-ndjson"}

const ndjsonType = "application/fhir+ndjson"

// order takes an upload, or an order of files to fetch.
func (c *importCall) order() error {
	name, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch {
	case err != nil:
	case slices.Contains(ndjson, name):
		return c.upload()
	case name == "application/json" || name == "application/fhir+json":
		return c.fetch()
	}
	return fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "",
		"$import takes NDJSON (Content-Type: application/fhir+ndjson), or a Parameters resource or manifest as JSON that says what to fetch, not %q.", fault.Shorten(c.r.Header.Get("Content-Type")))
}

// fetch orders files.
func (c *importCall) fetch() error {
	body, err := web.ReadBody(c.r)
	if err != nil {
		return err
	}
	o, err := readOrder(body)
	if err != nil {
		return err
	}
	o.Request = c.requested()
	id, err := c.service.Place(c.r.Context(), c.session, o)
	if err != nil {
		return err
	}
	return c.accepted(id)
}

func (c *importCall) requested() string { return c.door.Base() + "/$" + ImportName }

// at is the address of an import.
func (c *importCall) at(id string) string { return c.requested() + "/" + id }

// accepted says where to ask how far an import is.
func (c *importCall) accepted(id string) error {
	h := c.w.Header()
	h.Set("Content-Location", c.at(id))
	h.Set("Content-Type", "application/fhir+json")
	c.w.WriteHeader(http.StatusAccepted)
	_, _ = c.w.Write(web.AppendOutcome(nil, []fault.Issue{{ // the client may be gone
		Severity: fault.Information, Code: fault.CodeInformation, Message: "The import is ordered. " + c.at(id) + " tells how far it is.",
	}}, false, false))
	return nil
}

// cancel ends an import.
func (c *importCall) cancel(id string) error {
	i, err := c.service.Import(c.r.Context(), c.session, id)
	if err == nil {
		err = c.service.Cancel(c.r.Context(), i)
	}
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// writeJSON answers with JSON of this server's own.
func (c *importCall) writeJSON(status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	c.w.WriteHeader(status)
	_, _ = c.w.Write(text) // the client may be gone
	return nil
}
