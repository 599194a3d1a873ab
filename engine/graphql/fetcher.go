package graphql

import (
	"context"

	"github.com/inglehealth/ingle/engine/fhirpath"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Fetcher brings resources on behalf of whoever asks. What may not be seen is
// missing. Its errors are *fault.Error or those of the context.
type Fetcher interface {
	// Read brings the resources that literal references mean, one for each in
	// their order, nil for what is not here.
	Read(ctx context.Context, references []string) ([]*fhir.Tree, error)
	// Search brings one page of a search.
	Search(ctx context.Context, s Search) (*Page, error)
	// Environment is what FHIRPath over a resource is evaluated in.
	Environment(tree *fhir.Tree) *fhirpath.Env
	// Schema is the schema of a release that resources come in.
	Schema(r definitions.Release) (*Schema, error)
}

// Search is one search for resources of a type.
type Search struct {
	Type  fhir.Type
	Pairs []search.Pair
	After string // Page.Next of the page before
}

// Page is one page of a search.
type Page struct {
	Trees []*fhir.Tree
	Total int64 // -1 when not known
	Size  int   // how many matches a page has at most
	Next  string
}
