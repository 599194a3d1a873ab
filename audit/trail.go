package audit

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Trail is what a request has touched so far. The door writes it, whoever answers
// makes an event of it. It is safe for concurrent use; a nil Trail remembers
// nothing.
type Trail struct {
	mu       sync.Mutex
	touched  []touch
	known    map[fhir.Key]int // places in touched, once there are many
	asked    []fhir.Key
	because  []string
	hidden   fhir.Key // what was asked for and is kept from who asks; zero for none
	missed   fhir.Key // what was asked for and is not there; zero for none
	marks    []store.PolicyMark
	count    int // of resources, those beyond maxEntities included
	recorded int // of count: what an event was made of
	foretell func(t *Trail, created bool) *Event
	went     int // status of the event that went along with a change; 0 for none
}

type touch struct {
	action   Action
	version  int64
	key      fhir.Key
	patients []fhir.Key
}

// few is up to how many resources are sought one after the other.
const few = 24

// Touch notes that something was done with a version of a resource that belongs to
// patients.
func (t *Trail) Touch(a Action, key fhir.Key, version int64, patients ...fhir.Key) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i, ok := t.find(key); ok {
		at := &t.touched[i]
		if a != Reads && at.action != a || version > at.version {
			t.count++ // so that it is recorded once more
			at.action, at.version = a, version
		}
		for _, p := range patients {
			if !slices.Contains(at.patients, p) {
				at.patients = append(at.patients, p)
			}
		}
		return
	}
	t.count++
	// What belongs to a patient is named in any case: whose data was touched must not
	// be lost.
	if len(t.touched) >= maxEntities && !t.news(patients) {
		return
	}
	if len(t.touched) == 1 {
		t.touched = slices.Grow(t.touched, few-1) // who gives two gives a page
	}
	t.touched = append(t.touched, touch{a, version, key, patients})
	if t.known != nil {
		t.known[key] = len(t.touched) - 1
	}
}

// Concerned are the patients of what was touched last, which are not to be changed.
func (t *Trail) Concerned() []fhir.Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.touched) == 0 {
		return nil
	}
	return t.touched[len(t.touched)-1].patients
}

func (t *Trail) find(key fhir.Key) (int, bool) {
	if len(t.touched) > few && t.known == nil {
		t.known = make(map[fhir.Key]int, 2*few)
		for i := range t.touched {
			t.known[t.touched[i].key] = i
		}
	}
	if t.known != nil {
		i, ok := t.known[key]
		return i, ok
	}
	i := slices.IndexFunc(t.touched, func(one touch) bool { return one.key.ID == key.ID && one.key.Type == key.Type })
	return i, i >= 0
}

// news says whether one of the patients was not touched yet.
func (t *Trail) news(patients []fhir.Key) bool {
	return slices.ContainsFunc(patients, func(p fhir.Key) bool {
		return !slices.ContainsFunc(t.touched, func(one touch) bool { return slices.Contains(one.patients, p) })
	})
}

// Ask notes for which patient something was asked, whatever was found.
func (t *Trail) Ask(patient fhir.Key) {
	if t == nil || patient.Type != "Patient" || !patient.ID.Valid() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.asked, patient) {
		t.asked = append(t.asked, patient)
	}
}

// Because notes by what something was allowed or refused: a scope, a rule of a role,
// a consent, in short words.
func (t *Trail) Because(why string) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.Contains(t.because, why) {
		t.because = append(t.because, why)
	}
}

// maxMarks bounds the marks that are noted.
const maxMarks = 40

// Mark notes what governed patients when something was read.
func (t *Trail) Mark(marks ...store.PolicyMark) {
	if t == nil || len(marks) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range marks {
		i := slices.IndexFunc(t.marks, func(one store.PolicyMark) bool { return one.Patient == m.Patient })
		switch {
		case i >= 0:
			t.marks[i] = m
		case len(t.marks) < maxMarks:
			t.marks = append(t.marks, m)
		}
	}
}

// Marked says whether m is what governed its patient when something was last read.
func (t *Trail) Marked(m store.PolicyMark) bool {
	if t == nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Contains(t.marks, m)
}

// Hide notes that a resource was asked for that is there and is not shown.
func (t *Trail) Hide(key fhir.Key) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hidden = key
}

// Hidden is what Hide noted last.
func (t *Trail) Hidden() fhir.Key {
	if t == nil {
		return fhir.Key{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hidden
}

// Miss notes that a resource was asked for that is not there, by somebody from whom it
// might be hidden.
func (t *Trail) Miss(key fhir.Key) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.missed = key
}

// Missed is what Miss noted last.
func (t *Trail) Missed() fhir.Key {
	if t == nil {
		return fhir.Key{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.missed
}

// Grew says whether something was touched since the last Tell.
func (t *Trail) Grew() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count > t.recorded
}

// Tell puts what was touched into an event.
func (t *Trail) Tell(e *Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recorded, e.Count = t.count, len(t.touched)
	if t.count > e.Count {
		e.Count = t.count
	}
	patients, names := owners{event: e}, t.names()
	for i := range t.touched {
		one := &t.touched[i]
		length := len(one.key.Type) + 1 + len(one.key.ID)
		entity := Entity{Action: one.action, Key: names[:length], Version: one.version}
		names = names[length:]
		if len(one.patients) == 0 {
			e.Entities = append(e.Entities, entity)
			continue
		}
		for _, p := range one.patients {
			at := &e.Patients[patients.of(p)]
			if len(at.Entities) == 1 {
				at.Entities = slices.Grow(at.Entities, min(few, len(t.touched)-i))
			}
			at.Entities = append(at.Entities, entity)
		}
	}
	for _, key := range t.asked {
		patients.of(key)
	}
	e.Why = append(e.Why, t.because...)
}

// names are the keys of what was touched, one behind the other in one text.
func (t *Trail) names() string {
	var b strings.Builder
	length := 0
	for i := range t.touched {
		length += len(t.touched[i].key.Type) + 1 + len(t.touched[i].key.ID)
	}
	b.Grow(length)
	for i := range t.touched {
		key := &t.touched[i].key
		b.WriteString(string(key.Type))
		b.WriteByte('/')
		b.WriteString(string(key.ID))
	}
	return b.String()
}

// owners finds the patients of an event that is told.
type owners struct {
	event *Event
	keys  []fhir.Key
	known map[fhir.Key]int // once there are many
}

// of is the place of a patient, which is added if it is not there.
func (p *owners) of(key fhir.Key) int {
	if p.known != nil {
		if i, ok := p.known[key]; ok {
			return i
		}
		p.known[key] = len(p.keys)
	} else if i := slices.Index(p.keys, key); i >= 0 {
		return i
	}
	p.keys = append(p.keys, key)
	p.event.Patients = append(p.event.Patients, Patient{Key: key.String()})
	if p.known == nil && len(p.keys) > few {
		p.known = make(map[fhir.Key]int, 2*few)
		for i, k := range p.keys {
			p.known[k] = i
		}
	}
	return len(p.keys) - 1
}

type trailKey struct{}

// WithTrail puts a trail into a context.
func WithTrail(ctx context.Context, t *Trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// TrailOf is the trail of a context; nil for none.
func TrailOf(ctx context.Context) *Trail {
	t, _ := ctx.Value(trailKey{}).(*Trail)
	return t
}
