package records

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// ReadOptions make a read conditional (R4 §3.1.0.2.1).
type ReadOptions struct {
	IfNoneMatch     []string // version ids the client has, or "*"
	IfModifiedSince time.Time
}

// Read returns the current version. When it is a delete, the error is Gone
// and the Resource tells the version. NotFound when there never was one, or
// the session may not see it.
func (s *Session) Read(ctx context.Context, key fhir.Key, o ReadOptions) (Resource, error) {
	ctx, pass := span.Start(ctx, "door read")
	defer pass.End()
	return s.read(ctx, s.door.store, key, o)
}

func (s *Session) read(ctx context.Context, r store.Reader, key fhir.Key, o ReadOptions) (Resource, error) {
	if ofLog(key) {
		return s.readAudit(ctx, key)
	}
	record, err := s.visible(ctx, r, key, smart.Read)
	if err != nil {
		return Resource{}, err
	}
	return s.answer(ctx, record, o)
}

// VRead returns one version. Gone, with the Resource's version, when that
// version is a delete.
func (s *Session) VRead(ctx context.Context, key fhir.Key, version string, o ReadOptions) (Resource, error) {
	ctx, pass := span.Start(ctx, "door vread")
	defer pass.End()
	return s.vread(ctx, s.door.store, key, version, o)
}

func (s *Session) vread(ctx context.Context, r store.Reader, key fhir.Key, version string, o ReadOptions) (Resource, error) {
	record, err := s.version(ctx, r, key, version, smart.Read)
	if err != nil {
		return Resource{}, err
	}
	return s.answer(ctx, record, o)
}

// version returns one version, "" meaning the current one, which may be a
// delete, if the session may do one of the interactions with the resource, and
// with the version as it was. The errors are final.
func (s *Session) version(ctx context.Context, r store.Reader, key fhir.Key, version string, i smart.Interactions) (store.Record, error) {
	if version == "" {
		return s.visible(ctx, r, key, i)
	}
	if err := s.may(key.Type, i); err != nil {
		return store.Record{}, err
	}
	n, ok := parseVersion(version)
	if !ok || !key.ID.Valid() {
		return store.Record{}, noVersion(key, version)
	}
	if s.filter([]string{string(key.Type)}, i) != nil {
		if _, err := s.visible(ctx, r, key, i); fault.KindOf(err) == fault.NotFound && err != nil {
			return store.Record{}, noVersion(key, version)
		} else if err != nil {
			return store.Record{}, err
		}
	}
	record, err := r.ReadVersion(ctx, key, n)
	if errors.Is(err, store.ErrNotFound) {
		return store.Record{}, noVersion(key, version)
	}
	if err != nil {
		return store.Record{}, s.door.fault(err)
	}
	if shown, err := s.shows(ctx, r, record, i); err != nil {
		return store.Record{}, s.door.fault(err)
	} else if !shown {
		return store.Record{}, noVersion(key, version)
	}
	return record, nil
}

// parseVersion reads a version id as Ingle gives them out.
func parseVersion(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && strconv.FormatInt(n, 10) == s
}

// visible returns the current version of key, which may be a delete, if the
// session may do one of the interactions with it. The errors are final.
func (s *Session) visible(ctx context.Context, r store.Reader, key fhir.Key, i smart.Interactions) (store.Record, error) {
	if err := s.may(key.Type, i); err != nil {
		return store.Record{}, err
	}
	if !key.ID.Valid() {
		return store.Record{}, notFound(key)
	}
	types := []string{string(key.Type)}
	filter := s.filter(types, i)
	var record store.Record
	looked := false
	if filter != nil {
		// One query, so that what is shown is what was asked about; and what is hidden
		// takes as many queries as what is missing.
		page, err := r.Search(ctx, &search.Query{Types: types, Filter: search.And{search.IDs{string(key.ID)}, filter}, Count: 1})
		if err != nil {
			return store.Record{}, s.door.fault(err)
		}
		audit.TrailOf(ctx).Mark(page.Marks...)
		if len(page.Records) > 0 {
			return page.Records[0], nil
		}
		if looked = page.Looked; page.Beside != nil {
			record = *page.Beside
		}
	}
	var err error
	switch {
	case looked:
	case filter == nil:
		record, err = r.Read(ctx, key)
	default: // of what is hidden not the body, which may be large
		var versions map[fhir.Key]store.VersionInfo
		if versions, err = r.Versions(ctx, []fhir.Key{key}); versions[key].Deleted {
			record, err = r.Read(ctx, key)
		} else {
			record.Version = versions[key].Version
		}
	}
	if errors.Is(err, store.ErrNotFound) || err == nil && record.Version == 0 {
		s.miss(ctx, key)
		return store.Record{}, notFound(key)
	}
	if err != nil {
		return store.Record{}, s.door.fault(err)
	}
	if filter == nil {
		return record, nil
	}
	if record.Deleted {
		if shown, err := s.shows(ctx, r, record, i); err != nil || shown {
			return record, s.door.fault(err)
		}
		s.miss(ctx, key)
	} else {
		audit.TrailOf(ctx).Hide(key)
	}
	return store.Record{}, notFound(key)
}

// miss notes that there is nothing under a key, where something might be hidden: the
// audit log has as many events of that.
func (s *Session) miss(ctx context.Context, key fhir.Key) {
	if s.access != nil {
		audit.TrailOf(ctx).Miss(key)
	}
}

// answer is a record as the answer to a read.
func (s *Session) answer(ctx context.Context, record store.Record, o ReadOptions) (Resource, error) {
	if record.Deleted {
		return headOf(record), gone(record)
	}
	if o.holds(record) {
		s.door.touch(ctx, record)
		res := headOf(record)
		res.NotModified = true
		return res, nil
	}
	return s.resource(ctx, record)
}

// holds says whether the client's copy is current. If-None-Match decides when
// it is given (RFC 9110 §13.1.3).
func (o ReadOptions) holds(record store.Record) bool {
	if len(o.IfNoneMatch) > 0 {
		return slices.Contains(o.IfNoneMatch, "*") || slices.Contains(o.IfNoneMatch, strconv.FormatInt(record.Version, 10))
	}
	// HTTP dates have whole seconds.
	return !o.IfModifiedSince.IsZero() && !record.Updated.Truncate(time.Second).After(o.IfModifiedSince)
}

// headOf is a record without its content.
func headOf(r store.Record) Resource {
	return Resource{Key: r.Key, Version: r.Version, Updated: r.Updated, Method: r.Method, Release: r.Release, Deleted: r.Deleted}
}

// resource is a record with its content, a Binary's brought back.
func (d *Door) resource(ctx context.Context, r store.Record) (Resource, error) {
	res := headOf(r)
	d.touch(ctx, r)
	if r.Deleted {
		return res, nil
	}
	res.JSON = r.Body
	if r.Key.Type == "Binary" {
		json, err := d.attach(ctx, r.Body)
		if err != nil {
			return Resource{}, d.fault(err)
		}
		res.JSON = json
	}
	return res, nil
}
