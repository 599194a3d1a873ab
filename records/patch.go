package records

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/engine/patch"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/span"
)

// PatchFormat is the kind of a patch document.
type PatchFormat uint8

// Patch formats with their media types.
const (
	JSONPatch        PatchFormat = iota + 1 // application/json-patch+json
	XMLPatch                                // application/xml-patch+xml
	FHIRPathPatch                           // Parameters as application/fhir+json
	FHIRPathPatchXML                        // Parameters as application/fhir+xml
)

// PatchContent is a patch document as a client sent it.
type PatchContent struct {
	Format PatchFormat
	Body   []byte
}

// Patch applies a patch to the current version (R4 §3.1.0.6). Without IfMatch
// it is applied anew when another write comes between.
func (s *Session) Patch(ctx context.Context, key fhir.Key, p PatchContent, o UpdateOptions) (Result, error) {
	ctx, pass := span.Start(ctx, "door patch")
	defer pass.End()
	if err := s.mayPatch(key.Type); err != nil {
		return Result{}, err
	}
	doc, err := s.door.patch(p)
	if err != nil {
		return Result{}, err
	}
	return s.patch(ctx, key, doc, o, nil)
}

func (s *Session) patch(ctx context.Context, key fhir.Key, doc patch.Patch, o UpdateOptions, again func(context.Context, store.Reader) error) (Result, error) {
	c := change{
		w: &draft{key: key}, method: "PATCH", req: o.Request, pre: o.Precondition, mustExist: true,
		remake: func(ctx context.Context, current store.Record) (*draft, error) {
			return s.patched(ctx, current, doc, o.Request)
		},
	}
	if again != nil {
		c.locks, c.again = []string{lockOf(key.Type)}, again
	}
	return s.apply(ctx, c)
}

// mayPatch refuses a patch that access does not allow.
func (s *Session) mayPatch(t fhir.Type) error {
	if err := s.may(t, smart.Update); err != nil {
		return err
	}
	return s.may(t, smart.Read)
}

// patchTime bounds the work of applying a patch: its operations may each
// search the whole of a large resource.
const patchTime = 20 * time.Second

// patched is the current version, as the session is shown it, with a patch applied: what
// it is not shown a patch neither moves nor keeps.
func (s *Session) patched(ctx context.Context, current store.Record, doc patch.Patch, r Request) (*draft, error) {
	tree, err := s.whole(ctx, current)
	if err != nil {
		return nil, err
	}
	patched, err := applied(ctx, doc, tree)
	if err != nil {
		return nil, err
	}
	return s.remade(ctx, current, patched, r)
}

// applied applies a patch in the time that one has.
func applied(ctx context.Context, doc patch.Patch, tree *fhir.Tree) (*fhir.Tree, error) {
	limited, cancel := context.WithTimeout(ctx, patchTime)
	defer cancel()
	patched, err := doc.Apply(limited, tree)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "the patch takes more than %s to apply: send fewer operations, or the whole resource", patchTime)
	}
	return patched, err
}

// remade is the draft of what a resource is changed to.
func (s *Session) remade(ctx context.Context, current store.Record, tree *fhir.Tree, r Request) (*draft, error) {
	tree.Unplace()
	w, err := s.draft(ctx, current.Key.Type, Content{Tree: tree, Release: current.Release}, r)
	if err != nil {
		return nil, err
	}
	if w.key != current.Key {
		return nil, fault.New(fault.Unprocessable, fault.CodeBusinessRule, string(current.Key.Type)+".id", "a patch must not change the id")
	}
	return w, nil
}

// PatchWhere is the conditional patch (R4 §3.1.0.6): exactly one match.
func (s *Session) PatchWhere(ctx context.Context, t fhir.Type, criteria []search.Pair, p PatchContent, o UpdateOptions) (Result, error) {
	ctx, pass := span.Start(ctx, "door patch-where")
	defer pass.End()
	if err := s.mayPatch(t); err != nil {
		return Result{}, err
	}
	doc, err := s.door.patch(p)
	if err != nil {
		return Result{}, err
	}
	cond, err := s.condition(ctx, t, criteria)
	if err != nil {
		return Result{}, err
	}
	var last error
	for range attempts {
		match, err := cond.one(ctx, s.door.store)
		if err != nil {
			return Result{}, s.door.fault(err)
		}
		if match.Version == 0 {
			return Result{}, fault.New(fault.NotFound, fault.CodeNotFound, "", "the criteria match no %s", t)
		}
		res, err := s.patch(ctx, match.Key, doc, o, cond.still(match))
		if !errors.Is(err, errMoved) {
			return res, err
		}
		last = err
	}
	return Result{}, s.door.fault(last)
}

// patch reads a patch document.
func (d *Door) patch(p PatchContent) (patch.Patch, error) {
	switch p.Format {
	case JSONPatch:
		return patch.ParseJSON(p.Body)
	case XMLPatch:
		return patch.ParseXML(p.Body)
	case FHIRPathPatch, FHIRPathPatchXML:
		c := Content{JSON: p.Body}
		if p.Format == FHIRPathPatchXML {
			c = Content{XML: p.Body}
		}
		_, tree, err := d.parse(c)
		if err != nil {
			return nil, err
		}
		return patch.ParseParameters(tree)
	}
	return nil, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "a patch is application/json-patch+json, application/xml-patch+xml, or a Parameters resource")
}
