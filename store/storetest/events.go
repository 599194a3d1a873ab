package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/store"
)

var eventCases = []testCase{
	{"events are read in order from a number on, and cut below one", eventsInOrder},
	{"events and changes of items are added together or not at all", eventsWithItems},
	{"of two who append after the same state one does", eventsOnce},
	{"items are written with the records of a transaction, or not at all", itemsOfTransaction},
}

func numbersOf(events []store.Event) (text string) {
	for _, e := range events {
		text += fmt.Sprintf("%d:%s ", e.Number, e.Body)
	}
	return text
}

func (b bench) events(t *testing.T, log string, from int64, limit int) string {
	t.Helper()
	events, err := b.ReadEvents(b.ctx, log, from, limit)
	if err != nil {
		t.Fatal(err)
	}
	return numbersOf(events)
}

func eventsInOrder(t *testing.T, b bench) {
	var some []store.Event
	for i := range int64(500) { // more than one statement holds
		some = append(some, store.Event{Log: "a", Number: i + 1, Body: fmt.Append(nil, i)}, store.Event{Log: "b", Number: 1000 - i, Body: []byte("b")})
	}
	if err := b.AppendEvents(b.ctx, some); err != nil {
		t.Fatal(err)
	}
	if got := b.events(t, "a", 9, 3); got != "9:8 10:9 11:10 " {
		t.Error(got)
	}
	if got := b.events(t, "b", 0, 2); got != "501:b 502:b " {
		t.Error(got)
	}
	if got := b.events(t, "c", 0, 2); got != "" {
		t.Error(got)
	}
	if err := b.CutEvents(b.ctx, "a", 500); err != nil {
		t.Fatal(err)
	}
	for log, want := range map[string]int64{"a": 500, "b": 1000, "c": 0} {
		if last, err := b.LastEvent(b.ctx, log); err != nil || last != want {
			t.Errorf("the last of %s is %d, %v", log, last, err)
		}
	}
	if got := b.events(t, "a", 0, 10); got != "500:499 " {
		t.Error(got)
	}
	if got := b.events(t, "b", 1000, 10); got != "1000:b " {
		t.Error("another log was cut: " + got)
	}
}

func eventsWithItems(t *testing.T, b bench) {
	change := func(expect int64) store.ItemChange {
		return store.ItemChange{Item: store.Item{Kind: "place", ID: "x", Body: []byte("{}")}, Expect: expect}
	}
	if err := b.AppendEvents(b.ctx, []store.Event{{Log: "a", Number: 1}}, change(0)); err != nil {
		t.Fatal(err)
	}
	if err := b.AppendEvents(b.ctx, []store.Event{{Log: "a", Number: 2}}, change(7)); !errors.Is(err, store.ErrVersion) {
		t.Error("an item in another version:", err)
	}
	if err := b.AppendEvents(b.ctx, []store.Event{{Log: "a", Number: 2}, {Log: "a", Number: 1}}, change(1)); !errors.Is(err, store.ErrVersion) {
		t.Error("a number that is there:", err)
	}
	if got := b.events(t, "a", 0, 10); got != "1: " {
		t.Errorf("%q after what failed", got)
	}
	if item, err := b.ReadItem(b.ctx, "place", "x"); err != nil || item.Version != 1 {
		t.Error(item, err)
	}
	if err := b.AppendEvents(b.ctx, nil, change(1)); err != nil {
		t.Error("without events:", err)
	}
}

func eventsOnce(t *testing.T, b bench) {
	var won atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			err := b.AppendEvents(b.ctx, []store.Event{{Log: "a", Number: 1}},
				store.ItemChange{Item: store.Item{Kind: "place", ID: "x", Body: []byte("{}")}, Expect: 0})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, store.ErrVersion):
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d of them", won.Load())
	}
}

func itemsOfTransaction(t *testing.T, b bench) {
	change := store.ItemChange{Item: store.Item{Kind: "beside", ID: "x", Keys: []store.ItemKey{{Name: "n", Value: "v"}}, Body: []byte("1")}, Expect: 0}
	failed := errors.New("failed")
	for _, fail := range []error{failed, nil} {
		err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
			if _, err := tx.Put(ctx, []store.Write{b.put("Patient/a", 0, "")}); err != nil {
				return err
			}
			if err := tx.PutItems(ctx, change); err != nil {
				return err
			}
			return fail
		})
		if !errors.Is(err, fail) {
			t.Fatal(err)
		}
		_, err = b.ReadItem(b.ctx, "beside", "x")
		if there := err == nil; there != (fail == nil) {
			t.Errorf("after %v: %v", fail, err)
		}
	}
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if err := tx.PutItems(ctx, change); err != nil { // which expects that there is none
			return err
		}
		_, err := tx.Put(ctx, []store.Write{b.put("Patient/b", 0, "")})
		return err
	})
	if !errors.Is(err, store.ErrVersion) {
		t.Error("an item that is there:", err)
	}
	if found, err := b.FindItems(b.ctx, "beside", store.ItemKey{Name: "n", Value: "v"}, "", 2); err != nil || len(found) != 1 {
		t.Error(found, err)
	}
}
