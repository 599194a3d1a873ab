package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/inglehealth/ingle/store"
)

var holdCases = []testCase{
	{"a transaction that holds another value of a setting writes nothing", holdsAnother},
	{"a change of a setting waits for those that hold it", changeWaits},
	{"after a change of a setting nothing is written by the former value", changeParts},
}

func (b bench) setting(t *testing.T, name, value string) store.Setting {
	t.Helper()
	if err := b.WriteSetting(b.ctx, name, []byte(value)); err != nil {
		t.Fatal(err)
	}
	return store.Setting{Name: name, Value: []byte(value)}
}

// ways are the ways to write.
func (b bench) ways() map[string]func(context.Context, func(context.Context, store.Tx) error) error {
	return map[string]func(context.Context, func(context.Context, store.Tx) error) error{
		"write": b.Write,
		"by itself": func(ctx context.Context, fn func(context.Context, store.Tx) error) error {
			return b.Write(ctx, func(ctx context.Context, tx store.Tx) error {
				return fn(ctx, locking{tx})
			})
		},
		"import": func(ctx context.Context, fn func(context.Context, store.Tx) error) error {
			return errors.Join(b.Import(ctx, fn), b.Flush(ctx))
		},
	}
}

// locking is a transaction that locks a name behind what it holds.
type locking struct{ store.Tx }

func (l locking) Hold(ctx context.Context, s store.Setting) error {
	if err := l.Tx.Hold(ctx, s); err != nil {
		return err
	}
	return l.Lock(ctx, "name")
}

func holding(held store.Setting, writes ...store.Write) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		if err := tx.Hold(ctx, held); err != nil {
			return err
		}
		_, err := tx.Put(ctx, writes)
		return err
	}
}

func holdsAnother(t *testing.T, b bench) {
	held := b.setting(t, "held", "1")
	for name, write := range b.ways() {
		k := "Patient/" + strconv.Itoa(len(name))
		for _, other := range []store.Setting{{Name: "held", Value: []byte("2")}, {Name: "held"}, {Name: "none"}} {
			if err := write(b.ctx, holding(other, b.put(k, 0, ""))); !errors.Is(err, store.ErrVersion) {
				t.Errorf("%s, %+v: %v", name, other, err)
			}
		}
		if _, err := b.Read(b.ctx, key(k)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%s: it was written: %v", name, err)
		}
		if err := write(b.ctx, holding(held, b.put(k, 0, "", token(gender, "", "male")))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		other := store.Setting{Name: "held", Value: []byte("2")}
		n, err := b.Reindex(b.ctx, other, []store.Reindexed{{Key: key(k), Version: 1}})
		if !errors.Is(err, store.ErrVersion) {
			t.Errorf("reindexed: %+v, %v", n, err)
		}
	}
	if n, err := b.Count(b.ctx, patients(tokenIs(gender, "", "male"))); n != 3 || err != nil {
		t.Errorf("%d are found, %v", n, err)
	}
}

func changeWaits(t *testing.T, b bench) {
	held := b.setting(t, "held", "1")
	changed := make(chan error, 1)
	var once sync.Once
	err := b.Write(b.ctx, func(ctx context.Context, tx store.Tx) error {
		if err := holding(held, b.put("Patient/a", 0, ""))(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Referrers(ctx, key("Patient/none"), 1); err != nil { // by itself now
			return err
		}
		once.Do(func() { go func() { changed <- b.SwapSetting(b.ctx, "held", []byte("1"), []byte("2")) }() })
		select {
		case err := <-changed:
			return fmt.Errorf("it did not wait: %w", err)
		case <-time.After(100 * time.Millisecond):
			return nil
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-changed; err != nil {
		t.Fatal(err)
	}
}

// changeParts has writers that note by which value they wrote, and changes the
// value now and then: what is there after a change is all there ever is of the
// former value.
func changeParts(t *testing.T, b bench) {
	const changes, writers = 15, 6
	held := b.setting(t, "held", "0")
	var value atomic.Int64
	var ended atomic.Bool
	var made atomic.Int64
	var wg sync.WaitGroup
	written := func() map[string]int {
		n := map[string]int{}
		for r, err := range b.Each(b.ctx, "Patient", 0) {
			if err != nil {
				t.Error(err)
			}
			n[string(r.Body[len(r.Body)-6:])]++
		}
		return n
	}
	mark := func(value int64) string { return fmt.Sprintf("%04d", value) }
	ways := b.ways()
	for range writers {
		for _, name := range []string{"write", "by itself", "import"} {
			wg.Go(func() {
				for !ended.Load() {
					v := value.Load()
					k := fmt.Sprintf("Patient/p%d", made.Add(1))
					err := ways[name](b.ctx, holding(store.Setting{Name: "held", Value: strconv.AppendInt(nil, v, 10)}, b.put(k, 0, mark(v))))
					if err != nil && !errors.Is(err, store.ErrVersion) {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	before := make([]int, changes)
	for i := range int64(changes) {
		time.Sleep(20 * time.Millisecond)
		next := strconv.AppendInt(nil, i+1, 10)
		if err := b.SwapSetting(b.ctx, "held", held.Value, next); err != nil {
			t.Error(err)
			break
		}
		before[i] = written()[mark(i)+`"}`]
		held.Value = next
		value.Store(i + 1)
	}
	ended.Store(true)
	wg.Wait()
	after := written()
	total := 0
	for i, n := range before {
		total += n
		if got := after[mark(int64(i))+`"}`]; got != n {
			t.Errorf("by value %d, %d were written before the change and %d after it", i, n, got-n)
		}
	}
	if total == 0 {
		t.Error("nothing was written")
	}
}
