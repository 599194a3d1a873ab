package records

import (
	"time"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Resource is one version of a resource as it is stored.
type Resource struct {
	Key     fhir.Key
	Version int64 // meta.versionId
	Updated time.Time
	Method  string // HTTP verb that made the version: POST, PUT, PATCH, DELETE
	Release definitions.Release
	Deleted bool   // the version is a delete; JSON is nil
	JSON    []byte // with id and meta; the caller must not change it; nil when NotModified
	// NotModified is set by Read when the client's copy is current (304).
	NotModified bool
	// Begins is set by History: the version created the resource, for the first
	// time or after a delete.
	Begins bool
}

// Content is a resource as a client sent it: set one of JSON, XML and Tree,
// which belong to the callee from then on.
type Content struct {
	JSON []byte
	XML  []byte
	Tree *fhir.Tree // read already, with the definitions of Release
	// Release chooses the definitions; "" for the primary one.
	Release definitions.Release
}

// Result is the outcome of a write.
type Result struct {
	Resource
	// Created: version 1, or the first after a delete (201).
	Created bool
	// Unchanged: nothing was written; a conditional create met its match, or
	// an update changed nothing (200).
	Unchanged bool
	// Existed is set by Delete when there was something to delete.
	Existed bool
	// Issues are notes, such as why nothing was written.
	Issues []fault.Issue
}

// Request is what a write knows about the request that caused it.
type Request struct {
	ID         string   // request id, for meta.source
	Source     string   // URI of the sending system, for meta.source
	Provenance *Content // X-Provenance: a Provenance without target, stored in the same transaction
	// Bulk trades the durability of each commit for speed, until Flush.
	Bulk bool
}
