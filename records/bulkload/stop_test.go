package bulkload_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/internal/pgtest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/bulkload"
	"github.com/inglehealth/ingle/store/postgres"
)

func TestWhatALoadStoredBeforeItWasStoppedCountsAsAccepted(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { stopped(t, newWorld(t, records.DefaultPolicy())) })
	t.Run("PostgreSQL", func(t *testing.T) {
		s, err := postgres.Open(t.Context(), pgtest.URL(t), pgtest.Schema())
		if err != nil {
			t.Fatal(err)
		}
		stopped(t, over(t, s, records.DefaultPolicy()))
	})
}

// stopped loads with a stop after every few groups, in both passes, and no
// checkpoint but those of the stops.
func stopped(t *testing.T, w *world) {
	var text strings.Builder
	const n, broken = 900, 9
	for i := range n {
		switch {
		case i%100 == 7:
			text.WriteString("{broken\n")
		case i%2 == 0:
			text.WriteString(patient(fmt.Sprintf("p%d", i)) + "\n")
		default:
			text.WriteString(observation(fmt.Sprintf("o%d", i), "Patient/late") + "\n")
		}
	}
	o := w.options(w.file(t, "a.ndjson", text.String()), w.file(t, "b.ndjson", patient("late")))
	o.Batch, o.Checkpoint = 25, time.Hour
	last := int64(0)
	for stops := 0; ; stops++ {
		ctx, stop := context.WithCancel(t.Context())
		groups := 0
		o.Progress = func(bulkload.Progress) {
			if groups++; groups == 3 {
				stop()
			}
		}
		r, err := bulkload.Run(ctx, o)
		stop()
		if err != nil {
			if !errors.Is(err, context.Canceled) || r.Matched != 0 || r.Resources <= last {
				t.Fatalf("stopped with %+v after %d resources: %v", r, last, err)
			}
			last = r.Resources
			continue
		}
		want(t, r, n+1, n-broken+1, 0, broken)
		if stops < 3 || !r.Resumed {
			t.Errorf("%d stops, taken up: %v", stops, r.Resumed)
		}
		break
	}
	if report := w.refusals(t); len(report) != broken {
		t.Errorf("%d refusals reported, want %d", len(report), broken)
	}
}
