package audit

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fault"
)

// Selection is a search for AuditEvents in the log (R4 AuditEvent, search
// parameters).
type Selection struct {
	query   Query
	patient string // "Patient/maria", "" for any
	id      string
	tests   []func(*Event) bool
	whole   bool // who searches may read all of the log
	Newest  bool
	Count   int
	None    bool // nothing can be found: criteria exclude each other
}

// Projected is an event and the place of one of its patients, -1 for none.
type Projected struct {
	*Event
	Patient int
}

// parameters are those that a search of the log has.
var parameters = []string{"_count", "_id", "_lastUpdated", "_sort", "action", "agent", "altid", "date", "entity", "outcome", "patient", "policy", "subtype", "type"}

// Bounds of _count.
const (
	defaultCount = 50
	maxCount     = 1000
)

// ParseSearch reads the parameters of a search. base is the address of the server,
// whose absolute references are taken, too.
func ParseSearch(pairs []search.Pair, base string) (*Selection, error) {
	s := &Selection{Newest: true, Count: defaultCount}
	for _, p := range pairs {
		if err := s.parameter(p, base); err != nil {
			return nil, err
		}
	}
	s.query.Match = func(e *Event) bool {
		return !slices.ContainsFunc(s.tests, func(test func(*Event) bool) bool { return !test(e) })
	}
	return s, nil
}

func (s *Selection) parameter(p search.Pair, base string) error {
	values := strings.Split(p.Value, ",")
	refer := func(v string) string { return strings.TrimPrefix(v, base+"/") }
	switch p.Name {
	case "_count":
		n, err := strconv.Atoi(p.Value)
		if err != nil || n < 1 {
			return bad(p, "a number of 1 or more")
		}
		s.Count = min(n, maxCount)
	case "_sort":
		if s.Newest = p.Value == "-date" || p.Value == "-_lastUpdated"; !s.Newest && p.Value != "date" && p.Value != "_lastUpdated" {
			return bad(p, "date or -date, since the log is in the order of its events")
		}
	case "_id":
		if len(values) > 1 {
			return bad(p, "one id")
		}
		s.id = p.Value
		number, _, ok := ParseID(p.Value)
		if !ok {
			s.None = true
			return nil
		}
		s.between(number, number)
	case "date", "_lastUpdated":
		return s.date(p)
	case "patient", "patient:Patient":
		if len(values) > 1 {
			return bad(p, "one patient")
		}
		key := refer(p.Value)
		if !strings.Contains(key, "/") {
			key = "Patient/" + key
		}
		if s.patient != "" && s.patient != key {
			s.None = true
		}
		s.patient = key
	case "agent":
		for i := range values {
			values[i] = refer(values[i])
		}
		if len(values) == 1 && s.query.Agent == "" {
			s.query.Agent = values[0]
			return nil
		}
		s.query.need(termAgent, values)
		s.test(func(e *Event) bool {
			return slices.Contains(values, e.Agent.Is) || slices.Contains(values, e.Agent.User) || slices.Contains(values, e.Agent.Client)
		})
	case "altid":
		s.query.need(termLogin, values)
		s.test(func(e *Event) bool { return e.Agent.Login != "" && slices.Contains(values, e.Agent.Login) })
	case "entity":
		for i := range values {
			values[i] = refer(values[i])
		}
		s.query.need(termTouched, values)
		s.test(func(e *Event) bool { return e.touches(values) || s.whole && e.turnsOn(values) })
	case "type", "subtype":
		if p.Name == "type" {
			s.query.need(termType, codes(values))
		} else {
			s.query.need(termSubtype, codes(values))
		}
		s.test(func(e *Event) bool {
			c, sub := e.Kind.types()
			if p.Name == "subtype" {
				c = sub
			}
			return slices.ContainsFunc(values, c.matches)
		})
	case "action":
		s.query.need(termAction, codes(values))
		s.test(func(e *Event) bool { return slices.ContainsFunc(values, e.does) })
	case "policy":
		s.query.need(termPolicy, values)
		s.test(func(e *Event) bool {
			return slices.ContainsFunc(e.policies(), func(one string) bool { return slices.Contains(values, one) })
		})
	case "outcome":
		s.query.need(termOutcome, codes(values))
		s.test(func(e *Event) bool {
			return slices.ContainsFunc(values, coding{System: "http://terminology.hl7.org/CodeSystem/audit-event-outcome", Code: strconv.Itoa(e.Outcome())}.matches)
		})
	default:
		return fault.New(fault.Invalid, fault.CodeNotSupported, "",
			"The audit log cannot be searched by %q. Known here: %s.", fault.Shorten(p.Name), strings.Join(parameters, ", "))
	}
	return nil
}

func bad(p search.Pair, want string) error {
	return fault.New(fault.Invalid, fault.CodeValue, "", "%s of a search of the audit log is %s, not %q.", p.Name, want, fault.Shorten(p.Value))
}

func (s *Selection) test(f func(*Event) bool) { s.tests = append(s.tests, f) }

func (s *Selection) between(from, to int64) {
	s.query.From = max(s.query.From, from)
	if s.query.Before == 0 || s.query.Before > to+1 {
		s.query.Before = to + 1
	}
	s.None = s.None || s.query.From >= s.query.Before
}

// date narrows the time (R4 §3.1.1.4.6); ne, ap and alternatives are not needed to
// look at a log.
func (s *Selection) date(p search.Pair) error {
	prefix, text := "eq", p.Value
	if len(text) > 2 && text[0] >= 'a' && text[0] <= 'z' {
		prefix, text = text[:2], text[2:]
	}
	t, ok := search.ParseTime(text)
	if !ok {
		return bad(p, "a date such as ge2026-03-01 or 2026-03-01T08:00:00Z")
	}
	lo, hi := time.UnixMicro(t.Lo).UTC(), time.UnixMicro(t.Hi).UTC() // hi is not in it
	const step = time.Microsecond
	switch prefix {
	case "eq":
		s.since(lo)
		s.until(hi.Add(-step))
	case "ge":
		s.since(lo)
	case "gt", "sa":
		s.since(hi)
	case "le":
		s.until(hi.Add(-step))
	case "lt", "eb":
		s.until(lo.Add(-step))
	default:
		return bad(p, "a date with eq, ge, gt, le, lt, sa, eb or without prefix")
	}
	s.None = s.None || !s.query.Since.IsZero() && !s.query.Until.IsZero() && s.query.Until.Before(s.query.Since)
	return nil
}

func (s *Selection) since(t time.Time) {
	if s.query.Since.Before(t) {
		s.query.Since = t
	}
}

func (s *Selection) until(t time.Time) {
	if s.query.Until.IsZero() || s.query.Until.After(t) {
		s.query.Until = t
	}
}

// matches says whether a token of a search is the coding.
func (c coding) matches(token string) bool {
	system, code, ok := strings.Cut(token, "|")
	if !ok {
		return token == c.Code
	}
	return (system == c.System || system == "" && c.System == "") && (code == "" || code == c.Code)
}

// does says whether the event, or one of its entries, is an action.
func (e *Event) does(code string) bool {
	code = strings.TrimPrefix(code, "http://hl7.org/fhir/audit-event-action|")
	if code == string(rune(e.Kind.Action())) {
		return true
	}
	return e.Kind == Batch && e.any(func(one Entity) bool { return code == string(rune(one.Action)) })
}

func (e *Event) touches(keys []string) bool {
	return slices.Contains(keys, e.Target) ||
		slices.ContainsFunc(e.Patients, func(p Patient) bool { return slices.Contains(keys, p.Key) }) ||
		e.any(func(one Entity) bool { return slices.Contains(keys, one.Key) })
}

// turnsOn says whether one of keys is that of a Consent that counted, or of what was
// hidden.
func (e *Event) turnsOn(keys []string) bool {
	return slices.Contains(keys, e.Hidden.Key) && e.Hidden.Key != "" ||
		slices.ContainsFunc(e.Consents, func(c Counted) bool { return slices.Contains(keys, c.Consent) }) ||
		slices.ContainsFunc(e.Hidden.By, func(by string) bool { return slices.Contains(keys, by) })
}

func (e *Event) any(f func(Entity) bool) bool {
	return slices.ContainsFunc(e.Entities, f) ||
		slices.ContainsFunc(e.Patients, func(p Patient) bool { return slices.ContainsFunc(p.Entities, f) })
}

// Asks says whether the search asks for events of one patient.
func (s *Selection) Asks(patient string) bool { return s.patient == patient }

// Whole says that who searches may read all of the log: the Consents that counted and
// what was hidden are sought, too.
func (s *Selection) Whole() { s.whole = true }

// Where adds a condition.
func (s *Selection) Where(test func(*Event) bool) { s.test(test) }

// ordinary are the purposes of which no accounting is due: treatment, payment and
// operations, and the patient's own (45 CFR 164.528(a)(1)).
var ordinary = []string{"TREAT", "HPAYMT", "HOPERAT", "PATRQT", "FAMRQT", "ETREAT", "TREATDS", "CAREMGT", "COVERAGE", "CLMATTCH", "HQUALIMP", "PATADMIN", "HSYSADMIN"}

// Disclosure says whether the event disclosed data of patients to somebody for
// another purpose than treatment, payment and operations, and not to the patient: by
// its purpose of use; of an app without user and purpose, always.
func (e *Event) Disclosure() bool {
	if e.Kind == Disclose {
		return true
	}
	if e.Outcome() != 0 || e.Kind.Action() != Reads && e.Kind.Action() != Executes {
		return false
	}
	if e.Agent.Purpose == "" {
		return e.Agent.User == "" && e.Agent.Client != ""
	}
	return !slices.Contains(ordinary, e.Agent.Purpose)
}
