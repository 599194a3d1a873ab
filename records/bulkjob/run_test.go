package bulkjob

import (
	"context"
	"fmt"
	"testing"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store/sqlite"
)

func TestManyRunsAreMergedAndReadInOrder(t *testing.T) {
	const patients, lines = 7, 1000
	s, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = jobs.Do(t.Context(), jobs.Config{Store: s}, jobs.Job{ID: "x", Kind: "x"}, func(ctx context.Context, w *jobs.Work) error {
		e := &export{Exporter: &Exporter{Files: Folder(t.TempDir()), Part: 1}, Request: Request{Organize: patient}, work: w}
		for i := range lines {
			sorter := e.sink(Step{What: stepOwned}).(*sorter)
			one := &entry{fhir.ID(fmt.Sprint("p", i%patients)), []records.Place{9}, fmt.Appendf(nil, "%04d", i)}
			sorter.lines, sorter.size = []entry{*one}, 1
			if err := sorter.commit(ctx); err != nil {
				return err
			}
			if len(e.Runs) > 2*mergedAtOnce {
				t.Fatalf("%d runs", len(e.Runs))
			}
		}
		at := []int64(nil)
		before, read := "", 0
		for {
			m, err := e.openMerge(ctx, e.Runs, at)
			if err != nil {
				return err
			}
			// The merge is begun again from where the runs stand.
			for range 100 {
				head := m.head()
				if head == nil {
					if read != lines {
						t.Errorf("%d lines", read)
					}
					m.close()
					return nil
				}
				key := string(head.patient) + string(head.line)
				if key <= before || len(head.targets) != 1 || head.targets[0] != 9 {
					t.Fatalf("%s after %s, %v", key, before, head.targets)
				}
				before = key
				read++
				if err := m.read(); err != nil {
					return err
				}
			}
			at = m.places()
			m.close()
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
}
