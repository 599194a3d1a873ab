package identity

import (
	"context"
	"errors"
	"time"
)

// kindPublished is what is remembered of something that is published, by its name.
const kindPublished = "published"

// published is when something last changed, and what it was then.
type published struct {
	Digest  string    `json:"digest"`
	Changed time.Time `json:"changed"`
}

// Published returns when something of a name last changed to what it is now: of
// which digest is the digest, and whose newest part was changed at a time. A part
// that was taken away leaves no such time, so that it is the first call after it
// which says when. What Published returns never goes back.
func (s *Service) Published(ctx context.Context, name, digest string, newest time.Time) (changed time.Time, err error) {
	err = again(func() error {
		var p published
		version, err := s.read(ctx, kindPublished, name, &p)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if p.Digest == digest {
			changed = p.Changed
			return nil
		}
		for _, at := range []time.Time{newest, s.now(), p.Changed.Add(time.Second)} {
			if changed = at; at.After(p.Changed) {
				break
			}
		}
		var w changes
		w.put(kindPublished, name, version, published{digest, changed}, time.Time{})
		return s.write(ctx, &w)
	})
	return changed, err
}
