package records

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// move moves the versions. While some are being written, the next are read
// and indexed.
func (m *migration) move(ctx context.Context) error {
	ready := make(chan []moving, 1)
	g, both := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(ready)
		for batch, err := range m.from.feed(both, m.state.After) {
			if err != nil {
				return err
			}
			next, err := m.prepare(both, batch)
			if err != nil {
				return err
			}
			select {
			case ready <- next:
			case <-both.Done():
				return both.Err()
			}
		}
		return nil
	})
	g.Go(func() error {
		for batch := range ready {
			if err := m.write(both, batch); err != nil {
				return err
			}
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return err
	}
	return m.checkpoint(ctx)
}

// moving is a version on its way.
type moving struct {
	store.Record
	write store.Write
}

// prepare makes writes of versions. Only those that are current, or were before a delete that
// is, have index entries, so that no version is indexed to be taken out again.
func (m *migration) prepare(ctx context.Context, batch []store.Record) ([]moving, error) {
	current, err := m.from.store.Versions(ctx, recordKeys(batch))
	if err != nil {
		return nil, err
	}
	out := make([]moving, len(batch))
	errs := make([]error, len(batch))
	err = parallel(ctx, len(batch), func(i int) {
		r := batch[i]
		w := store.Write{Key: r.Key, Expect: store.Any, Version: r.Version, Updated: r.Updated, Method: r.Method, Release: r.Release}
		if !r.Deleted {
			var entries []search.Entry
			if now := current[r.Key]; now.Version == r.Version || now.Deleted && now.Version == r.Version+1 {
				if _, entries, errs[i] = m.to.indexWith(ctx, m.from.store, r); errs[i] != nil {
					errs[i] = fmt.Errorf("%s/_history/%d: %w", r.Key, r.Version, errs[i])
					return
				}
			}
			w.Body = m.to.store.Pack(r.Body, entries)
		}
		out[i] = moving{r, w}
	})
	return out, errors.Join(append(errs, err)...)
}

// write moves the content of a batch's Binaries, then its versions. A resource
// that occurs in it several times is written in turn.
func (m *migration) write(ctx context.Context, batch []moving) error {
	last := batch[len(batch)-1].Seq
	todo, err := m.missing(ctx, batch)
	if err != nil {
		return err
	}
	for _, v := range todo {
		if err := m.content(ctx, v.Record); err != nil {
			return err
		}
	}
	for len(todo) > 0 {
		n := distinct(todo)
		writes := make([]store.Write, n)
		for i := range writes {
			writes[i] = todo[i].write
		}
		err := m.to.store.Import(ctx, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, writes)
			return err
		})
		if err != nil {
			return err
		}
		todo = todo[n:]
	}
	m.state.After = last
	m.state.Versions += int64(len(batch))
	if m.o.Progress != nil {
		m.o.Progress(MigrateProgress{Versions: m.state.Versions, Total: max(m.state.Total, m.state.Versions)})
	}
	if m.from.config.Clock().Sub(m.saved) < cmp.Or(m.o.Checkpoint, 5*time.Second) {
		return nil
	}
	return m.checkpoint(ctx)
}

// missing leaves out what a killed run had moved after its last checkpoint.
// Batches are written in order, so once all of one is missing, so is the rest.
func (m *migration) missing(ctx context.Context, batch []moving) ([]moving, error) {
	if !m.overlap {
		return batch, nil
	}
	records := make([]store.Record, len(batch))
	for i := range batch {
		records[i] = batch[i].Record
	}
	there, err := m.to.store.Versions(ctx, recordKeys(records))
	if err != nil {
		return nil, err
	}
	var todo []moving
	for _, v := range batch {
		if v.Version > there[v.Key].Version {
			todo = append(todo, v)
		}
	}
	m.overlap = len(todo) < len(batch)
	return todo, nil
}

// distinct is how many of the first versions are of different resources.
func distinct(list []moving) int {
	seen := make(map[fhir.Key]bool, len(list))
	for i, v := range list {
		if seen[v.Key] {
			return i
		}
		seen[v.Key] = true
	}
	return len(list)
}

// content moves the content of a Binary.
func (m *migration) content(ctx context.Context, r store.Record) error {
	b, ok := blobOf(r)
	if !ok {
		return nil
	}
	chunks, _, err := m.from.store.ReadBlob(ctx, b.name, 0, -1)
	if err != nil {
		return fmt.Errorf("%s/_history/%d: its content: %w", r.Key, r.Version, err)
	}
	name, size, err := m.to.store.CreateBlob(ctx, chunks)
	if err == nil && (name != b.name || size != b.size) {
		err = fmt.Errorf("%s/_history/%d: its content has changed: %d bytes called %s, not %d called %s", r.Key, r.Version, size, name, b.size, b.name)
	}
	return err
}

func recordKeys(list []store.Record) []fhir.Key {
	keys := make([]fhir.Key, len(list))
	for i, r := range list {
		keys[i] = r.Key
	}
	return keys
}

// checkpoint makes durable what was moved, then says so.
func (m *migration) checkpoint(ctx context.Context) error {
	if err := m.to.store.Flush(ctx); err != nil {
		return err
	}
	m.saved = m.from.config.Clock()
	return m.work.Save(ctx, m.state)
}
