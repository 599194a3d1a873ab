package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// refusal is why a search cannot be measured: the server said so, or it has
// nothing that the search could ask for.
type refusal struct {
	path    string // what was asked; "" if nothing was
	status  int
	message string
}

func (e *refusal) Error() string {
	if e.path == "" {
		return e.message
	}
	return fmt.Sprintf("GET %s: %d: %s", e.path, e.status, e.message)
}

// searchset is what is looked at of a Bundle that answers a search.
type searchset struct {
	Total int
	Link  []struct{ Relation, URL string }
	Entry []struct {
		Resource entry
		Search   struct{ Mode string }
	}
}

// entry is a resource of a searchset, as far as later searches are made of it.
type entry struct {
	ResourceType, ID string
	Identifier       []struct{ System, Value string }
	Code             struct {
		Text   string
		Coding []struct{ System, Code, Display string }
	}
	Subject, Encounter struct{ Reference string }
	EffectiveDateTime  string
	ValueQuantity      struct {
		Value        json.Number
		System, Code string
	}
}

// size counts the resources found and included.
func (s searchset) size() int {
	n := 0
	for _, e := range s.Entry {
		if e.Search.Mode != "outcome" && e.Resource.ResourceType != "OperationOutcome" {
			n++
		}
	}
	return n
}

// next returns the path of the link to the next page, "" on the last one.
func (s searchset) next(base string) (string, error) {
	for _, l := range s.Link {
		if l.Relation != "next" {
			continue
		}
		link := strings.TrimPrefix(l.URL, base)
		if strings.Contains(link, "://") {
			return "", &refusal{message: fmt.Sprintf("the link to the next page, %s, leads out of %s", l.URL, base)}
		}
		if !strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "?") {
			link = "/" + link
		}
		return link, nil
	}
	return "", nil
}

// ask searches outside the measured time. What the server does not answer with
// 200 and a Bundle is a *refusal.
func (w *worker) ask(ctx context.Context, path string) (s searchset, err error) {
	a, err := w.wire.send(ctx, http.MethodGet, path, nil)
	if err != nil {
		return s, err
	}
	if a.status != http.StatusOK {
		return s, &refusal{path, a.status, said(a.body)}
	}
	if err := json.Unmarshal(a.body, &s); err != nil {
		return s, &refusal{path, a.status, "not a Bundle: " + err.Error()}
	}
	return s, nil
}

// said is the message of an OperationOutcome, or the beginning of what came
// instead.
func said(body []byte) string {
	var outcome struct {
		Issue []struct {
			Diagnostics string
			Details     struct{ Text string }
		}
	}
	if json.Unmarshal(body, &outcome) == nil {
		for _, issue := range outcome.Issue {
			if text := strings.TrimSpace(issue.Details.Text + " " + issue.Diagnostics); text != "" {
				return text
			}
		}
	}
	return fmt.Sprintf("%.200q", body)
}
