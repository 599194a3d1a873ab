package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/archive"
)

func written(t testing.TB) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := archive.NewWriter(&file, archive.Manifest{Program: "test", Database: archive.SQLite, Taken: time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC), Tenants: []string{"", "east"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"", "east"} {
		for _, name := range []string{"a", "b/c"} {
			text := strings.Repeat(tenant+name, 500)
			if err := w.Tenant(tenant)(store.Part{Name: name, Size: int64(len(text)), Content: strings.NewReader(text)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	r, err := archive.Open(bytes.NewReader(written(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := map[string]string{}
	err = r.Each(func(tenant string, p store.Part) error {
		text, err := io.ReadAll(p.Content)
		got[tenant+":"+p.Name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, tenant := range []string{"", "east"} {
		for _, name := range []string{"a", "b/c"} {
			want[tenant+":"+name] = strings.Repeat(tenant+name, 500)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Manifest.Format != 1 || r.Manifest.Program != "test" || len(r.Manifest.Tenants) != 2 {
		t.Errorf("%+v", r.Manifest)
	}
}

func TestEveryFlippedByteIsSeen(t *testing.T) {
	whole := written(t)
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 1 << (i % 8)
		if _, err := archive.Open(bytes.NewReader(damaged)); !errors.Is(err, archive.ErrDamaged) {
			t.Fatalf("byte %d of %d: %v", i, len(whole), err)
		}
	}
}

func TestAFileThatIsCutOrLongerIsSeen(t *testing.T) {
	whole := written(t)
	for i := range whole {
		if _, err := archive.Open(bytes.NewReader(whole[:i])); !errors.Is(err, archive.ErrDamaged) {
			t.Fatalf("%d of %d bytes: %v", i, len(whole), err)
		}
	}
	if _, err := archive.Open(bytes.NewReader(append(bytes.Clone(whole), 0))); !errors.Is(err, archive.ErrDamaged) {
		t.Errorf("one byte more: %v", err)
	}
}

func TestOrdinaryToolsReadABackup(t *testing.T) {
	unpacked, err := zstd.NewReader(bytes.NewReader(written(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	files := tar.NewReader(unpacked)
	var names []string
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	want := []string{"manifest.json", "default/a", "default/b/c", "tenants/east/a", "tenants/east/b/c"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestAPartThatEndsEarlyIsAnError(t *testing.T) {
	w, err := archive.NewWriter(io.Discard, archive.Manifest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Tenant("")(store.Part{Name: "a", Size: 10, Content: strings.NewReader("short")}); err == nil {
		t.Error("a part that lacks bytes is taken")
	}
}
