package records

import (
	"context"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var errUnready = fault.New(fault.NotSupported, fault.CodeNotSupported, "", "not available")

// CreateOptions belong to Create.
type CreateOptions struct {
	Request
	// IfNoneExist are the criteria of a conditional create: no match creates,
	// one match returns it Unchanged, several are PreconditionFailed.
	IfNoneExist []search.Pair
}

// Create stores a new resource of type t under an id that the server chooses.
func (s *Session) Create(ctx context.Context, t fhir.Type, c Content, o CreateOptions) (Result, error) {
	return Result{}, errUnready
}

// UpdateOptions belong to Update and UpdateWhere.
type UpdateOptions struct {
	Request
	Precondition
}

// Update replaces a resource, or creates it if policy lets clients choose
// ids. The content's id must be the key's.
func (s *Session) Update(ctx context.Context, key fhir.Key, c Content, o UpdateOptions) (Result, error) {
	return Result{}, errUnready
}

// UpdateWhere is the conditional update (R4 §3.1.0.4.3).
func (s *Session) UpdateWhere(ctx context.Context, t fhir.Type, criteria []search.Pair, c Content, o UpdateOptions) (Result, error) {
	return Result{}, errUnready
}

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

// Patch applies a patch to the current version. Without IfMatch it is applied
// anew when another write comes between.
func (s *Session) Patch(ctx context.Context, key fhir.Key, p PatchContent, o UpdateOptions) (Result, error) {
	return Result{}, errUnready
}

// PatchWhere is the conditional patch (R4 §3.1.0.6): exactly one match.
func (s *Session) PatchWhere(ctx context.Context, t fhir.Type, criteria []search.Pair, p PatchContent, o UpdateOptions) (Result, error) {
	return Result{}, errUnready
}

// DeleteOptions belong to Delete and DeleteWhere.
type DeleteOptions struct {
	Request
	Precondition
}

// Delete deletes a resource. Deleting what is not there, or no more, is no
// error: Result.Existed is false.
func (s *Session) Delete(ctx context.Context, key fhir.Key, o DeleteOptions) (Result, error) {
	return Result{}, errUnready
}

// DeleteWhere is the conditional delete (R4 §3.1.0.7.1). It returns what was
// deleted; no match is no error.
func (s *Session) DeleteWhere(ctx context.Context, t fhir.Type, criteria []search.Pair, o DeleteOptions) ([]Result, error) {
	return nil, errUnready
}
