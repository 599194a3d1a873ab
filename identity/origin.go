package identity

import (
	"context"

	"github.com/inglehealth/ingle/store"
)

// maxOrigins is how many origins are remembered as known.
const maxOrigins = 1000

// KnownOrigin says whether an Origin header is that of a client's pages, which
// may then call the token endpoint and the FHIR API (CORS).
func (s *Service) KnownOrigin(ctx context.Context, origin string) (bool, error) {
	if _, err := parseURI(origin); err != nil || originOf(origin) != origin {
		return false, nil
	}
	epoch, err := s.config.Store.Epoch(ctx)
	if err != nil {
		return false, err
	}
	if was, ok := s.origins.Get(origin); ok && was == epoch {
		return true, nil
	}
	for after := ""; ; {
		items, err := s.config.Store.FindItems(ctx, kindClient, store.ItemKey{Name: keyOrigin, Value: anyPort(origin)}, after, 20)
		if err != nil {
			return false, err
		}
		for _, i := range items {
			var c Client
			if err := decode(i, &c); err != nil {
				return false, err
			}
			if c.usable() == nil {
				s.origins.Put(origin, epoch)
				return true, nil
			}
			after = i.ID
		}
		if len(items) < 20 {
			return false, nil
		}
	}
}
