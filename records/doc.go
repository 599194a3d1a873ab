// Package records is the one door to clinical data. A Door belongs to one
// tenant; a Session is what one principal may do through it. REST, search,
// bundles, pages and import all go through a Session, so that what it may see
// is decided in one place: what its Access allows is part of each query.
//
// Everything here is safe for concurrent use. Errors are *fault.Error, except
// those of a context that ended.
package records
