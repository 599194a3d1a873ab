package clinic

import (
	"encoding/base64"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var documentTemplate = parse("document.html")

// maxText is how much text of an attachment is shown, in bytes.
const maxText = 256 << 10

// attached is an attachment as far as it can be shown.
type attached struct {
	Title, Type, Text string
	Why               string // there is no text to show; "" when there is
	Cut               bool
}

// showDocument shows the text of a document. Markup is shown as text: what is in it
// does not reach the browser.
func showDocument(h *chart) error {
	d, err := h.read("DocumentReference", h.R.PathValue("document"), "subject")
	if err != nil {
		return err
	}
	var all []pages.Element
	for _, c := range d.List("content") {
		all = append(all, c.At("attachment"))
	}
	return h.showText("/list/documents", documentRow(h, d), all, nil)
}

// showReport shows what a report says, and its results.
func showReport(h *chart) error {
	d, err := h.read("DiagnosticReport", h.R.PathValue("report"), "subject")
	if err != nil {
		return err
	}
	var ids []string
	for _, r := range d.List("result") {
		if id, ok := strings.CutPrefix(r.Text("reference"), "Observation/"); ok && fhir.ID(id).Valid() && len(ids) < perChart {
			ids = append(ids, id)
		}
	}
	var results []row
	if len(ids) > 0 {
		l := h.search("Observation", "_id", strings.Join(ids, ","), "_count", number(perChart))
		if l.err != nil {
			return l.err
		}
		for _, o := range l.Items {
			r := h.rangeOf(o)
			results = append(results, row{What: named(o.At("code").Concept()), Detail: valueOf(o), When: r.words, Tag: judge(o, r)})
		}
	}
	return h.showText("/results", reportRow(h, d), d.List("presentedForm"), results)
}

func (h *chart) showText(tab string, what row, attachments []pages.Element, results []row) error {
	base, err := h.page(tab)
	if err != nil {
		return err
	}
	data := struct {
		page
		What     row
		Attached []attached
		Results  []row
	}{page: base, What: what, Results: results}
	for _, a := range attachments[:min(len(attachments), 10)] {
		data.Attached = append(data.Attached, h.attached(a))
	}
	return h.write(h.frame(what.What), documentTemplate, data)
}

// read reads a resource that is the patient's.
func (h *chart) read(t fhir.Type, id, owner string) (pages.Element, error) {
	none := fault.New(fault.NotFound, fault.CodeNotFound, "", "This is not in the chart of this patient, or you may not see it.")
	if !fhir.ID(id).Valid() {
		return pages.Element{}, none
	}
	l := h.listed(h.session.Search(h.R.Context(), records.SearchRequest{Type: t, Pairs: []search.Pair{
		{Name: "_id", Value: id}, {Name: "patient", Value: "Patient/" + string(h.id)},
	}}))
	if l.err != nil {
		return pages.Element{}, l.err
	}
	if len(l.Items) != 1 {
		return pages.Element{}, none
	}
	return l.Items[0], nil
}

func (h *chart) attached(a pages.Element) attached {
	at := attached{Title: a.Text("title"), Type: a.Text("contentType")}
	content, err := h.content(a)
	switch {
	case err != nil:
		at.Why = "Its content is not here, or you may not see it."
		return at
	case content == nil:
		at.Why = "It has no content here."
		if where := a.Text("url"); where != "" {
			at.Why = "Its content is at " + where
		}
		return at
	}
	media, params, err := mime.ParseMediaType(at.Type)
	if err != nil {
		media, _, _ = strings.Cut(at.Type, ";")
	}
	if at.Cut = len(content) > maxText; at.Cut {
		content = content[:maxText]
	}
	text := string(content)
	if charset := strings.ToLower(params["charset"]); charset == "iso-8859-1" || charset == "windows-1252" || charset == "latin1" {
		text = latin1(content)
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	switch {
	case media == "text/html", media == "application/xhtml+xml", strings.HasSuffix(media, "xml"):
		at.Text = plain(text)
	case strings.HasPrefix(media, "text/"), strings.HasSuffix(media, "json"), media == "" && utf8.Valid(content):
		at.Text = text
	default:
		at.Why = "Content of the type " + media + " (" + pages.Number(int64(len(content))) + " bytes) is not shown here as text."
	}
	return at
}

// content is what an attachment holds, or refers to here, up to a little more than is
// shown; nil when that is nothing.
func (h *chart) content(a pages.Element) ([]byte, error) {
	if data := a.Text("data"); data != "" {
		return io.ReadAll(io.LimitReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(strings.Join(strings.Fields(data), ""))), maxText+1))
	}
	id, ok := strings.CutPrefix(strings.TrimPrefix(a.Text("url"), h.Door.Base()+"/"), "Binary/")
	if id, _, _ = strings.Cut(id, "/"); !ok || !fhir.ID(id).Valid() {
		return nil, nil
	}
	_, binary, err := h.session.ReadBinary(h.R.Context(), fhir.ID(id), "", 0, -1)
	if err != nil {
		return nil, err
	}
	content := []byte{}
	for piece, err := range binary.Content {
		if err != nil {
			return nil, err
		}
		if content = append(content, piece...); len(content) > maxText {
			break
		}
	}
	return content, nil
}

func latin1(content []byte) string {
	runes := make([]rune, len(content))
	for i, b := range content {
		runes[i] = rune(b)
	}
	return string(runes)
}
