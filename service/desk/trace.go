package desk

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var (
	traceTemplate  = pages.Parse(pageFiles, "trace.html", "page/head.html", "page/steps.html")
	uploadTemplate = pages.Parse(pageFiles, "upload.html", "page/steps.html")
)

// row is a step of a trace as it is shown.
type row struct {
	finding
	identity.Step
	Number int
	Begins bool // an authorization begins with it
	Facts  []fact
	Fixing *fixing // a form that sets it right; nil for none
}

// fixing registers the redirect address that was asked for.
type fixing struct{ Action, Token, Redirect string }

// fact is a name and a value that was sent or answered.
type fact struct{ Name, Value string }

// tracePage is what an app did, step by step.
type tracePage struct {
	head
	Rows     []row
	Bad      int
	Download string
	Now      time.Time
}

// rowsOf explains the steps of a trace, in their order.
func rowsOf(at server, steps []identity.Step) (rows []row, bad int) {
	for i, s := range steps {
		r := row{finding: diagnose(at, s, steps[:i]), Step: s, Number: i + 1, Begins: s.Path == "/auth/authorize"}
		for _, name := range slices.Sorted(maps.Keys(s.Sent)) {
			r.Facts = append(r.Facts, fact{"sent: " + name, s.Sent[name]})
		}
		if s.Scheme != "" {
			r.Facts = append(r.Facts, fact{"sent: Authorization", s.Scheme + " (redacted)"})
		}
		if s.Origin != "" {
			r.Facts = append(r.Facts, fact{"sent: Origin", s.Origin})
		}
		for _, name := range slices.Sorted(maps.Keys(s.Answer)) {
			if name != "page" {
				r.Facts = append(r.Facts, fact{"answered: " + name, s.Answer[name]})
			}
		}
		if s.Injected != "" {
			r.Facts = append(r.Facts, fact{"simulation", s.Injected})
		}
		if r.Bad {
			bad++
		}
		rows = append(rows, r)
	}
	return rows, bad
}

func showTrace(v *pages.Visit, c *identity.Client) error {
	h, err := heading(v, c, "/trace")
	if err != nil {
		return err
	}
	steps, err := v.Identity.Traced(v.R.Context(), c.ID)
	if err != nil {
		return err
	}
	page := tracePage{head: h, Download: h.Address + "/trace.json", Now: v.Now}
	page.Rows, page.Bad = rowsOf(server{v.Identity.FHIRBase(), v.Identity.Issuer()}, steps)
	for i := range page.Rows {
		switch r := &page.Rows[i]; {
		case r.Adds == "":
		case slices.Contains(c.Redirects, r.Adds):
			r.Fix = "The address is registered by now: launch the app again."
		default:
			r.Fixing = &fixing{h.Address + "/trace", h.Token, r.Adds}
		}
	}
	slices.Reverse(page.Rows)
	f := frame(v, "Trace of "+c.Name, "", pages.Wide)
	f.Notice = notices[v.Query.Get("done")]
	return v.Write(http.StatusOK, f, traceTemplate, page)
}

// changeTrace begins to trace, empties the trace, or registers the address that an app
// asked to be led back to.
func changeTrace(v *pages.Visit, c *identity.Client) error {
	ctx := v.R.Context()
	switch v.Form.Get("do") {
	case "record":
		m := identity.Simulation{Client: c.ID, By: v.User.ID, Address: address(v), Until: v.Now.Add(30 * time.Minute)}
		if err := v.Identity.Simulate(ctx, m); err != nil {
			return err
		}
		return done(v, c, "/trace", "started")
	case "forget":
		if err := v.Identity.ForgetTrace(ctx, c.ID); err != nil {
			return err
		}
		return done(v, c, "/trace", "forgotten")
	case "add":
		if !v.Identity.Sandbox() {
			return fault.New(fault.Forbidden, fault.CodeForbidden, "", "Addresses are registered by a click in a sandbox only.")
		}
		changed := *c
		changed.Redirects = append(slices.Clone(c.Redirects), v.Form.Get("redirect"))
		if err := v.Identity.UpdateClient(ctx, &changed); err != nil {
			return err
		}
		return done(v, c, "/trace", "added")
	}
	return fault.New(fault.Invalid, fault.CodeInvalid, "", "do is record, forget or add.")
}

// traceFile is a trace as it is kept in a file, for others to read.
type traceFile struct {
	Format string          `json:"format"`
	App    string          `json:"app"`
	Client string          `json:"client_id"`
	FHIR   string          `json:"fhir"`
	Issuer string          `json:"issuer"`
	Made   time.Time       `json:"made"`
	Steps  []identity.Step `json:"steps"`
}

const traceFormat = "ingle launch trace 1"

func downloadTrace(v *pages.Visit, c *identity.Client) error {
	steps, err := v.Identity.Traced(v.R.Context(), c.ID)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(traceFile{traceFormat, c.Name, c.ID, v.Identity.FHIRBase(), v.Identity.Issuer(), v.Now.UTC(), steps}, "", " ")
	if err != nil {
		return err
	}
	h := v.W.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+url.PathEscape("trace-"+c.ID)+`.json"`)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = v.W.Write(text) // the client may be gone
	return nil
}

// uploadPage reads the file of a trace.
type uploadPage struct {
	Token, Action string
	Field         pages.Field
	File          *traceFile
	Rows          []row
	Bad           int
	Now           time.Time
	Sandbox       bool
}

func showUpload(v *pages.Visit) error { return writeUpload(v, "", nil, "") }

// upload shows a trace that somebody sent. Nothing of it is kept.
func upload(v *pages.Visit) error {
	text := v.Form.Get("trace")
	var file traceFile
	if err := json.Unmarshal([]byte(text), &file); err != nil || file.Format != traceFormat {
		return writeUpload(v, text, nil, "This is not a trace that was downloaded here: its format is “"+traceFormat+"”.")
	}
	file.Steps = file.Steps[:min(len(file.Steps), identity.TraceMax)]
	return writeUpload(v, "", &file, "")
}

func writeUpload(v *pages.Visit, text string, file *traceFile, wrong string) error {
	f := frame(v, "Read a trace", "/trace", pages.Wide)
	f.Scripts = []string{assets.Path("desk.js")}
	if wrong != "" {
		f.Problems = []pages.Problem{{Field: "trace", Message: wrong}}
	}
	page := uploadPage{Token: f.Token, Action: v.Path(Path + "/trace"), File: file, Now: v.Now}
	page.Field = pages.Field{ID: "trace", Label: "The file's text", Rows: 8, Code: true, Value: text, Error: wrong, Hint: "Open the file in an editor, copy everything, and paste it here."}
	if file != nil {
		page.Rows, page.Bad = rowsOf(server{file.FHIR, file.Issuer}, file.Steps)
	}
	return v.Write(pages.StatusOf(f.Problems), f, uploadTemplate, page)
}

// Clock is the time of day of a step.
func (r row) Clock() string { return r.Time.UTC().Format("15:04:05.000") + " UTC" }

// Kind is how the step is marked.
func (r row) Kind() string {
	if r.Bad {
		return "bad"
	}
	return ""
}

// Badge is its status, as a tag.
func (r row) Badge() pages.Tag {
	text := strconv.Itoa(r.Status)
	if r.Answer["error"] != "" {
		text += " " + r.Answer["error"]
	}
	switch {
	case r.Bad:
		return pages.Tag{Kind: "bad", Text: strings.TrimSpace(text)}
	case r.Notice != "":
		return pages.Tag{Kind: "warn", Text: text}
	}
	return pages.Tag{Kind: "good", Text: text}
}
