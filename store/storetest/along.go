package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/inglehealth/ingle/store"
)

var alongCases = []testCase{
	{"a group goes along with what is written, or not at all", goesAlong},
	{"groups that go along with many writes at once are there once", goAlongTogether},
	{"what is large goes along whole", goesAlongLarge},
}

// waiting are the groups that are not numbered yet, in order; they stay so.
func (b bench) waiting(t *testing.T) (all []string) {
	t.Helper()
	stay := errors.New("stay")
	_, err := b.SealAudit(b.ctx, 10_000, func(_ store.AuditHead, groups [][]byte) (*store.AuditSeal, error) {
		for _, g := range groups {
			all = append(all, string(g))
		}
		return nil, stay
	})
	if err != nil && !errors.Is(err, stay) {
		t.Fatal(err)
	}
	return all
}

// along writes with a group of the audit log.
func along(group string, writes ...store.Write) func(context.Context, store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.Put(ctx, writes); err != nil {
			return err
		}
		return tx.AppendAudit(ctx, []byte(group))
	}
}

func goesAlong(t *testing.T, b bench) {
	if !b.AuditsWrites() {
		if err := b.Write(b.ctx, along("x", b.put("Patient/a", 0, ""))); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("it goes along: %v", err)
		}
		return
	}
	held := b.setting(t, "held", "1")
	failed := errors.New("failed")
	var want []string
	for name, write := range b.ways() {
		k := "Patient/" + strings.ReplaceAll(name, " ", "-")
		err := write(b.ctx, func(ctx context.Context, tx store.Tx) error {
			return errors.Join(tx.Hold(ctx, held), along("failed", b.put(k, 0, ""))(ctx, tx), failed)
		})
		if !errors.Is(err, failed) {
			t.Errorf("%s: %v", name, err)
		}
		if err := write(b.ctx, along("another version", b.put(k, 7, ""))); !errors.Is(err, store.ErrVersion) {
			t.Errorf("%s: %v", name, err)
		}
		err = write(b.ctx, func(ctx context.Context, tx store.Tx) error {
			if err := errors.Join(tx.Hold(ctx, held), along(name, b.put(k, 0, ""))(ctx, tx)); err != nil {
				return err
			}
			if seen := b.waiting(t); slices.Contains(seen, name) {
				t.Errorf("%s: it is seen before the commit: %q", name, seen)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want = append(want, name)
	}
	got := b.waiting(t)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Some meet each other, and run again by themselves.
func goAlongTogether(t *testing.T, b bench) {
	if !b.AuditsWrites() {
		return
	}
	const writers, each = 12, 15
	var mu sync.Mutex
	var want []string
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				group := fmt.Sprintf("<%d.%d>", w, n)
				err := b.Write(b.ctx, along(group, b.put(fmt.Sprintf("Patient/%d", n), store.Any, group), b.put(fmt.Sprintf("Patient/%d-%d", w, n), 0, group)))
				if err != nil {
					t.Error(err)
					continue
				}
				mu.Lock()
				want = append(want, group)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	got := strings.SplitAfter(strings.Join(b.waiting(t), ""), ">")
	got = got[:len(got)-1]
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("%d groups, want %d: %q", len(got), len(want), got)
	}
}

func goesAlongLarge(t *testing.T, b bench) {
	if !b.AuditsWrites() {
		return
	}
	var wg sync.WaitGroup
	const writers = 6
	for w := range writers {
		wg.Go(func() {
			group := strings.Repeat(string(rune('a'+w)), 1000+w*4000)
			if err := b.Write(b.ctx, along(group, b.put(fmt.Sprintf("Patient/%d", w), 0, ""))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	all := strings.Join(b.waiting(t), "")
	for w := range writers {
		if n := strings.Count(all, string(rune('a'+w))); n != 1000+w*4000 {
			t.Errorf("%d bytes of the %d. group", n, w)
		}
	}
}
