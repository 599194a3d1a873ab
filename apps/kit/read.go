package kit

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/inglehealth/ingle/client/smart"
)

// List is what a search found.
type List[T any] struct {
	Rows    []T
	Allowed bool // false if the scopes do not reach
	More    bool // the server has more than was read
}

// Find reads what a search finds, through its pages, up to most entries.
func Find[T any](ctx context.Context, fhir *smart.FHIR, resourceType string, query url.Values, most int) (l List[T], err error) {
	l.Allowed = true
	for e, err := range fhir.All(ctx, resourceType, query) {
		switch {
		case errors.Is(err, smart.ErrForbidden):
			return List[T]{}, nil
		case err != nil:
			return l, err
		case e.Mode != "" && e.Mode != "match":
			continue
		case len(l.Rows) == most:
			l.More = true
			return l, nil
		}
		var row T
		if err := json.Unmarshal(e.Resource, &row); err != nil {
			return l, Problem{502, "An answer that makes no sense", "The server sent what is not the FHIR that was asked for: " + err.Error()}
		}
		l.Rows = append(l.Rows, row)
	}
	return l, nil
}
