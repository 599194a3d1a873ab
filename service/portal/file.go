package portal

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
)

var fileTemplate = pages.Parse(pageFiles, "file.html", "page/people.html")

// file offers the whole record as files.
func (r *record) file() error {
	return r.show(http.StatusOK, "Download", "/file", pages.Narrow, fileTemplate, nil)
}

// fileName is the name of a file with the record.
func (r *record) fileName(ending string) string {
	return "record-" + string(r.id) + "-" + r.Now.UTC().Format(time.DateOnly) + ending
}

// everythingAtOnce is how many resources of the record are read together.
const everythingAtOnce = "200"

// bundle answers with the record as a Bundle (R4, type collection), page by page.
func (r *record) bundle() error {
	r.Note(audit.Export, "the record as a file")
	req := records.EverythingRequest{Type: "Patient", ID: r.id, Pairs: []search.Pair{{Name: "_count", Value: everythingAtOnce}}}
	page, err := r.session.Everything(r.R.Context(), req)
	if err != nil {
		return err
	}
	r.download("application/fhir+json", r.fileName(".json"))
	out := &failing{w: r.W}
	out.text(`{"resourceType":"Bundle","type":"collection","timestamp":"` + r.Now.UTC().Format(time.RFC3339) + `","entry":[`)
	for first := true; ; {
		for _, e := range page.Entries {
			if !first {
				out.text(",")
			}
			first = false
			url, _ := json.Marshal(r.Door.Base() + "/" + e.Key.String()) // text always can be
			out.text("\n" + `{"fullUrl":` + string(url) + `,"resource":`)
			out.write(e.JSON)
			out.text("}")
		}
		if page.Next == "" || out.err != nil {
			break
		}
		req.After = page.Next
		if page, err = r.session.Everything(r.R.Context(), req); err != nil {
			panic(http.ErrAbortHandler) // the answer has begun: the client must see that it is not whole
		}
	}
	out.text("\n]}\n")
	return nil
}

// failing writes until that fails: then the client is gone.
type failing struct {
	w   io.Writer
	err error
}

func (f *failing) write(b []byte) {
	if f.err == nil {
		_, f.err = f.w.Write(b)
	}
}

func (f *failing) text(s string) { f.write([]byte(s)) }

// archive answers with all there is about the patient as a ZIP file: the record, files
// that belong to it, and who looked.
func (r *record) archive() error {
	r.Note(audit.Export, "the record as an archive")
	var begun bool
	var out *zip.Writer
	create := func(name string) (io.Writer, error) {
		if !begun { // what is refused before that gets a page
			begun = true
			r.download("application/zip", r.fileName(".zip"))
			out = zip.NewWriter(r.W)
		}
		return out.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: r.Now})
	}
	_, err := r.session.ExportRecord(r.R.Context(), records.RecordExportRequest{Patient: r.id, Create: create})
	if err == nil {
		var w io.Writer
		if w, err = create("README.txt"); err == nil {
			_, err = io.Copy(w, bytes.NewReader([]byte(strings.ReplaceAll(readme, "{{name}}", r.name()))))
		}
	}
	if err == nil {
		err = out.Close()
	}
	if err != nil && begun {
		panic(http.ErrAbortHandler) // the client must see that it is not whole
	}
	return err
}

const readme = `This is the health record of {{name}}.

record.ndjson      the record, one FHIR resource (R4, JSON) a line
Binary/            files that belong to it, such as documents and images
Binary.ndjson      what kind of files these are
AuditEvent.ndjson  who looked at the record, one event a line
manifest.json      what this archive holds

It is private. Keep it where nobody else finds it.
`
