package portal

import (
	"encoding/base64"
	"html"
	"iter"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var documentTemplate = pages.Parse(pageFiles, "document.html", "page/people.html")

// maxText is how much of an attached text a page shows, in bytes.
const maxText = 64 << 10

// attached is one attachment of a document.
type attached struct {
	Title, Kind string
	Text        string // of a text
	Cut         bool   // there is more of it
	Address     string // where it is downloaded; "" when it is kept elsewhere
}

// document shows a document with the texts that are attached to it.
func (r *record) document() error {
	e, err := r.documentReference()
	if err != nil {
		return err
	}
	page := struct {
		entry
		Parts []attached
		Back  string
	}{note(r, e), nil, r.at("/record/documents")}
	for i, c := range e.List("content") {
		a := c.At("attachment")
		part := attached{Title: a.Text("title"), Kind: mediaWords(a.Text("contentType"))}
		content, err := r.content(a, maxText)
		if err != nil {
			return err
		}
		if content.Content != nil {
			part.Address = r.at("/document/" + e.Text("id") + "/" + strconv.Itoa(i))
			if part.Text, err = readable(content); err != nil {
				return err
			}
			part.Cut = part.Text != "" && content.Size > maxText
		}
		page.Parts = append(page.Parts, part)
	}
	return r.show(http.StatusOK, page.Title, "/record", pages.Narrow, documentTemplate, page)
}

// documentReference reads the document of the address, which is of this record.
func (r *record) documentReference() (pages.Element, error) {
	none := fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such document in this record.")
	id := fhir.ID(r.R.PathValue("id"))
	if !id.Valid() {
		return pages.Element{}, none
	}
	got, err := r.session.Read(r.R.Context(), fhir.Key{Type: "DocumentReference", ID: id}, records.ReadOptions{})
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Gone) {
		return pages.Element{}, none
	}
	if err != nil {
		return pages.Element{}, err
	}
	e, err := pages.ParseElement(got.JSON)
	if err == nil && e.Text("subject", "reference") != "Patient/"+string(r.id) {
		return e, none
	}
	return e, err
}

// content is what an Attachment holds, up to a length (-1: all); without Content when
// it is kept elsewhere, or the visitor may not see it.
func (r *record) content(a pages.Element, length int64) (records.BinaryContent, error) {
	if text := a.Text("data"); text != "" {
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return records.BinaryContent{}, nil // what is no base64 is nothing to show
		}
		size := int64(len(data))
		if length >= 0 && size > length {
			data = data[:length]
		}
		return records.BinaryContent{ContentType: a.Text("contentType"), Size: size, Content: func(yield func([]byte, error) bool) { yield(data, nil) }}, nil
	}
	id, ok := strings.CutPrefix(strings.TrimPrefix(a.Text("url"), r.Door.Base()+"/"), "Binary/")
	if !ok || !fhir.ID(id).Valid() {
		return records.BinaryContent{}, nil
	}
	_, b, err := r.session.ReadBinary(r.R.Context(), fhir.ID(id), "", 0, length)
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Gone || kind == fault.Forbidden) {
		return records.BinaryContent{}, nil
	}
	return b, err
}

var markup = regexp.MustCompile(`(?s)<(script|style|head)\b.*?</(script|style|head)\s*>|<!--.*?-->|<[^>]*>`)

// readable is the content as text, when it is one; "" for other kinds. What is HTML
// loses its markup.
func readable(b records.BinaryContent) (string, error) {
	kind, params, err := mime.ParseMediaType(b.ContentType)
	if err != nil || !strings.HasPrefix(kind, "text/") || params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") && !strings.EqualFold(params["charset"], "us-ascii") {
		return "", nil
	}
	text, err := whole(b.Content)
	if err != nil {
		return "", err
	}
	for len(text) > 0 && !utf8.ValidString(text) && len(text) >= maxText-utf8.UTFMax {
		text = text[:len(text)-1] // the last character was cut
	}
	if !utf8.ValidString(text) {
		return "", nil
	}
	if kind == "text/html" {
		text = html.UnescapeString(markup.ReplaceAllString(text, "\n"))
	}
	return strings.TrimSpace(text), nil
}

func whole(parts iter.Seq2[[]byte, error]) (string, error) {
	var b strings.Builder
	for part, err := range parts {
		if err != nil {
			return "", err
		}
		b.Write(part)
	}
	return b.String(), nil
}

// attachment answers with an attachment as a file. No browser shows it in a page of
// this origin.
func (r *record) attachment() error {
	e, err := r.documentReference()
	if err != nil {
		return err
	}
	list := e.List("content")
	n, err := strconv.Atoi(r.R.PathValue("n"))
	if err != nil || n < 0 || n >= len(list) {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "The document has no such attachment.")
	}
	b, err := r.content(list[n].At("attachment"), -1)
	if err != nil {
		return err
	}
	if b.Content == nil {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "The attachment is kept elsewhere, or is not for you to see.")
	}
	kind, _, err := mime.ParseMediaType(b.ContentType)
	if err != nil {
		kind = "application/octet-stream"
	}
	r.download(kind, "document-"+e.Text("id")+extension(kind))
	for part, err := range b.Content {
		if err != nil {
			panic(http.ErrAbortHandler) // the answer has begun: the client must see that it is not whole
		}
		if _, err := r.W.Write(part); err != nil {
			return nil // the client is gone
		}
	}
	return nil
}

// download begins an answer that a browser keeps as a file.
func (r *record) download(kind, name string) {
	h := r.W.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
}

// extension is the usual one of a few kinds of files.
func extension(kind string) string {
	return map[string]string{
		"text/plain": ".txt", "text/html": ".html", "application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "application/xml": ".xml", "text/xml": ".xml", "application/rtf": ".rtf",
	}[kind]
}

// mediaWords are what people call a media type, and for others the type.
func mediaWords(contentType string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return contentType
	}
	switch {
	case kind == "application/pdf":
		return "PDF"
	case kind == "text/html":
		return "page"
	case strings.HasPrefix(kind, "text/"):
		return "text"
	case strings.HasPrefix(kind, "image/"):
		return "image"
	}
	return kind
}
