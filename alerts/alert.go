// Package alerts says when there is something to look after: rules are evaluated over
// readings, and what fires is kept durably until it is resolved, with who acknowledged
// it and for how long it is silenced.
//
// It knows nothing of where readings come from, reads no clock, and names no patient.
package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/store"
)

// State is that of an Alert.
type State string

// The states.
const (
	Firing   State = "firing"
	Resolved State = "resolved"
)

// Alert is one that fired.
type Alert struct {
	Rule     string    `json:"rule"`
	Subject  string    `json:"subject,omitempty"`
	State    State     `json:"state"`
	Value    float64   `json:"value"` // of the last reading that was kept, the worst while it fires
	Limit    float64   `json:"limit"`
	Since    time.Time `json:"since"`
	Resolved time.Time `json:"resolved,omitzero"`

	Acknowledged time.Time `json:"acknowledged,omitzero"`
	By           string    `json:"by,omitempty"` // who did
	Silenced     time.Time `json:"silenced,omitzero"`
	SilencedBy   string    `json:"silencedBy,omitempty"`

	// Told is when those outside were told of State last, zero for not yet.
	Told time.Time `json:"told,omitzero"`

	version int64 // of the item
}

const kindAlert = "alert"

// ID names the alert.
func (a Alert) ID() string { return a.Rule + "/" + a.Subject }

// SilentAt says whether nobody is told of it at a time.
func (a Alert) SilentAt(now time.Time) bool { return now.Before(a.Silenced) }

// Kept is where alerts are kept.
type Kept interface {
	store.Identity
	store.Settings
}

// Book is the alerts of a tenant. It is safe for concurrent use.
type Book struct {
	store Kept
	clock func() time.Time
}

// NewBook opens the alerts that a store keeps.
func NewBook(s Kept, clock func() time.Time) *Book { return &Book{s, clock} }

// What the methods of a Book return.
var (
	ErrNotFound = errors.New("alerts: there is no such alert")
	ErrInput    = errors.New("alerts: that is not possible")
)

// maxAlerts bounds the alerts that are kept; rules have at most maxSubjects that fire.
const (
	maxAlerts   = 2000
	maxSubjects = 100
	keepFor     = 30 * 24 * time.Hour // after it is resolved
)

// List returns all alerts: those that fire, the newest first, then those that are
// resolved, the latest first.
func (b *Book) List(ctx context.Context) ([]Alert, error) {
	var all []Alert
	for after := ""; len(all) < maxAlerts; {
		items, err := b.store.ListItems(ctx, kindAlert, after, 500)
		if err != nil {
			return nil, err
		}
		for _, item := range items {
			after = item.ID
			a, err := read(item)
			if err != nil {
				return nil, err
			}
			if a.State == Firing || b.clock().Before(item.Expires) {
				all = append(all, a)
			}
		}
		if len(items) < 500 {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b Alert) int {
		if a.State != b.State {
			return strings.Compare(string(a.State), string(b.State))
		}
		if a.State == Resolved {
			return b.Resolved.Compare(a.Resolved)
		}
		return b.Since.Compare(a.Since)
	})
	return all, nil
}

func read(item store.Item) (Alert, error) {
	a := Alert{version: item.Version}
	if err := json.Unmarshal(item.Body, &a); err != nil {
		return a, fmt.Errorf("alerts: %s: %w", item.ID, err)
	}
	return a, nil
}

// write keeps an alert unless it was changed meanwhile: store.ErrVersion.
func (b *Book) write(ctx context.Context, a *Alert) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	item := store.Item{Kind: kindAlert, ID: a.ID(), Body: body}
	if a.State == Resolved {
		item.Expires = a.Resolved.Add(keepFor)
	}
	if err := b.store.WriteItems(ctx, false, store.ItemChange{Item: item, Expect: a.version}); err != nil {
		return err
	}
	a.version++
	return nil
}

// change changes an alert, again when another one changes it meanwhile.
func (b *Book) change(ctx context.Context, id string, f func(*Alert) error) error {
	for {
		item, err := b.store.ReadItem(ctx, kindAlert, id)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%w: %s", ErrNotFound, id)
		}
		if err != nil {
			return err
		}
		a, err := read(item)
		if err != nil {
			return err
		}
		if err := f(&a); err != nil {
			return err
		}
		if err := b.write(ctx, &a); !errors.Is(err, store.ErrVersion) {
			return err
		}
	}
}

// Acknowledge says that somebody looks after an alert that fires: nobody is reminded
// of it any more.
func (b *Book) Acknowledge(ctx context.Context, id, by string) error {
	return b.change(ctx, id, func(a *Alert) error {
		if a.State != Firing {
			return fmt.Errorf("%w: %s does not fire any more", ErrInput, id)
		}
		if a.Acknowledged.IsZero() {
			a.Acknowledged, a.By = b.clock().UTC(), by
		}
		return nil
	})
}

// MaxSilence is how long an alert may be silenced.
const MaxSilence = 90 * 24 * time.Hour

// Silence has nobody told of an alert for a time, 0 to have them told again.
func (b *Book) Silence(ctx context.Context, id, by string, d time.Duration) error {
	if d < 0 || d > MaxSilence {
		return fmt.Errorf("%w: silence lasts up to %d days", ErrInput, MaxSilence/(24*time.Hour))
	}
	return b.change(ctx, id, func(a *Alert) error {
		a.Silenced, a.SilencedBy = time.Time{}, ""
		if d > 0 {
			a.Silenced, a.SilencedBy = b.clock().UTC().Add(d), by
		}
		return nil
	})
}
