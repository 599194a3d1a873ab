// Package watched is a store that tells how long what is asked of it takes, as metrics
// and as spans.
package watched

import (
	"context"
	"errors"
	"time"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/watch/metric"
	"github.com/inglehealth/ingle/watch/span"
)

// Store is a store.Store over another one.
type Store struct {
	store.Store
	read, readVersion, readMany, versions, search, count, referrers, write, bulk, flush, explain, history, changes, reindex, expunge, values, stats,
	createBlob, readItem, findItems, listItems, writeItems, appendAudit, sealAudit *operation
}

// New watches a tenant's store, for the metrics of counts; database is what kind it is.
func New(s store.Store, tenant, database string, counts *metric.Registry) *Store {
	took := counts.Histogram("ingle_store_seconds", "How long the database took, in seconds, by what was asked of it: search is a page of a search, write a commit.", "tenant", "database", "operation")
	failed := counts.Counter("ingle_store_errors_total", "What the database failed to do, by what was asked of it and why: away, full, time or other.", "tenant", "database", "operation", "reason")
	op := func(name string) *operation {
		return &operation{name: name, took: took.Row(tenant, database, name), failed: failed, tenant: tenant, database: database}
	}
	return &Store{
		Store: s,
		read:  op("read"), readVersion: op("read-version"), readMany: op("read-many"), versions: op("versions"), search: op("search"), count: op("count"),
		referrers: op("referrers"), write: op("write"), bulk: op("import"), flush: op("flush"), explain: op("explain"), history: op("history"), changes: op("changes"),
		reindex: op("reindex"), expunge: op("expunge"), values: op("values"), stats: op("stats"), createBlob: op("create-blob"),
		readItem: op("read-item"), findItems: op("find-items"), listItems: op("list-items"), writeItems: op("write-items"),
		appendAudit: op("append-audit"), sealAudit: op("seal-audit"),
	}
}

// operation is one thing that is asked of a store.
type operation struct {
	name, tenant, database string
	took                   *metric.Row
	failed                 *metric.Counter
}

// call is one time that it is asked.
type call struct {
	*operation
	begun time.Time
	span  *span.Span
}

func (o *operation) begin(ctx context.Context) (context.Context, call) {
	ctx, s := span.Start(ctx, o.name)
	if s != nil {
		s.Name("store " + o.name)
		s.Text("db.system.name", o.database)
		s.Text("db.operation.name", o.name)
		s.Text("ingle.tenant", o.tenant)
	}
	return ctx, call{o, time.Now(), s}
}

func (c call) end(err error) {
	c.took.Observe(time.Since(c.begun))
	if reason := reasonOf(err); reason != "" {
		c.failed.Add(1, c.tenant, c.database, c.name, reason)
		c.span.Fail(reason)
	}
	c.span.End()
}

// reasonOf is why the database failed, "" when it did not: what is not there, or another
// version than was expected, is an answer.
func reasonOf(err error) string {
	switch {
	case err == nil, errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrVersion), errors.Is(err, store.ErrMissing), errors.Is(err, store.ErrBadCursor),
		errors.Is(err, store.ErrTooComplex), errors.Is(err, store.ErrClosed), errors.Is(err, context.Canceled):
		return ""
	case errors.Is(err, store.ErrAway):
		return "away"
	case errors.Is(err, store.ErrFull):
		return "full"
	case errors.Is(err, context.DeadlineExceeded):
		return "time"
	}
	return "other"
}
