package desk

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
)

var dataTemplate = pages.Parse(pageFiles, "data.html", "page/head.html")

// use is what an app did with the resources of a type.
type use struct {
	Type, Words string
	Kinds       map[audit.Kind]int
	Refused     int
	Parameters  map[string]int // by which it searched
	Elements    map[string]int // that it asked for by _elements
	Whole       int            // reads and searches for whole resources
}

// dataPage maps what an app uses.
type dataPage struct {
	head
	Uses    []*use
	Looked  int
	Unused  []scopeWords // scopes that allow what was never done
	Fitting string       // the scopes that would do
}

// requestsMapped is how many requests the map is made of, the latest ones.
const requestsMapped = 2000

func showData(v *pages.Visit, c *identity.Client) error {
	h, err := heading(v, c, "/data")
	if err != nil {
		return err
	}
	page := dataPage{head: h}
	all := map[string]*use{}
	if log := v.Door.Audit(); log != nil {
		_, err := eachRequest(v.R.Context(), log, c.ID, 0, requestsMapped, func(e *audit.Event) bool {
			page.Looked++
			note(all, e)
			return true
		})
		if err != nil {
			return err
		}
	}
	for _, t := range slices.Sorted(maps.Keys(all)) {
		all[t].Words = pages.TypeWords(t)
		page.Uses = append(page.Uses, all[t])
	}
	page.Unused, page.Fitting = least(c.Scopes, all)
	return v.Write(http.StatusOK, frame(v, "Data that "+c.Name+" uses", "", pages.Wide), dataTemplate, page)
}

// note adds an event to the map.
func note(all map[string]*use, e *audit.Event) {
	t, _, _ := strings.Cut(e.Target, "/")
	if t == "" || !unicode.IsUpper(rune(t[0])) || len(t) > 64 {
		return
	}
	u := all[t]
	if u == nil {
		u = &use{Type: t, Kinds: map[audit.Kind]int{}, Parameters: map[string]int{}, Elements: map[string]int{}}
		all[t] = u
	}
	if e.Status >= 400 || e.Refused {
		u.Refused++
		return
	}
	u.Kinds[e.Kind]++
	query, err := url.ParseQuery(e.Query)
	if err != nil {
		return
	}
	elements := ""
	for name, values := range query {
		switch {
		case name == "_elements":
			elements = strings.Join(values, ",")
		case len(name) <= 100 && len(u.Parameters) < 100:
			u.Parameters[name]++
		}
	}
	for _, one := range strings.Split(elements, ",") {
		if one != "" && len(u.Elements) < 100 {
			u.Elements[strings.TrimSpace(one)]++
		}
	}
	if elements == "" && (e.Kind == audit.Read || e.Kind == audit.Search) {
		u.Whole++
	}
}

// interactions are what a kind of event needs a scope for.
var interactions = map[audit.Kind]smart.Interactions{
	audit.Read: smart.Read, audit.VRead: smart.Read, audit.History: smart.Read, audit.Search: smart.Search, audit.Create: smart.Create,
	audit.Update: smart.Update, audit.Patch: smart.Update, audit.Delete: smart.Delete,
}

// least are the registered scopes of which nothing was used, and scopes that allow what
// was used and no more.
func least(scopes smart.Scopes, all map[string]*use) (unused []scopeWords, fitting string) {
	level := smart.Patient
	var fit []string
	for _, text := range scopes {
		s, err := smart.ParseScope(text)
		if err != nil {
			fit = append(fit, text)
			continue
		}
		level = s.Level
		used := false
		for t, u := range all {
			if s.Type != smart.Any && s.Type != t {
				continue
			}
			for kind := range u.Kinds {
				used = used || s.Interactions&interactions[kind] != 0
			}
		}
		if !used {
			unused = append(unused, scopeWords{text, pages.ScopeText(text, false)})
		}
	}
	for _, t := range slices.Sorted(maps.Keys(all)) {
		var needed smart.Interactions
		for kind := range all[t].Kinds {
			needed |= interactions[kind]
		}
		if needed != 0 {
			fit = append(fit, smart.Scope{Level: level, Type: t, Interactions: needed}.String())
		}
	}
	return unused, strings.Join(fit, " ")
}

// Did says what was done, the most first.
func (u *use) Did() []string { return counted(u.Kinds) }

// Searched are the parameters that were used.
func (u *use) Searched() []string { return counted(u.Parameters) }

// Asked are the elements that were asked for.
func (u *use) Asked() []string { return counted(u.Elements) }

func counted[K ~string](m map[K]int) []string {
	keys := slices.Collect(maps.Keys(m))
	slices.SortFunc(keys, func(a, b K) int {
		if m[a] != m[b] {
			return m[b] - m[a]
		}
		return strings.Compare(string(a), string(b))
	})
	var all []string
	for _, k := range keys[:min(len(keys), 12)] {
		all = append(all, string(k)+" × "+pages.Number(int64(m[k])))
	}
	return all
}
