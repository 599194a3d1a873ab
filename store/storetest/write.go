package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

var writeCases = []testCase{
	{"what was written is read back", readBack},
	{"a resource never written is not found", neverWritten},
	{"versions rise by one, deletes included", versionsRise},
	{"a resource can come back after a delete", comesBack},
	{"an Expect that is not met is refused with the current version", expectRefused},
	{"Expect Any overwrites whatever is there", expectAny},
	{"a version may have the number it had elsewhere", numberGiven},
	{"ReadMany gives the current ones that exist", readMany},
	{"Versions tells of deleted ones too", versionsOfMany},
	{"an id may look like another type's", sameID},
	{"bodies of every size survive", bodySizes},
	{"the release and method of a version are kept", releaseKept},
	{"an import is there after Flush", importFlush},
	{"an import that fails leaves those before and after as they are", importFails},
	{"imports and writes mix", importsAndWrites},
	{"concurrent writers lose nothing", concurrentWriters},
	{"one of many concurrent creates wins", oneCreateWins},
	{"a resource may bring very many new systems", manySystems},
}

func readBack(t *testing.T, b bench) {
	w := b.put("Patient/a", 0, "one")
	got := b.write(t, w)
	if len(got) != 1 || got[0].Version != 1 || got[0].Body != nil || got[0].Seq <= 0 || got[0].Key != w.Key {
		t.Fatalf("Put returned %+v", got)
	}
	r, err := b.Read(b.ctx, key("Patient/a"))
	if err != nil {
		t.Fatal(err)
	}
	want := store.Record{Key: key("Patient/a"), Version: 1, Seq: got[0].Seq, Updated: epoch, Method: "PUT",
		Release: definitions.R4, Body: body(key("Patient/a"), "one")}
	if d := cmp.Diff(want, r); d != "" {
		t.Error(d)
	}
	if v, err := b.ReadVersion(b.ctx, key("Patient/a"), 1); err != nil || cmp.Diff(want, v) != "" {
		t.Errorf("ReadVersion: %+v, %v", v, err)
	}
}

func neverWritten(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""))
	for _, k := range keys("Patient/b", "Observation/a") {
		if _, err := b.Read(b.ctx, k); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Read %s: %v", k, err)
		}
		if _, err := b.ReadVersion(b.ctx, k, 1); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("ReadVersion %s: %v", k, err)
		}
	}
	if _, err := b.ReadVersion(b.ctx, key("Patient/a"), 2); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("ReadVersion 2: %v", err)
	}
}

func versionsRise(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "1"))
	b.write(t, b.put("Patient/a", 1, "2"))
	if r := b.write(t, b.remove("Patient/a", 2)); r[0].Version != 3 || !r[0].Deleted {
		t.Fatalf("delete: %+v", r)
	}
	r, err := b.Read(b.ctx, key("Patient/a"))
	if err != nil || r.Version != 3 || !r.Deleted || r.Body != nil || r.Method != "DELETE" {
		t.Errorf("Read: %+v, %v", r, err)
	}
	r, err = b.ReadVersion(b.ctx, key("Patient/a"), 2)
	if err != nil || r.Deleted || !bytes.Equal(r.Body, body(key("Patient/a"), "2")) {
		t.Errorf("ReadVersion 2: %+v, %v", r, err)
	}
}

func comesBack(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "1", token(gender, "g", "male")))
	b.write(t, b.remove("Patient/a", 1))
	if r := b.write(t, b.put("Patient/a", 2, "3", token(gender, "g", "male"))); r[0].Version != 3 {
		t.Fatalf("recreated: %+v", r)
	}
	if got := b.search(t, patients(tokenIs(gender, "g", "male"))); got != "Patient/a" {
		t.Errorf("search: %s", got)
	}
}

func expectRefused(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "1"))
	for _, c := range []struct {
		write   store.Write
		current int64
	}{
		{b.put("Patient/a", 0, ""), 1},
		{b.put("Patient/a", 2, ""), 1},
		{b.put("Patient/b", 1, ""), 0},
		{b.remove("Patient/a", 7), 1},
	} {
		_, err := b.try(c.write)
		var v *store.VersionError
		if !errors.Is(err, store.ErrVersion) || !errors.As(err, &v) || v.Current != c.current || v.Expect != c.write.Expect || v.Key != c.write.Key {
			t.Errorf("%s expecting %d: %v", c.write.Key, c.write.Expect, err)
		}
	}
}

func expectAny(t *testing.T, b bench) {
	for i := int64(1); i <= 3; i++ {
		if r := b.write(t, b.put("Patient/a", store.Any, "")); r[0].Version != i {
			t.Errorf("version %d, want %d", r[0].Version, i)
		}
	}
}

func readMany(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, "a"), b.put("Patient/b", 0, "b"), b.put("Observation/a", 0, "o"))
	b.write(t, b.remove("Patient/b", 1))
	records, err := b.ReadMany(b.ctx, keys("Patient/a", "Patient/b", "Patient/c", "Observation/a", "Patient/a"))
	if err != nil {
		t.Fatal(err)
	}
	if got := names(records); got != "Observation/a Patient/a" {
		t.Errorf("ReadMany: %s", got)
	}
	if none, err := b.ReadMany(b.ctx, nil); err != nil || len(none) != 0 {
		t.Errorf("ReadMany of nothing: %v, %v", none, err)
	}
}

func versionsOfMany(t *testing.T, b bench) {
	b.write(t, b.put("Patient/a", 0, ""), b.put("Patient/b", 0, ""))
	b.write(t, b.remove("Patient/b", 1))
	got, err := b.Versions(b.ctx, keys("Patient/a", "Patient/b", "Patient/c"))
	want := map[fhir.Key]store.VersionInfo{key("Patient/a"): {Version: 1}, key("Patient/b"): {Version: 2, Deleted: true}}
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v, %v", got, err)
	}
}

func sameID(t *testing.T, b bench) {
	b.write(t, b.put("Patient/1", 0, "p"), b.put("Observation/1", 0, "o"))
	b.write(t, b.remove("Patient/1", 1))
	r, err := b.Read(b.ctx, key("Observation/1"))
	if err != nil || r.Deleted || !bytes.Equal(r.Body, body(key("Observation/1"), "o")) {
		t.Errorf("%+v, %v", r, err)
	}
}

func bodySizes(t *testing.T, b bench) {
	for i, size := range []int{2, 10, 1000, 100_000, 3_000_000} {
		json := append(append([]byte(`"`), bytes.Repeat([]byte("x7é"), size/4)...), '"')
		k := fmt.Sprintf("Binary/%d", i)
		w := b.put(k, 0, "")
		w.Body = b.Pack(json, nil)
		if w.Body.Size != len(json) {
			t.Errorf("Size %d of %d", w.Body.Size, len(json))
		}
		b.write(t, w)
		if r, err := b.Read(b.ctx, key(k)); err != nil || !bytes.Equal(r.Body, json) {
			t.Errorf("%d bytes did not come back: %v", len(json), err)
		}
	}
}

func releaseKept(t *testing.T, b bench) {
	w := b.put("Patient/a", 0, "")
	w.Release, w.Method, w.Updated = definitions.R4B, "POST", at(5)
	b.write(t, w)
	r, err := b.Read(b.ctx, w.Key)
	if err != nil || r.Release != definitions.R4B || r.Method != "POST" || !r.Updated.Equal(at(5)) {
		t.Errorf("%+v, %v", r, err)
	}
}

func importFlush(t *testing.T, b bench) {
	for i := range 50 {
		err := b.Import(b.ctx, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Put(ctx, []store.Write{b.put(fmt.Sprintf("Patient/%d", i), 0, "", token(gender, "", "male"))})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	err := b.Import(b.ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Put(ctx, []store.Write{b.put("Patient/7", 0, "")})
		return err
	})
	if !errors.Is(err, store.ErrVersion) {
		t.Errorf("a conflicting import: %v", err)
	}
	if err := b.Flush(b.ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Count(b.ctx, patients(tokenIs(gender, "", "male"))); n != 50 || err != nil {
		t.Errorf("%d imported, %v", n, err)
	}
}

func importFails(t *testing.T, b bench) {
	b.write(t, b.put("Patient/old", 0, "", token(gender, "first", "male")), b.refers("before", "awaited"))
	male := func(id, system string) store.Write {
		return b.put("Patient/"+id, store.Any, "", token(gender, system, "male"))
	}
	// What each does before it fails: it creates, alone and many; looks at the
	// index; updates; creates what others refer to; refers to what is not there.
	for i, steps := range [][][]store.Write{
		{{male("x", "new")}},
		{{male("x", "new1"), male("y", "new2"), male("z", "new3"), male("v", "new4"), male("w", "new5")}, nil},
		{{male("old", "new6")}, {male("x", "new7")}},
		{{male("x", "new8")}, nil, {male("old", "new9")}, {male("y", "new9")}},
		{{male("x", "new")}, {male("awaited", "new10")}, nil},
		{{b.refers("x", "never"), male("x", "new")}, nil, {b.remove("Patient/old", 1)}},
	} {
		put := func(id string, fail error) error {
			return b.Import(b.ctx, func(ctx context.Context, tx store.Tx) error {
				if _, err := tx.Put(ctx, []store.Write{male(id, "kept"), b.refers(id, "old")}); err != nil {
					return err
				}
				if fail == nil {
					return nil
				}
				for _, writes := range steps {
					if writes == nil {
						if _, err := tx.Count(ctx, patients(nil)); err != nil {
							return err
						}
						continue
					}
					if _, err := tx.Put(ctx, writes); err != nil {
						return err
					}
				}
				return fail
			})
		}
		id := fmt.Sprint(i)
		if err := put(id+"-a", nil); err != nil {
			t.Fatal(err)
		}
		if err := put(id+"-failed", errGivenUp); !errors.Is(err, errGivenUp) {
			t.Errorf("%d: %v", i, err)
		}
		if err := put(id+"-b", nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(b.ctx); err != nil {
		t.Fatal(err)
	}
	const kept = "Patient/0-a Patient/0-b Patient/1-a Patient/1-b Patient/2-a Patient/2-b Patient/3-a Patient/3-b Patient/4-a Patient/4-b Patient/5-a Patient/5-b"
	for what, c := range map[string]struct {
		q    *search.Query
		want string
	}{
		"patients":             {patients(nil), "Patient/old " + kept},
		"of the first system":  {patients(tokenIs(gender, "first", "male")), "Patient/old"},
		"of a new system":      {patients(tokenIs(gender, "new", "male")), ""},
		"of the system kept":   {patients(tokenIs(gender, "kept", "male")), kept},
		"who refers to old":    {observations(subjectIs("Patient/old")), strings.ReplaceAll(kept, "Patient", "Observation")},
		"who refers to others": {observations(search.Or{subjectIs("Patient/awaited"), subjectIs("Patient/never")}), "Observation/before"},
	} {
		if got := b.search(t, c.q); got != c.want {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	for i := range 11 {
		if got := b.search(t, patients(tokenIs(gender, fmt.Sprint("new", i), "male"))); got != "" {
			t.Errorf("system %d: %q", i, got)
		}
		b.write(t, b.put(fmt.Sprintf("Patient/late-%d", i), 0, "", token(gender, fmt.Sprint("new", i), "male")))
		if got := b.search(t, patients(tokenIs(gender, fmt.Sprint("new", i), "male"))); got != fmt.Sprintf("Patient/late-%d", i) {
			t.Errorf("system %d: %q", i, got)
		}
	}
	records, err := b.Changes(b.ctx, 0, 100, false)
	if got := strings.ReplaceAll(trace(records), "Observation", "Patient"); strings.Contains(got, "failed") || strings.Contains(got, "/x/") || err != nil {
		t.Errorf("the feed has %s, %v", got, err)
	}
}

func importsAndWrites(t *testing.T, b bench) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 25 {
				do := b.Write
				if g%2 == 0 {
					do = b.Import
				}
				err := do(b.ctx, func(ctx context.Context, tx store.Tx) error {
					_, err := tx.Put(ctx, []store.Write{b.put(fmt.Sprintf("Patient/%d-%d", g, i), 0, "", token(gender, "", "male"))})
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := b.Flush(b.ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := b.Count(b.ctx, patients(tokenIs(gender, "", "male"))); n != 100 || err != nil {
		t.Errorf("%d kept, %v", n, err)
	}
}

func concurrentWriters(t *testing.T, b bench) {
	const writers, each = 8, 20
	b.write(t, b.put("Patient/shared", 0, ""))
	var wg sync.WaitGroup
	for g := range writers {
		wg.Go(func() {
			for i := range each {
				for {
					r, err := b.Read(b.ctx, key("Patient/shared"))
					if err == nil {
						_, err = b.try(b.put("Patient/shared", r.Version, ""), b.put(fmt.Sprintf("Observation/%d-%d", g, i), 0, "", token(code, "s", "c")))
					}
					if errors.Is(err, store.ErrVersion) {
						continue
					}
					if err != nil {
						t.Error(err)
					}
					break
				}
			}
		})
	}
	wg.Wait()
	if r, err := b.Read(b.ctx, key("Patient/shared")); err != nil || r.Version != 1+writers*each {
		t.Errorf("version %d, %v", r.Version, err)
	}
	if n, err := b.Count(b.ctx, observations(tokenIs(code, "s", "c"))); n != writers*each || err != nil {
		t.Errorf("%d observations, %v", n, err)
	}
}

func oneCreateWins(t *testing.T, b bench) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 16 {
		wg.Go(func() {
			_, err := b.try(b.put("Patient/a", 0, ""))
			if err != nil && !errors.Is(err, store.ErrVersion) {
				t.Error(err)
			}
			if err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d creates won", won)
	}
}

// One by one they would take a commit each where names commit by themselves.
func manySystems(t *testing.T, b bench) {
	entries := make([]search.Entry, 20_000)
	for i := range entries {
		entries[i] = token(gender, fmt.Sprintf("urn:system:%d", i), "x")
	}
	start := time.Now()
	var wg sync.WaitGroup
	for _, k := range []string{"Patient/a", "Patient/b"} {
		put := b.put(k, 0, "", slices.Clone(entries)...)
		slices.Reverse(entries)
		wg.Go(func() {
			if _, err := b.try(put); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := b.search(t, patients(tokenIs(gender, "urn:system:19999", "x"))); got != "Patient/a Patient/b" && got != "Patient/b Patient/a" {
		t.Errorf("found %q", got)
	}
	b.write(t, b.put("Patient/a", 1, ""))
	if got := b.search(t, patients(tokenIs(gender, "urn:system:7", "x"))); got != "Patient/b" {
		t.Errorf("after an update: %q", got)
	}
}

func numberGiven(t *testing.T, b bench) {
	numbered := func(w store.Write, version int64) store.Write {
		w.Version = version
		return w
	}
	language := func(mark string) search.Entry { return token(gender, "", mark) }
	many := []store.Write{numbered(b.put("Patient/a", store.Any, "three", language("three")), 3)}
	for i := range 100 { // as many as take other ways into the database
		many = append(many, numbered(b.put(fmt.Sprintf("Patient/p%d", i), 0, "x"), int64(1+i%2)))
	}
	err := b.Import(b.ctx, func(ctx context.Context, tx store.Tx) error {
		records, err := tx.Put(ctx, many)
		for i, r := range records {
			if r.Version != many[i].Version || i > 0 && r.Seq <= records[i-1].Seq {
				t.Errorf("%s has version %d and seq %d", r.Key, r.Version, r.Seq)
			}
		}
		return err
	})
	if err := errors.Join(err, b.Flush(b.ctx)); err != nil {
		t.Fatal(err)
	}
	b.write(t, numbered(b.put("Patient/a", 3, "five", language("five")), 5))
	b.write(t, numbered(b.remove("Patient/a", 5), 9))
	got := b.write(t, b.put("Patient/a", 9, "ten", language("ten")))
	if got[0].Version != 10 {
		t.Errorf("the next version is %d", got[0].Version)
	}
	for version, mark := range map[int64]string{3: "three", 5: "five", 9: "", 10: "ten"} {
		r, err := b.ReadVersion(b.ctx, key("Patient/a"), version)
		if err != nil || r.Version != version || r.Deleted != (mark == "") || mark != "" && !bytes.Contains(r.Body, []byte(mark)) {
			t.Errorf("%d: %+v, %v", version, r, err)
		}
	}
	if _, err := b.ReadVersion(b.ctx, key("Patient/a"), 1); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("version 1: %v", err)
	}
	versions, err := b.Versions(b.ctx, keys("Patient/a", "Patient/p0", "Patient/p1"))
	if err != nil || versions[key("Patient/a")].Version != 10 || versions[key("Patient/p0")].Version != 1 || versions[key("Patient/p1")].Version != 2 {
		t.Errorf("%v, %v", versions, err)
	}
	for _, w := range []store.Write{numbered(b.put("Patient/a", store.Any, "x"), 10), numbered(b.put("Patient/a", 10, "x"), 4)} {
		if _, err := b.try(w); !errors.Is(err, store.ErrVersion) {
			t.Errorf("number %d after 10: %v", w.Version, err)
		}
	}
	page, err := b.Search(b.ctx, &search.Query{Types: []string{"Patient"}, Filter: search.Token{Param: gender, AnySystem: true, Code: "ten"}, Count: 5})
	if err != nil || len(page.Records) != 1 || page.Records[0].Version != 10 {
		t.Errorf("search: %+v, %v", page, err)
	}
}
