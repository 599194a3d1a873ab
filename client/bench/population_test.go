package bench

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "from.ndjson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAPopulationRepeatsItsFilesUntilItIsLargeEnough(t *testing.T) {
	dir := t.TempDir()
	plain := write(t, synthea(1)+"\n\n"+synthea(2)+"\n")
	packed := filepath.Join(dir, "one.gz")
	if n, err := WritePopulation(t.Context(), packed, []string{plain}, 6, 1); err != nil || n != 6 {
		t.Fatalf("%d, %v", n, err)
	}
	out := filepath.Join(dir, "out.gz")
	n, err := WritePopulation(t.Context(), out, []string{plain, packed}, 28, 2)
	if err != nil || n != 30 {
		t.Fatalf("%d resources, not 30: %v", n, err)
	}
	file, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	content, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines, bundles := bufio.NewScanner(content), map[string]bool{}
	for lines.Scan() {
		bundles[lines.Text()] = true
	}
	if err := lines.Err(); err != nil || len(bundles) != 10 {
		t.Errorf("%d different Bundles, not 10: %v", len(bundles), err)
	}
}

func TestAPopulationThatCannotBeFinishedLeavesNoFile(t *testing.T) {
	good := write(t, synthea(1)+"\n{}\n")
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, x := range []struct {
		ctx  context.Context
		from string
		want string
	}{
		{t.Context(), good, "line 2: not a Bundle"},
		{t.Context(), write(t, "\n"), "hold no Bundle"},
		{t.Context(), filepath.Join(t.TempDir(), "none"), "no such file"},
		{stopped, good, "canceled"},
	} {
		out := filepath.Join(t.TempDir(), "out.gz")
		if _, err := WritePopulation(x.ctx, out, []string{x.from}, 100, 1); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v, not %q", err, x.want)
		}
		if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: a file is left: %v", x.want, err)
		}
	}
}
