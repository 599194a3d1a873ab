package bulkjob

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/store/sqlite"
)

// opened counts the files that are open.
type opened struct {
	Files
	now, most int
}

func (o *opened) Open(ctx context.Context, name string) (io.ReadSeekCloser, error) {
	f, err := o.Files.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	o.now++
	o.most = max(o.most, o.now)
	return &openedFile{f, o}, nil
}

type openedFile struct {
	io.ReadSeekCloser
	of *opened
}

func (f *openedFile) Close() error {
	f.of.now--
	return f.ReadSeekCloser.Close()
}

func TestManyShelvesAreFewOpenFiles(t *testing.T) {
	const resources = 1500 // each fills a shelf
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	files := &opened{Files: Folder(t.TempDir())}
	err = jobs.Do(t.Context(), jobs.Config{Store: s}, jobs.Job{ID: "x", Kind: "x"}, func(ctx context.Context, w *jobs.Work) error {
		e := &export{Exporter: &Exporter{Files: files, Part: 1}, Request: Request{Organize: patient}, work: w}
		for i := range resources {
			shelver := e.sink(Step{What: stepReferred}).(*shelver)
			shelver.lines, shelver.size = []entry{{targets: []records.Place{records.Place(i + 1), 9}, line: fmt.Appendf(nil, "%04d", i)}}, 1
			if err := shelver.commit(ctx); err != nil {
				return err
			}
		}
		shelves, err := e.openShelves(ctx)
		if err != nil {
			return err
		}
		defer shelves.close()
		for i := range resources {
			i = (i * 7) % resources // in another order
			one, err := shelves.take(records.Place(i + 1))
			if err != nil {
				return err
			}
			if one == nil || string(one.line) != fmt.Sprintf("%04d", i) || len(one.targets) != 1 || one.targets[0] != 9 {
				t.Fatalf("%d: %+v", i, one)
			}
		}
		if one, err := shelves.take(resources + 1); one != nil || err != nil {
			t.Errorf("%+v, %v", one, err)
		}
		return nil
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if files.most > 2*mergedAtOnce || files.now != 0 {
		t.Errorf("%d files open, %d at once", files.now, files.most)
	}
}
