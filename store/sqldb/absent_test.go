package sqldb

import (
	"testing"

	"github.com/inglehealth/ingle/engine/search"
)

func TestAQueryRunsAgainWhenANameWasRolledBackMeanwhile(t *testing.T) {
	names := NewNames(SQLite)
	names.Add(SystemSpace, "s", 9)
	s := &Reader{Names: names, Dialect: SQLite}
	c := s.compiler(t.Context(), nil, new(search.Query))
	if again, err := c.learned(); again || err != nil {
		t.Errorf("at first: %v, %v", again, err)
	}
	names.Forget(SystemSpace, "s")
	if again, err := c.learned(); !again || err != nil {
		t.Errorf("rolled back: %v, %v", again, err)
	}
}
