package records

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/inglehealth/ingle/engine/patch"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// DiffRequest is a $diff call. Set Key, and perhaps Version and FromVersion; or
// From and To.
type DiffRequest struct {
	Key         fhir.Key
	Version     string // newer one; "" is the current one
	FromVersion string // older one; "" is the one before
	From, To    string // references, perhaps with versions: "Patient/1/_history/2"
	// Everything compares the id, meta.versionId and meta.lastUpdated, too, which
	// the server sets.
	Everything bool
}

// Diff returns a FHIRPath Patch, a Parameters resource (R4 §2.1.21), that gives
// the newer resource when it is applied to the older one.
func (s *Session) Diff(ctx context.Context, r DiffRequest) (*fhir.Tree, error) {
	var older, newer *fhir.Tree
	var err error
	if r.Key.Type == "" {
		older, err = s.referred(ctx, "from", r.From)
		if err == nil {
			newer, err = s.referred(ctx, "to", r.To)
		}
	} else {
		older, newer, err = s.versions(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, patchTime)
	defer cancel()
	diff, err := patch.Diff(limited, older, newer, r.skip(newer.Type()))
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "the two differ too much to be compared in %s", patchTime)
	}
	return diff, err
}

// skip holds of what the server sets.
func (r DiffRequest) skip(t fhir.Type) func(path string) bool {
	if r.Everything {
		return nil
	}
	name := string(t)
	return func(path string) bool {
		return path == name+".id" || path == name+".meta.versionId" || path == name+".meta.lastUpdated"
	}
}

// versions reads the two versions of one resource.
func (s *Session) versions(ctx context.Context, r DiffRequest) (older, newer *fhir.Tree, err error) {
	record, err := s.version(ctx, s.door.store, r.Key, r.Version, smart.Read)
	if err != nil {
		return nil, nil, err
	}
	if newer, err = s.compared(ctx, record); err != nil {
		return nil, nil, err
	}
	from := r.FromVersion
	if from == "" {
		if record.Version == 1 {
			return nil, nil, fault.New(fault.Unprocessable, fault.CodeBusinessRule, "", "version 1 of %s is its first: there is no version before it to compare with", r.Key)
		}
		from = strconv.FormatInt(record.Version-1, 10)
	}
	if record, err = s.version(ctx, s.door.store, r.Key, from, smart.Read); err != nil {
		return nil, nil, err
	}
	older, err = s.compared(ctx, record)
	return older, newer, err
}

// referred reads the resource, or version, that a reference in a parameter means.
func (s *Session) referred(ctx context.Context, parameter, reference string) (*fhir.Tree, error) {
	key, version, ok := s.anywhere(reference)
	if !ok {
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "%s is a resource of this server, such as Patient/1 or Patient/1/_history/2, not %q", parameter, fault.Shorten(reference))
	}
	record, err := s.version(ctx, s.door.store, key, version, smart.Read)
	if err != nil {
		return nil, err
	}
	return s.compared(ctx, record)
}

// anywhere reads a reference to a resource of a type that any release has.
func (s *Session) anywhere(reference string) (fhir.Key, string, bool) {
	typ, _, _ := strings.Cut(s.door.below(reference), "/")
	return s.door.local(s.door.releaseOf("", fhir.Type(typ)).defs, reference)
}

func (s *Session) compared(ctx context.Context, record store.Record) (*fhir.Tree, error) {
	if record.Deleted {
		return nil, gone(record)
	}
	if sizeOf(record.Body) > patch.MaxBytes {
		return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "%s is larger than the %s that are compared", record.Key, humanize.IBytes(patch.MaxBytes))
	}
	return s.whole(ctx, record)
}
