package alerts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Evaluator evaluates the rules of a tenant, in one process at a time. It belongs to
// one goroutine.
type Evaluator struct {
	book   *Book
	server bool                 // the rules of the whole server are evaluated as well
	beyond map[string]time.Time // since when, of what has not fired yet, by id
}

// Evaluator evaluates the rules; server says that those of the whole server are among
// them.
func (b *Book) Evaluator(server bool) *Evaluator {
	return &Evaluator{book: b, server: server, beyond: map[string]time.Time{}}
}

// Evaluate compares readings with the limits and keeps what began to fire and what is
// resolved, which it returns. What another process changed meanwhile is left to the
// next time.
func (e *Evaluator) Evaluate(ctx context.Context, now time.Time, readings Readings) (changed []Alert, err error) {
	rules, err := e.book.Settings(ctx)
	if err != nil {
		return nil, err
	}
	list, err := e.book.List(ctx)
	if err != nil {
		return nil, err
	}
	known := map[string]*Alert{}
	for i := range list {
		known[list[i].ID()] = &list[i]
	}
	var errs []error
	keep := func(a Alert) {
		switch err := e.book.write(ctx, &a); {
		case err == nil:
			changed = append(changed, a)
		case !errors.Is(err, store.ErrVersion):
			errs = append(errs, err)
		}
	}
	for _, r := range rules {
		read, ok := readings[r.Name]
		if r.Off || r.Server && !e.server {
			read, ok = nil, true
		}
		if !ok {
			continue
		}
		fires := map[string]bool{}
		for _, one := range worst(r, read) {
			a := Alert{Rule: r.Name, Subject: one.Subject}
			id := a.ID()
			fires[id] = true
			was := known[id]
			if was != nil {
				a = *was
			}
			if a.State == Firing {
				continue
			}
			since, waits := e.beyond[id]
			if !waits {
				since, e.beyond[id] = now, now
			}
			if now.Sub(since) < r.For {
				continue
			}
			keep(Alert{
				Rule: r.Name, Subject: one.Subject, State: Firing, Value: one.Value, Limit: r.Limit, Since: now.UTC(),
				Silenced: a.Silenced, SilencedBy: a.SilencedBy, version: a.version,
			})
		}
		for _, a := range list {
			if a.Rule == r.Name && a.State == Firing && !fires[a.ID()] {
				a.State, a.Resolved, a.Told = Resolved, now.UTC(), time.Time{}
				keep(a)
			}
		}
		e.forget(r.Name, fires)
	}
	return changed, errors.Join(errs...)
}

// forget forgets since when what is not beyond any more was.
func (e *Evaluator) forget(rule string, fires map[string]bool) {
	for id := range e.beyond {
		if !fires[id] && len(id) > len(rule) && id[:len(rule)+1] == rule+"/" {
			delete(e.beyond, id)
		}
	}
}

// worst are the readings that are beyond the limit, the worst of them when there are
// many.
func worst(r Set, all []Reading) []Reading {
	var some []Reading
	for _, one := range all {
		if len(one.Subject) > 128 {
			one.Subject = one.Subject[:128]
		}
		if r.beyond(one.Value) {
			some = append(some, one)
		}
	}
	slices.SortStableFunc(some, func(a, b Reading) int {
		if r.Below {
			return cmp.Compare(a.Value, b.Value)
		}
		return cmp.Compare(b.Value, a.Value)
	})
	return some[:min(len(some), maxSubjects)]
}

// remindAfter is how soon those outside are told again of what fires and nobody has
// acknowledged.
const remindAfter = 6 * time.Hour

// due says whether those outside are to be told of an alert.
func (a Alert) due(now time.Time) bool {
	switch {
	case a.SilentAt(now):
		return false
	case a.State == Resolved: // once, and not of what is old
		return a.Told.IsZero() && now.Sub(a.Resolved) < remindAfter
	case a.Told.IsZero():
		return true
	}
	return a.Acknowledged.IsZero() && now.Sub(a.Told) >= remindAfter
}

// Tell has those outside told of what they have not been told yet, and keeps that they
// were: a tell that fails is repeated the next time, so each of them comes at least once.
func (e *Evaluator) Tell(ctx context.Context, now time.Time, tell func(context.Context, Alert) error) error {
	list, err := e.book.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, a := range list {
		if !a.due(now) {
			continue
		}
		if err := tell(ctx, a); err != nil {
			errs = append(errs, err)
			continue
		}
		a.Told = now.UTC()
		if err := e.book.write(ctx, &a); err != nil && !errors.Is(err, store.ErrVersion) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
