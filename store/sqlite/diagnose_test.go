package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/inglehealth/ingle/store/sqlite"
	"github.com/inglehealth/ingle/watch/finding"
)

func TestAFolderIsExaminedThatIsNamedFromWhereOneIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "records")
	s, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(dir))
	var integrity bool
	for _, f := range sqlite.Diagnose(t.Context(), "./records") {
		if f.State != finding.OK {
			t.Errorf("%+v", f)
		}
		integrity = integrity || f.Check == "integrity"
	}
	if !integrity {
		t.Error("the database was not looked at")
	}
}
