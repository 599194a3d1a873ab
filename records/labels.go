package records

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/engine/label"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// labels knows by which rules resources are labelled. What it knows lies in the
// store, for all processes. It is safe for concurrent use.
type labels struct {
	store store.Store

	access sync.Mutex // held while the state is read
	mu     sync.Mutex
	epoch  []byte // of indexes, as it was before the state was read
	raw    []byte
	state  labelState
	by     *label.Labeler
}

// labelSetting is where the state lies. Whoever changes it counts up the epoch of
// indexes afterwards, so that nobody writes any more by the former rules.
const labelSetting = "labels"

// labelState is what resources are labelled by, and how far the walk is that labels
// those that were there before.
type labelState struct {
	Rules *label.Rules              `json:"rules,omitempty"` // nil: those shipped
	Sets  map[string][]label.Coding `json:"sets,omitempty"`  // codes of value sets, as they were at Terms
	// Problems say of value sets why they have no codes.
	Problems map[string]string `json:"problems,omitempty"`
	Terms    [2]synced         `json:"terms,omitzero"` // of ValueSets and CodeSystems
	Print    string            `json:"print"`          // of all that decides on labels
	Walk     int64             `json:"walk,omitempty"` // how many walks were ever begun
	Walked   int64             `json:"walked,omitempty"`
}

// labelRules is the version of the way labels are found and written. Whoever changes
// it changes this.
const labelRules = "2"

func (s *labelState) rules() label.Rules {
	if s.Rules == nil {
		return label.Shipped()
	}
	return *s.Rules
}

// print tells apart what resources are labelled by.
func (s *labelState) print() (string, error) {
	text, err := json.Marshal([]any{labelRules, s.rules(), s.Sets})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16]), err
}

// openLabels reads the state. What a store without one holds, or one that was
// labelled by the rules of another version of Ingle, is to be walked.
func (d *Door) openLabels(ctx context.Context) error {
	d.labels = &labels{store: d.store}
	last, err := d.store.LastSeq(ctx)
	if err != nil {
		return err
	}
	return d.labels.update(ctx, func(s *labelState) error {
		print, err := s.print()
		if err != nil || s.Print == print {
			return err
		}
		if s.Print = print; last > 0 {
			s.Walk++
		}
		return nil
	})
}

// update changes the state in the store, again when another process was quicker.
func (l *labels) update(ctx context.Context, change func(*labelState) error) error {
	for range attempts {
		was, err := l.store.InitSetting(ctx, labelSetting, []byte("{}"))
		if err != nil {
			return err
		}
		var s labelState
		if err := json.Unmarshal(was, &s); err != nil {
			return fmt.Errorf("records: the setting %s cannot be read: %w", labelSetting, err)
		}
		if err := change(&s); err != nil {
			return err
		}
		value, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if !bytes.Equal(value, was) {
			err := l.store.SwapSetting(ctx, labelSetting, was, value)
			if errors.Is(err, store.ErrVersion) {
				continue
			}
			if err != nil {
				return err
			}
		}
		return l.load(ctx, nil)
	}
	return store.ErrVersion
}

// at is the Labeler of the state in an epoch of indexes.
func (l *labels) at(ctx context.Context, epoch []byte) (*label.Labeler, error) {
	if by := l.of(epoch); by != nil {
		return by, nil
	}
	l.access.Lock()
	defer l.access.Unlock()
	if by := l.of(epoch); by != nil {
		return by, nil
	}
	if err := l.load(ctx, epoch); err != nil {
		return nil, err
	}
	return l.current(), nil
}

func (l *labels) of(epoch []byte) *label.Labeler {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch == nil || !bytes.Equal(l.epoch, epoch) {
		return nil
	}
	return l.by
}

func (l *labels) current() *label.Labeler {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.by
}

func (l *labels) snapshot() labelState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// load reads the state; epoch, if not nil, was read before.
func (l *labels) load(ctx context.Context, epoch []byte) error {
	raw, err := l.store.ReadSetting(ctx, labelSetting)
	if err != nil {
		return err
	}
	var s labelState
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("records: the setting %s cannot be read: %w", labelSetting, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil || l.state.Print != s.Print {
		l.by = label.New(s.rules(), s.Sets, access.MayBeSensitive)
	}
	if l.raw, l.state = raw, s; epoch != nil {
		l.epoch = epoch
	}
	return nil
}

// Labeling is by which rules the sensitivity of resources is found, and how far the
// walk is that labels those that were there before the rules were.
type Labeling struct {
	Rules    label.Rules       // without any, nothing is labelled
	Shipped  bool              // the rules are those of a new server
	Problems map[string]string // why value sets have no codes, by URL
	Pending  bool              // there is something to walk
	Progress RelabelProgress   // of the last walk
	Error    string            // of its last attempt
}

// Labeling returns by which rules resources are labelled.
func (d *Door) Labeling(ctx context.Context) (Labeling, error) {
	if err := d.labels.load(ctx, nil); err != nil {
		return Labeling{}, d.fault(err)
	}
	s := d.labels.snapshot()
	l := Labeling{Rules: s.rules(), Shipped: s.Rules == nil, Problems: s.Problems, Pending: s.Walked < s.Walk}
	var err error
	l.Progress, l.Error, err = d.relabelling(ctx)
	return l, d.fault(err)
}

// Labeling is Door.Labeling; false when a filter is in force, since its counts are of
// all resources.
func (s *Session) Labeling(ctx context.Context) (Labeling, bool, error) {
	if s.limited() {
		return Labeling{}, false, nil
	}
	l, err := s.door.Labeling(ctx)
	return l, err == nil, err
}

// SetLabeling replaces the rules by which resources are labelled, nil: by those of a
// new server. From then on every process writes by them; what is there already Work
// or Relabel labels anew.
func (d *Door) SetLabeling(ctx context.Context, rules *label.Rules) error {
	terms, err := d.termsNow(ctx)
	if err != nil {
		return d.fault(err)
	}
	return d.fault(d.relabelBy(ctx, func(s *labelState) bool { s.Rules = rules; return true }, terms))
}

// relabelBy changes what resources are labelled by, and has them walked if it is
// something else than before.
func (d *Door) relabelBy(ctx context.Context, change func(*labelState) bool, terms [2]synced) error {
	changed := false
	err := d.labels.update(ctx, func(s *labelState) error {
		changed = false
		if !change(s) {
			return nil
		}
		s.Terms = terms
		rules := s.rules()
		s.Sets, s.Problems = d.codesOf(ctx, rules.ValueSets())
		print, err := s.print()
		if err != nil || print == s.Print {
			return err
		}
		s.Print, changed = print, true
		s.Walk++
		return nil
	})
	if err != nil || !changed {
		return err
	}
	return d.indexes.fence(ctx)
}

// codesOf are the codes of value sets, as the program itself sees them.
func (d *Door) codesOf(ctx context.Context, urls []string) (map[string][]label.Coding, map[string]string) {
	if len(urls) == 0 {
		return nil, nil
	}
	sets, problems := map[string][]label.Coding{}, map[string]string{}
	service := d.Session(Principal{}, nil).Terminology("")
	for _, url := range urls {
		codes, err := service.Codes(ctx, url, label.MaxCodes)
		if err != nil {
			problems[url] = err.Error()
		}
		for _, c := range codes {
			sets[url] = append(sets[url], label.Coding{System: c.System, Code: c.Code})
		}
	}
	if len(problems) == 0 {
		problems = nil
	}
	return sets, problems
}

// termsNow tells one state of the stored value sets and code systems from another.
func (d *Door) termsNow(ctx context.Context) (now [2]synced, err error) {
	for i, t := range []fhir.Type{"ValueSet", "CodeSystem"} {
		page, err := d.store.History(ctx, store.HistoryQuery{Type: t, Count: 1})
		if err != nil {
			return now, err
		}
		if now[i].Versions = page.Total; len(page.Records) > 0 {
			now[i].Last = page.Records[0].Seq
		}
	}
	return now, nil
}

// reviseLabels finds out whether value sets that rules name have other codes now.
func (d *Door) reviseLabels(ctx context.Context) error {
	if err := d.labels.load(ctx, nil); err != nil {
		return err
	}
	s := d.labels.snapshot()
	rules := s.rules()
	if len(rules.ValueSets()) == 0 {
		return nil
	}
	now, err := d.termsNow(ctx)
	if err != nil || now == s.Terms {
		return err
	}
	return d.relabelBy(ctx, func(s *labelState) bool { return s.Terms != now }, now)
}
