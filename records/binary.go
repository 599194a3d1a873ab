package records

import (
	"context"
	"iter"
	"net/http"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/watch/span"
)

// BinaryContent is raw content with what a Binary says about it.
type BinaryContent struct {
	ContentType     string
	SecurityContext string // reference, or ""
	Content         iter.Seq2[[]byte, error]
	Size            int64 // of the whole content, however much Content gives; ignored on write
}

// CreateBinary stores raw content as a new Binary, streaming it into the
// store outside the row. The Result has no JSON.
func (s *Session) CreateBinary(ctx context.Context, b BinaryContent, o CreateOptions) (Result, error) {
	ctx, pass := span.Start(ctx, "door create-binary")
	defer pass.End()
	if o.IfNoneExist != nil {
		return Result{}, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "raw content cannot be created by condition: send a Binary resource")
	}
	if err := s.may("Binary", smart.Create); err != nil {
		return Result{}, err
	}
	w, err := s.rawDraft(ctx, b, o.Request)
	if err != nil {
		return Result{}, err
	}
	w.key.ID = s.door.config.NewID()
	return s.apply(ctx, change{w: w, method: http.MethodPost, req: o.Request, chosen: true})
}

// UpdateBinary replaces or creates the Binary id with raw content. The Result
// has no JSON.
func (s *Session) UpdateBinary(ctx context.Context, id fhir.ID, b BinaryContent, o UpdateOptions) (Result, error) {
	ctx, pass := span.Start(ctx, "door update-binary")
	defer pass.End()
	if !id.Valid() {
		return Result{}, fault.New(fault.Invalid, fault.CodeValue, "", "%q is no id: 1 to 64 letters, digits, - and .", id)
	}
	if err := s.may("Binary", smart.Update); err != nil {
		return Result{}, err
	}
	w, err := s.rawDraft(ctx, b, o.Request)
	if err != nil {
		return Result{}, err
	}
	w.key.ID = id
	return s.update(ctx, w, o)
}

func (s *Session) rawDraft(ctx context.Context, b BinaryContent, r Request) (*draft, error) {
	rel := s.door.release("")
	tree, err := fhir.New(rel.defs, "Binary")
	if err != nil {
		return nil, err
	}
	if _, err := tree.Root().Set("contentType", b.ContentType); err != nil {
		return nil, err
	}
	if b.SecurityContext != "" {
		context, err := tree.Root().Add("securityContext")
		if err == nil {
			_, err = context.AddText("reference", b.SecurityContext)
		}
		if err != nil {
			return nil, err
		}
	}
	w := &draft{rel: rel, tree: tree, key: fhir.Key{Type: "Binary"}, source: s.door.source(tree, r), raw: true}
	w.content, err = s.door.keep(ctx, b.Content)
	return w, err
}

// ReadBinary returns length bytes (-1: to the end) of a Binary's content from
// offset. The Resource has no JSON. RangeNotSatisfied, with Size set, when
// offset lies beyond the end. version "" means the current one.
func (s *Session) ReadBinary(ctx context.Context, id fhir.ID, version string, offset, length int64) (Resource, BinaryContent, error) {
	ctx, pass := span.Start(ctx, "door read-binary")
	defer pass.End()
	key := fhir.Key{Type: "Binary", ID: id}
	record, err := s.version(ctx, s.door.store, key, version, smart.Read)
	if err != nil {
		return Resource{}, BinaryContent{}, err
	}
	res := headOf(record)
	if record.Deleted {
		return res, BinaryContent{}, gone(record)
	}
	s.door.touch(ctx, record)
	kept, body, outside := unmark(record.Body)
	record.Body = body
	tree, err := s.door.tree(record)
	if err != nil {
		return res, BinaryContent{}, err
	}
	root := tree.Root()
	b := BinaryContent{
		ContentType:     root.Child("contentType").Text(),
		SecurityContext: root.Find("securityContext", "reference").Text(),
		Size:            kept.size,
	}
	var inline []byte
	if !outside {
		if inline, err = decodeData(root.Child("data").Text()); err != nil {
			return res, b, s.door.fault(err)
		}
		b.Size = int64(len(inline))
	}
	if offset < 0 || offset > b.Size || offset == b.Size && b.Size > 0 {
		return res, b, fault.New(fault.RangeNotSatisfied, fault.CodeInvalid, "", "the content has %d bytes", b.Size)
	}
	if length < 0 || length > b.Size-offset {
		length = b.Size - offset
	}
	if !outside {
		part := inline[offset : offset+length]
		b.Content = func(yield func([]byte, error) bool) { yield(part, nil) }
		return res, b, nil
	}
	b.Content, _, err = s.door.store.ReadBlob(ctx, kept.name, offset, length)
	return res, b, s.door.fault(err)
}
