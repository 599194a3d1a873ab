package records

import (
	"context"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/store"
)

// Cost is what a search is estimated to look at, before it runs.
type Cost struct {
	Resources int64 // that it looks at
	// Parts say what that comes of, the largest first, and what would make it less.
	Parts []string
	// Secret says that who asks does not see all that was counted, so that neither the
	// number nor Parts may be told.
	Secret bool
}

// Metered is the session, whose searches, histories and records ($everything) are told to
// spend before each page. With an error of it there is no page.
func (s *Session) Metered(spend func(ctx context.Context, c Cost) error) *Session {
	metered := *s
	metered.spend = spend
	return &metered
}

// spendFor has a search paid for that is ready to run.
func (s *Session) spendFor(ctx context.Context, q *search.Query) error {
	if s.spend == nil {
		return nil
	}
	estimate, err := s.door.store.Estimate(ctx, q)
	if err != nil {
		return err
	}
	cost := costOf(q, estimate)
	cost.Secret = s.limited()
	return s.spend(ctx, cost)
}

// spendOn has a page paid for that looks at nothing but what it has.
func (s *Session) spendOn(ctx context.Context, count int) error {
	if s.spend == nil || count <= 0 {
		return nil
	}
	return s.spend(ctx, Cost{Resources: int64(count), Parts: []string{fmt.Sprintf("a page has %d", count)}})
}

// What included resources cost: one for each match that refers to it, or as many as
// usually refer to one; all references of a resource; and those found by going on.
const (
	referring   = 10
	anyReferred = 10
	goingOn     = 3
)

// costOf is the cost of a query: what it goes through to find its matches, and then
// what it returns.
func costOf(q *search.Query, e store.Estimate) Cost {
	var c Cost
	most := int64(0)
	add := func(n int64, format string, args ...any) {
		c.Resources += n
		part := fmt.Sprintf(format, args...)
		if n > most {
			most = n
			c.Parts = append([]string{part}, c.Parts...)
		} else {
			c.Parts = append(c.Parts, part)
		}
	}
	if q.Looks > 0 {
		e.Candidates = min(e.Candidates, int64(q.Looks)) // a page ends there
	}
	if e.Candidates > 0 {
		what := "the rarest of its criteria finds"
		if e.Everything {
			what = "no criterion narrows it, so it goes through"
		}
		if e.AtLeast {
			what += " at least"
		}
		add(e.Candidates, "%s %d", what, e.Candidates)
	}
	count := int64(q.Count)
	if count == 0 {
		return c
	}
	returned := count
	for _, i := range q.Includes {
		n := count
		if i.Reverse {
			n *= referring
		}
		if i.Param.Code == "*" {
			n *= anyReferred
		}
		if i.Iterate {
			n *= goingOn
		}
		returned += n
	}
	if len(q.Includes) == 0 {
		add(returned, "a page has %d", count)
	} else {
		add(returned, "a page has %d, and %s may add %d", count, includes(len(q.Includes)), returned-count)
	}
	return c
}

func includes(n int) string {
	if n == 1 {
		return "its _include or _revinclude"
	}
	return fmt.Sprintf("its %d _include and _revinclude", n)
}

// String says what the cost comes of.
func (c Cost) String() string { return strings.Join(c.Parts, "; ") }
