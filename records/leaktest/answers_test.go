package leaktest_test

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/graphql"
	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// refused says whether an error is the refusal of a type or an interaction, which
// the oracle must expect; and other errors must not name what is hidden.
func (r *rig) refused(err error, expected bool) bool {
	r.Helper()
	scope := errors.Is(err, records.ErrScope)
	switch {
	case errors.Is(err, store.ErrTooComplex):
		return true // it tells nothing
	case scope && !expected:
		r.wrong("it is refused: %v", err)
	case !scope && expected:
		r.wrong("it is not refused: %v", err)
	}
	return scope
}

// told is all that an error says.
func told(err error) string {
	if failure, ok := errors.AsType[*graphql.Failure](err); ok {
		return failure.Error()
	}
	return fmt.Sprintf("%d %v", fault.KindOf(err), err)
}

var references = regexp.MustCompile(`[A-Z][A-Za-z]+/[A-Za-z0-9.-]+`)

// discreet checks that a text names nothing hidden but what was asked.
func (r *rig) discreet(text, asked string) {
	r.Helper()
	for _, one := range references.FindAllString(text, -1) {
		if r.world.Has(one) && !r.sight.Knows(one) && !strings.Contains(asked, strings.SplitN(one, "/", 2)[1]) {
			r.wrong("it names %s: %s", one, text)
		}
	}
}

// readable is what the asker may read of a resource, which a refusal to amend it may name.
func (r *rig) readable(reference string) string {
	res, err := r.session.Read(r.Context(), keyOf(reference), records.ReadOptions{})
	if err != nil {
		return ""
	}
	return string(res.JSON)
}

// alike checks that what is asked of a hidden resource is answered as for one that
// never was.
func (r *rig) alike(hidden string, ask func(reference string) error) {
	r.Helper()
	r.made++
	missing := fmt.Sprintf("%s/never%d", strings.SplitN(hidden, "/", 2)[0], r.made)
	got, want := ask(hidden), ask(missing)
	plain := func(err error, reference string) string {
		_, id, _ := strings.Cut(reference, "/")
		return strings.ReplaceAll(strings.ReplaceAll(told(err), reference, "IT"), strconv.Quote(id), "ID")
	}
	if plain(got, hidden) != plain(want, missing) {
		r.wrong("hidden %s is not as missing:\n  %s\n  %s", hidden, plain(got, hidden), plain(want, missing))
	}
}

// same compares what was found with what the oracle finds.
func (r *rig) same(what string, got []string, want map[string]bool) {
	r.Helper()
	have := map[string]bool{}
	var extra, twice, lost []string
	for _, one := range got {
		if have[one] {
			twice = append(twice, one)
		}
		have[one] = true
		if !want[one] {
			extra = append(extra, one)
		}
	}
	for _, one := range slices.Sorted(maps.Keys(want)) {
		if !have[one] {
			lost = append(lost, one)
		}
	}
	if extra != nil || twice != nil || lost != nil {
		r.wrong("%s: %d of %d; hidden or no match: %.600v; twice: %.300v; lost: %.600v", what, len(got), len(want), extra, twice, lost)
	}
}

// sameVisible says that the matches of a page are those of who sees everything, as
// far as they are visible, and returns them.
func (r *rig) sameVisible(what string, page, all *records.SearchResult) map[string]bool {
	r.Helper()
	want := map[string]bool{}
	for _, e := range all.Entries {
		if r.sight.Finds(e.Key.String()) {
			want[e.Key.String()] = true
		}
	}
	matches, _ := split(page)
	r.same(what, matches, want)
	return want
}

// pairsOf reads a query.
func (r *rig) pairsOf(query string) []search.Pair {
	r.Helper()
	pairs, err := records.ParseCriteria(query)
	if err != nil {
		r.Fatalf("%q: %v", query, err)
	}
	return pairs
}

// rank is where resources stand in the order of a search for all of a type.
func (r *rig) rank(typeName, sort string) map[string]int {
	r.Helper()
	key := typeName + "?" + sort
	if ranks := r.ranks[key]; ranks != nil {
		return ranks
	}
	ranks := map[string]int{}
	query := "_count=1000"
	if sort != "" {
		query += "&_sort=" + sort
	}
	req := records.SearchRequest{Type: keyOf(typeName + "/").Type, Pairs: r.pairsOf(query)}
	for {
		page, err := r.admin.Search(r.Context(), req)
		if err != nil {
			r.Fatalf("%s: %v", key, err)
		}
		for _, e := range page.Entries {
			ranks[e.Key.String()] = len(ranks)
		}
		if req.After = page.Next; req.After == "" {
			break
		}
	}
	r.ranks[key] = ranks
	return ranks
}

// split are the matches and the includes of a page.
func split(page *records.SearchResult) (matches, includes []string) {
	for _, e := range page.Entries {
		if e.Mode == records.ModeMatch {
			matches = append(matches, e.Key.String())
		} else {
			includes = append(includes, e.Key.String())
		}
	}
	return matches, includes
}

// resources checks that every resource of a page is the current version of
// something visible.
func (r *rig) resources(page *records.SearchResult) {
	r.Helper()
	for _, e := range page.Entries {
		if v := r.world.Version(e.Key.String(), e.Version); v == nil || !r.sight.SeesVersion(v, "rs") {
			r.wrong("%s of version %d is shown", e.Key, e.Version)
		}
		r.shows(e.Resource, false)
	}
}
