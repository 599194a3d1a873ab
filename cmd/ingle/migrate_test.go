package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEveryTenantOfPostgreSQLIsFoundAndMoved(t *testing.T) {
	address, dir := freshDatabase(t), filepath.Join(t.TempDir(), "moved")
	file := filepath.Join(t.TempDir(), "one.ndjson")
	if err := os.WriteFile(file, []byte(`{"resourceType":"Patient","id":"only"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := invoke(t, "migrate", "--from", address, "--to", dir); code != 2 || !strings.Contains(stderr, "there are no records in postgres://") {
		t.Errorf("an empty database: %d %s", code, stderr)
	}
	if code, _, stderr := invoke(t, "export", "--database", address, "--to", dir); code != 2 || !strings.Contains(stderr, "there are no records in postgres://") {
		t.Errorf("an empty database: %d %s", code, stderr)
	}
	for _, tenant := range []string{"east", "north-west"} {
		if code, _, stderr := invoke(t, "import", "--database", address, "--tenant", tenant, file); code != 0 {
			t.Fatal(stderr)
		}
	}
	code, stdout, stderr := invoke(t, "migrate", "--from", address, "--to", dir)
	for _, want := range []string{"default tenant: 0 versions moved", "tenant east: 1 versions moved", "tenant north-west: 1 versions moved"} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("%d %s %s", code, stdout, stderr)
		}
	}
	if code, stdout, _ := invoke(t, "export", "--data", dir, "--tenant", "north-west", "--to", filepath.Join(t.TempDir(), "files")); code != 0 || !strings.Contains(stdout, "1 resources in 1 files") {
		t.Errorf("%d %s", code, stdout)
	}
}
