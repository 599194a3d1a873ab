package storetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/store"
)

func distinctValues(t *testing.T, b bench) {
	profile := func(url, version string) search.Entry {
		return search.Entry{Param: search.Param{Type: "Patient", Code: "_profile", Kind: definitions.SearchURI}, URL: url, Version: version}
	}
	ofAll := search.Param{Type: search.System, Code: "gender", Kind: definitions.SearchToken}
	b.write(t, b.put("Patient/a", 0, "", token(gender, "s", "male"), token(gender, "", "male"), profile("http://p", "2")),
		b.put("Patient/b", 0, "", token(gender, "s", "male"), token(gender, "s", "female"), profile("http://p", "2"), profile("http://o", "")),
		b.put("Patient/c", 0, "", token(gender, "s", "unknown")), b.put("Observation/1", 0, "", token(code, "s", "x")))
	b.write(t, b.remove("Patient/c", 1))
	for _, c := range []struct {
		p     search.Param
		limit int
		want  string
	}{
		{gender, 10, "|male s|female s|male "}, {gender, 2, "|male s|female "}, {ofAll, 10, "|male s|female s|male "},
		{code, 10, "s|x "}, {profile("", "").Param, 10, "http://o| http://p|2 "},
		{search.Param{Type: "Patient", Code: "_tag", Kind: definitions.SearchToken}, 10, ""},
	} {
		values, err := b.Values(b.ctx, c.p, c.limit)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, v := range values {
			if got += v.System + v.URL + "|" + v.Code + v.Version + " "; v.Param != c.p {
				t.Errorf("%+v is of %+v", v, v.Param)
			}
		}
		if got != c.want {
			t.Errorf("%+v: got %q, want %q", c.p, got, c.want)
		}
	}
}

func reindex(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", token(gender, "", "male")), b.put("Patient/b", 0, "", token(gender, "", "male")), b.put("Patient/c", 0, ""))
	b.write(t, b.put("Patient/b", 1, "", token(gender, "", "female")), b.remove("Patient/c", 1))
	held := b.setting(t, "held", "1")
	n, err := b.Reindex(b.ctx, held, []store.Reindexed{
		{Key: key("Patient/a"), Version: 1, Index: []search.Entry{token(gender, "", "other")}},
		{Key: key("Patient/b"), Version: 1, Index: []search.Entry{token(gender, "", "other")}},
		{Key: key("Patient/c"), Version: 2, Index: []search.Entry{token(gender, "", "other"), token(group, "", "other")}},
		{Key: key("Patient/d"), Version: 1, Index: []search.Entry{token(gender, "", "other")}},
	})
	if want := (store.ReindexCount{Replaced: 2, Added: 2, Removed: 1}); n != want || err != nil { // the deleted one, too
		t.Errorf("replaced %+v, %v", n, err)
	}
	n, err = b.Reindex(b.ctx, held, []store.Reindexed{{Key: key("Patient/a"), Version: 1, Index: []search.Entry{token(gender, "", "other"), text(family, "Ng")}}})
	if want := (store.ReindexCount{Replaced: 1, Added: 1, Unchanged: 1}); n != want || err != nil {
		t.Errorf("replaced %+v, %v", n, err)
	}
	if got := b.search(t, patients(tokenIs(gender, "", "other"))); got != "Patient/a" {
		t.Errorf("other: %s", got)
	}
	if got := b.search(t, patients(tokenIs(gender, "", "male"))); got != "" {
		t.Errorf("male: %s", got)
	}
	if r, err := b.Read(b.ctx, key("Patient/a")); err != nil || r.Version != 1 {
		t.Errorf("reindexing made version %d, %v", r.Version, err)
	}
}

func eachResource(t *testing.T, b bench) {
	ids := fill(t, b, 30)
	b.write(t, b.put("Patient/p", 0, ""))
	b.write(t, b.remove("Observation/o003", 1))
	ids = slices.Delete(ids, 3, 4)
	var got []string
	var middle store.Position
	for r, err := range b.Each(b.ctx, "Observation", 0) {
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Body) == 0 {
			t.Error("no body")
		}
		if r.Version == 1 && r.Position != store.Position(r.Seq) {
			t.Errorf("%s stands at %d, and its first version at %d", r.Key, r.Position, r.Seq)
		}
		if got = append(got, string(r.Key.ID)); len(got) == 10 {
			middle = r.Position
		}
	}
	if !slices.Equal(got, ids) {
		t.Errorf("got %v", got)
	}
	got = got[:0]
	for r, err := range b.Each(b.ctx, "", middle) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r.Key.ID))
	}
	if !slices.Equal(got, append(slices.Clone(ids[10:]), "p")) {
		t.Errorf("from the middle: %v", got)
	}
}

func stats(t *testing.T, b bench) {
	fill(t, b, 5)
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""))
	b.write(t, b.remove("Patient/a", 1))
	got, err := b.Stats(b.ctx)
	if err != nil || len(got) != 2 || got["Observation"] != 5 || got["Patient"] != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

// readers searches concurrently until stop is closed, so that writers and
// readers meet.
func (b bench) readers(t *testing.T, stop <-chan struct{}, q *search.Query) *sync.WaitGroup {
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := b.Search(b.ctx, q); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	return &wg
}

func heads(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "", token(gender, "", "male")), b.put("Patient/b", 0, ""))
	b.write(t, b.put("Patient/a", 1, "", token(gender, "", "male")))
	for _, filter := range []search.Expr{nil, tokenIs(gender, "", "male"), search.IDs{"a"}} {
		q := patients(filter)
		q.Heads = true
		page, err := b.Search(b.ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			if r.Body != nil || r.Release == "" || r.Updated.IsZero() || r.Key.ID == "a" && r.Version != 2 {
				t.Errorf("%+v: %+v", filter, r)
			}
		}
		if filter != nil && names(page.Records) != "Patient/a" || filter == nil && len(page.Records) != 2 {
			t.Errorf("%+v found %s", filter, names(page.Records))
		}
	}
}
