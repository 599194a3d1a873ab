// Package bulkexport writes the records to files of NDJSON, one for each type,
// with a manifest that counts and hashes them.
//
// An export shows the records as of one place in the change feed, whatever is
// written meanwhile. It is a durable job: when the process dies and the same
// export is asked for again, it goes on from its last checkpoint, to which the
// files are cut back, so that no line is lost or there twice.
package bulkexport

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Options say what to export, and where to.
type Options struct {
	Session *records.Session // its Door keeps the job as well
	Dir     string           // made if it is not there; empty, but for what the same export left
	Types   []fhir.Type      // empty: all
	Since   time.Time        // only what was changed then or later; zero: all
	Gzip    bool
	// Progress is called now and then; nil for none.
	Progress func(Progress)
	// Waiting is called while another process holds the job; nil for none.
	Waiting func(until time.Time)
	// Checkpoint is the time between checkpoints; 0: five seconds.
	Checkpoint time.Duration
	// Lease is how long the job of a process that died is kept from the next
	// one; 0: jobs.DefaultLease.
	Lease time.Duration
	Clock func() time.Time // nil: time.Now
}

// Progress says how far an export is.
type Progress struct {
	Written int64 // resources
	Total   int64 // about how many there are in all
}

// Result is what came of an export.
type Result struct {
	Manifest
	Resumed bool // it went on from a checkpoint
}

// ErrNotEmpty says that the folder holds something that is not of this export.
var ErrNotEmpty = errors.New("the folder is not empty")

// Run exports, and returns when all files and the manifest are durably there.
func Run(ctx context.Context, o Options) (Result, error) {
	o.Checkpoint = cmp.Or(o.Checkpoint, 5*time.Second)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	var err error
	if o.Dir, err = filepath.Abs(o.Dir); err != nil {
		return Result{}, err
	}
	var result Result
	id := o.jobID()
	config := jobs.Config{Store: o.Session.Door().Jobs(), Clock: o.Clock, Lease: o.Lease}
	err = jobs.Do(ctx, config, jobs.Job{ID: id, Kind: id}, func(ctx context.Context, w *jobs.Work) error {
		e := &export{o: &o, work: w, saved: o.Clock(), files: map[string]*file{}}
		defer e.close()
		var err error
		if result.Resumed, err = e.prepare(ctx); err != nil {
			return err
		}
		if err := e.run(ctx); err != nil {
			return err
		}
		result.Manifest = e.manifest()
		if err := writeManifest(o.Dir, result.Manifest); err != nil {
			return err
		}
		return w.SetResult(result.Manifest)
	}, o.Waiting)
	return result, err
}

// jobID names the export by what it does and where.
func (o *Options) jobID() string {
	h := sha256.New()
	fmt.Fprintln(h, o.Dir, o.Types, o.Since.UTC(), o.Gzip)
	return "export-" + hex.EncodeToString(h.Sum(nil))[:32]
}
