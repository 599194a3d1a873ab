package audit

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
)

// A Sink is a place outside that gets a copy of every event. It is never waited
// for: the log itself is the queue, from which a sink takes what it has not had yet.
// So nothing is dropped, however long the sink is away.
type Sink interface {
	// Last is the number of the last event that the sink has, -1 for none; ErrNoPlace
	// when it cannot tell.
	Last() (int64, error)
	// Write takes lines of JSON, one for each event, and returns when it has them.
	Write(lines [][]byte) error
	Name() string
	Close() error
}

// ErrNoPlace says that a sink does not know what it has: it gets events from now on.
var ErrNoPlace = errors.New("audit: the sink does not tell which events it has")

// Line is the event as a line of JSON, without line end.
func (e *Event) Line() ([]byte, error) {
	type entity struct {
		Action  string `json:"action"`
		Key     string `json:"resource"`
		Version int64  `json:"version,omitzero"`
	}
	entities := func(list []Entity) (all []entity) {
		for _, one := range list {
			all = append(all, entity{string(rune(one.Action)), one.Key, one.Version})
		}
		return all
	}
	type patient struct {
		Key      string   `json:"patient"`
		Entities []entity `json:"entities,omitzero"`
	}
	var patients []patient
	for _, p := range e.Patients {
		if p.Key == "" {
			continue // erased
		}
		patients = append(patients, patient{p.Key, entities(p.Entities)})
	}
	type counted struct {
		Patient string `json:"patient"`
		Key     string `json:"consent"`
		Version int64  `json:"version"`
	}
	var consents []counted
	for _, c := range e.Consents {
		consents = append(consents, counted{c.Patient, c.Consent, c.Version})
	}
	a := &e.Agent
	return json.Marshal(struct {
		Number   int64     `json:"number"`
		Erased   bool      `json:"erased,omitzero"`
		Time     time.Time `json:"time,omitzero"`
		Kind     Kind      `json:"kind,omitzero"`
		Status   int       `json:"status,omitzero"`
		Refused  bool      `json:"refused,omitzero"`
		User     string    `json:"user,omitzero"`
		Login    string    `json:"login,omitzero"`
		Is       string    `json:"fhirUser,omitzero"`
		Roles    []string  `json:"roles,omitzero"`
		Purpose  string    `json:"purpose,omitzero"`
		Client   string    `json:"client,omitzero"`
		Token    string    `json:"jti,omitzero"`
		Address  string    `json:"address,omitzero"`
		Request  string    `json:"request,omitzero"`
		Why      []string  `json:"why,omitzero"`
		Note     string    `json:"note,omitzero"`
		Target   string    `json:"target,omitzero"`
		Query    string    `json:"query,omitzero"`
		Count    int       `json:"count,omitzero"`
		Entities []entity  `json:"entities,omitzero"`
		Patients []patient `json:"patients,omitzero"`
		Consents []counted `json:"consents,omitzero"`
		Hidden   string    `json:"hidden,omitzero"`
		HiddenBy []string  `json:"hiddenBy,omitzero"`
		HiddenOf []string  `json:"hiddenOf,omitzero"`
	}{
		e.Number, e.Erased, e.Time, e.Kind, e.Status, e.Outcome() != 0, a.User, a.Login, a.Is, a.Roles, a.Purpose, a.Client, a.Token, a.Address,
		e.Request, e.Why, e.Note, e.Target, e.Query, e.Count, entities(e.Entities), patients, consents, e.Hidden.Key, e.Hidden.By, e.Hidden.Patients,
	})
}

// stream brings events to a sink.
type stream struct {
	log    *Log
	sink   Sink
	wake   chan struct{}
	next   atomic.Int64
	failed atomic.Bool // it was said that the sink is away
}

func newStream(l *Log, s Sink) *stream { return &stream{log: l, sink: s, wake: make(chan struct{}, 1)} }

// notify says that there are numbered events.
func (s *stream) notify() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// sinkPause is how long a stream waits before it tries a sink again that failed;
// sinkLook, before it looks for events that other processes numbered.
const (
	sinkPause = 5 * time.Second
	sinkLook  = 2 * time.Second
	sinkLines = 500
)

func (s *stream) run() {
	defer func() {
		if err := s.sink.Close(); err != nil {
			s.log.log.Warn("a copy of the audit log was not closed", "to", s.sink.Name(), "error", err)
		}
	}()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	begun := false
	for {
		wait := sinkLook
		if err := s.pass(ctx, &begun); err != nil {
			wait = sinkPause
			if !s.failed.Swap(true) {
				s.log.log.Error("the audit log cannot be copied; it goes on where it was when that is possible again", "to", s.sink.Name(), "from", s.next.Load(), "error", err)
			}
		} else if s.failed.Swap(false) {
			s.log.log.Warn("the audit log is copied again", "to", s.sink.Name(), "up_to", s.next.Load())
		}
		timer := time.NewTimer(wait)
		select {
		case <-s.wake:
			timer.Stop()
		case <-timer.C:
		case <-s.log.ending:
			timer.Stop()
			// What was numbered last.
			if begun && !s.failed.Load() {
				if err := s.pass(ctx, &begun); err != nil {
					s.log.log.Warn("the last events were not copied; they are when the server runs again", "to", s.sink.Name(), "from", s.next.Load(), "error", err)
				}
			}
			return
		}
	}
}

// pass brings the sink all that it has not had.
func (s *stream) pass(ctx context.Context, begun *bool) error {
	if !*begun {
		last, err := s.sink.Last()
		if errors.Is(err, ErrNoPlace) {
			h, err := s.log.store.AuditHead(ctx)
			if err != nil {
				return err
			}
			last = h.Size - 1
		} else if err != nil {
			return err
		}
		s.next.Store(last + 1)
		*begun = true
	}
	for {
		found, err := s.log.Find(ctx, Query{From: s.next.Load(), Limit: sinkLines})
		if err != nil {
			return err
		}
		var lines [][]byte
		for _, e := range found.Events {
			line, err := e.Line()
			if err != nil {
				return err
			}
			lines = append(lines, line)
		}
		if len(lines) > 0 {
			if err := s.sink.Write(lines); err != nil {
				return err
			}
			s.next.Store(found.Events[len(found.Events)-1].Number + 1)
		}
		if found.Next < 0 {
			return nil
		}
		s.next.Store(max(s.next.Load(), found.Next))
	}
}
