package store

import (
	"context"
	"time"
)

// AuditBlock is a run of numbered events of the audit log. It changes only when an
// event in it is erased.
type AuditBlock struct {
	First        int64 // number of its first event
	Count        int
	Since, Until time.Time // of its earliest and its latest event
	Body         []byte    // as package audit writes it; the caller must not change it
	// Summary says what the events are found by, as package audit writes it; nil when
	// nothing is known.
	Summary []byte
}

// AuditPosting says which events of a block have a key.
type AuditPosting struct {
	Key   int64 // a hash: what has it need not be what is sought
	First int64 // of the block
	At    []byte
}

// AuditNode is a hash of the log's tree.
type AuditNode struct {
	ID   int64
	Hash []byte
}

// AuditHead is the signed state of the log.
type AuditHead struct {
	Size int64 // numbered events
	Note []byte
}

// AuditSeal is what numbering some groups adds to the log.
type AuditSeal struct {
	Groups   int // that went into it
	Block    AuditBlock
	Postings []AuditPosting
	Nodes    []AuditNode
	Head     AuditHead
}

// AuditRange selects blocks.
type AuditRange struct {
	From         int64     // with events of that number or above
	Before       int64     // with events below that number; 0 for no limit
	Since, Until time.Time // with events that may lie there, ends included; zero for no limit
	Newest       bool      // the newest first; otherwise the oldest
	Summaries    bool      // blocks with their summaries, and without their bodies
	Limit        int
}

// AuditCopy is part of what another log holds.
type AuditCopy struct {
	Begin    bool // the first part: what an earlier try left goes
	Blocks   []AuditBlock
	Postings []AuditPosting
	Nodes    []AuditNode
	Head     AuditHead // with the last part; before, the zero one
}

// Audit keeps the audit log. It knows nothing of events but this: groups of them
// are appended, and are then numbered, as blocks. Times are as exact as
// microseconds.
type Audit interface {
	// AppendAudit keeps a group of events, durably when it returns. ErrFull.
	AppendAudit(ctx context.Context, group []byte) error
	// AuditsWrites says whether a transaction can take groups along, as Tx.AppendAudit does.
	AuditsWrites() bool
	// TakeUpAudit is AppendAudit for what waited in a spool, behind the place was and up
	// to last, which counts from 1. ErrVersion when something behind was is taken up by
	// now: of several at once that have the same spool, in whatever process, one goes.
	// Where a store is one process's, that is known until it is closed.
	TakeUpAudit(ctx context.Context, group []byte, spool string, was, last int64) error
	// SealAudit gives fn the last head and up to limit groups, the oldest first, and
	// puts what fn returns in the place of the first Groups of them, all or nothing. The groups
	// are not to be used when fn has returned. Two never run at once, in
	// whatever process; fn does not call the store. With no group there fn is not called. It returns how many
	// groups went. It need not be durable: then the groups are there again. FlushAudit
	// makes it so.
	SealAudit(ctx context.Context, limit int, fn func(last AuditHead, groups [][]byte) (*AuditSeal, error)) (int, error)
	FlushAudit(ctx context.Context) error
	AuditHead(ctx context.Context) (AuditHead, error) // the zero one before the first seal
	AuditBlocks(ctx context.Context, r AuditRange) ([]AuditBlock, error)
	// AuditPostings returns those of a key in blocks that begin where a range says,
	// whose times are ignored; AllAuditPostings all, in the order of key and block,
	// after one.
	AuditPostings(ctx context.Context, key int64, r AuditRange) ([]AuditPosting, error)
	AllAuditPostings(ctx context.Context, after AuditPosting, limit int) ([]AuditPosting, error)
	// AuditNodes returns those of ids that are there, in no particular order.
	AuditNodes(ctx context.Context, ids []int64) ([]AuditNode, error)
	// ReplaceAuditBlock puts another body and summary into a block, and other postings, which
	// without At are removed, in the place of those of the same keys; ErrVersion when
	// its body is not was any more.
	ReplaceAuditBlock(ctx context.Context, first int64, was, body, summary []byte, postings []AuditPosting) error
	// AuditSigners is what package audit remembers of its keys, nil before the first
	// SwapAuditSigners, which fails with ErrVersion when that is not was any more.
	AuditSigners(ctx context.Context) ([]byte, error)
	SwapAuditSigners(ctx context.Context, was, value []byte) error
	// CopyAudit puts part of another log into one that has numbered nothing; ErrVersion
	// when there is a head. What was appended stays as it is.
	CopyAudit(ctx context.Context, c AuditCopy) error
	// SpendAuditReserve frees some of the space that is kept for the audit log, for
	// an append that failed with ErrFull, and returns how many bytes are left of it;
	// ErrFull when none is. RestoreAuditReserve makes it whole again where there is
	// room. A database that keeps no reserve has none.
	SpendAuditReserve(ctx context.Context) (int64, error)
	RestoreAuditReserve(ctx context.Context) error
}
