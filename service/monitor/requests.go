package monitor

import (
	"net/http"
	"strings"
	"sync"

	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/watch/metric"
)

// Requests counts requests and how long they took. It is a web.Watcher.
type Requests struct {
	inFlight *metric.Gauge
	answered *metric.Counter
	bytes    *metric.Counter
	took     *metric.Histogram

	mu      sync.RWMutex
	tallies map[string]*tally // by tenant
}

var _ web.Watcher = (*Requests)(nil)

// NewRequests counts requests to the default tenant and others, by their names.
func NewRequests(counts *metric.Registry, tenants ...string) *Requests {
	r := &Requests{
		inFlight: counts.Gauge("ingle_http_requests_in_flight", "Requests that are being answered now."),
		answered: counts.Counter("ingle_http_requests_total", "Requests, by the kind of their answer: 2xx, 3xx, 4xx, 5xx, or cut when there was none.", "tenant", "route", "method", "status"),
		bytes:    counts.Counter("ingle_http_response_bytes_total", "Bytes of answers, as they were sent.", "tenant"),
		took:     counts.Histogram("ingle_http_request_seconds", "How long requests took until the last byte of the answer, in seconds, without those that go on while something happens.", "tenant", "route"),
		tallies:  map[string]*tally{},
	}
	r.Add("")
	for _, name := range tenants {
		r.Add(name)
	}
	return r
}

// Add counts requests to a further tenant.
func (r *Requests) Add(tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tallies[tenant] == nil {
		r.tallies[tenant] = newTally()
	}
}

// Remove forgets what was counted of a tenant that is not served any more.
func (r *Requests) Remove(tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tallies, tenant)
}

// tally is that of a tenant; nil when its requests are not counted.
func (r *Requests) tally(tenant string) *tally {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.tallies[tenant]
}

// Begun implements web.Watcher.
func (r *Requests) Begun() { r.inFlight.Add(1) }

// Answered implements web.Watcher.
func (r *Requests) Answered(q *http.Request, a web.Answer) {
	tenant, t := r.tenantOf(q.URL.Path)
	r.inFlight.Add(-1)
	r.answered.Add(1, tenant, a.Route, methodOf(q.Method), statusOf(a.Status))
	r.bytes.Add(a.Bytes, tenant)
	t.answered(a.Status)
	if !a.Streamed {
		r.took.Observe(a.Took, tenant, a.Route)
		t.took(a.Took)
	}
}

// tenantOf is the tenant below whose address a path is, "" for the default one and what
// is nobody's, and its tally.
func (r *Requests) tenantOf(path string) (string, *tally) {
	if rest, ok := strings.CutPrefix(path, "/t/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		if t := r.tally(name); t != nil {
			return name, t
		}
	}
	return "", r.tally("")
}

// methodOf is the method, if it is one that is known.
func methodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return metric.Others
}

var classes = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}

// statusOf is the class of a status.
func statusOf(status int) string {
	if status < 100 || status > 599 {
		return "cut"
	}
	return classes[status/100-1]
}
