package bulkjob

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

const (
	runBytes = 16 << 20 // of the lines that are sorted in memory
	// mergedAtOnce are read together; so many runs or shelves of a level are made one.
	mergedAtOnce = 64
)

// sorter makes runs of what belongs to Patients.
type sorter struct {
	e     *export
	step  Step
	lines []entry
	size  int64
}

func (s *sorter) take(_ context.Context, f fetched) error {
	s.e.Found += int64(len(f.portion.Resources))
	for _, one := range f.portion.Resources {
		targets := f.targets[one.Place]
		owners := one.Owners
		if s.step.What == stepProvenance {
			owners = s.e.owners.of(targets)
		}
		targets = slices.DeleteFunc(targets, func(p records.Place) bool { return !s.e.support.has(p) })
		for _, id := range owners {
			s.lines = append(s.lines, entry{id, targets, one.JSON})
			s.size += int64(len(id) + 8*len(targets) + len(one.JSON))
		}
	}
	return nil
}

func (s *sorter) full() bool  { return s.size >= min(runBytes, cmp.Or(s.e.Part, defaultPart)) }
func (s *sorter) empty() bool { return len(s.lines) == 0 }
func (s *sorter) abort()      {}

// commit writes a run, and merges runs when there are many; the caller saves the state.
func (s *sorter) commit(ctx context.Context) error {
	if s.empty() {
		return nil
	}
	slices.SortStableFunc(s.lines, func(a, b entry) int { return cmp.Compare(a.patient, b.patient) })
	name, err := s.e.spool(ctx, "run", func(to *bufio.Writer) error {
		for i := range s.lines {
			if err := s.lines[i].write(to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.lines, s.size = nil, 0
	s.e.Runs = append(slices.Clip(s.e.Runs), Run{Name: name})
	s.e.Runs, err = s.e.fewer(ctx, s.e.Runs, s.e.mergeRuns)
	return err
}

// spool writes a file that is of the export, and not for who asked for it.
func (e *export) spool(ctx context.Context, stem string, write func(*bufio.Writer) error) (name string, err error) {
	e.Spooled++
	name = fmt.Sprintf("%s-%d-%s", stem, e.Spooled, e.attempt())
	w, err := e.Files.Create(ctx, e.name(name))
	if err != nil {
		return "", err
	}
	defer w.Abort()
	out := bufio.NewWriterSize(w, 256<<10)
	if err := write(out); err != nil {
		return "", err
	}
	if err := out.Flush(); err != nil {
		return "", err
	}
	return name, w.Commit()
}

// fewer makes one file of the last ones as long as there are many of a level, so that
// there are never many at all: all are open at once in the end.
func (e *export) fewer(ctx context.Context, all []Run, one func(context.Context, []Run) (name string, err error)) ([]Run, error) {
	for {
		from := len(all) - mergedAtOnce
		if from < 0 || all[from].Level != all[len(all)-1].Level {
			return all, nil
		}
		name, err := one(ctx, all[from:])
		if err != nil {
			return nil, err
		}
		for _, run := range all[from:] {
			e.gone = append(e.gone, run.Name)
		}
		all = append(slices.Clone(all[:from]), Run{name, all[from].Level + 1})
	}
}

// mergeRuns makes one run of several.
func (e *export) mergeRuns(ctx context.Context, some []Run) (name string, err error) {
	m, err := e.openMerge(ctx, some, nil)
	if err != nil {
		return "", err
	}
	defer m.close()
	return e.spool(ctx, "run", func(to *bufio.Writer) error {
		for head := m.head(); head != nil; head = m.head() {
			if err := head.write(to); err != nil {
				return err
			}
			if err := m.read(); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
}

// owners tell to which Patients resources belong, four bytes a resource.
type owners struct {
	ids   []fhir.ID
	nth   map[fhir.ID]int32 // in ids, from 1
	pages map[records.Place]*[pagePlaces]int32
	more  map[records.Place][]int32 // of those with several, beside the first
}

func newOwners() *owners {
	return &owners{nth: map[fhir.ID]int32{}, pages: map[records.Place]*[pagePlaces]int32{}, more: map[records.Place][]int32{}}
}

func (o *owners) add(p records.Place, ids []fhir.ID) {
	for i, id := range ids {
		n := o.nth[id]
		if n == 0 {
			o.ids = append(o.ids, id)
			n = int32(len(o.ids))
			o.nth[id] = n
		}
		if i > 0 {
			o.more[p] = append(o.more[p], n)
			continue
		}
		page := o.pages[p/pagePlaces]
		if page == nil {
			page = new([pagePlaces]int32)
			o.pages[p/pagePlaces] = page
		}
		page[p%pagePlaces] = n
	}
}

// of are those to whom some resources belong, sorted.
func (o *owners) of(places []records.Place) (all []fhir.ID) {
	for _, p := range places {
		page := o.pages[p/pagePlaces]
		if p < 0 || page == nil || page[p%pagePlaces] == 0 {
			continue
		}
		all = append(all, o.ids[page[p%pagePlaces]-1])
		for _, n := range o.more[p] {
			all = append(all, o.ids[n-1])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
