package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/store"
)

var identityCases = []testCase{
	{"an item keeps what it is given", itemKept},
	{"items are found by their keys as they are now", itemsFound},
	{"changes of items are made together or not at all", itemsTogether},
	{"what many want to change one does", itemOnce},
	{"expired items are swept", itemsSwept},
	{"the epoch rises when it is told to", epochRises},
}

func newItem(kind, id, body string, keys ...store.ItemKey) store.ItemChange {
	return store.ItemChange{Item: store.Item{Kind: kind, ID: id, Body: []byte(body), Keys: keys}}
}

func (b bench) writeItems(t *testing.T, changes ...store.ItemChange) {
	t.Helper()
	if err := b.WriteItems(b.ctx, false, changes...); err != nil {
		t.Fatal(err)
	}
}

func itemKept(t *testing.T, b bench) {
	want := newItem("user", "u1", `{"name":"Noor"}`, store.ItemKey{Name: "login", Value: "noor"}, store.ItemKey{Name: "role", Value: "nurse"})
	want.Expires = at(5)
	b.writeItems(t, want)
	got, err := b.ReadItem(b.ctx, "user", "u1")
	if err != nil {
		t.Fatal(err)
	}
	want.Version = 1
	if diff := cmp.Diff(want.Item, got); diff != "" {
		t.Error(diff)
	}
	if _, err := b.ReadItem(b.ctx, "client", "u1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("another kind: %v", err)
	}
	want.Expect, want.Body, want.Keys = store.Any, nil, nil
	b.writeItems(t, want)
	if got, err = b.ReadItem(b.ctx, "user", "u1"); err != nil || got.Version != 2 || len(got.Body) != 0 || got.Keys != nil {
		t.Errorf("written again: %+v, %v", got, err)
	}
	b.writeItems(t, store.ItemChange{Item: want.Item, Expect: 2, Delete: true})
	if _, err := b.ReadItem(b.ctx, "user", "u1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("deleted: %v", err)
	}
	b.writeItems(t, store.ItemChange{Item: want.Item, Expect: store.Any, Delete: true})
}

func itemIDs(t *testing.T, items []store.Item, err error) (ids []string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range items {
		ids = append(ids, i.ID)
	}
	return ids
}

func itemsFound(t *testing.T, b bench) {
	nurse := store.ItemKey{Name: "role", Value: "nurse"}
	for _, id := range []string{"c", "a", "b"} {
		b.writeItems(t, newItem("user", id, "{}", nurse), newItem("client", id, "{}", nurse))
	}
	if kinds, err := b.ItemKinds(b.ctx); err != nil || !slices.Equal(kinds, []string{"client", "user"}) {
		t.Errorf("kinds %v, %v", kinds, err)
	}
	find := func(after string, limit int) []string {
		items, err := b.FindItems(b.ctx, "user", nurse, after, limit)
		return itemIDs(t, items, err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, find("", 10)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"b"}, find("a", 1)); diff != "" {
		t.Error(diff)
	}
	changed := newItem("user", "b", "{}", store.ItemKey{Name: "role", Value: "patient"})
	changed.Expect = 1
	b.writeItems(t, changed, store.ItemChange{Item: store.Item{Kind: "user", ID: "c"}, Expect: 1, Delete: true})
	if diff := cmp.Diff([]string{"a"}, find("", 10)); diff != "" {
		t.Error(diff)
	}
	items, err := b.ListItems(b.ctx, "user", "", 10)
	if diff := cmp.Diff([]string{"a", "b"}, itemIDs(t, items, err)); diff != "" {
		t.Error(diff)
	}
}

func itemsTogether(t *testing.T, b bench) {
	b.writeItems(t, newItem("code", "1", "{}"))
	stale := newItem("code", "1", "{}")
	stale.Expect = 7
	for name, second := range map[string]store.ItemChange{
		"exists already": newItem("code", "1", "{}"),
		"has changed":    stale,
		"is not there":   {Item: store.Item{Kind: "code", ID: "2"}, Expect: 1, Delete: true},
	} {
		if err := b.WriteItems(b.ctx, true, newItem("access", "x", "{}"), second); !errors.Is(err, store.ErrVersion) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := b.ReadItem(b.ctx, "access", "x"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: the other change was made: %v", name, err)
		}
	}
}

func itemOnce(t *testing.T, b bench) {
	b.writeItems(t, newItem("code", "1", "{}"))
	var wait sync.WaitGroup
	var mu sync.Mutex
	used, made := 0, 0
	for i := range 16 {
		wait.Go(func() {
			c := newItem("code", "1", fmt.Sprintf(`{"by":%d}`, i))
			c.Expect = 1
			use := b.WriteItems(b.ctx, false, c)
			make := b.WriteItems(b.ctx, false, newItem("jti", "once", "{}"))
			mu.Lock()
			defer mu.Unlock()
			if use == nil {
				used++
			}
			if make == nil {
				made++
			}
			for _, err := range []error{use, make} {
				if err != nil && !errors.Is(err, store.ErrVersion) {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if used != 1 || made != 1 {
		t.Errorf("%d used it, %d made it", used, made)
	}
}

func itemsSwept(t *testing.T, b bench) {
	for i := range 4 {
		c := newItem("access", fmt.Sprint(i), "{}", store.ItemKey{Name: "grant", Value: "g"})
		if i > 0 {
			c.Expires = at(i)
		}
		b.writeItems(t, c)
	}
	if n, err := b.SweepItems(b.ctx, at(3), 1); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := b.SweepItems(b.ctx, at(3), 10); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	items, err := b.FindItems(b.ctx, "access", store.ItemKey{Name: "grant", Value: "g"}, "", 10)
	if diff := cmp.Diff([]string{"0", "3"}, itemIDs(t, items, err)); diff != "" {
		t.Error(diff)
	}
}

func epochRises(t *testing.T, b bench) {
	read := func() int64 {
		n, err := b.Epoch(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	first := read()
	b.writeItems(t, newItem("grant", "1", "{}"))
	if read() != first {
		t.Error("it changed by itself")
	}
	if err := b.WriteItems(b.ctx, true, newItem("grant", "2", "{}")); err != nil {
		t.Fatal(err)
	}
	if read() == first {
		t.Error("it did not change")
	}
	held := b.setting(t, "held", "1")
	for name, write := range b.ways() {
		before := read()
		err := write(b.ctx, func(ctx context.Context, tx store.Tx) error {
			if err := tx.Hold(ctx, held); err != nil {
				return err
			}
			if _, err := tx.Put(ctx, []store.Write{b.put("Patient/"+strings.ReplaceAll(name, " ", "-"), 0, "")}); err != nil {
				return err
			}
			return tx.RaiseEpoch(ctx)
		})
		if err != nil || read() == before {
			t.Errorf("%s: it did not change with the transaction: %v", name, err)
		}
	}
}
