package bulkload

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// item is a resource to load, or a refusal of one.
type item struct {
	file    int
	line    int64
	entry   int // -1 when it stands alone
	ordinal int64
	key     fhir.Key // as far as it is known
	content records.Content
	err     error
}

// plain says whether the entries of a Bundle can be loaded one by one: they
// are resources to create, or to put under their id. Requests with conditions
// and all else mean something that only a batch or transaction does.
func (d *document) plain() bool {
	switch d.bundle {
	case "transaction", "batch":
	default:
		return true
	}
	for i := range d.entries {
		e := &d.entries[i]
		switch {
		case e.conditional || e.resource == nil:
			return false
		case e.method == "POST" && !strings.ContainsAny(e.url, "?/$"):
		case e.method == "PUT" && strings.Count(e.url, "/") == 1 && !strings.Contains(e.url, "?"):
		default:
			return false
		}
	}
	return true
}

// items reads the resources of a plain document that are wanted.
func (l *load) items(s *step, wanted func(file int, ordinal int64) bool) []item {
	at := item{file: s.file, line: s.line, entry: -1, ordinal: s.ordinal, err: s.err}
	if s.doc == nil {
		return []item{at}
	}
	d := s.doc
	list := make([]item, len(d.entries))
	trees := make([]*fhir.Tree, len(d.entries))
	links := map[string]string{}
	for i := range d.entries {
		e, it := &d.entries[i], &list[i]
		*it = at
		it.ordinal += int64(i)
		if d.bundle != "" {
			it.entry = i
		}
		trees[i], it.err = l.read(d, e, *it)
		if trees[i] == nil {
			continue
		}
		it.key = trees[i].Key()
		it.content = records.Content{Tree: trees[i], Release: l.o.Release}
		if e.fullURL != "" {
			links[e.fullURL] = it.key.String()
		}
	}
	kept := list[:0]
	for i, it := range list {
		if !wanted(it.file, it.ordinal) {
			continue
		}
		if it.err == nil && len(links) > 0 {
			it.err = trees[i].Root().RewriteLinks(func(link string) (string, bool) {
				to, ok := links[link]
				return to, ok
			})
		}
		kept = append(kept, it)
	}
	return kept
}

// read parses an entry's resource and sees to its id.
func (l *load) read(d *document, e *entry, it item) (*fhir.Tree, error) {
	switch {
	case d.bundle == "history":
		return nil, fmt.Errorf("a Bundle of type history is not loaded: versions are made here")
	case d.bundle == "searchset" && e.mode == "outcome":
		return nil, fmt.Errorf("it is the outcome of a search, not a record")
	case e.resource == nil:
		return nil, fmt.Errorf("the entry has no resource")
	}
	tree, err := fhir.ParseJSON(l.defs, e.resource, fhir.Limits{MaxBytes: l.o.MaxLine})
	if err != nil {
		return nil, err
	}
	if want := l.sources[it.file].Type; want != "" && tree.Type() != want {
		return nil, fmt.Errorf("the file is said to hold %s, and this is a resource of type %s", want, tree.Type())
	}
	id := tree.ID()
	switch {
	case e.method == "PUT":
		if want := strings.TrimPrefix(e.url, string(tree.Type())+"/"); want != string(id) {
			return nil, fmt.Errorf("the resource is %s, but its request says %q", tree.Key(), e.url)
		}
	case id != "":
	case strings.HasPrefix(e.fullURL, "urn:uuid:") && fhir.ID(e.fullURL[9:]).Valid():
		id = fhir.ID(e.fullURL[9:])
	default:
		// The same place of the same file gives the same id, whenever it is
		// loaded.
		place := fmt.Sprintf("%s/%d", l.sources[it.file].Hash, it.ordinal)
		id = fhir.ID(uuid.NewSHA1(uuid.NameSpaceURL, []byte(place)).String())
	}
	if id == tree.ID() {
		return tree, nil
	}
	return tree, tree.SetID(id)
}

// bundleText writes the wanted entries as a Bundle for processing as it is,
// save that a resource to create that names itself by its UUID is put under
// that id: then doing it twice makes nothing twice.
func (d *document) bundleText(wanted func(i int) bool) []byte {
	var b []byte
	quoted := func(name, s string) {
		b = append(b, name...)
		b, _ = jsontext.AppendQuote(b, s) // only bad UTF-8 is an error, and was refused
	}
	quoted(`{"resourceType":"Bundle","type":`, d.bundle)
	b = append(b, `,"entry":[`...)
	first := true
	for i := range d.entries {
		if !wanted(i) {
			continue
		}
		e := &d.entries[i]
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, '{')
		if e.fullURL != "" {
			quoted(`"fullUrl":`, e.fullURL)
			b = append(b, ',')
		}
		if e.resource != nil {
			b = append(b, `"resource":`...)
			b = append(b, e.resource...)
			b = append(b, ',')
		}
		id, named := strings.CutPrefix(e.fullURL, "urn:uuid:")
		switch {
		case named && e.method == "POST" && !e.conditional && !strings.ContainsAny(e.url, "?/$") && e.resourceID() == id:
			quoted(`"request":{"method":"PUT","url":`, e.url+"/"+id)
			b = append(b, '}')
		case e.request == nil:
			b = append(b, `"request":{}`...)
		default:
			b = append(b, `"request":`...)
			b = append(b, e.request...)
		}
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

// resourceID is the id that the entry's resource has.
func (e *entry) resourceID() (id string) {
	d := jsontext.NewDecoder(bytes.NewBuffer(e.resource), tolerant...)
	_ = members(d, func(name string) (err error) { // a broken resource is refused later
		if name != "id" {
			return d.SkipValue()
		}
		id, err = text1(d)
		return err
	})
	return id
}
