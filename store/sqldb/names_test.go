package sqldb

import (
	"errors"
	"testing"

	"github.com/inglehealth/ingle/store"
)

func TestAQueryWithMoreArgumentsThanADatabaseTakesIsNotSent(t *testing.T) {
	err := ForEach(t.Context(), nil, "SELECT 1", make([]any, maxArguments+1), func(Rows) error { return nil })
	if !errors.Is(err, store.ErrTooComplex) {
		t.Fatal(err)
	}
}
