package store

import (
	"context"
	"iter"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Reader reads records. Reads outside a transaction see every write whose
// Write call returned before.
type Reader interface {
	// Read returns the current version, which may be Deleted; ErrNotFound
	// when there never was one.
	Read(ctx context.Context, key fhir.Key) (Record, error)
	// ReadVersion returns one version; ErrNotFound.
	ReadVersion(ctx context.Context, key fhir.Key, version int64) (Record, error)
	// ReadMany returns the current, not deleted versions of those keys that
	// exist, in no particular order.
	ReadMany(ctx context.Context, keys []fhir.Key) ([]Record, error)
	// Versions returns version numbers only, of those keys that ever existed.
	Versions(ctx context.Context, keys []fhir.Key) (map[fhir.Key]VersionInfo, error)
	// Search returns one page of q. q.Includes and rendering fields are
	// ignored. A q.After from another query is ErrBadCursor.
	Search(ctx context.Context, q *search.Query) (Page, error)
	// Count counts q.Filter over q.Types exactly.
	Count(ctx context.Context, q *search.Query) (int64, error)
	// Referrers returns up to limit keys of current resources with an indexed
	// reference to key, itself not counted. To refuse the delete of what is
	// referred to, Put the delete first and then ask, in one transaction: the
	// delete waits for transactions that Require the resource, so that none of
	// their references is missed.
	Referrers(ctx context.Context, key fhir.Key, limit int) ([]fhir.Key, error)
}

// Page is one page of a search.
type Page struct {
	Records []Record
	Next    string // for Query.After, "" on the last page
	// Cursors are for Query.After, too, to go on behind each of Records; nil unless
	// Query.Cursors asks for them.
	Cursors []string
	Total   int64 // -1 when not asked for
	// Looked says of a query for the one resource of an id that the store looked whether it is
	// there at all. Beside is then its current version where the query does not find it,
	// since the other criteria do not hold or it is a delete; nil: there is none.
	Looked bool
	Beside *Record
	// Marks are those of the Patients on whose policies the query depended, as it saw them;
	// of as many as the store found at no cost. One that is of any Patient and no state says
	// that they changed meanwhile.
	Marks []PolicyMark
}

// PolicyMark names a state of what governs a Patient: each transaction that uses Govern for
// them makes another one.
type PolicyMark struct {
	Patient Position // 0: of any Patient
	State   int64    // 0: no policy of theirs has begun
}

// Tx is a write transaction. It sees its own writes. It holds until its
// function returns: errors roll all of it back.
type Tx interface {
	Reader
	// Hold fails with ErrVersion unless the setting is as given, and keeps it so
	// until the transaction ends: who changes it waits. It is called at most
	// once, before everything else, and may put the check off as Require may.
	Hold(ctx context.Context, s Setting) error
	// Lock makes the transaction exclusive, until it ends, against others that
	// lock any of names. It is called at most once, before anything is read.
	Lock(ctx context.Context, names ...string) error
	// Put applies writes in the given order and returns their records'
	// metadata (Body nil). Of the index of what is deleted the tokens, references, dates and
	// URIs stay until the resource is written again or expunged: search.Chain.Former asks
	// for them. A key may occur once. It fails with ErrVersion
	// (wrapped in *VersionError) when an Expect is not met. After an error
	// the function must return one: part of the writes may stand. One Put of
	// all writes is best: resources are locked in the order of their keys, and
	// a transaction that goes back in that order may have to run again.
	Put(ctx context.Context, writes []Write) ([]Record, error)
	// Require fails with ErrMissing (wrapped in *MissingError) unless all
	// keys exist, not deleted, and keeps them so until the transaction ends. It
	// may put that off until the next Put: what is missing then ends the run,
	// and in the next one Require fails.
	Require(ctx context.Context, keys []fhir.Key) error
	// Lost returns what the current version of key refers to by its index and is not
	// there: deleted, or never written. It costs less than to Require all of that, and
	// locks nothing: who deletes any of it later finds key among its Referrers.
	Lost(ctx context.Context, key fhir.Key) ([]fhir.Key, error)
	// Govern replaces the policies of a Patient, to whom something written refers
	// or who is there. Spans do not overlap. The caller holds a lock that all
	// callers take, so that policies are numbered in the order in which they
	// become visible. A policy that is new raises Identity.Epoch. One that nobody has
	// any more goes; whoever has it later has a new one.
	Govern(ctx context.Context, patient fhir.ID, spans []PolicySpan) error
	// PutItems is Identity.WriteItems without an epoch, as part of the transaction.
	PutItems(ctx context.Context, changes ...ItemChange) error
	// RaiseEpoch has Identity.Epoch rise with the commit. Others who raise it wait for that,
	// so it is best called last.
	RaiseEpoch(ctx context.Context) error
	// AppendAudit is Audit.AppendAudit as part of the transaction, behind its Put: the group
	// is there if what was written is, and nobody sees it before. errors.ErrUnsupported
	// where AuditsWrites says that it cannot be.
	AppendAudit(ctx context.Context, group []byte) error
}

// Resources keeps resources, all their versions and their search index.
type Resources interface {
	Reader
	// Pack makes what a Write stores of a resource's JSON and index entries. It
	// does no I/O and waits for nobody, so that callers spread the work over
	// cores before they enter Write.
	Pack(json []byte, index []search.Entry) Body
	// Write runs fn in a transaction and commits it durably: when Write
	// returns nil the writes survive a crash. fn may be run more than once
	// (after a serialization conflict, or because it does what cannot be done
	// together with others), so it must not have effects outside tx, and must
	// return the errors of tx; it must be quick, since other writers may wait
	// for it. Concurrent
	// Writes may share one commit; an error of one does not touch the others.
	Write(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error
	// Import is Write for bulk loading: commits may be batched and less often
	// synced, and others may not see them for a moment. Flush makes everything
	// imported before durable and visible; its error, or a later Import's, may
	// be that of an earlier Import's commit.
	Import(ctx context.Context, fn func(ctx context.Context, tx Tx) error) error
	Flush(ctx context.Context) error

	// Estimate says how much Search, or Count when q.Count is 0, would go through, by
	// counts that are bounded or of a short while ago.
	Estimate(ctx context.Context, q *search.Query) (Estimate, error)
	// Explain is Search, or Count when q.Count is 0, with what was done for it.
	// It runs each statement once more for the database's plan and writes nothing.
	Explain(ctx context.Context, q *search.Query) (Page, Explanation, error)
	// History returns versions, newest first.
	History(ctx context.Context, q HistoryQuery) (HistoryPage, error)
	// FormerReferrers returns up to limit deleted resources that had an indexed reference to
	// key before, after a place, in the store's order: their Key and Position alone.
	FormerReferrers(ctx context.Context, key fhir.Key, after Position, limit int) ([]Positioned, error)
	// Changes returns versions after a Seq in order. It misses nothing: a
	// version is never made visible below a Seq that was already handed out.
	// Fewer than limit records mean that the end is reached for now. With
	// bodies false, Body is nil.
	Changes(ctx context.Context, after Seq, limit int, bodies bool) ([]Record, error)
	// Walk reads resources of a type as they were at a place in the feed, for exports.
	Walk(ctx context.Context, q WalkQuery) (WalkPage, error)
	// Positions returns the places of those keys that are or were there, or that something
	// refers to.
	Positions(ctx context.Context, keys []fhir.Key) (map[fhir.Key]Position, error)
	// LastSeq is the newest Seq that Changes may return; 0 when empty.
	LastSeq(ctx context.Context) (Seq, error)
	// Mark is a Seq above all that was acknowledged before the call, and below all that is
	// begun after it. Settle waits until nothing can appear at or below a mark any more, on
	// PostgreSQL for all writers of the database.
	Mark(ctx context.Context) (Seq, error)
	Settle(ctx context.Context, mark Seq) error
	// Each streams the current versions of a type ("" for all) in the store's
	// order, starting after a key's position; for reindex and export.
	Each(ctx context.Context, t fhir.Type, after Position) iter.Seq2[Positioned, error]
	// Reindex replaces the index entries of resources whose version is still
	// the given one, of a delete those that it left, and counts what that changed. It holds a setting as Tx.Hold
	// does: with ErrVersion nothing is changed.
	Reindex(ctx context.Context, held Setting, items []Reindexed) (ReindexCount, error)
	// Expunge removes versions for good, with the texts and units that no other
	// resource has, and returns how many went.
	Expunge(ctx context.Context, x Expunge) (int64, error)
	// Values returns distinct values that current resources are indexed by under
	// p, a token, uri or canonical parameter, up to limit, in order: System and Code, or
	// URL and Version. It may read as many index rows as p has.
	Values(ctx context.Context, p search.Param, limit int) ([]search.Entry, error)
	// Policies returns the policies numbered above after, in rising order.
	Policies(ctx context.Context, after int64) ([]Policy, error)
	// PoliciesOf returns the numbers of the policies that a Patient has at a time,
	// in microseconds since the Unix epoch.
	PoliciesOf(ctx context.Context, patient fhir.ID, at int64) ([]int64, error)
	// PolicyMarks returns the marks of Patients at a time, as PoliciesOf has it. Those who are
	// not there may have none.
	PolicyMarks(ctx context.Context, patients []fhir.ID, at int64) (map[fhir.ID]PolicyMark, error)
	// Stats counts current resources by type, exactly.
	Stats(ctx context.Context) (map[fhir.Type]int64, error)
}

// Position is a place in the order of Each; the zero one is the start. That of a
// resource is the Seq of its first version.
type Position int64

// Positioned is a record with its place.
type Positioned struct {
	Record
	Position Position
}

// WalkQuery selects resources of a type as they were at a place in the feed: of each the
// version that was current then, unless that was a delete.
type WalkQuery struct {
	Type         fhir.Type
	At           Seq         // the place, at or below which nothing appears any more: LastSeq or Settle
	After        Position    // Next of the page before; 0 for the first
	Since, Until time.Time   // only versions updated then or later, and before; zero: all
	Filter       search.Expr // of what has not changed since At, only what it holds of now; nil: all
	Deleted      bool        // those whose version then was a delete, instead, and without Filter
	Owners       []search.Param
	Targets      bool
	Bodies       bool
	Limit        int   // resources that a page looks at
	Bytes        int64 // a page ends when its packed bodies reach this; 0: no bound
}

// WalkPage is one page of a walk, in the store's order.
type WalkPage struct {
	Items []Walked
	Next  Position
	End   bool // there are no more
}

// Walked is a resource on a walk.
type Walked struct {
	Positioned
	// Changed means that another version is current by now, or was when this was read: the
	// filter was not asked, and Owners and Targets are not told.
	Changed bool
	Owners  []fhir.ID  // of the Patients to whom it refers by one of the query's Owners
	Targets []Position // of all to whom it refers, if the query asks
}

// Reindexed gives a resource new index entries.
type Reindexed struct {
	Key     fhir.Key
	Version int64
	Index   []search.Entry
}

// ReindexCount is what a Reindex did.
type ReindexCount struct {
	Replaced                  int   // resources
	Added, Removed, Unchanged int64 // index rows of those
}

// HistoryQuery selects versions: of one resource (Type and ID), of a type, or
// of all.
type HistoryQuery struct {
	Type   fhir.Type
	ID     fhir.ID
	Filter search.Expr // on the resource as it is now (nil: all); versions of deleted resources are kept when nil
	Since  time.Time   // zero: from the start; inclusive
	At     time.Time   // zero, or: only versions that were current at that time,
	AtEnd  time.Time   // or at some time from At to AtEnd if that is later; inclusive
	Former bool        // only versions that another one came after
	Count  int
	Bytes  search.PageBytes
	After  string
}

// HistoryPage is one page of a history.
type HistoryPage struct {
	Records []Record
	Next    string
	Total   int64 // all versions that the query selects
	Former  int64 // those of them that another one came after
}

// Expunge says what to remove. Nothing set but Key removes nothing.
type Expunge struct {
	Key         fhir.Key   // ID empty: every resource of the type; both empty: every resource
	Keys        []fhir.Key // these instead of Key
	OldVersions bool       // versions that are not current
	Deleted     bool       // resources whose current version is a delete, whole
	Everything  bool       // the resources whole, current versions included
	Limit       int        // at most so many versions; 0 for no limit
	KeepTexts   bool       // leave texts and units that no other resource has to a later Expunge
	Fill        bool       // write over what is free in files that are the store's own; it takes as long as there is much
}
