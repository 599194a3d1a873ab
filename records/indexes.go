package records

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// indexes knows which search parameters have all their index rows. What it
// knows lies in the store, for all processes: of each type that was ever
// written, in each release, the definitions by which it is indexed, and the
// parameters whose rows are complete; and the search parameters that are
// stored, which are part of the definitions. It is safe for concurrent use.
type indexes struct {
	store   store.Store
	primary definitions.Release
	base    *defined // without stored parameters
	now     func() time.Time
	log     *slog.Logger

	// access is held while the state is read from the store, so that none takes
	// the place of a later one. It is not while the state is changed there: that
	// waits for transactions, which may ask what is complete.
	access sync.Mutex
	mu     sync.Mutex
	raw    []byte                  // as read last
	state  indexState              // never changed in place
	by     atomic.Pointer[defined] // the definitions of state; changes with it
	read   time.Time
	epoch  []byte // read before state
	whole  bool   // by state every search can be trusted
	// lacked is what cannot be trusted by state of each parameter that was asked for.
	lacked map[search.Origin][]Incomplete

	unsynced atomic.Bool // search parameters were imported
}

// indexSetting is where the state lies.
const indexSetting = "indexes"

// indexAge is for how long a process goes by what it read. Whoever changes the
// definitions waits for a multiple of it before resources are walked, so that
// the others have stopped writing by the former ones.
const indexAge = 500 * time.Millisecond

// indexKey names what is indexed by one set of parameters.
type indexKey struct {
	Release definitions.Release
	Type    fhir.Type
}

// MarshalText makes it a key of JSON.
func (k indexKey) MarshalText() ([]byte, error) {
	return []byte(string(k.Release) + " " + string(k.Type)), nil
}

// UnmarshalText is the reverse of MarshalText.
func (k *indexKey) UnmarshalText(text []byte) error {
	release, typ, _ := bytes.Cut(text, []byte{' '})
	k.Release, k.Type = definitions.Release(release), fhir.Type(typ)
	return nil
}

func (k indexKey) compare(o indexKey) int {
	return cmp.Or(strings.Compare(string(k.Type), string(o.Type)), strings.Compare(string(k.Release), string(o.Release)))
}

type indexState struct {
	Types map[indexKey]*typeIndex `json:"types"`
	Walks int64                   `json:"walks"` // how many were ever begun

	Stored []storedParameter `json:"stored,omitempty"`
	Synced synced            `json:"synced,omitzero"` // that Stored was made of
}

// typeIndex is the state of the index of one type's resources.
type typeIndex struct {
	Print string            `json:"print"`           // of the definitions that new versions are indexed by
	Done  map[string]string `json:"done"`            // parameters with all their rows, and their prints
	Build map[string]string `json:"build,omitempty"` // those that may lack rows
	Gone  []string          `json:"gone,omitempty"`  // removed ones whose rows may still be there

	// The walk over all resources that is to be done; Walk is 0 when there is
	// none, and Failed says why it ended without having done all.
	Walk     int64     `json:"walk,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Position int64     `json:"position,omitempty"`
	Read     int64     `json:"read,omitempty"`
	Total    int64     `json:"total,omitempty"`
	Failed   string    `json:"failed,omitempty"`
}

// openIndexes reads the state and brings it in line with the definitions of
// this process and the stored parameters: those that are new or changed are to
// be built, those that are gone to be cleaned.
func openIndexes(ctx context.Context, c Config, releases map[definitions.Release]*release) (*indexes, error) {
	x := &indexes{store: c.Store, primary: c.Definitions.Release, base: newDefined(nil, releases), now: time.Now, log: c.Log}
	x.by.Store(x.base)
	if _, err := x.store.InitSetting(ctx, epochSetting, []byte("0")); err != nil {
		return nil, err
	}
	if err := x.reload(ctx); err != nil {
		return nil, err
	}
	return x, x.update(ctx, func(s *indexState) error {
		if s.Types == nil {
			s.Types = map[indexKey]*typeIndex{}
			if err := x.adopt(ctx, s); err != nil {
				return err
			}
		}
		if err := x.collect(ctx, s); err != nil {
			return err
		}
		x.alignAll(s)
		return nil
	})
}

// current are the definitions to go by.
func (x *indexes) current() *defined { return x.by.Load() }

// printsOf is nil for what this process has no definitions of.
func (x *indexes) printsOf(k indexKey) *printed { return x.current().printsOf(k) }

// alignAll makes the definitions of this process with the state's stored
// parameters those that all types are indexed by.
func (x *indexes) alignAll(s *indexState) {
	by := x.definedBy(s.Stored)
	for k, t := range s.Types {
		if p := by.printsOf(k); p != nil && p.of != t.Print {
			x.align(s, t, p)
		}
	}
}

// adopt takes over a store whose resources were indexed by nobody knows what.
func (x *indexes) adopt(ctx context.Context, s *indexState) error {
	last, err := x.store.LastSeq(ctx)
	if err != nil || last == 0 {
		return err
	}
	counts, err := x.store.Stats(ctx)
	if err != nil {
		return err
	}
	for t := range counts {
		for release := range x.base.releases {
			k := indexKey{release, t}
			if p := x.base.printsOf(k); p != nil {
				s.Types[k] = &typeIndex{}
				x.align(s, s.Types[k], p)
			}
		}
	}
	return nil
}

// align makes p the definitions that a type is indexed by.
func (x *indexes) align(s *indexState, t *typeIndex, p *printed) {
	done, build := map[string]string{}, map[string]string{}
	prints := p.params()
	for code, print := range prints {
		if t.Done[code] == print {
			done[code] = print
		} else {
			build[code] = print
		}
	}
	gone := slices.DeleteFunc(t.Gone, func(code string) bool { return prints[code] != "" })
	for _, codes := range []map[string]string{t.Done, t.Build} {
		for code := range codes {
			if prints[code] == "" && !slices.Contains(gone, code) {
				gone = append(gone, code)
			}
		}
	}
	slices.Sort(gone)
	t.Print, t.Done, t.Build, t.Gone = p.of, done, build, gone
	if len(build)+len(gone) > 0 {
		x.walk(s, t)
	}
}

// walk says that a type's resources are to be walked from the start.
func (x *indexes) walk(s *indexState, t *typeIndex) {
	s.Walks++
	t.Walk, t.Since, t.Position, t.Read, t.Total, t.Failed = s.Walks, x.now().UTC(), 0, 0, 0, ""
}

// register makes sure that the types of a unit's writes are in the state before
// they are written, and that its drafts are indexed by the definitions in force;
// otherwise the error is errRedefined. The unit is to hold the setting. It
// refuses the writes when another process has begun to index their types by
// other packages.
func (x *indexes) register(ctx context.Context, u *unit) (store.Setting, error) {
	if err := x.refresh(ctx); err != nil {
		return store.Setting{}, err
	}
	held, unknown, err := x.unregistered(u)
	if err != nil || len(unknown) == 0 {
		return held, err
	}
	err = x.update(ctx, func(s *indexState) error {
		by := x.definedBy(s.Stored)
		for _, k := range unknown {
			if s.Types[k] == nil {
				p := by.printsOf(k)
				s.Types[k] = &typeIndex{Print: p.of, Done: p.params()}
			}
		}
		return nil
	})
	if err != nil {
		return held, err
	}
	held, _, err = x.unregistered(u)
	return held, err
}

// errRedefined says that entries were made by definitions that are no longer in
// force. What made them is done again.
var errRedefined = fmt.Errorf("records: the search parameters have changed: %w", store.ErrVersion)

// unregistered are the keys of a unit's writes that are not in the state.
func (x *indexes) unregistered(u *unit) (held store.Setting, unknown []indexKey, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	by := x.current()
	for _, w := range u.drafts {
		if by.releases[w.rel.defs.Release] != w.rel {
			return held, nil, errRedefined
		}
	}
	var last indexKey
	for i := range u.writes {
		k := indexKey{u.writes[i].Release, u.writes[i].Key.Type}
		if i > 0 && k == last {
			continue
		}
		last = k
		p := by.printsOf(k)
		if p == nil {
			continue // a delete of what is of a release that is not loaded
		}
		switch t := x.state.Types[k]; {
		case t == nil:
			unknown = append(unknown, k)
		case t.Print != p.of:
			return held, nil, behind(k)
		}
	}
	return x.hold(), unknown, nil
}

func behind(k indexKey) error {
	return fault.New(fault.Unavailable, fault.CodeConflict, "",
		"another process works on the same records with other search parameters of %s: start all with the same packages and version of Ingle", k.Type)
}

// update changes the state in the store, again when another process was
// quicker. change may be called again, with another state.
func (x *indexes) update(ctx context.Context, change func(*indexState) error) error {
	for range attempts {
		was, err := x.stored(ctx)
		if err != nil {
			return err
		}
		state, err := decodeIndexes(was)
		if err != nil {
			return err
		}
		if err := change(&state); err != nil {
			return err
		}
		value, err := json.Marshal(state)
		if err != nil {
			return err
		}
		switch {
		case bytes.Equal(value, was):
		case was == nil:
			stored, err := x.store.InitSetting(ctx, indexSetting, value)
			if err != nil {
				return err
			}
			if !bytes.Equal(stored, value) {
				continue
			}
		default:
			err := x.store.SwapSetting(ctx, indexSetting, was, value)
			if errors.Is(err, store.ErrVersion) {
				continue
			}
			if err != nil {
				return err
			}
		}
		return x.reload(ctx)
	}
	return store.ErrVersion
}

// stored is the state in the store; nil when there is none.
func (x *indexes) stored(ctx context.Context) ([]byte, error) {
	raw, err := x.store.ReadSetting(ctx, indexSetting)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return raw, err
}

func decodeIndexes(raw []byte) (s indexState, err error) {
	if raw != nil {
		if err = json.Unmarshal(raw, &s); err != nil {
			err = fmt.Errorf("records: the setting %s cannot be read: %w", indexSetting, err)
		}
	}
	return s, err
}

// set makes a state the one to go by.
func (x *indexes) set(raw []byte, state indexState) {
	by := x.definedBy(state.Stored)
	whole := true
	for k, t := range state.Types {
		if p := by.printsOf(k); len(t.Build)+len(t.Gone) > 0 || p != nil && p.of != t.Print {
			whole = false
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.by.Store(by)
	x.raw, x.state, x.whole, x.read = raw, state, whole, x.now()
	x.lacked = map[search.Origin][]Incomplete{}
}

// refresh reads the state when it is no longer new.
func (x *indexes) refresh(ctx context.Context) error {
	if x.fresh() {
		return nil
	}
	x.access.Lock()
	defer x.access.Unlock()
	if x.fresh() {
		return nil
	}
	return x.load(ctx)
}

func (x *indexes) fresh() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.now().Sub(x.read) < indexAge
}

// reload reads the state.
func (x *indexes) reload(ctx context.Context) error {
	x.access.Lock()
	defer x.access.Unlock()
	return x.load(ctx)
}

// load reads the state; x.access is held.
func (x *indexes) load(ctx context.Context) error {
	epoch, err := x.store.ReadSetting(ctx, epochSetting)
	if err != nil {
		return err
	}
	raw, err := x.stored(ctx)
	if err != nil {
		return err
	}
	if !x.same(raw) {
		state, err := decodeIndexes(raw)
		if err != nil {
			return err
		}
		x.set(raw, state)
	}
	x.enter(epoch) // the state is as new, or newer
	return nil
}

// same says whether raw is what this process goes by, and notes that it still
// is.
func (x *indexes) same(raw []byte) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if raw == nil || !bytes.Equal(raw, x.raw) {
		return false
	}
	x.read = x.now()
	return true
}
