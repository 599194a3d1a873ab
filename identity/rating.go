package identity

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

// Rating is what a user thinks of an app, one of each user. Its JSON is what is kept.
type Rating struct {
	Client  string    `json:"client"`
	User    string    `json:"user"`
	Stars   int       `json:"stars"` // 1 to 5
	Words   string    `json:"words,omitempty"`
	Release string    `json:"release,omitempty"` // of the app then
	Time    time.Time `json:"time"`
	// Registered is when the app was: another one by the same id begins without.
	Registered time.Time `json:"registered"`
}

const (
	kindRating   = "rating"
	ratingClient = "client"

	// MaxRatings is how many ratings of an app count.
	MaxRatings = 500

	maxRatingWords = 1000
)

// Rate keeps what a user thinks of an app, in place of what the user thought before.
// A *fault.Error says what is wrong with it.
func (s *Service) Rate(ctx context.Context, c *Client, user string, stars int, words string) error {
	words = strings.TrimSpace(words)
	switch {
	case stars < 1 || stars > 5:
		return fault.New(fault.Unprocessable, fault.CodeValue, "stars", "choose one to five stars")
	case len(words) > maxRatingWords || !utf8.ValidString(words) || strings.ContainsFunc(words, func(r rune) bool { return r != '\n' && r != '\r' && misleads(r) }):
		return fault.New(fault.Unprocessable, fault.CodeValue, "words", "up to %d bytes of plain text", maxRatingWords)
	}
	var w changes
	w.put(kindRating, ratingID(c.ID, user), store.Any, Rating{c.ID, user, stars, words, c.Release, s.now(), c.Created}, time.Time{},
		store.ItemKey{Name: ratingClient, Value: hashed(c.ID)})
	return s.write(ctx, &w)
}

// WithdrawRating removes what a user thinks of an app.
func (s *Service) WithdrawRating(ctx context.Context, c *Client, user string) error {
	var w changes
	w.remove(kindRating, ratingID(c.ID, user), store.Any)
	return s.write(ctx, &w)
}

// Ratings are what users think of an app, up to MaxRatings, the latest first.
func (s *Service) Ratings(ctx context.Context, c *Client) ([]Rating, error) {
	items, err := s.config.Store.FindItems(ctx, kindRating, store.ItemKey{Name: ratingClient, Value: hashed(c.ID)}, "", MaxRatings)
	if err != nil {
		return nil, err
	}
	var all []Rating
	for _, i := range items {
		var r Rating
		if err := decode(i, &r); err != nil {
			return nil, err
		}
		if r.Registered.Equal(c.Created) {
			all = append(all, r)
		}
	}
	slices.SortFunc(all, func(a, b Rating) int { return b.Time.Compare(a.Time) })
	return all, nil
}

func ratingID(client, user string) string { return hashed(client + "\n" + user) }
