package searchtest

import (
	"net/url"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// ParseURL parses a search URL below the base: Patient?name=eve, ?_tag=x or
// Patient/1/Observation?code=y. A plus sign means itself.
func ParseURL(c *search.Catalog, text string, o search.ParseOptions) (*search.Query, error) {
	path, query, _ := strings.Cut(text, "?")
	var pairs []search.Pair
	if query != "" {
		for part := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(part, "=")
			name, err := url.PathUnescape(name)
			if err != nil {
				return nil, err
			}
			if value, err = url.PathUnescape(value); err != nil {
				return nil, err
			}
			pairs = append(pairs, search.Pair{Name: name, Value: value})
		}
	}
	return parsePairs(c, path, pairs, o)
}

// parsePairs parses a search at a path below the base.
func parsePairs(c *search.Catalog, path string, pairs []search.Pair, o search.ParseOptions) (*search.Query, error) {
	segments := strings.Split(path, "/")
	resourceType := segments[len(segments)-1]
	if resourceType == "*" {
		resourceType = ""
	}
	q, err := c.Parse(resourceType, pairs, o)
	if err != nil || len(segments) != 3 {
		return q, err
	}
	within, err := c.CompartmentFilter(segments[0], segments[1], resourceType)
	if err != nil {
		return nil, err
	}
	if q.Filter == nil {
		q.Filter = within
	} else {
		q.Filter = search.And{within, q.Filter}
	}
	return q, nil
}
