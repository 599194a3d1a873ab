package smart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// FHIR reads from a FHIR server with the tokens of one authorization. It is safe
// for concurrent use. What the server refuses is a *FHIRError; the errors of Source
// say that there is no token any more.
type FHIR struct {
	server *Server
	http   *http.Client
}

// FHIR is the API of the server for whom source has tokens. Reading waits when the
// server is busy, as Retry does, and renews the token, as Transport does.
func (s *Server) FHIR(source *Source) *FHIR {
	return &FHIR{s, withoutRedirects(&http.Client{Transport: &Retry{Next: &Transport{Server: s, Source: source}}})}
}

// Bundle is a page of what a search found.
type Bundle struct {
	Total   *int // of all pages; nil if the server did not say
	Entries []Entry
	Next    string // address of the next page; "" for the last
}

// Entry is one thing that a search found.
type Entry struct {
	URL      string          // of the resource
	Mode     string          // "match", "include" or "outcome"; "" is "match"
	Resource json.RawMessage // for encoding/json
}

// maxBody is the most bytes that are read of an answer of FHIR.
const maxBody = 16 << 20

// Read reads what is at a path below the base, "Patient/1", into v as encoding/json
// does.
func (f *FHIR) Read(ctx context.Context, path string, v any) error {
	return f.get(ctx, f.base()+"/"+path, v)
}

// Search asks for the first page of what a search of a resource type finds.
func (f *FHIR) Search(ctx context.Context, resourceType string, query url.Values) (*Bundle, error) {
	address := f.base() + "/" + url.PathEscape(resourceType)
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	return f.page(ctx, address)
}

// NextPage asks for the page after b; nil when b is the last. A link that leads
// away from the server is an error: the token is for that one.
func (f *FHIR) NextPage(ctx context.Context, b *Bundle) (*Bundle, error) {
	if b.Next == "" {
		return nil, nil
	}
	return f.page(ctx, b.Next)
}

// All goes through what a search finds, page by page as far as the loop goes on, and
// up to maxPages. An error ends it.
func (f *FHIR) All(ctx context.Context, resourceType string, query url.Values) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		b, err := f.Search(ctx, resourceType, query)
		for n := 1; err == nil && b != nil; n++ {
			for _, e := range b.Entries {
				if !yield(e, nil) {
					return
				}
			}
			if n == maxPages && b.Next != "" {
				err = fmt.Errorf("smart: the search of %s has more than %d pages", resourceType, maxPages)
				break
			}
			b, err = f.NextPage(ctx, b)
		}
		if err != nil {
			yield(Entry{}, err)
		}
	}
}

// maxPages bounds All, for a server whose links go round in a circle.
const maxPages = 1000

func (f *FHIR) base() string { return strings.TrimSuffix(f.server.Base, "/") }

func (f *FHIR) page(ctx context.Context, address string) (*Bundle, error) {
	var answer struct {
		ResourceType string
		Total        *int
		Link         []struct{ Relation, URL string }
		Entry        []struct {
			FullURL  string
			Search   struct{ Mode string }
			Resource json.RawMessage
		}
	}
	if err := f.get(ctx, address, &answer); err != nil {
		return nil, err
	}
	if answer.ResourceType != "Bundle" {
		return nil, fmt.Errorf("smart: the answer to a search is no Bundle but %q", answer.ResourceType)
	}
	b := &Bundle{Total: answer.Total}
	for _, e := range answer.Entry {
		b.Entries = append(b.Entries, Entry{e.FullURL, e.Search.Mode, e.Resource})
	}
	for _, link := range answer.Link {
		if link.Relation == "next" {
			b.Next = link.URL
		}
	}
	if b.Next == "" {
		return b, nil
	}
	here, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	next, err := here.Parse(b.Next)
	if err != nil || !f.server.serves(next) {
		return nil, errors.New("smart: the link to the next page leads away from the server")
	}
	b.Next = next.String()
	return b, nil
}

func (f *FHIR) get(ctx context.Context, address string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	if !f.server.serves(req.URL) {
		return fmt.Errorf("smart: %s is not below the base of the server", req.URL.Redacted())
	}
	req.Header.Set("Accept", "application/fhir+json")
	resp, err := f.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return fmt.Errorf("smart: the answer of %s: %w", req.URL.Host, err)
	case len(body) > maxBody:
		return fmt.Errorf("smart: the answer of %s is larger than %d bytes", req.URL.Host, maxBody)
	case resp.StatusCode != http.StatusOK:
		return newFHIRError(resp, body)
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("smart: the answer of %s is not the FHIR that was asked for: %w", req.URL.Host, err)
	}
	return nil
}
