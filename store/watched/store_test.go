package watched_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/store"
	"github.com/inglehealth/ingle/store/watched"
	"github.com/inglehealth/ingle/watch/metric"
)

// failing is a store whose reads and writes end with an error.
type failing struct {
	store.Store
	err error
}

func (f *failing) Read(context.Context, fhir.Key) (store.Record, error) {
	return store.Record{}, f.err
}

func (f *failing) Write(ctx context.Context, fn func(context.Context, store.Tx) error) error {
	if err := fn(ctx, nil); err != nil {
		return err
	}
	return f.err
}

func TestFailuresOfTheDatabaseAreCountedAndItsAnswersAreNot(t *testing.T) {
	counts := metric.New()
	f := &failing{}
	s := watched.New(f, "east", "sqlite", counts)
	own := errors.New("of the caller")
	for _, err := range []error{nil, store.ErrNotFound, store.ErrVersion, context.Canceled, fmt.Errorf("x: %w", store.ErrAway), store.ErrFull, context.DeadlineExceeded, errors.New("odd")} {
		f.err = err
		if _, got := s.Read(t.Context(), fhir.Key{}); !errors.Is(got, err) {
			t.Errorf("%v became %v", err, got)
		}
	}
	f.err = nil
	if err := s.Write(t.Context(), func(context.Context, store.Tx) error { return own }); !errors.Is(err, own) {
		t.Error(err)
	}
	var b strings.Builder
	if err := counts.WriteText(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, reason := range []string{"away", "full", "time", "other"} {
		if got := counts.Sum("ingle_store_errors_total", "operation", "read", "reason", reason); got != 1 {
			t.Errorf("%s: %v", reason, got)
		}
	}
	if got := counts.Sum("ingle_store_errors_total"); got != 4 {
		t.Errorf("%v failures: %s", got, b.String())
	}
	if !strings.Contains(b.String(), `ingle_store_seconds_count{tenant="east",database="sqlite",operation="read"} 8`) {
		t.Error(b.String())
	}
}
