package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 32 << 20

// answer is what a server said; err when it said nothing.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// words say how an answer looks.
func (a answer) words() string {
	if a.err != nil {
		return plain(a.err)
	}
	return fmt.Sprintf("%d %s", a.status, a.header.Get("Content-Type"))
}

// plain is an error without the request that met it, which is said elsewhere.
func plain(err error) string {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // the outermost is what names the request
		return u.Err.Error()
	}
	return err.Error()
}

// isJSON says whether the answer is of a JSON type.
func (a answer) isJSON() bool {
	media, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	return err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
}

// object reads the answer as a JSON object; nil when it is none.
func (a answer) object() map[string]any {
	var o map[string]any
	if a.err != nil || json.Unmarshal(a.body, &o) != nil {
		return nil
	}
	return o
}

// outcome says whether the answer is an OperationOutcome.
func (a answer) outcome() bool {
	o := a.object()
	return o != nil && o["resourceType"] == "OperationOutcome"
}

// send sends a request and measures it as one of a kind. Headers are names and values
// in turn. Redirects are not followed.
func (e *examination) send(ctx context.Context, kind, method, address, body string, headers ...string) answer {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := *e.o.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	began := time.Now()
	resp, err := client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, a.err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if a.err == nil {
		if e.took == nil {
			e.took = map[string][]time.Duration{}
		}
		e.took[kind] = append(e.took[kind], time.Since(began))
	}
	return a
}

// get asks for a path below the base, without a token.
func (e *examination) get(ctx context.Context, path string, headers ...string) answer {
	return e.send(ctx, "without token", http.MethodGet, e.base+path, "", append([]string{"Accept", "application/fhir+json"}, headers...)...)
}

// timings sum up how long answers took.
func (e *examination) timings() []Timing {
	var all []Timing
	for kind, took := range e.took {
		slices.Sort(took)
		all = append(all, Timing{Kind: kind, Count: len(took), Median: took[len(took)/2], Worst: took[len(took)-1]})
	}
	slices.SortFunc(all, func(a, b Timing) int { return strings.Compare(a.Kind, b.Kind) })
	return all
}

// text is a string member of an object, "" for none.
func text(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return s
}

// texts is an array of strings, of which others are left out.
func texts(o map[string]any, name string) []string {
	list, _ := o[name].([]any)
	var all []string
	for _, one := range list {
		if s, ok := one.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// absolute says whether an address is an absolute https URL, or http of this machine.
func absolute(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return false
	}
	host := u.Hostname()
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || strings.HasPrefix(host, "127.") || host == "::1")
}
