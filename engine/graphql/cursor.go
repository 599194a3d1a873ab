package graphql

import (
	"encoding/base64"

	"github.com/go-json-experiment/json"

	"github.com/inglehealth/ingle/engine/search"
)

// cursor is a page of a search with all that it takes to ask for it again. It
// grants nothing: the search is run on behalf of whoever sends it, and the
// Fetcher's own cursors say what they are good for.
type cursor struct {
	Type  string      `json:"t"`
	Pairs [][2]string `json:"p,omitempty"`
	Where string      `json:"w,omitempty"`
	step
	Back []step `json:"b,omitempty"` // the pages before, nearest last
}

// step is a page by the Fetcher's cursor and the matches before it.
type step struct {
	After  string `json:"a,omitempty"`
	Offset int64  `json:"o,omitempty"`
}

// mostBack is how many pages one can go back from a cursor.
const mostBack = 10

func readCursor(text string) (c cursor, err error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, &c, json.RejectUnknownMembers(true))
	}
	return c, err
}

func (c cursor) String() string {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // text and numbers always encode
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// page is what the fields of a connection are read from.
type page struct {
	total, offset               any // int64, or nil when not known
	size                        int
	edges                       []any // *match
	first, previous, next, last any   // text of a cursor, or nil
}

// links sets the cursors of a page that was found at c, over pairs.
func (p *page) links(c cursor, pairs []search.Pair, next string, matches int) {
	c.Pairs = nil
	for _, pair := range pairs {
		c.Pairs = append(c.Pairs, [2]string{pair.Name, pair.Value})
	}
	to := func(s step, back []step) string {
		c := c
		c.step, c.Back = s, back
		return c.String()
	}
	p.offset = c.Offset
	p.first = to(step{}, nil)
	if n := len(c.Back); n > 0 {
		p.previous = to(c.Back[n-1], c.Back[:n-1])
	}
	if next == "" {
		p.last = to(c.step, c.Back)
		return
	}
	back := append(c.Back[:len(c.Back):len(c.Back)], c.step)
	p.next = to(step{next, c.Offset + int64(matches)}, back[max(0, len(back)-mostBack):])
}
