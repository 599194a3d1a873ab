package records

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// A search among contained resources (R4 §3.1.1.5.6) reads those that contain
// some of the type, in the order of creation, and matches what they contain in
// memory: every parameter and modifier means there what it means elsewhere, and
// all of them are asked of one contained resource. It costs writers one index
// row for each type that a resource contains. A page looks at no more than
// containersOfPage resources: it may then have fewer matches than asked for, or
// none, and yet a next page. A total looks at containersOfTotal, and so does a page
// in the order of _sort.
const (
	containersOfPage  = 2000
	containersOfTotal = 20_000
	containersAtOnce  = 200
)

// containedWalk is one such search under way.
type containedWalk struct {
	s      *Session
	r      store.Reader
	q      *search.Query
	left   int    // how many containers may still be looked at
	print  string // what the query's cursors begin with
	result *SearchResult
}

// searchContained fills result.
func (s *Session) searchContained(ctx context.Context, r store.Reader, q *search.Query, result *SearchResult) error {
	w := &containedWalk{s: s, r: r, q: q, left: containersOfPage, print: containedPrint(q), result: result}
	if q.Total != search.TotalNone {
		if err := w.total(ctx); err != nil {
			return err
		}
	}
	if q.Count == 0 || q.Summary == search.SummaryCount {
		result.Count = 0
		return nil
	}
	phase, after := "o", ""
	if len(q.Sort) > 0 {
		phase = "s"
	}
	if q.After != "" {
		rest, ok := strings.CutPrefix(q.After, w.print)
		if !ok || rest == "" {
			return store.ErrBadCursor
		}
		phase, after = rest[:1], rest[1:]
	}
	if phase == "s" {
		return w.sorted(ctx, after)
	}
	if q.Contained == search.ContainedBoth && phase == "o" {
		next, err := w.whole(ctx, after)
		if err != nil || next != "" {
			return err
		}
		after = ""
		if len(result.Entries) >= q.Count {
			w.next("c", "")
			return nil
		}
	}
	return w.inside(ctx, after)
}

// next sets the cursor of the page after this one.
func (w *containedWalk) next(phase, after string) {
	w.result.Next = w.s.door.cursors.seal(w.print + phase + after)
}

// ordinary is the query for resources themselves.
func (w *containedWalk) ordinary(after string) *search.Query {
	q := *w.q
	q.Filter, q.Bytes, q.After, q.Total = w.s.only(q.Types, smart.Search, q.Filter), w.s.door.pageBytes(), after, search.TotalNone
	return &q
}

// containers is the query for what has contained resources of the type.
func (w *containedWalk) containers(after string, count int) *search.Query {
	return &search.Query{Filter: w.s.only(nil, smart.Search, search.Containers(w.q.Types)), Count: count, After: after, Bytes: w.s.door.pageBytes()}
}

// whole adds what matches by itself.
func (w *containedWalk) whole(ctx context.Context, after string) (next string, err error) {
	page, err := w.r.Search(ctx, w.ordinary(after))
	if err != nil {
		return "", err
	}
	for _, record := range page.Records {
		if err := w.s.append(ctx, w.result, record, ModeMatch); err != nil {
			return "", err
		}
	}
	if page.Next != "" {
		w.next("o", page.Next)
	}
	return page.Next, nil
}

// inside adds what matches inside of resources. A page ends between two of
// them: one with more matches than a page takes has a page of its own.
func (w *containedWalk) inside(ctx context.Context, after string) error {
	for count := max(w.q.Count-len(w.result.Entries), 1); ; count *= 2 {
		count = min(count, w.left, containersAtOnce)
		q := w.containers(after, count)
		q.Cursors = true
		page, err := w.r.Search(ctx, q)
		if err != nil {
			return err
		}
		found := make([][]SearchEntry, len(page.Records))
		for i, record := range page.Records {
			if found[i], err = w.matches(ctx, record); err != nil {
				return err
			}
		}
		if fits := w.fitting(found); fits < len(found) {
			if fits == 0 && len(w.result.Entries) > 0 {
				w.next("c", after)
				return nil
			}
			if fits = max(fits, 1); fits < len(found) {
				found, page.Records, page.Next, w.left = found[:fits], page.Records[:fits], page.Cursors[fits-1], fits
			}
		}
		for _, entries := range found {
			w.result.Entries = append(w.result.Entries, entries...)
		}
		w.left -= len(page.Records)
		after = page.Next
		switch {
		case after == "":
			return nil
		case w.left <= 0 || len(w.result.Entries) >= w.q.Count:
			w.next("c", after)
			return nil
		}
	}
}

// fitting is how many of found the page has room for.
func (w *containedWalk) fitting(found [][]SearchEntry) int {
	n := len(w.result.Entries)
	for i := range found {
		if n += len(found[i]); n > w.q.Count {
			return i
		}
	}
	return len(found)
}

// matches are what a container gives to the result.
func (w *containedWalk) matches(ctx context.Context, record store.Record) ([]SearchEntry, error) {
	docs, err := w.matching(ctx, record)
	if err != nil {
		return nil, err
	}
	if !w.q.ContainedAlone {
		docs = docs[:min(len(docs), 1)]
	}
	out := make([]SearchEntry, len(docs))
	for i := range docs {
		if out[i], err = w.entry(ctx, record, &docs[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// entry is what the result has of a match: the container, or the match alone.
func (w *containedWalk) entry(ctx context.Context, record store.Record, doc *search.ContainedDocument) (SearchEntry, error) {
	res, err := w.s.resource(ctx, record)
	e := SearchEntry{Resource: res, Mode: ModeMatch}
	if err != nil || !w.q.ContainedAlone {
		return e, err
	}
	e.Fragment = strings.TrimPrefix(string(doc.Key.ID), "#")
	node, err := w.shown(ctx, record, doc)
	e.JSON = node.AppendJSON(nil)
	return e, err
}

// shown is a match as the session is shown it.
func (w *containedWalk) shown(ctx context.Context, record store.Record, doc *search.ContainedDocument) (fhir.Node, error) {
	if w.s.masks == nil {
		return doc.Node, nil
	}
	tree, err := w.s.whole(ctx, record)
	if err != nil {
		return fhir.Node{}, err
	}
	for c := range tree.Root().All("contained") {
		if c.Child("id").Text() == strings.TrimPrefix(string(doc.Key.ID), "#") {
			return c, nil
		}
	}
	return fhir.Node{}, notFound(record.Key)
}

// visible are the ids of the contained resources that the session is shown; nil: of all. Of what
// is withheld it is shown none, without a warning, which would tell what is in it.
func (w *containedWalk) visible(ctx context.Context, record store.Record) (map[string]bool, error) {
	if w.s.masks == nil {
		return nil, nil
	}
	ids := map[string]bool{}
	record, err := w.s.masked(ctx, record)
	if errors.Is(err, errWithheld) {
		return ids, nil
	}
	if err != nil {
		return nil, err
	}
	tree, err := w.s.door.tree(record)
	if err != nil {
		return nil, err
	}
	for c := range tree.Root().All("contained") {
		ids[c.Child("id").Text()] = true
	}
	return ids, nil
}

// matching are the contained resources that the query is about.
func (w *containedWalk) matching(ctx context.Context, record store.Record) ([]search.ContainedDocument, error) {
	d := w.s.door
	tree, err := d.tree(record)
	if err != nil {
		return nil, err
	}
	docs, err := d.release(record.Release).catalog.ExtractContained(ctx, tree, w.q.Types)
	if err != nil {
		return nil, err
	}
	visible, err := w.visible(ctx, record)
	if err != nil {
		return nil, err
	}
	var out []search.ContainedDocument
	for i := range docs {
		if visible != nil && !visible[docs[i].Node.Child("id").Text()] {
			continue
		}
		ok, err := search.Match(ctx, w.q.Filter, &docs[i].Document, matchSource{door: d})
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, docs[i])
		}
	}
	return out, nil
}

// total counts what the whole search finds.
func (w *containedWalk) total(ctx context.Context) error {
	if w.q.Contained == search.ContainedBoth {
		n, err := w.r.Count(ctx, w.ordinary(""))
		if err != nil {
			return err
		}
		w.result.Total = n
	} else {
		w.result.Total = 0
	}
	q := w.containers("", containersAtOnce)
	for seen := 0; ; {
		page, err := w.r.Search(ctx, q)
		if err != nil {
			return err
		}
		if seen += len(page.Records); seen > containersOfTotal {
			return fault.New(fault.Invalid, fault.CodeTooCostly, "",
				"more than %d resources contain some of %s: they are too many to count; search without _total", containersOfTotal, strings.Join(w.q.Types, ", "))
		}
		for _, record := range page.Records {
			found, err := w.matches(ctx, record)
			if err != nil {
				return err
			}
			w.result.Total += int64(len(found))
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// containedPrint binds a cursor to its query: the store sees only that
// containers are asked for.
func containedPrint(q *search.Query) string {
	h := sha256.New()
	for _, p := range q.Applied {
		if p.Name != "_count" && p.Name != "_total" {
			fmt.Fprintf(h, "%q=%q&", p.Name, p.Value)
		}
	}
	fmt.Fprintf(h, "%q", q.Types)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// ownOnly refuses _contained in criteria of what is not a search.
func ownOnly(q *search.Query) error {
	if q.Contained == search.ContainedFalse {
		return nil
	}
	return fault.New(fault.Invalid, fault.CodeNotSupported, "", "_contained is for a search: only a search looks inside of resources")
}
