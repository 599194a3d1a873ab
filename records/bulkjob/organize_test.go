package bulkjob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store/sqlite"
)

// failing are files of which each third cannot be made once.
type failing struct {
	bulkjob.Files
	made   int
	failed int
	names  []string
}

var errFailing = errors.New("the disk does not answer")

func (f *failing) Create(ctx context.Context, name string) (bulkjob.Writer, error) {
	if f.made++; f.made%3 == 0 {
		f.failed++
		return nil, errFailing
	}
	f.names = append(f.names, name)
	return f.Files.Create(ctx, name)
}

// wards is a door with patients, of each of whom there are observations.
func wards(t *testing.T, patients, observations int) *records.Door {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	s, err := sqlite.Open(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	door, err := records.Open(ctx, records.Config{Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: "http://localhost/fhir", Policy: records.DefaultPolicy()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := door.Close(); err != nil {
			t.Error(err)
		}
	})
	var b strings.Builder
	b.WriteString(`{"resourceType":"Bundle","type":"transaction","entry":[{"resource":{"resourceType":"Practitioner","id":"noor"},"request":{"method":"PUT","url":"Practitioner/noor"}}`)
	for i := range patients {
		fmt.Fprintf(&b, `,{"resource":{"resourceType":"Patient","id":"p%d","generalPractitioner":[{"reference":"Practitioner/noor"}]},"request":{"method":"PUT","url":"Patient/p%d"}}`, i, i)
	}
	// Those of a patient do not lie together.
	for n := range observations {
		for i := range patients {
			fmt.Fprintf(&b, `,{"resource":{"resourceType":"Observation","id":"o%d-%d","status":"final","code":{"text":"weight"},"subject":{"reference":"Patient/p%d"}},"request":{"method":"PUT","url":"Observation/o%d-%d"}}`, i, n, i, i, n)
		}
	}
	b.WriteString(`]}`)
	if _, err := door.Session(records.Principal{ID: "test"}, nil).Bundle(ctx, records.Content{JSON: []byte(b.String())}, records.BundleOptions{}); err != nil {
		t.Fatal(err)
	}
	return door
}

// exported makes an export of all patients by patient, and returns its files, one after
// another, and what it holds.
func exported(t *testing.T, x bulkjob.Exporter) (*bulkjob.Export, string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	x.Sessions = records.OpenSessions{}
	exports := bulkjob.NewExports(x, time.Hour, nil)
	work, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() {
		if err := exports.Run(work); err != nil {
			t.Error(err)
		}
	})
	defer working.Wait()
	defer stop()
	at, now, err := x.Door.Mark(ctx)
	if err != nil {
		t.Fatal(err)
	}
	id, err := exports.Start(ctx, bulkjob.Request{At: at, Time: now, Level: bulkjob.Patients, Organize: "Patient"})
	if err != nil {
		t.Fatal(err)
	}
	for range 1200 {
		done, err := exports.Find(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		switch done.Phase {
		case bulkjob.Done:
			var all bytes.Buffer
			for _, f := range done.Output {
				r, err := x.Files.Open(ctx, id+"/"+f.Name)
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.Copy(&all, r)
				if err := errors.Join(err, r.Close()); err != nil {
					t.Fatal(err)
				}
			}
			left, err := x.Files.List(ctx, id)
			if err != nil || len(left) != len(done.Output) {
				t.Errorf("%v beside %d files: %v", left, len(done.Output), err)
			}
			return done, all.String()
		case bulkjob.Failed:
			t.Fatal(done.Error)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the export does not end")
	return nil, ""
}

func TestAnExportByPatientThatFailsNowAndThenIsTheSame(t *testing.T) {
	door := wards(t, 40, 5)
	whole, want := exported(t, bulkjob.Exporter{Door: door, Files: bulkjob.Folder(t.TempDir())})
	if whole.Resources != 40*7 || strings.Count(want, "\n") != 40*8 || len(whole.Output) != 1 {
		t.Fatalf("%d resources, %d lines: %+v", whole.Resources, strings.Count(want, "\n"), whole.Output)
	}
	files := &failing{Files: bulkjob.Folder(t.TempDir())}
	x, got := exported(t, bulkjob.Exporter{Door: door, Files: files, Part: 12_000})
	if got != want || x.Resources != whole.Resources || len(x.Output) < 3 || files.failed < 2 {
		t.Errorf("%d files, %d failures, %d resources of %d", len(x.Output), files.failed, x.Resources, whole.Resources)
	}
}
