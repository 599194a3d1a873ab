// Package intake brings in what is ordered over the network, as durable jobs: files
// that a manifest or another server's export names are fetched, what is uploaded is
// taken, all of it is kept in pieces until package bulkload has loaded it, and what
// became of each line is reported.
//
// A job goes on where it was when its process dies, in whatever process takes it up:
// nothing of it is anywhere but in the tenant's store. It acts for who ordered it, by
// what that Standing comes to at each checkpoint. There is no HL7 standard for it; the
// orders follow the community's proposals
// (https://github.com/smart-on-fhir/bulk-import).
package intake

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/inglehealth/ingle/internal/guard"
	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
)

// Config is what a Service needs.
type Config struct {
	Door     *records.Door    // required
	Sessions records.Sessions // required
	Guard    *guard.Guard     // where files may be fetched from; nil: the public internet
	// Authorize gives the access token for a request to another server, "" for none;
	// nil: none anywhere. With renew the last one was refused.
	Authorize func(ctx context.Context, to *url.URL, renew bool) (string, error)
	// Keep is how long reports are kept after an import has ended; 0: 24 hours.
	Keep  time.Duration
	Clock func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: nothing is logged
	// Lease is how long the job of a process that died is kept from the next one; 0:
	// three seconds. Retry is the least time before something is tried again; 0: one
	// second. Checkpoint as bulkload.Options has it; 0: two seconds.
	Lease, Retry, Checkpoint time.Duration
}

// Service brings in what is ordered of one tenant. It is safe for concurrent use, and
// several may work for a tenant, in one process or many.
type Service struct {
	config  Config
	client  *http.Client
	runner  *jobs.Runner
	uploads chan struct{} // one each that is being taken
	// loads has room for one: imports share the commits of a store, and what fails there
	// is told to one of them.
	loads   chan struct{}
	waiting sync.Map // string by job: why an import of this process waits, also when that cannot be saved
}

// Kinds of jobs. An upload that is being taken has one of its own, uploadKind with the
// id of the import behind it.
const (
	importKind = "import"
	uploadKind = "import-upload-"
)

// What one process does at a time, of one tenant.
const (
	maxUploads = 8 // that are taken
	workers    = 8 // imports, of which one is loaded while others are fetched
)

// New makes a Service; Work has it do what is ordered.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Guard == nil {
		c.Guard = new(guard.Guard)
	}
	c.Keep = cmp.Or(c.Keep, 24*time.Hour)
	c.Lease = cmp.Or(c.Lease, 3*time.Second)
	c.Retry = cmp.Or(c.Retry, time.Second)
	c.Checkpoint = cmp.Or(c.Checkpoint, 2*time.Second)
	s := &Service{config: c, uploads: make(chan struct{}, maxUploads), loads: make(chan struct{}, 1)}
	s.client = s.newClient()
	s.runner = jobs.NewRunner(jobs.Config{
		Store: c.Door.Jobs(), Clock: c.Clock, Log: c.Log, Lease: c.Lease,
		Workers:  workers,
		Handlers: map[string]jobs.Handler{importKind: s.handle},
	})
	return s
}

// Work does what is ordered until ctx ends.
func (s *Service) Work(ctx context.Context) error {
	var cleaning sync.WaitGroup
	cleaning.Go(func() { s.clean(ctx) })
	defer cleaning.Wait()
	return s.runner.Run(ctx)
}
