package identity

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// AppState is something that an app keeps here for itself: settings, keys to data
// elsewhere. It is no part of anybody's record, so that nothing that reads
// records finds it.
//
// SMART App Launch 2.2, App State.
type AppState struct {
	ID      string          `json:"-"`
	Code    string          `json:"code"`              // system|code: whose state, and of what kind
	Subject string          `json:"subject,omitempty"` // absolute reference; "" for the app's own
	Body    json.RawMessage `json:"body"`              // the Basic resource without id and meta.versionId
	Updated time.Time       `json:"updated"`
	Version int64           `json:"-"` // 0 for one that is new
}

const (
	kindAppState = "app-state"
	keyAppState  = "of"
	// MaxAppStates is how many states there may be of one code and subject.
	MaxAppStates = 50
)

// ErrPrecondition says that a state is not there any more in the version that was
// named, or never was.
var ErrPrecondition = errors.New("identity: the app state has another version, or is not there")

func (a *AppState) key() store.ItemKey {
	return store.ItemKey{Name: keyAppState, Value: hashed(a.Code + "\n" + a.Subject)}
}

// CreateAppState keeps a new state and sets its ID, Updated and Version.
func (s *Service) CreateAppState(ctx context.Context, a *AppState) error {
	there, err := s.config.Store.FindItems(ctx, kindAppState, a.key(), "", MaxAppStates)
	if err != nil {
		return err
	}
	if len(there) >= MaxAppStates {
		return fault.New(fault.Unprocessable, fault.CodeTooLong, "", "there are %d states of this code and subject, which is the most; change or delete one", MaxAppStates)
	}
	a.ID, a.Version = uuid.NewString(), 0
	return s.putAppState(ctx, a)
}

// UpdateAppState replaces a state that AppState returned; ErrPrecondition when it
// has changed since.
func (s *Service) UpdateAppState(ctx context.Context, a *AppState) error {
	return s.putAppState(ctx, a)
}

func (s *Service) putAppState(ctx context.Context, a *AppState) error {
	a.Updated = s.now()
	var w changes
	w.put(kindAppState, a.ID, a.Version, a, time.Time{}, a.key())
	if err := s.write(ctx, &w); err != nil {
		return precondition(err)
	}
	a.Version++
	return nil
}

// DeleteAppState removes a state that AppState returned; ErrPrecondition when it
// has changed since.
func (s *Service) DeleteAppState(ctx context.Context, a *AppState) error {
	var w changes
	w.remove(kindAppState, a.ID, a.Version)
	return precondition(s.write(ctx, &w))
}

func precondition(err error) error {
	if errors.Is(err, ErrConflict) {
		return ErrPrecondition
	}
	return err
}

// AppState reads a state; ErrPrecondition when there is none.
func (s *Service) AppState(ctx context.Context, id string) (*AppState, error) {
	a := &AppState{ID: id}
	version, err := s.read(ctx, kindAppState, id, a)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrPrecondition
	}
	a.Version = version
	return a, err
}

// AppStates lists the states of a code and a subject, the oldest first.
func (s *Service) AppStates(ctx context.Context, code, subject string) ([]*AppState, error) {
	of := AppState{Code: code, Subject: subject}
	items, err := s.config.Store.FindItems(ctx, kindAppState, of.key(), "", MaxAppStates)
	if err != nil {
		return nil, err
	}
	var all []*AppState
	for _, i := range items {
		a := &AppState{ID: i.ID, Version: i.Version}
		if err := decode(i, a); err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	slices.SortStableFunc(all, func(a, b *AppState) int { return a.Updated.Compare(b.Updated) })
	return all, nil
}

// EraseAppStates removes what all apps keep about a subject, an absolute reference,
// and returns how many states went.
func EraseAppStates(ctx context.Context, s store.Identity, subject string) (int64, error) {
	const batch = 500
	gone, after := int64(0), ""
	for {
		items, err := s.ListItems(ctx, kindAppState, after, batch)
		if err != nil || len(items) == 0 {
			return gone, err
		}
		for _, i := range items {
			var a AppState
			if err := decode(i, &a); err != nil {
				return gone, err
			}
			if a.Subject != subject {
				continue
			}
			if err := s.WriteItems(ctx, false, store.ItemChange{Item: i, Expect: store.Any, Delete: true}); err != nil {
				return gone, err
			}
			gone++
		}
		after = items[len(items)-1].ID
	}
}
