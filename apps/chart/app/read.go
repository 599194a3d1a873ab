package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/inglehealth/ingle/client/smart"
)

// reader reads FHIR with a token.
type reader struct {
	base string
	http *http.Client
}

func (a *App) reader(source *smart.Source) reader {
	server := a.client.Server
	return reader{strings.TrimSuffix(server.Base, "/"), &http.Client{Transport: &smart.Transport{Server: server, Source: source}}}
}

// maxBody is the most that is read of an answer.
const maxBody = 8 << 20

// errNotAllowed says that the scopes do not reach.
var errNotAllowed = errors.New("not allowed")

// get reads a path below the base. 401 is the problem over; 403 is errNotAllowed.
func (r reader) get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	if query != nil {
		path += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.base+"/"+path, nil) //nolint:gosec // below the base of the one server
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/fhir+json")
	resp, err := r.http.Do(req) //nolint:gosec // as above
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > maxBody:
		return nil, fmt.Errorf("the answer to %s is larger than %d bytes", path, maxBody)
	case resp.StatusCode == http.StatusOK:
		return body, nil
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, over
	case resp.StatusCode == http.StatusForbidden:
		return nil, errNotAllowed
	}
	return nil, fmt.Errorf("GET %s was answered with %s", path, resp.Status)
}

// list is what a search found.
type list[T any] struct {
	Rows    []T
	Allowed bool // false if the scopes do not reach
	More    bool // the server has more than the first page
}

// search reads the first page of what a search finds.
func search[T any](ctx context.Context, r reader, resourceType string, query url.Values) (l list[T], err error) {
	body, err := r.get(ctx, resourceType, query)
	if errors.Is(err, errNotAllowed) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	var bundle struct {
		Link  []struct{ Relation string }
		Entry []struct {
			Search   struct{ Mode string }
			Resource T
		}
	}
	if err := decode(body, &bundle); err != nil {
		return l, err
	}
	l.Allowed = true
	for _, e := range bundle.Entry {
		if e.Search.Mode == "" || e.Search.Mode == "match" {
			l.Rows = append(l.Rows, e.Resource)
		}
	}
	for _, link := range bundle.Link {
		l.More = l.More || link.Relation == "next"
	}
	return l, nil
}
