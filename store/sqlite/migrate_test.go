package sqlite

import (
	"path/filepath"
	"testing"
	"testing/fstest"
)

func TestANewDatabaseHasAllMigrationsOrNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	files := fstest.MapFS{
		"all/00001_one.sql": {Data: []byte("-- +goose Up\nCREATE TABLE one (x integer);\nINSERT INTO one VALUES (1);\n")},
		"all/00002_two.sql": {Data: []byte("-- +goose Up\nCREATE TABLE two (x integer);\nINSERT INTO nowhere VALUES (1);\n")},
	}
	if err := migrate(t.Context(), path, files, "all"); err == nil {
		t.Error("a migration that fails is no error")
	}
	if tables := tablesOf(t, path); tables["one"] || tables["two"] {
		t.Errorf("a migration failed, and there are the tables %v", tables)
	}
	files["all/00002_two.sql"].Data = []byte("-- +goose Up\nCREATE TABLE two (x integer);\nINSERT INTO two VALUES (1);\n")
	if err := migrate(t.Context(), path, files, "all"); err != nil {
		t.Fatal(err)
	}
	files["all/00003_three.sql"] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE three AS SELECT * FROM one UNION ALL SELECT * FROM two;\n")}
	for range 2 { // one that it lacks, and none
		if err := migrate(t.Context(), path, files, "all"); err != nil {
			t.Fatal(err)
		}
	}
	if tables := tablesOf(t, path); !tables["one"] || !tables["two"] || !tables["three"] {
		t.Errorf("there are the tables %v", tables)
	}
	delete(files, "all/00003_three.sql")
	if err := migrate(t.Context(), path, files, "all"); err == nil {
		t.Error("a program migrates the database of a newer one")
	}
}

func tablesOf(t *testing.T, path string) map[string]bool {
	t.Helper()
	c, err := connect(path)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]bool{}
	rows, err := c.Query(t.Context(), "SELECT name FROM sqlite_schema WHERE type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables[name] = true
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	return tables
}
