package clinic

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

const (
	// alive is how often a stream looks whether its reader is still signed in.
	alive = 5 * time.Second
	// streamFor is how long a stream lasts; browsers then open another, with the
	// rights of that time.
	streamFor = 10 * time.Minute
	// maxStreams bounds the streams of one user in one process.
	maxStreams = 20
	// gather is how long changes are gathered before a page is told.
	gather = 100 * time.Millisecond
)

// streams counts who listens.
type streams struct {
	mu  sync.Mutex
	per map[string]int
}

// enter lets a user listen; leave has to be called if it does.
func (s *streams) enter(user string) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.per[user] >= maxStreams {
		return nil, false
	}
	if s.per == nil {
		s.per = map[string]int{}
	}
	s.per[user]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.per[user]--; s.per[user] == 0 {
			delete(s.per, user)
		}
	}, true
}

// live tells a page of the chart, by server-sent events, that there is something new
// of the patient which the reader may see; what it is the page asks for itself. It
// ends when the reader has signed out, and when nobody listens.
func (c *Clinic) live(h *chart) error {
	leave, ok := c.streams.enter(h.User.ID)
	if !ok {
		return fault.New(fault.Unavailable, fault.CodeThrottled, "", "You have many charts open. Close some of them.")
	}
	defer leave()
	after, err := h.Door.LastSeq(h.R.Context())
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(h.R.Context(), streamFor)
	defer stop()
	news := make(chan fhir.Key)
	var watching sync.WaitGroup
	watching.Go(func() {
		defer close(news)
		// What is watched does not leave, and most of it is of others: only what the
		// reader is told of is recorded.
		unseen := audit.WithTrail(ctx, nil)
		for change, err := range h.session.Watch(unseen, after) {
			if err != nil {
				return
			}
			if !h.concerns(unseen, change) {
				continue
			}
			select {
			case news <- change.Key:
			case <-ctx.Done():
				return
			}
		}
	})
	defer watching.Wait()
	defer stop()
	header := h.W.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store, no-transform")
	header.Set("X-Accel-Buffering", "no")
	h.W.WriteHeader(http.StatusOK)
	return h.tell(ctx, news, c.house.Done)
}

// tell sends what comes until there is no reader.
func (h *chart) tell(ctx context.Context, news <-chan fhir.Key, done <-chan struct{}) error {
	out := http.NewResponseController(h.W)
	send := func(text string) bool {
		if _, err := h.W.Write([]byte(text)); err != nil {
			return false
		}
		return out.Flush() == nil
	}
	hello := "id: 1\nretry: 3000\n\n"
	if h.R.Header.Get("Last-Event-ID") != "" { // something may have happened meanwhile
		hello = "event: change\ndata: again\n" + hello
	}
	if !send(hello) {
		return nil
	}
	tick := time.NewTicker(alive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-done:
			return nil
		case <-tick.C:
			if !h.signedIn() || !send(": \n\n") {
				return nil
			}
		case key, ok := <-news:
			if !ok {
				return nil
			}
			keys := gathered(ctx, key, news)
			if !h.signedIn() {
				return nil
			}
			if h.mayKnow(keys) && !send("event: change\ndata: "+string(key.Type)+"\n\n") {
				return nil
			}
		}
	}
}

// gathered takes what comes shortly after.
func gathered(ctx context.Context, first fhir.Key, news <-chan fhir.Key) []fhir.Key {
	keys := []fhir.Key{first}
	wait := time.NewTimer(gather)
	defer wait.Stop()
	for {
		select {
		case key, ok := <-news:
			if !ok {
				return keys
			}
			if len(keys) < 50 {
				keys = append(keys, key)
			}
		case <-wait.C:
			return keys
		case <-ctx.Done():
			return keys
		}
	}
}

// signedIn says whether the reader is still signed in, without counting it as use.
func (h *chart) signedIn() bool {
	s, err := h.Identity.SessionByID(h.R.Context(), h.Visitor.Session.ID)
	return err == nil && slices.ContainsFunc(Roles(), s.User.Has)
}

// mayKnow says whether the reader may see one of some resources by the rights of now.
func (h *chart) mayKnow(keys []fhir.Key) bool {
	s, err := h.Records(h.id)
	if err != nil {
		return false
	}
	for _, k := range keys {
		if _, err := s.Read(h.R.Context(), k, records.ReadOptions{}); err == nil || fault.KindOf(err) == fault.Gone {
			return true
		}
	}
	return false
}

// owning are elements that say whose a resource is.
var owning = []string{"subject", "patient", "beneficiary", "for", "individual"}

// concerns says whether a change is of the patient.
func (h *chart) concerns(ctx context.Context, c records.Change) bool {
	if c.Key == (fhir.Key{Type: "Patient", ID: h.id}) {
		return true
	}
	if c.Deleted {
		before, err := h.session.VRead(ctx, c.Key, number(int(c.Version-1)), records.ReadOptions{})
		if err != nil {
			return false
		}
		c.JSON = before.JSON
	}
	e, err := pages.ParseElement(c.JSON)
	if err != nil {
		return false
	}
	want := "Patient/" + string(h.id)
	for _, name := range owning {
		reference, _, _ := strings.Cut(strings.TrimPrefix(e.Text(name, "reference"), h.Door.Base()+"/"), "/_history/")
		if reference == want {
			return true
		}
	}
	return false
}
