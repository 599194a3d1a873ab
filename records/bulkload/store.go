package bulkload

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// outcome is what became of an item.
type outcome struct {
	key     fhir.Key // as far as it is known
	matched bool
	err     error // why it was refused, or nil
	waits   bool  // it refers to what is not there; it may be later
}

// store loads resources one by one.
func (l *load) store(ctx context.Context, place *records.LoadGroup, items []item) ([]outcome, error) {
	outcomes := make([]outcome, len(items))
	var contents []records.Content
	var of []int
	for i, it := range items {
		outcomes[i] = outcome{key: it.key, err: it.err}
		if it.err == nil {
			contents = append(contents, it.content)
			of = append(of, i)
		}
	}
	loaded, err := place.Load(ctx, contents)
	if err != nil {
		return nil, err
	}
	for n, r := range loaded {
		if passing(r.Err) {
			return nil, r.Err
		}
		o := &outcomes[of[n]]
		o.matched, o.err = r.Matched, r.Err
		o.waits = r.Err != nil && (len(r.Missing) > 0 || waits(r.Err))
	}
	return outcomes, nil
}

// passing says whether an error is of the moment, and says nothing of the resource.
func passing(err error) bool {
	if err == nil {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Unavailable, fault.StorageFull, fault.Throttled:
		return true
	}
	return errors.Is(err, context.Canceled)
}

// waits says whether an error is only that something is not there.
func waits(err error) bool {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return false
	}
	for _, issue := range e.Issues {
		if issue.Code != fault.CodeNotFound {
			return false
		}
	}
	return true
}

// process carries out a batch or transaction.
func (l *load) process(ctx context.Context, s *step, items []item) ([]outcome, error) {
	outcomes := make([]outcome, len(items))
	var sent []int // indexes of items
	included := map[int]bool{}
	for i, it := range items {
		// A resource that cannot be read must not take a whole batch with it.
		if s.doc.bundle == "batch" && s.doc.entries[it.entry].resource != nil {
			tree, err := fhir.ParseJSON(l.defs, s.doc.entries[it.entry].resource, fhir.Limits{MaxBytes: l.o.MaxLine})
			if err != nil {
				outcomes[i].err = err
				continue
			}
			outcomes[i].key = tree.Key()
		}
		sent = append(sent, i)
		included[it.entry] = true
	}
	if len(sent) == 0 {
		return outcomes, nil
	}
	text := s.doc.bundleText(func(i int) bool { return included[i] })
	result, err := l.session.Load().Bundle(ctx, records.Content{JSON: text, Release: l.o.Release},
		records.BundleOptions{Request: records.Request{Bulk: true}})
	if err != nil {
		switch fault.KindOf(err) {
		case fault.Internal, fault.Unavailable, fault.StorageFull, fault.Throttled:
			return nil, err
		}
		refuseAll(outcomes, items, sent, err)
		return outcomes, nil
	}
	for n, r := range result.Entries {
		o := &outcomes[sent[n]]
		if r.Key.ID != "" {
			o.key = r.Key
		}
		if o.err = r.Err; r.Err != nil {
			o.waits = waits(r.Err)
			continue
		}
		o.matched = r.Status == 200 && !r.LastModified.IsZero() && r.LastModified.Before(l.began)
	}
	return outcomes, nil
}

var entryPath = regexp.MustCompile(`^Bundle\.entry\[(\d+)\]`)

// refuseAll gives each sent entry of a Bundle that failed as a whole its own
// reason, and those that have none the first entry's.
func refuseAll(outcomes []outcome, items []item, sent []int, err error) {
	first := -1
	if e, ok := errors.AsType[*fault.Error](err); ok {
		for _, issue := range e.Issues {
			m := entryPath.FindStringSubmatch(issue.Path)
			if m == nil {
				continue
			}
			n, atoi := strconv.Atoi(m[1])
			if atoi != nil || n >= len(sent) {
				continue
			}
			if first < 0 {
				first = sent[n]
			}
			if o := &outcomes[sent[n]]; o.err == nil {
				// Positions are those of a text that the report's reader never saw.
				issue.Line, issue.Column = 0, 0
				o.err = errors.New(issue.String())
			}
		}
	}
	for _, i := range sent {
		o := &outcomes[i]
		switch {
		case o.err != nil:
		case first >= 0:
			o.err = fmt.Errorf("its bundle was not stored because of entry %d", items[first].entry)
		default:
			o.err = err
		}
		o.waits = waits(err)
	}
}
