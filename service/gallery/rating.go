package gallery

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
)

// rating is what people think of an app, together.
type rating struct {
	Count int
	Mean  string // "4.5"
	Stars string // "★★★★☆"
}

// Words says it for who cannot see stars.
func (r rating) Words() string {
	people := "1 person"
	if r.Count != 1 {
		people = pages.Number(int64(r.Count)) + " people"
	}
	return r.Mean + " of 5 stars, by " + people
}

func rate(all []identity.Rating) rating {
	if len(all) == 0 {
		return rating{}
	}
	sum := 0
	for _, r := range all {
		sum += r.Stars
	}
	mean := float64(sum) / float64(len(all))
	return rating{len(all), fmt.Sprintf("%.1f", mean), stars(int(mean + .5))}
}

func stars(n int) string { return strings.Repeat("★", n) + strings.Repeat("☆", 5-n) }

// opinion is one rating on the page.
type opinion struct {
	Stars, Spoken, Words, Release, When string
}

// maxOpinions is how many are shown.
const maxOpinions = 20

func opinions(all []identity.Rating) []opinion {
	var shown []opinion
	for _, r := range all {
		if len(shown) == maxOpinions {
			break
		}
		if r.Words != "" {
			shown = append(shown, opinion{stars(r.Stars), fmt.Sprintf("%d of 5 stars", r.Stars), r.Words, r.Release, r.Time.UTC().Format("2 January 2006")})
		}
	}
	return shown
}
