package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// Restoring makes a store of the parts of a backup.
type Restoring interface {
	Put(ctx context.Context, part store.Part) error
	End(ctx context.Context) error
	Undo(ctx context.Context) error
}

// Place is where a store can be restored to.
type Place struct {
	Begin func() (Restoring, error)
	Open  func() (store.Store, error)
}

// RunBackup checks that what is restored from a backup, taken while others write, is
// what was backed up. place gives a new, empty one.
func RunBackup(t *testing.T, open func(t *testing.T) store.Store, place func(t *testing.T) Place) {
	t.Run("all that was acknowledged is restored", func(t *testing.T) { backupWhole(t, open(t), place(t)) })
	t.Run("a backup under way shows one moment", func(t *testing.T) { backupMoment(t, open(t), place(t)) })
	t.Run("what holds a store is not restored to", func(t *testing.T) { backupOccupied(t, open(t), place(t)) })
	t.Run("a restore that is given up leaves nothing", func(t *testing.T) { backupUndone(t, open(t), place(t)) })
	t.Run("a backup that is given up ends", func(t *testing.T) { backupRefused(t, open(t)) })
}

// part is a part with what it held.
type part struct {
	name    string
	content []byte
}

func parts(t *testing.T, s store.Store) []part {
	t.Helper()
	var all []part
	err := s.Backup(t.Context(), func(p store.Part) error {
		content, err := io.ReadAll(p.Content)
		if err == nil && int64(len(content)) != p.Size {
			err = fmt.Errorf("%s has %d bytes instead of %d", p.Name, len(content), p.Size)
		}
		all = append(all, part{p.Name, content})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func restore(t *testing.T, all []part, at Place) bench {
	t.Helper()
	r, err := at.Begin()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if err := r.Put(t.Context(), store.Part{Name: p.name, Size: int64(len(p.content)), Content: bytes.NewReader(p.content)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	s, err := at.Open()
	if err != nil {
		t.Fatal(err)
	}
	closeAtEnd(t, s)
	return bench{s, context.WithoutCancel(t.Context())}
}

func closeAtEnd(t *testing.T, s store.Store) {
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

// changes are the versions that the feed has, without their places.
func (b bench) changes(t *testing.T) []string {
	t.Helper()
	var out []string
	for after := store.Seq(0); ; {
		batch, err := b.Changes(b.ctx, after, 100, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(batch) == 0 {
			return out
		}
		for _, r := range batch {
			after = r.Seq
			out = append(out, fmt.Sprintf("%s/%s %d %v %s %s %v", r.Key.Type, r.Key.ID, r.Version, r.Updated, r.Method, r.Body, r.Deleted))
		}
	}
}

func backupWhole(t *testing.T, s store.Store, at Place) {
	closeAtEnd(t, s)
	b := bench{s, context.WithoutCancel(t.Context())}
	b.write(t, b.put("Patient/p", 0, "one"), b.put("Observation/o", 0, "one", token(status, "", "final")))
	b.write(t, b.put("Patient/p", 1, "two"))
	b.write(t, b.put("Patient/gone", 0, "one"))
	b.write(t, b.remove("Patient/gone", 1))
	blob, _, err := b.CreateBlob(b.ctx, func(yield func([]byte, error) bool) { yield(bytes.Repeat([]byte("picture "), 100_000), nil) })
	if err != nil {
		t.Fatal(err)
	}
	if err := b.CreateJob(b.ctx, store.Job{ID: "j", Kind: "k", State: store.JobReady, Args: []byte(`{"a":1}`), Max: 3, RunAt: epoch, Created: epoch}); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteSetting(b.ctx, "light", []byte("on")); err != nil {
		t.Fatal(err)
	}
	b.logged(t, []string{"a", "b"}, []string{"c"})
	if err := b.AppendAudit(b.ctx, []byte("waits for its number")); err != nil {
		t.Fatal(err)
	}
	restored := restore(t, parts(t, s), at)
	if diff := cmp.Diff(b.changes(t), restored.changes(t)); diff != "" {
		t.Errorf("the versions differ: %s", diff)
	}
	found, err := restored.Search(b.ctx, &search.Query{Types: []string{"Observation"}, Filter: tokenIs(status, "", "final"), Count: 10})
	if err != nil || len(found.Records) != 1 {
		t.Errorf("a search finds %d, %v", len(found.Records), err)
	}
	content, size, err := restored.ReadBlob(b.ctx, blob, 0, -1)
	if err != nil || size != 800_000 {
		t.Fatalf("the blob has %d bytes, %v", size, err)
	}
	for chunk, err := range content {
		if err != nil || !bytes.Contains(chunk, []byte("picture")) {
			t.Fatalf("the blob is read as %.20q, %v", chunk, err)
		}
	}
	if job, err := restored.ReadJob(b.ctx, "j"); err != nil || string(job.Args) != `{"a":1}` {
		t.Errorf("the job: %+v, %v", job, err)
	}
	if setting, err := restored.ReadSetting(b.ctx, "light"); err != nil || string(setting) != "on" {
		t.Errorf("the setting: %q, %v", setting, err)
	}
	if _, err := restored.SealAudit(b.ctx, 100, sealing); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SealAudit(b.ctx, 100, sealing); err != nil {
		t.Fatal(err)
	}
	was, is := b.auditBodies(t, store.AuditRange{}), restored.auditBodies(t, store.AuditRange{})
	if diff := cmp.Diff(was, is); diff != "" || !slices.Contains(is, "waits for its number") {
		t.Errorf("the audit log differs: %s", diff)
	}
	// It goes on where it was.
	restored.write(t, restored.put("Patient/p", 2, "three"), restored.put("Patient/new", 0, "one"))
	restored.logged(t, []string{"d"})
	if got := restored.changes(t); len(got) != 7 {
		t.Errorf("after two more writes the feed has %d versions: %q", len(got), got)
	}
}

// backupMoment writes pairs, of which a backup must have both or none, and those from
// the first to some place.
func backupMoment(t *testing.T, s store.Store, at Place) {
	closeAtEnd(t, s)
	b := bench{s, context.WithoutCancel(t.Context())}
	b.write(t, b.put("Patient/a0", 0, "x"), b.put("Patient/b0", 0, "x"))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writing sync.WaitGroup
	began := make(chan struct{})
	writing.Go(func() {
		for i := 1; ctx.Err() == nil; i++ {
			if _, err := b.try(b.put(fmt.Sprintf("Patient/a%d", i), 0, "x"), b.put(fmt.Sprintf("Patient/b%d", i), 0, "x")); err != nil {
				t.Error(err)
			}
			if i == 20 {
				close(began)
			}
		}
	})
	<-began
	all := parts(t, s)
	time.Sleep(10 * time.Millisecond)
	stop()
	writing.Wait()
	versions := restore(t, all, at).changes(t)
	if len(versions)%2 != 0 || len(versions) < 42 {
		t.Fatalf("%d versions are restored", len(versions))
	}
	if diff := cmp.Diff(b.changes(t)[:len(versions)], versions); diff != "" {
		t.Error(diff)
	}
}

func backupOccupied(t *testing.T, s store.Store, at Place) {
	closeAtEnd(t, s)
	occupied := restore(t, parts(t, s), at)
	occupied.write(t, occupied.put("Patient/p", 0, "one"))
	if _, err := at.Begin(); err == nil {
		t.Error("a store is restored over another one")
	}
	if got := occupied.changes(t); len(got) != 1 {
		t.Errorf("the one that is there has %q", got)
	}
}

func backupUndone(t *testing.T, s store.Store, at Place) {
	closeAtEnd(t, s)
	all := parts(t, s)
	for n := range len(all) {
		r, err := at.Begin()
		if err != nil {
			t.Fatalf("after %d parts were undone: %v", n-1, err)
		}
		for _, p := range all[:n] {
			if err := r.Put(t.Context(), store.Part{Name: p.name, Size: int64(len(p.content)), Content: bytes.NewReader(p.content)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Put(t.Context(), store.Part{Name: "../outside", Size: 1, Content: bytes.NewReader([]byte("x"))}); err == nil {
			t.Error("a part outside of the store is taken")
		}
		if err := r.Undo(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func backupRefused(t *testing.T, s store.Store) {
	closeAtEnd(t, s)
	b := bench{s, context.WithoutCancel(t.Context())}
	b.write(t, b.put("Patient/p", 0, "one"))
	refused := errors.New("no room")
	n := 0
	err := s.Backup(t.Context(), func(store.Part) error { n++; return refused })
	if !errors.Is(err, refused) || n != 1 {
		t.Errorf("a backup whose part was refused goes on: %d, %v", n, err)
	}
	b.write(t, b.put("Patient/p", 1, "two"))
}
