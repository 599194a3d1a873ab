package records

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// writersOfBatch is how many entries of a batch are written at a time, so that
// they share commits.
const writersOfBatch = 16

func (s *Session) batch(ctx context.Context, rel *release, nodes []fhir.Node, o BundleOptions) (*BundleResult, error) {
	result := &BundleResult{Type: "batch-response", Entries: make([]EntryResult, len(nodes))}
	// Entries of one phase with the same URL and method keep their order.
	var phases [4][][]*entry
	places := map[string]int{}
	names := map[string]bool{}
	for i, n := range nodes {
		e, err := s.door.entry(rel, n, i, o)
		if err != nil {
			result.Entries[i] = EntryResult{Method: n.Find("request", "method").Text(), Err: err}
			continue
		}
		names[e.fullURL] = true
		phase := &phases[e.order()]
		if e.method == "POST" || e.order() == 3 {
			*phase = append(*phase, []*entry{e})
			continue
		}
		if at, ok := places[e.url]; ok && at < len(*phase) && (*phase)[at][0].url == e.url {
			(*phase)[at] = append((*phase)[at], e)
			continue
		}
		places[e.url] = len(*phase)
		*phase = append(*phase, []*entry{e})
	}
	delete(names, "")
	for _, phase := range phases {
		err := spread(ctx, len(phase), writersOfBatch, func(i int) {
			for _, e := range phase[i] {
				res, err := s.one(ctx, rel, e, o, names)
				if err != nil {
					res = EntryResult{Err: e.fail(err)}
				}
				res.Method = e.method
				result.Entries[e.index] = res
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return result, nil
}

// one processes an entry of a batch by itself.
func (s *Session) one(ctx context.Context, rel *release, e *entry, o BundleOptions, names map[string]bool) (EntryResult, error) {
	if e.route.kind == routeOperation {
		return o.answers.take(func() (EntryResult, error) { return e.operation(ctx, o) })
	}
	if !e.writes() {
		return o.answers.take(func() (EntryResult, error) { return s.get(ctx, s.door.store, e, o) })
	}
	if e.method == "DELETE" {
		return s.deleteEntry(ctx, e, o)
	}
	for n := range e.resource.References() {
		if names[n.Text()] {
			return EntryResult{}, fault.Of(fault.Unprocessable, []fault.Issue{issueAt(n, fault.CodeBusinessRule,
				"refers to another entry, which only a transaction can resolve")})
		}
	}
	var res Result
	var err error
	up := UpdateOptions{Request: o.Request, Precondition: e.precondition}
	content := Content{Tree: e.resource.CopyTree(), Release: rel.defs.Release}
	conditional := e.route.kind == routeType
	switch e.method {
	case "POST":
		res, err = s.Create(ctx, e.route.typ, content, CreateOptions{Request: o.Request, IfNoneExist: e.ifNoneExist})
	case "PUT":
		if conditional {
			res, err = s.UpdateWhere(ctx, e.route.typ, e.route.pairs, content, up)
		} else {
			res, err = s.Update(ctx, e.route.key(), content, up)
		}
	case "PATCH":
		var p PatchContent
		if p, err = patchOf(e.resource); err != nil {
			return EntryResult{}, err
		}
		if conditional {
			res, err = s.PatchWhere(ctx, e.route.typ, e.route.pairs, p, up)
		} else {
			res, err = s.Patch(ctx, e.route.key(), p, up)
		}
	}
	if err != nil {
		return EntryResult{}, err
	}
	return answerOf(res), nil
}

func (s *Session) deleteEntry(ctx context.Context, e *entry, o BundleOptions) (EntryResult, error) {
	opts := DeleteOptions{Request: o.Request, Precondition: e.precondition}
	if e.route.kind == routeType {
		_, err := s.DeleteWhere(ctx, e.route.typ, e.route.pairs, opts)
		return EntryResult{Status: http.StatusNoContent}, err
	}
	res, err := s.Delete(ctx, e.route.key(), opts)
	return EntryResult{Status: http.StatusNoContent, Version: res.Version, Key: e.route.key()}, err
}

// answerOf is the entry's answer to a write.
func answerOf(res Result) EntryResult {
	e := EntryResult{
		Status: http.StatusOK, Key: res.Key, Version: res.Version, LastModified: res.Updated,
		Location: location(res.Resource), Resource: &res.Resource, Issues: res.Issues,
	}
	if res.Created {
		e.Status = http.StatusCreated
	}
	return e
}

// get answers a read of any kind from r, which may be a transaction.
func (s *Session) get(ctx context.Context, r store.Reader, e *entry, o BundleOptions) (EntryResult, error) {
	res := EntryResult{Status: http.StatusOK, Method: e.method, Key: e.route.key()}
	ctx, cancel := s.door.bounded(ctx)
	defer cancel()
	switch e.route.kind {
	case routeInstance, routeVersion:
		var got Resource
		pairs, err := s.partParameters("a read", "_summary and _elements", e.route.typ, e.route.pairs, o.Handling)
		if err != nil {
			return res, e.misread(err)
		}
		if e.route.kind == routeVersion {
			got, err = s.vread(ctx, r, e.route.key(), e.route.version, e.read)
		} else {
			got, err = s.read(ctx, r, e.route.key(), e.read)
		}
		if err != nil {
			return res, err
		}
		if got.NotModified {
			res.Status = http.StatusNotModified
		} else if e.method != "HEAD" {
			res.Resource, res.ReadOf = &got, pairs
		}
		res.Version, res.LastModified, res.Location = got.Version, got.Updated, location(got)
		return res, nil
	case routeHistory:
		h, part, err := s.historyOf(e.route, o.Handling)
		if err != nil {
			return res, e.misread(err)
		}
		res.HistoryOf, res.ReadOf = h, part
		res.History, err = s.History(ctx, h)
		return res, err
	}
	res.SearchOf = SearchRequest{Type: e.route.typ, Compartment: e.route.within, Pairs: e.route.pairs, Handling: o.Handling}
	var err error
	res.Search, err = s.search(ctx, r, res.SearchOf)
	return res, err
}

// partParameters are the parameters that say which part of resources of a type, "" for
// all, is wanted, checked, with the names of _elements as search.Element has them. what
// is asked for, and what it has, is for messages.
func (s *Session) partParameters(what, has string, t fhir.Type, pairs []search.Pair, h Handling) ([]search.Pair, error) {
	defs := s.door.releaseOf("", t).defs
	types := typesOf(t)
	if types == nil {
		types = defs.ResourceTypes()
	}
	var kept []search.Pair
	for _, p := range pairs {
		if slices.ContainsFunc(kept, func(k search.Pair) bool { return k.Name == p.Name }) {
			return nil, fault.New(fault.Invalid, fault.CodeInvalid, "", "%s is given twice", p.Name)
		}
		switch {
		case p.Name == "_elements":
			var names []string
			for name := range strings.SplitSeq(p.Value, ",") {
				element, err := search.Element(defs, types, name)
				if err == nil {
					names = append(names, element)
				} else if !s.lenient(h) {
					return nil, fault.New(fault.Invalid, fault.CodeValue, "", "_elements=%s: %s", p.Value, err)
				}
			}
			kept = append(kept, search.Pair{Name: p.Name, Value: strings.Join(names, ",")})
		case p.Name == "_summary":
			if !slices.Contains([]string{"true", "text", "data", "false"}, p.Value) {
				return nil, fault.New(fault.Invalid, fault.CodeValue, "", "_summary of %s is true, text, data or false, not %q", what, p.Value)
			}
			kept = append(kept, p)
		case !s.lenient(h):
			return nil, fault.New(fault.Invalid, fault.CodeNotSupported, "", "%s has no parameter %q; it has %s", what, p.Name, has)
		}
	}
	return kept, nil
}

func location(r Resource) string { return r.Key.String() + "/_history/" + versionText(r.Version) }

// patchOf is the patch document that a PATCH entry carries.
func patchOf(resource fhir.Node) (PatchContent, error) {
	if resource.Type().Name == "Parameters" {
		return PatchContent{Format: FHIRPathPatch, Body: resource.AppendJSON(nil)}, nil
	}
	body, err := decodeData(resource.Child("data").Text())
	if err != nil {
		return PatchContent{}, fault.New(fault.Invalid, fault.CodeValue, "Binary.data", "the data is not base64")
	}
	formats := []string{"application/json-patch+json", "application/xml-patch+xml", "application/fhir+json", "application/fhir+xml"}
	at := slices.Index(formats, mediaType(resource.Child("contentType").Text()))
	if at < 0 {
		return PatchContent{}, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "Binary.contentType", "the contentType of a patch is application/json-patch+json or application/xml-patch+xml")
	}
	return PatchContent{Format: PatchFormat(at + 1), Body: body}, nil
}
