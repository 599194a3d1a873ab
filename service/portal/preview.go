package portal

import (
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/spec/fhir"
)

// preview is what a choice would do, before it is made.
type preview struct {
	Covers []part // what there is of each kind now
	None   bool   // there is nothing of it
	People []string
	Days   int // for how many the log was looked through
}

// lookedBack is for how many days a preview looks who might miss something.
const lookedBack = 180

// maxLooked bounds the events that a preview looks through.
const maxLooked = 300

// preview counts what a choice covers, and finds who looked lately of those whom it
// concerns.
func (r *record) preview(c choice) (*preview, error) {
	p := &preview{Days: lookedBack, None: true}
	var labels []search.Pair
	if all := labelsOf(c.Topics); len(all) > 0 {
		for i := range all {
			all[i] = actCode + "|" + all[i]
		}
		labels = []search.Pair{{Name: "_security", Value: strings.Join(all, ",")}}
	}
	for _, k := range kinds {
		if len(c.Kinds) > 0 && !slices.Contains(c.Kinds, k.Slug) {
			continue
		}
		one := part{Name: k.Name}
		for _, t := range k.Types {
			n, err := r.count(fhir.Type(t), labels...)
			if err != nil {
				return nil, err
			}
			one.Count += int(n)
		}
		if one.Count > 0 {
			p.Covers, p.None = append(p.Covers, one), false
		}
	}
	query := lookedQuery{Since: r.Now.AddDate(0, 0, -lookedBack).UTC().Format(time.DateOnly)}
	if client, ok := strings.CutPrefix(c.Who, appPrefix); ok {
		query.Agent, query.All = client, true
	} else if strings.HasPrefix(c.Who, "Practitioner/") || strings.HasPrefix(c.Who, "RelatedPerson/") {
		query.Agent = c.Who
	} else if c.Who != everybody {
		return p, nil // whom it concerns is not in the log by name
	}
	for after, seen := "", 0; seen < maxLooked; seen += 100 {
		some, next, err := r.lookedBy(query, after, 100)
		if err != nil {
			return nil, err
		}
		for _, one := range some {
			who := one.Who
			if one.App != "" {
				who += " with " + one.App
			}
			if !one.Refused && !slices.Contains(p.People, who) && !(c.Who == everybody && one.Self) {
				p.People = append(p.People, who)
			}
		}
		if after = next; next == "" {
			break
		}
	}
	return p, nil
}
