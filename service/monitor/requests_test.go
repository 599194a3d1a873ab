package monitor

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/watch/metric"
)

func TestWhatWasCountedOfATenantGoesWithIt(t *testing.T) {
	r := NewRequests(metric.New(), "east")
	ask := func() {
		r.Begun()
		r.Answered(httptest.NewRequest("GET", "/t/east/fhir/Patient", nil), web.Answer{Route: "search", Status: 500, Took: time.Second})
	}
	count := func(tenant string) (requests, failed int64) {
		w := r.tally(tenant).now(time.Now(), 0)
		return w.Requests, w.Failed
	}
	ask()
	if n, failed := count("east"); n != 1 || failed != 1 {
		t.Errorf("%d, %d", n, failed)
	}
	r.Remove("east")
	ask() // who is late, or knows the address still
	if r.tally("east") != nil {
		t.Error("it is counted still")
	}
	if n, _ := count(""); n != 1 {
		t.Errorf("%d of nobody's", n)
	}
	r.Add("east")
	if n, failed := count("east"); n != 0 || failed != 0 {
		t.Errorf("a new one of its name begins with %d, %d", n, failed)
	}
}
