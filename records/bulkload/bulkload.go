// Package bulkload brings files of resources into the records: NDJSON of
// resources or of Bundles, single Bundles and single resources, gzipped or
// not. It streams, so memory does not depend on the size of a file. Each
// resource is accepted, matched (it was there already) or refused by itself,
// and each refusal is reported with its place and its reason.
//
// A load is a durable job under a name made of the files' content: when the
// process dies and the same files are given again, it goes on from its last
// checkpoint. What lies between the checkpoint and the end of the former run
// is loaded again under the same ids, and so found to be there already. Run
// leaves nothing there when its context ends: it makes a checkpoint of what it
// stored.
//
// What comes from a Bundle keeps its identity: an entry to be created is
// stored under the id that the resource has, or that its urn:uuid names, so
// that loading it twice makes nothing twice. A Bundle with conditional
// requests, patches or deletes is carried out as the batch or transaction that
// it is; the entries of every other Bundle are loaded one by one, a
// transaction's as well, so that one bad entry does not keep the others out.
package bulkload

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Options say what to load.
type Options struct {
	Session *records.Session // its Door keeps the job of the load as well
	// Renew gives, after each checkpoint, the session to go on with; nil: Session. Its
	// error ends the load.
	Renew   func(ctx context.Context) (*records.Session, error)
	Release definitions.Release // that the resources are read with; "" for the primary one
	Origin  string              // meta.source, where policy fills it in; "" for none
	Files   []string            // for Run
	// Report is the path of the file that names every refused resource; ""
	// for none. It is made when the first one is refused.
	Report string
	// Each is told what became of each resource, from one goroutine and before the next
	// checkpoint; nil for nobody. Between a checkpoint and the end of a run that was
	// killed it may be told twice.
	Each func(Outcome) error
	// Record is given what was stored together, to make an event of it; nil for nobody.
	Record func(ctx context.Context, t *audit.Trail) error
	// Progress is called now and then, from one goroutine; nil for none.
	Progress func(Progress)
	// Waiting is called while another process holds the job of the same
	// files; nil for none.
	Waiting func(until time.Time)
	// Batch is the number of resources that are stored together; 0: 1000.
	Batch int
	// MaxLine bounds a line, and a document; 0: 256 MiB.
	MaxLine int
	// Checkpoint is the time between checkpoints; 0: five seconds.
	Checkpoint time.Duration
	// Lease is how long the job of a process that died is kept from the next
	// one; 0: jobs.DefaultLease.
	Lease time.Duration
	Clock func() time.Time // nil: time.Now
}

// Counts are what was read and what became of it: Resources is always the sum
// of Accepted, Matched and Refused when a load has ended.
type Counts struct {
	Lines     int64 `json:"lines"`     // documents: lines of NDJSON, or whole files
	Resources int64 `json:"resources"` // and entries; a line that cannot be read counts as one
	Accepted  int64 `json:"accepted"`
	Matched   int64 `json:"matched"`
	Refused   int64 `json:"refused"`
}

// Progress says how far a load is.
type Progress struct {
	Counts
	File     string // being read
	Pass     int    // 1, and more for resources that wait for others
	Deferred int64  // resources that refer to what is not there yet
	Read     int64  // bytes of the files read in this pass
	Total    int64  // bytes of all files
}

// Refusal is a resource that was not stored.
type Refusal struct {
	File     string
	Line     int64  // from 1; of a document that is no NDJSON 1
	Entry    int    // of a Bundle, from 0; -1 when the line is no Bundle or all of it is meant
	Resource string // "Patient/1", as far as it is known
	Reason   string
}

// Outcome is what became of one resource.
type Outcome struct {
	File    int   // index of the Source
	Line    int64 // and Entry as those of a Refusal
	Entry   int
	Key     fhir.Key // as far as it is known
	Matched bool     // it was there already
	Err     error    // why it was refused; nil: it is stored
}

// Reason is why the resource was refused, on one line.
func (o *Outcome) Reason() string { return reason(o.Err) }

// Keeper keeps the progress of a load; *jobs.Work is one.
type Keeper interface {
	// Progress decodes what was saved last, and says whether there is any.
	Progress(into any) (bool, error)
	// Save keeps state durably.
	Save(ctx context.Context, state any) error
}

// Result is what came of a load.
type Result struct {
	Counts
	// Resumed says that the load went on from a checkpoint; the counts are
	// those of both parts.
	Resumed bool
}

// Run loads the files and returns when all of them are durably stored. The
// error is for failures of files, of the store, or ctx's end; a refused
// resource is none. When ctx ends, what is being stored is stored and counted
// before Run returns.
func Run(ctx context.Context, o Options) (Result, error) {
	if len(o.Files) == 0 {
		return Result{}, errors.New("bulkload: no files")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	sources, err := inspect(ctx, o.Files)
	if err != nil {
		return Result{}, err
	}
	id := jobID(sources)
	var result Result
	config := jobs.Config{Store: o.Session.Door().Jobs(), Clock: o.Clock, Lease: o.Lease}
	job := jobs.Job{ID: id, Kind: id, Args: sources}
	err = jobs.Do(ctx, config, job, func(ctx context.Context, w *jobs.Work) error {
		storing, end := untilLost(ctx)
		defer end()
		if result, err = loadUntil(storing, ctx, o, sources, w); err != nil {
			return err
		}
		return w.SetResult(result.Counts)
	}, o.Waiting)
	return result, err
}

// untilLost is a context that ends as work, the context of a job, does, but not
// when the job is to be given back.
func untilLost(work context.Context) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(context.WithoutCancel(work))
	unlink := context.AfterFunc(work, func() {
		if cause := context.Cause(work); !errors.Is(cause, jobs.ErrShutdown) {
			end(cause)
		}
	})
	return ctx, func() { unlink(); end(nil) }
}

// Load loads sources, from where the keeper saw them last, and returns when all of
// them are durably stored. Who calls it has the job.
func Load(ctx context.Context, o Options, sources []Source, k Keeper) (Result, error) {
	return loadUntil(ctx, ctx, o, sources, k)
}

// loadUntil is Load that begins nothing more once reading ends; when ctx goes on,
// what was begun is stored and a checkpoint made of it.
func loadUntil(ctx, reading context.Context, o Options, sources []Source, k Keeper) (Result, error) {
	o.Batch = cmp.Or(o.Batch, 1000)
	o.MaxLine = cmp.Or(o.MaxLine, 256<<20)
	o.Checkpoint = cmp.Or(o.Checkpoint, 5*time.Second)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	defs := o.Session.Door().Definitions(o.Release)
	if defs == nil {
		return Result{}, fmt.Errorf("bulkload: FHIR release %s is not loaded", o.Release)
	}
	l := &load{o: &o, defs: defs, sources: sources, keeper: k, saved: o.Clock(), reading: reading}
	l.session.Store(o.Session)
	resumed, err := l.prepare(ctx)
	if err == nil {
		err = l.run(ctx)
	}
	return Result{l.state.Counts, resumed}, err
}

// jobID names the load by the content of its files.
func jobID(sources []Source) string {
	h := sha256.New()
	for _, s := range sources {
		fmt.Fprintf(h, "%s %d\n", s.Hash, s.Size)
	}
	return "import-" + hex.EncodeToString(h.Sum(nil))[:32]
}

// checkpoint is the progress of the job.
type checkpoint struct {
	Counts
	Began records.Seq `json:"began"` // the place in the feed where it began
	Pass  int         `json:"pass"`
	File  int         `json:"file"` // being read in this pass
	Files []fileState `json:"files"`
	Final bool        `json:"final"` // the pass whose refusals are the last word
	// ReportSize is how much of the report belongs to what is counted.
	ReportSize int64 `json:"reportSize"`
}

// fileState is how far a file is read in the current pass. Resources of a file
// are numbered from 0 in the order they stand.
type fileState struct {
	Lines    int64  `json:"lines"`
	Ordinal  int64  `json:"ordinal"`
	Todo     ranges `json:"todo,omitempty"`     // what this pass is to load; all in pass 1
	Deferred ranges `json:"deferred,omitempty"` // what it left for the next
}

func newCheckpoint(files int, began records.Seq) checkpoint {
	return checkpoint{Pass: 1, Files: make([]fileState, files), Began: began}
}

func (c *checkpoint) deferred() int64 {
	var n int64
	for i := range c.Files {
		n += c.Files[i].Deferred.count()
	}
	return n
}

func (c *checkpoint) todo() int64 {
	var n int64
	for i := range c.Files {
		n += c.Files[i].Todo.count()
	}
	return n
}

// next begins another pass, over what the last one deferred.
func (c *checkpoint) next() {
	c.Pass++
	c.File = 0
	for i := range c.Files {
		c.Files[i] = fileState{Todo: c.Files[i].Deferred}
	}
}

// openReport opens the report and drops what came after the checkpoint.
func openReport(path string, size int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(size); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if _, err := f.Seek(size, 0); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
