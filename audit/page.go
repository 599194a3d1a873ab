package audit

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// Only restricts a search to what patients may see of their own: events that
// touched their data.
func (s *Selection) Only(patient string) {
	if s.patient != "" && s.patient != patient {
		s.None = true
	}
	s.patient = patient
}

// Page returns one page of what a search selects, after a cursor of the page before
// ("" for the first), and the cursor of the next ("" at the end). A page may be
// empty and not the last.
func (l *Log) Page(ctx context.Context, s *Selection, after string) (page []Projected, next string, err error) {
	if s.None {
		return nil, "", nil
	}
	q := s.query
	q.Patient, q.Concealed, q.Newest, q.Limit = s.patient, s.whole, s.Newest, s.Count
	skip := 0 // patients of the first event, which were on the page before
	if after == "" {
		if err := l.Seal(ctx); err != nil {
			return nil, "", err
		}
	} else if skip, err = q.goOn(after); err != nil {
		return nil, "", err
	}
	found, err := l.Find(ctx, q)
	if err != nil {
		return nil, "", err
	}
	for _, e := range found.Events {
		for _, at := range s.patientsOf(e) {
			if max(at, 0) < skip {
				continue
			}
			if len(page) == s.Count {
				return page, cursor(e.Number, at), nil
			}
			page = append(page, Projected{e, at})
		}
		skip = 0
	}
	if found.Next < 0 {
		return page, "", nil
	}
	if s.Newest {
		return page, cursor(found.Next-1, 0), nil
	}
	return page, cursor(found.Next, 0), nil
}

// cursor is the place of an event and one of its patients, where the next page
// begins.
func cursor(number int64, patient int) string {
	return strconv.FormatInt(number, 10) + "." + strconv.Itoa(max(patient, 0))
}

func (q *Query) goOn(after string) (skip int, err error) {
	a, b, _ := strings.Cut(after, ".")
	number, err1 := strconv.ParseInt(a, 10, 64)
	skip, err2 := strconv.Atoi(b)
	if err1 != nil || err2 != nil || number < 0 || skip < 0 {
		return 0, fault.New(fault.Invalid, fault.CodeValue, "", "The page link does not belong to a search of the audit log. Begin with the first page.")
	}
	if q.Newest {
		if q.Before == 0 || q.Before > number+1 {
			q.Before = number + 1
		}
	} else {
		q.From = max(q.From, number)
	}
	return skip, nil
}

// patientsOf are the places of an event's patients that the search asks for; -1 when
// the event has none.
func (s *Selection) patientsOf(e *Event) []int {
	_, only, one := ParseID(s.id)
	if len(e.Patients) == 0 {
		if s.patient != "" && !slices.Contains(e.Hidden.Patients, s.patient) || one && only >= 0 {
			return nil
		}
		return []int{-1}
	}
	var all []int
	for i, p := range e.Patients {
		if p.Key != "" && (s.patient == "" || p.Key == s.patient) && (!one || only == i) {
			all = append(all, i)
		}
	}
	return all
}
