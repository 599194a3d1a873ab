package watched

import (
	"context"
	"iter"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Read implements store.Reader.
func (s *Store) Read(ctx context.Context, key fhir.Key) (r store.Record, err error) {
	ctx, c := s.read.begin(ctx)
	r, err = s.Store.Read(ctx, key)
	c.end(err)
	return r, err
}

// ReadVersion implements store.Reader.
func (s *Store) ReadVersion(ctx context.Context, key fhir.Key, version int64) (r store.Record, err error) {
	ctx, c := s.readVersion.begin(ctx)
	r, err = s.Store.ReadVersion(ctx, key, version)
	c.end(err)
	return r, err
}

// ReadMany implements store.Reader.
func (s *Store) ReadMany(ctx context.Context, keys []fhir.Key) (r []store.Record, err error) {
	ctx, c := s.readMany.begin(ctx)
	r, err = s.Store.ReadMany(ctx, keys)
	c.end(err)
	return r, err
}

// Versions implements store.Reader.
func (s *Store) Versions(ctx context.Context, keys []fhir.Key) (r map[fhir.Key]store.VersionInfo, err error) {
	ctx, c := s.versions.begin(ctx)
	r, err = s.Store.Versions(ctx, keys)
	c.end(err)
	return r, err
}

// Search implements store.Reader.
func (s *Store) Search(ctx context.Context, q *search.Query) (r store.Page, err error) {
	ctx, c := s.search.begin(ctx)
	r, err = s.Store.Search(ctx, q)
	c.end(err)
	return r, err
}

// Count implements store.Reader.
func (s *Store) Count(ctx context.Context, q *search.Query) (r int64, err error) {
	ctx, c := s.count.begin(ctx)
	r, err = s.Store.Count(ctx, q)
	c.end(err)
	return r, err
}

// Referrers implements store.Reader.
func (s *Store) Referrers(ctx context.Context, key fhir.Key, limit int) (r []fhir.Key, err error) {
	ctx, c := s.referrers.begin(ctx)
	r, err = s.Store.Referrers(ctx, key, limit)
	c.end(err)
	return r, err
}

// History implements store.Resources.
func (s *Store) History(ctx context.Context, q store.HistoryQuery) (r store.HistoryPage, err error) {
	ctx, c := s.history.begin(ctx)
	r, err = s.Store.History(ctx, q)
	c.end(err)
	return r, err
}

// Changes implements store.Resources.
func (s *Store) Changes(ctx context.Context, after store.Seq, limit int, bodies bool) (r []store.Record, err error) {
	ctx, c := s.changes.begin(ctx)
	r, err = s.Store.Changes(ctx, after, limit, bodies)
	c.end(err)
	return r, err
}

// Reindex implements store.Resources.
func (s *Store) Reindex(ctx context.Context, held store.Setting, items []store.Reindexed) (r store.ReindexCount, err error) {
	ctx, c := s.reindex.begin(ctx)
	r, err = s.Store.Reindex(ctx, held, items)
	c.end(err)
	return r, err
}

// Expunge implements store.Resources.
func (s *Store) Expunge(ctx context.Context, x store.Expunge) (r int64, err error) {
	ctx, c := s.expunge.begin(ctx)
	r, err = s.Store.Expunge(ctx, x)
	c.end(err)
	return r, err
}

// Values implements store.Resources.
func (s *Store) Values(ctx context.Context, p search.Param, limit int) (r []search.Entry, err error) {
	ctx, c := s.values.begin(ctx)
	r, err = s.Store.Values(ctx, p, limit)
	c.end(err)
	return r, err
}

// Stats implements store.Resources.
func (s *Store) Stats(ctx context.Context) (r map[fhir.Type]int64, err error) {
	ctx, c := s.stats.begin(ctx)
	r, err = s.Store.Stats(ctx)
	c.end(err)
	return r, err
}

// ReadItem implements store.Identity.
func (s *Store) ReadItem(ctx context.Context, kind, id string) (r store.Item, err error) {
	ctx, c := s.readItem.begin(ctx)
	r, err = s.Store.ReadItem(ctx, kind, id)
	c.end(err)
	return r, err
}

// FindItems implements store.Identity.
func (s *Store) FindItems(ctx context.Context, kind string, key store.ItemKey, after string, limit int) (r []store.Item, err error) {
	ctx, c := s.findItems.begin(ctx)
	r, err = s.Store.FindItems(ctx, kind, key, after, limit)
	c.end(err)
	return r, err
}

// ListItems implements store.Identity.
func (s *Store) ListItems(ctx context.Context, kind, after string, limit int) (r []store.Item, err error) {
	ctx, c := s.listItems.begin(ctx)
	r, err = s.Store.ListItems(ctx, kind, after, limit)
	c.end(err)
	return r, err
}

// Explain implements store.Resources.
func (s *Store) Explain(ctx context.Context, q *search.Query) (r store.Page, x store.Explanation, err error) {
	ctx, c := s.explain.begin(ctx)
	r, x, err = s.Store.Explain(ctx, q)
	c.end(err)
	return r, x, err
}

// Write implements store.Resources. What fn fails with is its own affair.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.write.transaction(ctx, fn, s.Store.Write)
}

// Import implements store.Resources.
func (s *Store) Import(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.bulk.transaction(ctx, fn, s.Store.Import)
}

func (o *operation) transaction(ctx context.Context, fn func(context.Context, store.Tx) error, run func(context.Context, func(context.Context, store.Tx) error) error) error {
	ctx, c := o.begin(ctx)
	var own error
	err := run(ctx, func(ctx context.Context, tx store.Tx) error {
		own = fn(ctx, tx)
		return own
	})
	if own != nil && reasonOf(err) == "other" {
		c.end(nil)
		return err
	}
	c.end(err)
	return err
}

// Flush implements store.Resources.
func (s *Store) Flush(ctx context.Context) error {
	ctx, c := s.flush.begin(ctx)
	err := s.Store.Flush(ctx)
	c.end(err)
	return err
}

// CreateBlob implements store.Blobs.
func (s *Store) CreateBlob(ctx context.Context, content iter.Seq2[[]byte, error]) (name string, size int64, err error) {
	ctx, c := s.createBlob.begin(ctx)
	name, size, err = s.Store.CreateBlob(ctx, content)
	c.end(err)
	return name, size, err
}

// WriteItems implements store.Identity.
func (s *Store) WriteItems(ctx context.Context, epoch bool, changes ...store.ItemChange) error {
	ctx, c := s.writeItems.begin(ctx)
	err := s.Store.WriteItems(ctx, epoch, changes...)
	c.end(err)
	return err
}

// AppendAudit implements store.Audit.
func (s *Store) AppendAudit(ctx context.Context, group []byte) error {
	ctx, c := s.appendAudit.begin(ctx)
	err := s.Store.AppendAudit(ctx, group)
	c.end(err)
	return err
}

// SealAudit implements store.Audit.
func (s *Store) SealAudit(ctx context.Context, limit int, fn func(last store.AuditHead, groups [][]byte) (*store.AuditSeal, error)) (int, error) {
	ctx, c := s.sealAudit.begin(ctx)
	n, err := s.Store.SealAudit(ctx, limit, fn)
	c.end(err)
	return n, err
}
