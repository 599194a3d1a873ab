// Package store is the contract of what Ingle remembers. Package sqlite and
// package postgres keep it; storetest.Run proves it. Only records, identity,
// audit and jobs use it, and only records uses Resources.
//
// A Store holds one tenant. All methods are safe for concurrent use.
package store

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Sentinels; test with errors.Is.
var (
	ErrNotFound  = errors.New("store: no such record")
	ErrVersion   = errors.New("store: the current version is another one") // a Write's Expect was not met
	ErrMissing   = errors.New("store: a required record is missing")       // a Require was not met
	ErrFull      = errors.New("store: no space left")
	ErrClosed    = errors.New("store: closed")
	ErrAway      = errors.New("store: the database cannot be reached") // what was being written may be there or not
	ErrBadCursor = errors.New("store: cursor does not belong to this query")
	// ErrTooComplex says that a query has more conditions than the database takes.
	ErrTooComplex = errors.New("store: the query has too many conditions")
)

// Record is one version of a resource.
type Record struct {
	Key     fhir.Key
	Version int64 // 1 for the first; rises by one at each write, deletes included
	Seq     Seq   // place in the tenant's log of all versions
	Updated time.Time
	Method  string // HTTP verb that made the version: POST, PUT, PATCH, DELETE
	Release definitions.Release
	Deleted bool   // the version is a delete; Body is nil
	Body    []byte // JSON, as the door composed it; the caller must not change it
}

// Seq numbers all versions of a tenant in the order in which they became
// visible to Changes.
type Seq int64

// Any, as Write.Expect, means whatever version is there, or none.
const Any int64 = -1

// Write is one change to one resource.
type Write struct {
	Key     fhir.Key
	Expect  int64 // version that must be current: Any, 0 for never existed, or n (a deleted resource's current version is its delete)
	Version int64 // 0 for one above the current version; otherwise the number that the version had elsewhere, ErrVersion unless it is above
	Updated time.Time
	Method  string
	Release definitions.Release
	Body    Body // zero for a delete
}

// Body is a resource's JSON and index entries packed for storage by
// Resources.Pack.
type Body struct {
	Packed []byte
	Size   int // of the JSON
	Index  []search.Entry
	Made   any // of Index, for the store that packed it
}

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

// VersionInfo is what a write has to know about a resource's current version.
type VersionInfo struct {
	Version int64
	Deleted bool
}

// Page is one page of a search.
type Page struct {
	Records []Record
	Next    string // for Query.After, "" on the last page
	// Cursors are for Query.After, too, to go on behind each of Records; nil unless
	// Query.Cursors asks for them.
	Cursors []string
	Total   int64 // -1 when not asked for
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
	// metadata (Body nil). A key may occur once. It fails with ErrVersion
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
	// Govern replaces the policies of a Patient, to whom something written refers
	// or who is there. Spans do not overlap. The caller holds a lock that all
	// callers take, so that policies are numbered in the order in which they
	// become visible. A policy that is new raises Identity.Epoch. One that nobody has
	// any more goes; whoever has it later has a new one.
	Govern(ctx context.Context, patient fhir.ID, spans []PolicySpan) error
	// PutItems is Identity.WriteItems without an epoch, as part of the transaction.
	PutItems(ctx context.Context, changes ...ItemChange) error
}

// PolicySpan is what a Patient's consents come to in a stretch of time, in
// microseconds since the Unix epoch: from Lo until before Until.
type PolicySpan struct {
	Lo, Until int64
	Policy    string
}

// Policy is one that some Patient has. The store numbers them by their
// text, from 1 up; to have one that is there uses up no number.
type Policy struct {
	Number int64
	Text   string
}

// VersionError says which Write met another version.
type VersionError struct {
	Key             fhir.Key
	Expect, Current int64 // Current 0: never existed
}

// MissingError says which required keys are missing.
type MissingError struct{ Keys []fhir.Key }

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
	// the given one, and counts what that changed. It holds a setting as Tx.Hold
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
}

// Blobs keeps large binary content outside the rows.
type Blobs interface {
	// Create stores what r gives and returns its name (a content hash).
	CreateBlob(ctx context.Context, content iter.Seq2[[]byte, error]) (name string, size int64, err error)
	// ReadBlob returns length bytes (-1: to the end) from offset, nothing when
	// offset lies beyond the end, and the size of the whole; ErrNotFound.
	ReadBlob(ctx context.Context, name string, offset, length int64) (iter.Seq2[[]byte, error], int64, error)
	// DeleteBlob removes content, whoever stored the same; ErrNotFound.
	DeleteBlob(ctx context.Context, name string) error
}

// JobState is the state of a Job.
type JobState string

// States: a job is Ready until leased, Running while leased, and ends Done,
// Failed or Cancelled.
const (
	JobReady     JobState = "ready"
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobFailed    JobState = "failed"
	JobCancelled JobState = "cancelled"
)

// Job is one piece of durable work.
type Job struct {
	ID       string
	Kind     string
	State    JobState
	Args     []byte // JSON, fixed at creation
	Progress []byte // JSON, written by the worker: where to resume
	Result   []byte // JSON, at the end
	Error    string // of the last attempt
	Attempt  int    // 1 at the first lease
	Max      int    // attempts allowed
	RunAt    time.Time
	Lease    time.Time // until when the worker holds it
	Holder   string    // token of the lease
	Created  time.Time
	Ended    time.Time
}

// Jobs keeps durable work. Times come from the caller, so the store needs no
// clock of its own.
type Jobs interface {
	CreateJob(ctx context.Context, j Job) error // an ID that exists already is ErrVersion
	ReadJob(ctx context.Context, id string) (Job, error)
	ListJobs(ctx context.Context, kind string, limit int) ([]Job, error) // newest first; kind "" for all
	// LeaseJob takes the oldest due job of one of kinds (Ready with RunAt <=
	// now, or Running with an expired lease), marks it Running and counts the
	// attempt; ErrNotFound when there is none. Two callers never get the same.
	LeaseJob(ctx context.Context, kinds []string, holder string, now, until time.Time) (Job, error)
	// UpdateJob writes State, Progress, Result, Error, RunAt, Lease, Ended of
	// a job that holder still holds; ErrVersion when the lease was lost or the
	// job was cancelled.
	UpdateJob(ctx context.Context, j Job, holder string) error
	// CancelJob cancels a job that has not ended; ErrVersion otherwise,
	// ErrNotFound when there is none.
	CancelJob(ctx context.Context, id string, now time.Time) error
	DeleteJob(ctx context.Context, id string) error // ErrNotFound
	// ClockAhead is how far the clock that all processes of a store share is ahead of
	// this process's: 0 where there is one process, or where they hardly differ.
	ClockAhead(ctx context.Context) (time.Duration, error)
	// CountJobs counts all jobs by kind and state, in their order.
	CountJobs(ctx context.Context) ([]JobCount, error)
}

// JobCount is how many jobs of a kind are in a state.
type JobCount struct {
	Kind  string
	State JobState
	Count int64
	// RunAt and Lease are the earliest of them, Ended the latest; Attempts is the most
	// that one of them had.
	RunAt, Lease, Ended time.Time
	Attempts            int
}

// Setting is a named value of the tenant.
type Setting struct {
	Name  string
	Value []byte
}

// Settings keeps small named values of the tenant (cursor keys, policy). A
// change waits for transactions that hold the value.
type Settings interface {
	ReadSetting(ctx context.Context, name string) ([]byte, error) // ErrNotFound
	// InitSetting stores value if the name is new and returns what is stored.
	InitSetting(ctx context.Context, name string, value []byte) ([]byte, error)
	WriteSetting(ctx context.Context, name string, value []byte) error
	// SwapSetting replaces the value if it is still was; otherwise, or when
	// there is none, ErrVersion.
	SwapSetting(ctx context.Context, name string, was, value []byte) error
	// ListSettings returns all settings by name.
	ListSettings(ctx context.Context) (map[string][]byte, error)
}

// Item is one thing that package identity remembers: a user, a client, a grant, a
// token. The store knows nothing of it but this.
type Item struct {
	Kind, ID string
	Version  int64     // 1 for the first; rises by one at each write
	Expires  time.Time // when Sweep may remove it; zero for never
	Keys     []ItemKey // what FindItems finds it by
	Body     []byte    // JSON; the caller must not change it
}

// ItemKey is a name and a value under which items of a kind are found, several
// under one perhaps.
type ItemKey struct{ Name, Value string }

// ItemChange writes an item, or deletes it.
type ItemChange struct {
	Item
	Expect int64 // version that must be current: Any, 0 for not there, or n
	Delete bool
}

// Identity keeps items. It knows no time: whether an item has expired is the
// caller's to say.
type Identity interface {
	ReadItem(ctx context.Context, kind, id string) (Item, error) // ErrNotFound
	// FindItems returns up to limit items that have a key, in the order of their
	// IDs, after the one called after; ListItems, those of a kind.
	FindItems(ctx context.Context, kind string, key ItemKey, after string, limit int) ([]Item, error)
	ListItems(ctx context.Context, kind, after string, limit int) ([]Item, error)
	ItemKinds(ctx context.Context) ([]string, error) // of which there are items, in order
	// WriteItems makes all changes or none, durably; ErrVersion when an Expect is
	// not met. Two calls that expect the same never both succeed, in whatever
	// process they are. A kind and ID may occur once. With epoch, Epoch rises.
	WriteItems(ctx context.Context, epoch bool, changes ...ItemChange) error
	// SweepItems removes up to limit items that expired before a time and returns
	// how many went.
	SweepItems(ctx context.Context, before time.Time, limit int) (int64, error)
	// Epoch is a number that differs from what it was before any WriteItems
	// with epoch that has returned, in whatever process.
	Epoch(ctx context.Context) (int64, error)
}

// LimitSpent is what one process let a limited key use, or refused it, since it last
// reported that.
type LimitSpent struct {
	Key     string
	Owes    time.Duration // how long the key's limit takes to make up for it; whole microseconds are kept
	Refused int64
}

// LimitUse is what all processes together know of a limited key.
type LimitUse struct {
	Key     string
	Owes    time.Duration // how long from now until its use is made up for
	Refused int64         // how often it was refused as long as the key is kept
	Since   time.Duration // how long ago it was last reported
}

// Limits keeps how much is used of what is limited, so that all processes of a tenant
// share it. Time passes by the clock of the database, whatever those of the processes
// say.
type Limits interface {
	// SpendLimits adds to what keys owe, to each of them behind what it owes already, and
	// returns what they owe then, in any order. A key may occur once.
	SpendLimits(ctx context.Context, spent []LimitSpent) ([]LimitUse, error)
	// ListLimits returns up to limit keys that owe something, or were refused, of those
	// reported last.
	ListLimits(ctx context.Context, limit int) ([]LimitUse, error)
	// HoldLimits replaces what a process says it holds of each key, which is forgotten
	// unless it is said again within lease, and returns what all others hold.
	HoldLimits(ctx context.Context, process string, held map[string]int64, lease time.Duration) (others map[string]int64, err error)
	// SweepLimits removes up to limit keys that owe nothing and were not reported for as
	// long as unused, with what is held no more, and returns how many keys went.
	SweepLimits(ctx context.Context, unused time.Duration, limit int) (int64, error)
}

// Part is a piece of a backup: a file or rows, in a form that is the database's own.
type Part struct {
	Name    string // letters, digits, '.', '-', '_' and '/'; unique in the backup
	Size    int64
	Content io.Reader // Size bytes, good until put returns
}

// Backups copies all that a store remembers while it goes on serving. Package sqlite
// and postgres each make a new store of the parts (Restore).
type Backups interface {
	// Backup calls put with one part after the other. Together they hold the store as
	// it was at one moment during the call, so all that was acknowledged before the
	// call, and of the audit log also what came until its end. An error of put ends
	// it and is returned.
	Backup(ctx context.Context, put func(Part) error) error
}

// Event is one entry of a log of events. The store knows nothing of it but this.
type Event struct {
	Log    string
	Number int64  // in the log, from 1
	Body   []byte // the caller must not change it
}

// Events keeps logs of events, which grow at one end and are cut at the other.
type Events interface {
	// AppendEvents adds events and makes changes of items, all or none, durably. A number
	// that the log has is ErrVersion, as is an Expect that is not met.
	AppendEvents(ctx context.Context, events []Event, changes ...ItemChange) error
	// ReadEvents returns up to limit events of a log from a number on, in order.
	ReadEvents(ctx context.Context, log string, from int64, limit int) ([]Event, error)
	// LastEvent is the number of the last event that a log has; 0 when it has none.
	LastEvent(ctx context.Context, log string) (int64, error)
	// CutEvents removes the events of a log below a number.
	CutEvents(ctx context.Context, log string, below int64) error
}

// Store is everything one tenant remembers.
type Store interface {
	Backups
	Resources
	Events
	Blobs
	Jobs
	Settings
	Identity
	Audit
	Limits
	// Ping says whether the database answers and can be written.
	Ping(ctx context.Context) error
	// Vitals says how the database is, as far as it can be told at once.
	Vitals(ctx context.Context) (Vitals, error)
	// Close waits for writes under way and releases everything.
	Close() error
}
