package intake

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/jobs"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Order says what to bring in: Inputs, or an Export; of an upload neither.
type Order struct {
	Request string              `json:"request"`           // URL of the order, for its result
	Source  string              `json:"source,omitempty"`  // where the data is from: meta.source, where policy fills it in
	Release definitions.Release `json:"release,omitempty"` // "" for the primary one
	Inputs  []Input             `json:"inputs,omitempty"`
	Export  *Export             `json:"export,omitempty"`
}

// Input is a file to fetch.
type Input struct {
	Type fhir.Type `json:"type,omitempty"` // that all of its resources are of; "": of any
	URL  string    `json:"url"`
}

// Export is another server's bulk export.
type Export struct {
	URL string `json:"url"`
	// Static says that the manifest lies at the URL; else the export is kicked off.
	Static bool `json:"static,omitempty"`
	// Parameters are those of the kick-off, the parameters of a Parameters resource.
	Parameters []json.RawMessage `json:"parameters,omitempty"`
}

// arguments are those of the job.
type arguments struct {
	Order
	Standing records.Standing `json:"standing"`
	Upload   *file            `json:"upload,omitempty"`
}

// Bounds of orders.
const (
	maxInputs  = 10_000
	maxWaiting = 10 // imports of one client that have not ended
	attempts   = 100
)

// Place orders an import for who acts in a session, and returns its id. What is wrong
// with the order, and what a session may not do, is a *fault.Error.
func (s *Service) Place(ctx context.Context, session *records.Session, o Order) (id string, err error) {
	a, err := s.admit(ctx, session, o)
	if err != nil {
		return "", err
	}
	if err := s.check(&o); err != nil {
		return "", err
	}
	random, err := uuid.NewRandom()
	if err != nil {
		return "", err
	}
	return random.String(), s.enqueue(ctx, random.String(), a)
}

func (s *Service) enqueue(ctx context.Context, id string, a *arguments) error {
	_, err := s.runner.Enqueue(ctx, jobs.Job{ID: importKind + "-" + id, Kind: importKind, Args: a, Max: attempts})
	return err
}

// admit refuses whom an import is not for, and who has too many under way.
func (s *Service) admit(ctx context.Context, session *records.Session, o Order) (*arguments, error) {
	if s.config.Door.Definitions(o.Release) == nil {
		return nil, fault.New(fault.UnsupportedMedia, fault.CodeNotSupported, "", "FHIR release %s is not loaded here.", o.Release)
	}
	a := &arguments{Order: o, Standing: session.Principal().Standing}
	if a.Standing.Scopes != nil {
		// It goes on when no user is there, and so by what is allowed without one.
		var system smart.Scopes
		for _, scope := range a.Standing.Scopes {
			if parsed, err := smart.ParseScope(string(scope)); err == nil && parsed.Level == smart.System {
				system = append(system, scope)
			}
		}
		a.Standing.Scopes = system
	}
	acts, err := s.config.Sessions.Stand(ctx, s.config.Door, a.Standing)
	if err != nil {
		return nil, err
	}
	for _, i := range []smart.Interactions{smart.Create, smart.Update} {
		if err := acts.May("", i); err != nil {
			return nil, forImport(err, "*")
		}
	}
	for _, in := range o.Inputs {
		if err := s.mayLoad(acts, in.Type); err != nil {
			return nil, err
		}
	}
	return a, s.unhurried(ctx, a.Standing)
}

// mayLoad refuses a type of which a session may not store everything.
func (s *Service) mayLoad(acts *records.Session, t fhir.Type) error {
	if t == "" {
		return nil
	}
	if !s.config.Door.Definitions("").IsResource(string(t)) && s.config.Door.ReleaseOf(t) == "" {
		return fault.New(fault.Invalid, fault.CodeValue, "", "%q is not a resource type.", fault.Shorten(string(t)))
	}
	for _, i := range []smart.Interactions{smart.Create, smart.Update} {
		if err := acts.May(t, i); err != nil {
			return forImport(err, t)
		}
	}
	return nil
}

func forImport(err error, t fhir.Type) error {
	if fault.KindOf(err) != fault.Forbidden {
		return err
	}
	return fault.Wrap(err, fault.Forbidden, fault.CodeForbidden, "", "An import of %s takes the scope system/%s.cu: it goes on when no user is there.", t, t)
}

// unhurried refuses a further import of who has too many under way.
func (s *Service) unhurried(ctx context.Context, who records.Standing) error {
	list, err := jobs.All(ctx, s.config.Door.Jobs(), importKind)
	if err != nil {
		return err
	}
	n := 0
	for _, j := range list {
		var a arguments
		if !ended(j) && json.Unmarshal(j.Args, &a) == nil && a.Standing.Same(who) {
			n++
		}
	}
	if n >= maxWaiting {
		return fault.New(fault.Throttled, fault.CodeThrottled, "", "%d imports of yours are under way, as many as may be: wait until one has ended, or cancel one.", n)
	}
	return nil
}

// check refuses addresses that nothing can be fetched from.
func (s *Service) check(o *Order) error {
	switch {
	case len(o.Inputs) > maxInputs:
		return fault.New(fault.Invalid, fault.CodeTooLong, "", "The order names %d files; it may name %d.", len(o.Inputs), maxInputs)
	case o.Export == nil && len(o.Inputs) == 0:
		return fault.New(fault.Invalid, fault.CodeRequired, "", "The order names neither a file (input) nor an export (exportUrl).")
	case o.Export != nil && len(o.Inputs) > 0:
		return fault.New(fault.Invalid, fault.CodeInvalid, "", "The order names files (input) and an export (exportUrl): order one of them.")
	}
	if o.Export != nil {
		return s.reachable(o.Export.URL)
	}
	for _, in := range o.Inputs {
		if err := s.reachable(in.URL); err != nil {
			return err
		}
	}
	return nil
}

// reachable refuses what is no address of another server.
func (s *Service) reachable(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fault.New(fault.Invalid, fault.CodeValue, "", "%q is no absolute https URL.", fault.Shorten(text))
	case u.User != nil || u.Fragment != "":
		return fault.New(fault.Invalid, fault.CodeValue, "", "An address to fetch from has neither a user nor a fragment.")
	case u.Scheme == "http" && !s.config.Guard.Named(u.Hostname()):
		return fault.New(fault.Invalid, fault.CodeSecurity, "", "%q is not https, and so neither secret nor proof of where the data is from. Whoever runs this server can allow a host with --import-allow.", fault.Shorten(text))
	}
	return nil
}

// ended says whether a job has.
func ended(j store.Job) bool { return !j.Ended.IsZero() }

func (s *Service) now() time.Time { return s.config.Clock().UTC() }
