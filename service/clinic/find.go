package clinic

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
)

var findTemplate = pages.Parse(pageFiles, "find.html")

// found is a patient in a list.
type found struct {
	Name, Age, Sex, Born, Number, Address string
	Deceased                              bool
}

func (f found) detail() string {
	var all []string
	for _, one := range []string{f.Age, f.Sex, f.Number} {
		if one != "" {
			all = append(all, one)
		}
	}
	if f.Born != "" {
		all = append(all, "born "+f.Born)
	}
	return strings.Join(all, ", ")
}

const (
	pageOfPatients = 20
	maxProposals   = 8
)

// showFind is the entrance of the clinic: a search, and who was looked at before.
func showFind(v *pages.Visit) error {
	page := struct {
		Q, Ahead, Self, All, Emergency string
		Asked, Everybody               bool
		Found, Recent                  []found
		Pager                          pages.Pager
		App                            app // in which a patient's chart is to be opened
	}{Q: strings.TrimSpace(v.Query.Get("q")), Ahead: v.Path(Path + "/find"), Self: v.Path(Path), All: v.Path(Path) + "?all=1"}
	page.App, _ = forApp(v)
	page.Ahead, page.All = toward(page.Ahead, page.App), toward(page.All, page.App)
	s, err := v.Records("")
	if err != nil {
		return err
	}
	if page.Recent, err = recent(v, s); err != nil {
		return err
	}
	page.Asked = page.Q != ""
	page.Everybody = !page.Asked && (v.Query.Get("all") != "" || v.House.Sandbox && len(page.Recent) == 0)
	if page.Asked || page.Everybody {
		var next string
		page.Found, next, err = find(v.R.Context(), v, s, page.Q, pageOfPatients, v.Query.Get("after"))
		if err != nil {
			return err
		}
		if next != "" {
			page.Pager.After = toward(v.Path(Path)+"?"+url.Values{"q": {page.Q}, "all": {v.Query.Get("all")}, "after": {next}}.Encode(), page.App)
		}
	}
	openWith(page.Found, page.App)
	openWith(page.Recent, page.App)
	if may, err := mayBreakGlass(v); err != nil {
		return err
	} else if may {
		page.Emergency = v.Path(Path+"/emergency") + "?" + url.Values{"patient": {page.Q}}.Encode()
	}
	f := frame(v, "Find a patient", pages.Dense)
	f.Banner = downtime(v)
	return v.Write(http.StatusOK, f, findTemplate, page)
}

// propose answers what the type-ahead asks.
func propose(v *pages.Visit) error {
	type proposal struct {
		Name    string `json:"name"`
		Detail  string `json:"detail"`
		Address string `json:"address"`
	}
	all := []proposal{}
	if q := strings.TrimSpace(v.Query.Get("q")); q != "" {
		s, err := v.Records("")
		if err != nil {
			return err
		}
		patients, _, err := find(v.R.Context(), v, s, q, maxProposals, "")
		if err != nil {
			return err
		}
		a, _ := forApp(v)
		openWith(patients, a)
		for _, p := range patients {
			all = append(all, proposal{p.Name, p.detail(), p.Address})
		}
	}
	return v.JSON(all)
}

// find seeks patients by words of their names, a date of birth and an identifier, in
// any order and number; "" finds everybody.
func find(ctx context.Context, v *pages.Visit, s *records.Session, q string, count int, after string) (all []found, next string, err error) {
	patients, next, err := searchPatients(ctx, v, s, criteria(q), count, after)
	if err == nil && len(patients) == 0 && after == "" && q != "" {
		return searchPatients(ctx, v, s, []search.Pair{{Name: "identifier", Value: search.Escape(q)}}, count, "")
	}
	return patients, next, err
}

func searchPatients(ctx context.Context, v *pages.Visit, s *records.Session, pairs []search.Pair, count int, after string) (all []found, next string, err error) {
	pairs = append(pairs, search.Pair{Name: "_sort", Value: "family,given"}, search.Pair{Name: "_count", Value: number(count)})
	result, err := s.Search(ctx, records.SearchRequest{Type: "Patient", Pairs: pairs, After: after})
	if err != nil {
		return nil, "", err
	}
	for _, e := range result.Entries {
		if p, err := pages.ParseElement(e.JSON); err == nil && e.Mode == records.ModeMatch {
			all = append(all, foundPatient(v, p))
		}
	}
	return all, result.Next, nil
}

func foundPatient(v *pages.Visit, p pages.Element) found {
	h := headOf(p, v.Now)
	f := found{Name: h.Name, Age: h.Age, Sex: h.Sex, Born: h.Born, Deceased: h.Deceased != "", Address: v.Path(Path + "/patient/" + p.Text("id"))}
	if len(h.Numbers) > 0 {
		f.Number = h.Numbers[0].Value
	}
	return f
}

// criteria are what words ask for.
func criteria(q string) []search.Pair {
	var all []search.Pair
	for word := range strings.FieldsFuncSeq(q, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }) {
		name := "name"
		if born, ok := birthDate(word); ok {
			all = append(all, search.Pair{Name: "birthdate", Value: born})
			continue
		}
		if strings.ContainsFunc(word, unicode.IsDigit) {
			name = "identifier"
		}
		all = append(all, search.Pair{Name: name, Value: search.Escape(word)})
	}
	return all
}

// birthDate reads a date as people write it; the month first where a stroke parts it.
func birthDate(word string) (string, bool) {
	for layout, form := range map[string]string{
		"2006-1-2": time.DateOnly, "1/2/2006": time.DateOnly, "2.1.2006": time.DateOnly, "2006/1/2": time.DateOnly, "20060102": time.DateOnly, "2006-1": "2006-01",
	} {
		if t, err := time.Parse(layout, word); err == nil && t.Year() > 1850 {
			return t.Format(form), true
		}
	}
	if t, err := time.Parse("2006", word); err == nil && len(word) == 4 && t.Year() > 1850 && t.Year() < 2200 {
		return word, true
	}
	return "", false
}
