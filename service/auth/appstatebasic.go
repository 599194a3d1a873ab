package auth

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// maxAppState bounds one state, in bytes as sent.
const maxAppState = 256 << 10

// basic is a Basic resource with what app state may have. What is not here is
// refused, since all that is accepted is kept.
type basic struct {
	Type      string                     `json:"resourceType"`
	ID        string                     `json:"id,omitempty"`
	Meta      map[string]json.RawMessage `json:"meta,omitempty"`
	Extension []stateExtension           `json:"extension,omitempty"`
	Code      stateCode                  `json:"code"`
	Subject   *stateSubject              `json:"subject,omitempty"`

	base string // of FHIR
}

type stateExtension struct {
	URL   string  `json:"url"`
	Value *string `json:"valueString"`
}

type stateCode struct {
	Coding []stateCoding `json:"coding"`
	Text   string        `json:"text,omitempty"`
}

type stateCoding struct {
	System  string `json:"system"`
	Version string `json:"version,omitempty"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

type stateSubject struct {
	Reference string `json:"reference"`
	Type      string `json:"type,omitempty"`
	Display   string `json:"display,omitempty"`
}

// readBasic reads the body of a request and says which rule of app state it
// breaks.
func (c *call) readBasic() (*basic, error) {
	t, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || t != "application/fhir+json" && t != "application/json" {
		return nil, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "Send app state as application/fhir+json.")
	}
	if c.r.ContentLength > maxAppState {
		return nil, errAppStateSize()
	}
	body, err := web.ReadBody(c.r)
	if err != nil {
		return nil, err
	}
	if len(body) > maxAppState {
		return nil, errAppStateSize()
	}
	b := &basic{base: c.Identity.FHIRBase()}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(b); err != nil || !utf8.Valid(body) {
		return nil, fault.New(fault.Unprocessable, fault.CodeStructure, "Basic",
			"app state is JSON of a Basic with meta, code, subject and extensions with url and valueString, and nothing else: %s", reason(err))
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.New(fault.Invalid, fault.CodeStructure, "", "something follows the resource")
	}
	return b, b.check()
}

func reason(err error) string {
	if err == nil {
		return "it is not UTF-8"
	}
	return fault.Shorten(strings.TrimPrefix(err.Error(), "json: "))
}

func errAppStateSize() error {
	return fault.New(fault.TooLarge, fault.CodeTooLong, "", "App state has at most %d KiB.", maxAppState>>10)
}

func (b *basic) check() error {
	refuse := func(path, message string) error {
		return fault.New(fault.Unprocessable, fault.CodeBusinessRule, path, "%s", message)
	}
	if b.Type != "Basic" {
		return refuse("resourceType", "app state is a Basic resource")
	}
	if len(b.Code.Coding) != 1 || b.Code.Coding[0].System == "" || b.Code.Coding[0].Code == "" || strings.Contains(b.code(), "\n") {
		return refuse("Basic.code.coding", "app state has exactly one coding, with system and code, which says whose state it is and of what kind")
	}
	if b.Subject != nil {
		typ, id, ok := strings.Cut(strings.TrimPrefix(b.Subject.Reference, b.base+"/"), "/")
		if !strings.HasPrefix(b.Subject.Reference, b.base+"/") || !ok || !slices.Contains(stateSubjects, typ) || !fhir.ID(id).Valid() {
			return refuse("Basic.subject.reference", "the subject is an absolute reference to one of "+strings.Join(stateSubjects, ", ")+" of this server: "+b.base+"/Patient/123")
		}
	}
	for n, e := range b.Extension {
		if e.URL == "" || e.Value == nil {
			return refuse("Basic.extension["+strconv.Itoa(n)+"]", "an extension of app state has a url and a valueString")
		}
	}
	return nil
}

// code is the code as searches write it.
func (b *basic) code() string { return b.Code.Coding[0].System + "|" + b.Code.Coding[0].Code }

func (b *basic) subject() string {
	if b.Subject == nil {
		return ""
	}
	return b.Subject.Reference
}

// kept is what of the resource is kept: all but id and what the server says of it.
func (b *basic) kept() (json.RawMessage, error) {
	k := *b
	k.ID, k.Meta = "", map[string]json.RawMessage{}
	for name, value := range b.Meta {
		if name != "versionId" && name != "lastUpdated" {
			k.Meta[name] = value
		}
	}
	return json.Marshal(k)
}

// stateJSON is a state as the resource that it is.
func stateJSON(s *identity.AppState) (json.RawMessage, error) {
	var b basic
	if err := json.Unmarshal(s.Body, &b); err != nil {
		return nil, err
	}
	if b.Meta == nil {
		b.Meta = map[string]json.RawMessage{}
	}
	b.ID = s.ID
	b.Meta["versionId"] = json.RawMessage(strconv.Quote(strconv.FormatInt(s.Version, 10)))
	b.Meta["lastUpdated"] = json.RawMessage(strconv.Quote(s.Updated.Format(time.RFC3339Nano)))
	return json.Marshal(b)
}
