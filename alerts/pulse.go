package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/inglehealth/ingle/store"
)

// Pulses remember when something came last from sources, and on which days, so that
// silence is told of those that used to have something. They belong to one goroutine,
// of the process that evaluates.
type Pulses struct {
	store   store.Identity
	sources map[string]*pulse
	places  map[string]place
}

const (
	kindPulse = "alert-pulse"
	// A source is expected to have something when it had on usualDays of the lookDays
	// before.
	usualDays = 4
	lookDays  = 7
	// pulseEvery is how soon that something came is written again.
	pulseEvery = 5 * time.Minute
	maxSources = 2000
)

// pulse is what is remembered of a source.
type pulse struct {
	Total int64     `json:"total"`
	Last  time.Time `json:"last"`
	Days  []string  `json:"days"` // on which something came, up to lookDays+1

	version int64
	written time.Time
}

// place is where a reader was seen.
type place struct {
	at    int64
	since time.Time
}

// Pulses remember where the alerts are kept.
func (b *Book) Pulses() *Pulses {
	return &Pulses{store: b.store, sources: map[string]*pulse{}, places: map[string]place{}}
}

// Silence notes the total of what came from a source, and returns for how long nothing
// has come; 0 for a source that is not expected to have something.
func (p *Pulses) Silence(ctx context.Context, now time.Time, source string, total int64) (time.Duration, error) {
	s, err := p.source(ctx, source)
	if err != nil || s == nil {
		return 0, err
	}
	if today := now.UTC().Format(time.DateOnly); s.Total != total || s.version == 0 {
		began := s.version == 0
		fresh := !began && !slices.Contains(s.Days, today)
		s.Total, s.Last = total, now.UTC()
		if fresh {
			s.Days = append(s.Days, today)
			s.Days = s.Days[max(0, len(s.Days)-lookDays-1):]
		}
		if began || fresh || now.Sub(s.written) >= pulseEvery {
			return 0, p.write(ctx, now, source, s)
		}
		return 0, nil
	}
	from, before := s.Last.AddDate(0, 0, -lookDays).Format(time.DateOnly), 0
	for _, day := range s.Days {
		if day >= from {
			before++
		}
	}
	if before < usualDays {
		return 0, nil
	}
	return now.Sub(s.Last), nil
}

// source reads what is remembered, nil when there are too many.
func (p *Pulses) source(ctx context.Context, name string) (*pulse, error) {
	if s := p.sources[name]; s != nil {
		return s, nil
	}
	if len(p.sources) >= maxSources {
		return nil, nil
	}
	s := &pulse{}
	item, err := p.store.ReadItem(ctx, kindPulse, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, err
	default:
		if err := json.Unmarshal(item.Body, s); err != nil {
			return nil, fmt.Errorf("alerts: pulse %s: %w", name, err)
		}
		s.version = item.Version
	}
	p.sources[name] = s
	return s, nil
}

func (p *Pulses) write(ctx context.Context, now time.Time, name string, s *pulse) error {
	body, err := json.Marshal(s)
	if err != nil {
		return err
	}
	err = p.store.WriteItems(ctx, false, store.ItemChange{
		Item: store.Item{Kind: kindPulse, ID: name, Body: body, Expires: now.Add(keepFor)}, Expect: s.version,
	})
	if errors.Is(err, store.ErrVersion) { // another process evaluated meanwhile
		delete(p.sources, name)
		return nil
	}
	if err == nil {
		s.version, s.written = s.version+1, now
	}
	return err
}

// Stands notes how far a reader is, and returns for how long it has been there although
// it is behind.
func (p *Pulses) Stands(now time.Time, reader string, at, behind int64) time.Duration {
	was, ok := p.places[reader]
	if !ok || was.at != at || behind <= 0 {
		if len(p.places) < maxSources || ok {
			p.places[reader] = place{at, now}
		}
		return 0
	}
	return now.Sub(was.since)
}
