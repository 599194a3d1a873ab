package bulk

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inglehealth/ingle/internal/recent"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkjob"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// Operation is the name of the operation, without $. The addresses of exports are below
// that of it.
const Operation = "export"

// Config is what a Server needs.
type Config struct {
	Tenants  *records.Tenants
	Sessions records.Sessions
	Files    func(tenant string) bulkjob.Files
	Keep     time.Duration // of files; 0: 24 h
	Part     int64         // bytes after which a file is full; 0: 64 MiB
	Open     bool          // nobody needs a token
	Clock    func() time.Time
	Log      *slog.Logger
}

// Server performs $export, and serves the status of exports and their files (Bulk Data
// Access 2.0, with parameters of 3.0). It is of all tenants, and is safe for concurrent use.
type Server struct {
	config Config
	polls  *recent.Map[string, *polls] // by export

	mu      sync.RWMutex
	exports map[string]*bulkjob.Exports // by tenant
}

// New makes a Server.
func New(c Config) *Server {
	if c.Keep <= 0 {
		c.Keep = 24 * time.Hour
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	s := &Server{config: c, exports: map[string]*bulkjob.Exports{}, polls: recent.NewMap[string, *polls](pollsKept)}
	for _, name := range c.Tenants.Names() {
		door, _ := c.Tenants.Door(name)
		s.Add(door)
	}
	return s
}

// Add serves the exports of a tenant, in the place of one of the same name. The caller
// runs them, unless Run does, which runs those that were added before it.
func (s *Server) Add(door *records.Door) *bulkjob.Exports {
	x := bulkjob.NewExports(bulkjob.Exporter{
		Door: door, Sessions: s.config.Sessions, Files: s.config.Files(door.Name()), Part: s.config.Part, Clock: s.config.Clock,
	}, s.config.Keep, s.config.Log)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.exports[door.Name()] = x
	return x
}

// Remove serves the exports of a tenant no more.
func (s *Server) Remove(tenant string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.exports, tenant)
}

// Exports are those of a tenant; nil when there is none of that name.
func (s *Server) Exports(tenant string) *bulkjob.Exports {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.exports[tenant]
}

// Run works until ctx ends.
func (s *Server) Run(ctx context.Context) error {
	s.mu.RLock()
	all := slices.Collect(maps.Values(s.exports))
	s.mu.RUnlock()
	var working sync.WaitGroup
	errs := make(chan error, len(all))
	for _, x := range all {
		working.Go(func() { errs <- x.Run(ctx) })
	}
	working.Wait()
	close(errs)
	var failed error
	for err := range errs {
		failed = errors.Join(failed, err)
	}
	return failed
}

// Place is where the operation was called, and by whom.
type Place struct {
	Door    *records.Door
	Session *records.Session
	Key     fhir.Key         // Type and ID as far as the address names them
	Rest    string           // of the address, behind $export/
	Prefer  records.Handling // of unknown parameters
}

// call is a request.
type call struct {
	*Server
	Place
	w       http.ResponseWriter
	r       *http.Request
	exports *bulkjob.Exports
}

// Serve answers a request for the operation, or for what is below it.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request, at Place) error {
	c := &call{Server: s, Place: at, w: w, r: r, exports: s.Exports(at.Door.Name())}
	id, file, below := strings.Cut(at.Rest, "/")
	switch {
	case c.exports == nil:
		return bulkjob.NotFound()
	case id == "" && r.Method == http.MethodDelete:
		return c.notHere("GET, POST")
	case id == "":
		return c.kickOff()
	case r.Method == http.MethodPost:
		return c.notHere("GET, DELETE")
	case below && r.Method == http.MethodDelete:
		return c.notHere("GET")
	case below:
		return c.file(id, file)
	case r.Method == http.MethodDelete:
		return c.delete(id)
	}
	return c.status(id)
}

func (c *call) notHere(allow string) error {
	c.w.Header().Set("Allow", allow)
	return fault.New(fault.MethodNotAllowed, fault.CodeNotSupported, "", "%s is not possible here; possible: %s.", c.r.Method, allow)
}

// url is the address of an export.
func (c *call) url(id string) string { return c.Door.Base() + "/$" + Operation + "/" + id }

// mine finds an export of whoever asks. That of others is as though it were not there.
func (c *call) mine(id string) (*bulkjob.Export, error) {
	x, err := c.exports.Find(c.r.Context(), id)
	if err != nil {
		return nil, err
	}
	if !x.For.Same(c.Session.Principal().Standing) {
		return nil, bulkjob.NotFound()
	}
	return x, nil
}
