package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// kindGlass, and the key of what no privacy officer has reviewed.
const (
	kindGlass = "break-glass"
	keyReview = "review" // "open"
)

// GlassFor is for how long the glass is broken, unless Policy says otherwise.
const GlassFor = time.Hour

// glassKept is how long a broken glass is remembered: as long as disclosures are
// accounted for (45 CFR §164.528).
const glassKept = 6 * 366 * 24 * time.Hour

// Bounds of breaking the glass.
const (
	minReason  = 10 // characters
	maxReason  = 2_000
	maxGlasses = 20 // broken by one user at a time
)

// Glass is one breaking of the glass: a user looks at the record of a patient in
// spite of what stands in the way, for a while and a reason. Its JSON is what is kept.
type Glass struct {
	ID       string    `json:"id"`
	User     string    `json:"user"`
	Login    string    `json:"login"`
	Client   string    `json:"client,omitempty"` // with which the user did it
	Patient  fhir.ID   `json:"patient"`
	Reason   string    `json:"reason"`
	From     time.Time `json:"from"`
	Until    time.Time `json:"until"`
	Ended    time.Time `json:"ended,omitzero"` // by hand
	EndedBy  string    `json:"endedBy,omitempty"`
	Reviewed time.Time `json:"reviewed,omitzero"`
	Reviewer string    `json:"reviewer,omitempty"` // login
	Comment  string    `json:"comment,omitempty"`
	Version  int64     `json:"-"`
}

// Broken says whether the glass is broken at a time.
func (g *Glass) Broken(now time.Time) bool {
	return g.Ended.IsZero() && now.Before(g.Until) && g.From.Sub(now) <= maxSkew
}

func (g *Glass) put(w *changes) {
	keys := []store.ItemKey{{Name: "user", Value: g.User}}
	if g.Reviewed.IsZero() {
		keys = append(keys, store.ItemKey{Name: keyReview, Value: "open"})
	}
	w.put(kindGlass, g.ID, g.Version, g, g.From.Add(glassKept), keys...)
}

// ErrNoGlass says that there is no such breaking of the glass.
var ErrNoGlass = errors.New("identity: there is no such breaking of the glass")

// BreakGlass breaks the glass for a user and a patient, as long as the policy says.
// Whether the user may, the caller has decided. It holds at the next request, in
// every process.
func (s *Service) BreakGlass(ctx context.Context, u *User, client string, patient fhir.ID, reason string) (*Glass, error) {
	if err := s.CheckGlass(ctx, u.ID, reason); err != nil {
		return nil, err
	}
	p, err := s.Policy(ctx)
	if err != nil {
		return nil, err
	}
	now := s.now()
	g := &Glass{
		ID: newID(), User: u.ID, Login: u.Login, Client: client, Patient: patient, Reason: strings.TrimSpace(reason),
		From: now, Until: now.Add(cmp.Or(p.GlassFor, GlassFor)),
	}
	w := changes{epoch: true}
	g.put(&w)
	return g, s.write(ctx, &w)
}

// CheckGlass refuses what BreakGlass refuses a user whoever the patient is: a reason
// that is none, and one more at a time than there may be. Asked before the patient is
// looked for, so that only who breaks the glass learns whether there is that patient.
func (s *Service) CheckGlass(ctx context.Context, user, reason string) error {
	reason = strings.TrimSpace(reason)
	if n := utf8.RuneCountInString(reason); n < minReason || n > maxReason || !utf8.ValidString(reason) {
		return fault.New(fault.Unprocessable, fault.CodeRequired, "reason", "say why, in %d to %d characters: the privacy officer reads it", minReason, maxReason)
	}
	broken, err := s.BrokenGlasses(ctx, user)
	if err != nil {
		return err
	}
	if len(broken) >= maxGlasses {
		return fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "%d of your emergency accesses are open, which is the most: end one of them first", len(broken))
	}
	return nil
}

// BrokenGlasses are those that a user has broken now.
func (s *Service) BrokenGlasses(ctx context.Context, user string) ([]*Glass, error) {
	now := s.now()
	return s.glasses(ctx, &store.ItemKey{Name: "user", Value: user}, func(g *Glass) bool { return g.Broken(now) })
}

// Glasses are those that wait for a review, or else those of the last days that were
// reviewed; the latest first.
func (s *Service) Glasses(ctx context.Context, open bool) ([]*Glass, error) {
	if open {
		return s.glasses(ctx, &store.ItemKey{Name: keyReview, Value: "open"}, func(*Glass) bool { return true })
	}
	since := s.now().Add(-keptAfter)
	return s.glasses(ctx, nil, func(g *Glass) bool { return g.Reviewed.After(since) })
}

func (s *Service) glasses(ctx context.Context, key *store.ItemKey, want func(*Glass) bool) ([]*Glass, error) {
	var all []*Glass
	err := s.walk(ctx, kindGlass, key, func(i store.Item) error {
		g := &Glass{Version: i.Version}
		if err := decode(i, g); err != nil {
			return err
		}
		if want(g) {
			all = append(all, g)
		}
		return nil
	})
	slices.SortFunc(all, func(a, b *Glass) int { return b.From.Compare(a.From) })
	return all, err
}

// EndGlass ends a breaking of the glass for good, whatever clocks say of its time: by
// whom, a login. It holds at the next request, in every process. It is no error when
// somebody has ended it already.
func (s *Service) EndGlass(ctx context.Context, id, by string) error {
	return s.changeGlass(ctx, id, true, func(g *Glass) {
		if g.Ended.IsZero() {
			g.Ended, g.EndedBy = s.now(), by
		}
	})
}

// ReviewGlass notes that a privacy officer, by login, has looked into one.
func (s *Service) ReviewGlass(ctx context.Context, id, reviewer, comment string) error {
	comment = strings.TrimSpace(comment)
	if utf8.RuneCountInString(comment) > maxReason || !utf8.ValidString(comment) {
		return fault.New(fault.Unprocessable, fault.CodeTooLong, "comment", "a comment has at most %d characters", maxReason)
	}
	return s.changeGlass(ctx, id, false, func(g *Glass) { g.Reviewed, g.Reviewer, g.Comment = s.now(), reviewer, comment })
}

func (s *Service) changeGlass(ctx context.Context, id string, epoch bool, change func(*Glass)) error {
	return again(func() error {
		g := &Glass{}
		version, err := s.read(ctx, kindGlass, id, g)
		if errors.Is(err, ErrNotFound) {
			return fmt.Errorf("%w: %s", ErrNoGlass, id)
		}
		if err != nil {
			return err
		}
		g.Version = version
		change(g)
		w := changes{epoch: epoch}
		g.put(&w)
		return s.write(ctx, &w)
	})
}
