package records_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/archive"
	"github.com/inglehealth/ingle/store/postgres"
	"github.com/inglehealth/ingle/store/sqlite"
)

// restorable is a store with where another can be restored.
func restorable(t *testing.T, name string) (db database, begin func() restorer, open func() store.Store) {
	t.Helper()
	db = newDatabase(t, name)
	if name == "sqlite" {
		dir := t.TempDir()
		return db, func() restorer { return must(sqlite.Restore(dir))(t) },
			func() store.Store { return opened(t, must(sqlite.Open(context.Background(), dir))(t)) }
	}
	url, schema := pgtest.URL(t), pgtest.Schema()
	return db, func() restorer { return must(postgres.Restore(t.Context(), url, schema))(t) },
		func() store.Store { return opened(t, must(postgres.Open(context.Background(), url, schema))(t)) }
}

type restorer interface {
	Put(ctx context.Context, part store.Part) error
	End(ctx context.Context) error
}

// What a migration proves of both its sides, a backup keeps: the source is compared
// with what is restored from a backup of its target.
func TestARestoredBackupIsAllThatWasThere(t *testing.T) {
	for _, name := range databaseNames {
		t.Run(name, func(t *testing.T) {
			source := newDatabase(t, name)
			origin := source.over(t, source.open(t))
			eventful(t, origin, 300)
			db, begin, open := restorable(t, name)
			s := db.open(t)
			door := db.over(t, s)
			if m, err := records.Migrate(t.Context(), origin, door, records.MigrateOptions{}); err != nil || !m.Agrees() {
				t.Fatalf("%+v %v", m, err)
			}
			var file bytes.Buffer
			w := must(archive.NewWriter(&file, archive.Manifest{Database: name, Taken: time.Now(), Tenants: []string{""}}))(t)
			if err := s.Backup(t.Context(), w.Tenant("")); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			r := begin()
			a := must(archive.Open(bytes.NewReader(file.Bytes())))(t)
			defer a.Close()
			if err := a.Each(func(_ string, p store.Part) error { return r.Put(t.Context(), p) }); err != nil {
				t.Fatal(err)
			}
			if err := r.End(t.Context()); err != nil {
				t.Fatal(err)
			}
			back := open()
			again := db.over(t, back)
			same(t, origin, again)
			if m, err := records.Migrate(t.Context(), origin, again, records.MigrateOptions{}); err != nil || !m.Before || !m.Agrees() {
				t.Errorf("compared with the source: %+v %v", m, err)
			}
			head := func(s store.Store) []byte {
				h := must(s.AuditHead(t.Context()))(t)
				return h.Note
			}
			if !bytes.Equal(head(s), head(back)) {
				t.Error("the audit log ends elsewhere")
			}
			report, err := audit.Verify(t.Context(), back, audit.Verification{Found: func(problem string) { t.Error(problem) }})
			if err != nil || report.Problems > 0 {
				t.Errorf("%+v %v", report, err)
			}
			// The one that is restored goes on.
			patient(t, again.Session(records.Principal{}, nil), "after")
		})
	}
}

func TestTheLastBackupIsKnown(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		door := db.door(t, records.Policy{})
		if b := must(door.LastBackup(t.Context()))(t); b != (records.Backup{}) {
			t.Errorf("before the first: %+v", b)
		}
		taken := records.Backup{Taken: time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC), Bytes: 12, To: "a.backup"}
		if err := door.Session(records.Principal{}, nil).NoteBackup(t.Context(), taken); err != nil {
			t.Fatal(err)
		}
		if b := must(door.LastBackup(t.Context()))(t); b != taken {
			t.Errorf("%+v", b)
		}
	})
}
