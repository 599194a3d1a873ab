package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// counts measures accurate totals of sets that grow with the database: the
// Observations of a code, those of a year, and all.
func counts(ctx context.Context, r *run) (asked, error) {
	known, err := r.sampled(ctx)
	if err != nil {
		return asked{}, err
	}
	const most = 16 // of each kind, so that the sets are large
	paths := []string{query("/Observation", "_summary", "count")}
	for _, code := range known.codes[:min(most, len(known.codes))] {
		paths = append(paths, query("/Observation", "code", code, "_summary", "count"))
	}
	for _, year := range known.years[:min(most, len(known.years))] {
		paths = append(paths, query("/Observation", "date", "ge"+year+"-01-01", "date", "le"+year+"-12-31", "_summary", "count"))
	}
	w := r.worker(3_000_000)
	defer w.wire.close()
	for _, path := range paths {
		answer, err := w.ask(ctx, path)
		if err != nil {
			return asked{}, err
		}
		if answer.Total == 0 {
			return asked{}, &refusal{path, http.StatusOK, "the answer has no total"}
		}
	}
	return asked{step: func(ctx context.Context, w *worker) error {
		path := pick(w, paths)
		_, body, err := w.do(ctx, http.MethodGet, path, nil, http.StatusOK)
		if err != nil {
			return err
		}
		var answer struct{ Total int }
		if err := json.Unmarshal(body, &answer); err != nil {
			return fmt.Errorf("GET %s: %w", path, err)
		}
		if w.count {
			w.hits += answer.Total
		}
		return nil
	}}, nil
}
