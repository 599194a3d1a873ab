package bulkjob

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"slices"

	"github.com/inglehealth/ingle/records"
)

// shelver makes files of what is referred to, from which each is taken by its place.
type shelver struct {
	e     *export
	lines []entry // the first target of each is its own place
	size  int64
}

func (s *shelver) take(_ context.Context, f fetched) error {
	s.e.Found += int64(len(f.portion.Resources))
	for _, one := range f.portion.Resources {
		targets := slices.DeleteFunc(f.targets[one.Place], func(p records.Place) bool { return !s.e.support.has(p) })
		s.lines = append(s.lines, entry{targets: append([]records.Place{one.Place}, targets...), line: one.JSON})
		s.size += int64(len(one.JSON) + 8*len(targets))
	}
	return nil
}

func (s *shelver) full() bool  { return s.size >= min(runBytes, cmp.Or(s.e.Part, defaultPart)) }
func (s *shelver) empty() bool { return len(s.lines) == 0 }
func (s *shelver) abort()      {}

func (s *shelver) commit(ctx context.Context) error {
	if s.empty() {
		return nil
	}
	name, err := s.e.spool(ctx, "shelf", func(to *bufio.Writer) error {
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
	s.e.Shelves = append(slices.Clip(s.e.Shelves), Run{Name: name})
	s.e.Shelves, err = s.e.fewer(ctx, s.e.Shelves, s.e.joinShelves)
	return err
}

// joinShelves makes one shelf of several, whatever order they are in.
func (e *export) joinShelves(ctx context.Context, some []Run) (name string, err error) {
	return e.spool(ctx, "shelf", func(to *bufio.Writer) error {
		for _, shelf := range some {
			from, err := e.Files.Open(ctx, e.name(shelf.Name))
			if err != nil {
				return err
			}
			_, err = io.Copy(to, from)
			if err := errors.Join(err, from.Close(), ctx.Err()); err != nil {
				return err
			}
		}
		return nil
	})
}

// shelves know where each resource that is referred to lies.
type shelves struct {
	files []*entryReader
	at    map[records.Place]shelfPlace
}

type shelfPlace struct {
	file int
	at   int64
}

func (e *export) openShelves(ctx context.Context) (*shelves, error) {
	s := &shelves{at: map[records.Place]shelfPlace{}}
	for i, shelf := range e.Shelves {
		r, err := e.openEntries(ctx, shelf.Name, 0)
		if err != nil {
			s.close()
			return nil, err
		}
		s.files = append(s.files, r)
		for !r.end {
			s.at[r.head.targets[0]] = shelfPlace{i, r.at}
			if err := r.read(); err != nil {
				s.close()
				return nil, err
			}
		}
	}
	return s, nil
}

// take returns a resource with the places to which it refers; nil for one that is not there.
func (s *shelves) take(p records.Place) (*entry, error) {
	at, ok := s.at[p]
	if !ok {
		return nil, nil
	}
	r := s.files[at.file]
	if _, err := r.file.Seek(at.at, io.SeekStart); err != nil {
		return nil, err
	}
	r.in.Reset(io.LimitReader(r.file, maxEntry))
	r.end = false
	if err := r.read(); err != nil {
		return nil, err
	}
	if r.end {
		return nil, errors.New("a file that the export wrote is shorter than it was")
	}
	one := r.head
	one.targets = one.targets[1:]
	return &one, nil
}

func (s *shelves) close() {
	for _, r := range s.files {
		_ = r.file.Close() // it was read only
	}
}
