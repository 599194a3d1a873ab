package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
)

// Databases made by earlier versions have larger pages than ours.
func TestADatabaseKeepsThePagesItWasMadeWith(t *testing.T) {
	for _, size := range []int64{2 * pageSize, 4 * pageSize} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, fileName)
			if err := private(path); err != nil {
				t.Fatal(err)
			}
			c, err := connect(path, fmt.Sprintf("page_size = %d", size), "journal_mode = WAL")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.run("CREATE TABLE earlier (x INTEGER)"); err != nil {
				t.Fatal(err)
			}
			if err := c.close(); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), dir)
			if err != nil {
				t.Fatal(err)
			}
			s.checkpointer.begin, s.checkpointer.more = 100*frameLength, 100*frameLength
			begunAnew := 0
			for version := int64(1); version <= 200; version++ {
				before := s.checkpointer.end.Load()
				for _, key := range []fhir.Key{{Type: "Patient", ID: "a"}, {Type: "Patient", ID: "b"}} {
					body := fmt.Sprintf(`{"resourceType":"Patient","id":%q,"active":%t}`, key.ID, version%2 == 0)
					if err := s.Write(t.Context(), func(ctx context.Context, tx store.Tx) error {
						_, err := tx.Put(ctx, []store.Write{{Key: key, Expect: store.Any, Method: "PUT", Release: definitions.R4, Body: s.Pack([]byte(body), nil)}})
						return err
					}); err != nil {
						t.Fatal(err)
					}
					if r, err := s.Read(t.Context(), key); err != nil || r.Version != version || string(r.Body) != body {
						t.Fatalf("%s is of version %d, %s, %v; version %d was written", key.ID, r.Version, r.Body, err, version)
					}
				}
				if s.checkpointer.end.Load() < before {
					begunAnew++
				}
			}
			if begunAnew == 0 {
				t.Error("the log never began anew")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			c = mustConnect(t, path)
			if got, err := pragma(t.Context(), c, "page_size"); err != nil || got != size {
				t.Errorf("its pages have %d bytes, %v", got, err)
			}
			if rows := tablesOf(t, path); !rows["earlier"] || !rows["resource"] {
				t.Errorf("its tables are %v", rows)
			}
		})
	}
}
