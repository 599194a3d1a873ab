package records

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// inclusion follows the _include and _revinclude of one page (R4 §3.1.1.5.5).
type inclusion struct {
	s      *Session
	r      store.Reader
	result *SearchResult
	seen   map[fhir.Key]bool
	left   int   // how many more may be included
	bytes  int64 // how large they may be
	short  bool  // more was found than bytes allows, and not read
	// matching asks filters that have more conditions than one query can have of each
	// resource in memory, which takes longer.
	matching bool
}

// maxRounds bounds :iterate, which may go in circles only through resources
// that are new each time.
const maxRounds = 20

// referencesAtOnce is how many targets one reverse search asks for, and how
// many one read brings.
const referencesAtOnce = 200

func (s *Session) include(ctx context.Context, r store.Reader, includes []search.Include, matches []store.Record, result *SearchResult) error {
	return s.inclusion(r, result).follow(ctx, includes, matches)
}

func (s *Session) inclusion(r store.Reader, result *SearchResult) *inclusion {
	return &inclusion{s: s, r: r, result: result, seen: map[fhir.Key]bool{}, left: s.door.policy.MaxIncludes, bytes: s.door.policy.MaxPage}
}

// follow adds what includes lead to from matches.
func (in *inclusion) follow(ctx context.Context, includes []search.Include, matches []store.Record) error {
	s, result := in.s, in.result
	for _, m := range matches {
		in.seen[m.Key] = true
	}
	frontier := matches
	for round := 0; len(frontier) > 0 && len(includes) > 0; round++ {
		if round == maxRounds {
			in.cut("after following %d links in a row", maxRounds)
			return nil
		}
		var next []store.Record
		for _, include := range includes {
			found, err := in.from(ctx, include, frontier)
			if err != nil {
				return err
			}
			for _, f := range found {
				if in.seen[f.Key] {
					continue
				}
				switch {
				case in.left == 0:
					in.cut("at %d resources", s.door.policy.MaxIncludes)
					return nil
				case in.bytes <= 0:
					in.cutLarge()
					return nil
				}
				in.left--
				in.bytes -= sizeOf(f.Body)
				in.seen[f.Key] = true
				next = append(next, f)
				if err := s.append(ctx, result, f, ModeInclude); err != nil {
					return err
				}
			}
			if in.short {
				in.cutLarge()
				return nil
			}
		}
		if round == 0 {
			includes = iterating(includes)
		}
		frontier = next
	}
	return nil
}

func iterating(includes []search.Include) []search.Include {
	var out []search.Include
	for _, i := range includes {
		if i.Iterate {
			out = append(out, i)
		}
	}
	return out
}

func (in *inclusion) cut(format string, args ...any) {
	in.result.Issues = append(in.result.Issues, fault.Issue{
		Severity: fault.Warning, Code: fault.CodeTooCostly,
		Message: "not everything is included: it was cut off " + fmt.Sprintf(format, args...) + "; ask for a smaller _count",
	})
}

func (in *inclusion) cutLarge() {
	in.cut("at %s", humanize.IBytes(uint64(in.s.door.policy.MaxPage)))
}

// from returns what one include leads to from the frontier.
func (in *inclusion) from(ctx context.Context, include search.Include, frontier []store.Record) ([]store.Record, error) {
	if include.Reverse {
		return in.back(ctx, include, frontier)
	}
	var keys []fhir.Key
	asked := map[fhir.Key]bool{}
	versions := map[fhir.Key]string{}
	var urls urlReferences
	for _, record := range frontier {
		if include.Source != "" && include.Source != "*" && include.Source != string(record.Key.Type) {
			continue
		}
		_, entries, err := in.s.door.index(ctx, record)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Param.Kind != definitions.SearchReference || e.Param.Code == search.OtherReference || e.Param.Code == search.NamedReference || e.Param.Inside() || include.Param.Code != "*" && !include.Param.Names(&e) {
				continue
			}
			if include.Target != "" && e.RefType != include.Target && e.URL == "" {
				continue
			}
			if e.URL != "" {
				urls.add(record, e)
				continue
			}
			key := fhir.Key{Type: fhir.Type(e.RefType), ID: fhir.ID(e.RefID)}
			if e.RefType == "" || e.RefID == "" || in.seen[key] || asked[key] {
				continue
			}
			asked[key] = true
			keys = append(keys, key)
			if e.Version != "" {
				versions[key] = e.Version
			}
		}
	}
	found, err := in.byURL(ctx, include, urls)
	if err != nil {
		return nil, err
	}
	for size := int64(0); len(keys) > 0; {
		if in.short = size >= in.bytes; in.short {
			break
		}
		n := min(len(keys), referencesAtOnce)
		some, err := in.s.many(ctx, in.r, keys[:n])
		if in.matching && errors.Is(err, store.ErrTooComplex) {
			some, err = in.read(ctx, keys[:n])
		}
		if err != nil {
			return nil, err
		}
		keys = keys[n:]
		if err := in.asReferred(ctx, some, versions); err != nil {
			return nil, err
		}
		for i := range some {
			size += sizeOf(some[i].Body)
		}
		found = append(found, some...)
	}
	return found, nil
}

// back returns the resources whose parameter points into the frontier.
func (in *inclusion) back(ctx context.Context, include search.Include, frontier []store.Record) ([]store.Record, error) {
	params := []search.Param{include.Param}
	if include.Param.Code == "*" {
		params = params[:0]
		for _, p := range in.s.door.releaseOf("", fhir.Type(include.Source)).catalog.Parameters(include.Source) {
			if p.Kind == definitions.SearchReference && p.Of == "" {
				params = append(params, p.Param)
			}
		}
	}
	var points search.Or
	for _, record := range frontier {
		if include.Target != "" && include.Target != string(record.Key.Type) {
			continue
		}
		url, err := in.urlOf(record)
		if err != nil {
			return nil, err
		}
		for _, p := range params {
			points = append(points, search.Reference{Param: p, Type: string(record.Key.Type), ID: string(record.Key.ID)})
			points = append(points, url.pointsTo(p)...)
		}
	}
	var found []store.Record
	size := int64(0)
	for len(points) > 0 && len(found) <= in.left {
		n := min(len(points), referencesAtOnce)
		q := &search.Query{
			Types: []string{include.Source}, Filter: in.s.only([]string{include.Source}, smart.Search, points[:n]),
			Count: min(in.left+1, in.s.door.policy.MaxCount), Bytes: in.s.door.pageBytes(),
		}
		plain := points[:n]
		points = points[n:]
		for len(found) <= in.left {
			if in.short = size >= in.bytes; in.short {
				return found, nil
			}
			page, err := in.r.Search(ctx, q)
			if in.matching && errors.Is(err, store.ErrTooComplex) {
				page.Records, err = in.search(ctx, q, plain)
			}
			if err != nil {
				return nil, err
			}
			found = append(found, page.Records...)
			for i := range page.Records {
				size += sizeOf(page.Records[i].Body)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	}
	return found, nil
}

// many reads those of keys that exist and that the session may see, in the
// order of keys.
func (s *Session) many(ctx context.Context, r store.Reader, keys []fhir.Key) ([]store.Record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	records, err := s.current(ctx, r, keys)
	if err != nil {
		return nil, err
	}
	byKey := make(map[fhir.Key]store.Record, len(records))
	for _, record := range records {
		byKey[record.Key] = record
	}
	out := records[:0]
	for _, k := range keys {
		if record, ok := byKey[k]; ok {
			out = append(out, record)
			delete(byKey, k)
		}
	}
	return out, nil
}

// current reads those of keys that exist and that the session may see, in no
// order. A filter costs one search a type, not one a resource.
func (s *Session) current(ctx context.Context, r store.Reader, keys []fhir.Key) ([]store.Record, error) {
	var open []fhir.Key
	byType := map[fhir.Type]search.IDs{}
	for _, k := range keys {
		if !s.limited(string(k.Type)) {
			open = append(open, k)
			continue
		}
		byType[k.Type] = append(byType[k.Type], string(k.ID))
	}
	var found []store.Record
	if len(open) > 0 {
		var err error
		if found, err = r.ReadMany(ctx, open); err != nil {
			return nil, err
		}
	}
	for t, ids := range byType {
		types := []string{string(t)}
		q := &search.Query{Types: types, Filter: s.only(types, seeing, ids), Count: len(ids), Bytes: s.door.pageBytes()}
		for {
			page, err := r.Search(ctx, q)
			if err != nil {
				return nil, err
			}
			found = append(found, page.Records...)
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	}
	return found, nil
}
