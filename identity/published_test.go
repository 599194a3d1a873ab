package identity

import (
	"testing"
	"time"
)

// Whatever its parts say, and whatever becomes of the clock, what is published has
// a time that rises with each change and stays otherwise, in all processes.
func TestWhatIsPublishedHasATimeThatRisesWithEachChange(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		now := a.clock.now()
		for n, x := range []struct {
			digest string
			newest time.Time
			want   time.Time
		}{
			{"one", now.Add(-time.Hour), now.Add(-time.Hour)},
			{"one", now.Add(-time.Minute), now.Add(-time.Hour)},
			{"two", now.Add(-time.Minute), now.Add(-time.Minute)},
			{"less", now.Add(-time.Hour), now},
			{"still less", now.Add(-time.Hour), now.Add(time.Second)},
			{"two", now.Add(-time.Minute), now.Add(2 * time.Second)},
		} {
			for _, h := range []house{a, b} {
				if got, err := h.Published(h.ctx, "brands", x.digest, x.newest); err != nil || !got.Equal(x.want) {
					t.Errorf("%d: %v, not %v; %v", n, got, x.want, err)
				}
			}
		}
	})
}
