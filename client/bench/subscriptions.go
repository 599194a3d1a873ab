package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Of the workload subscriptions: how many there are, how many changes a second, and
// how long one may take to be told.
const (
	subscribers   = 20
	changesSecond = 1000
	toldWithin    = 30 * time.Second
)

const (
	backportExtension = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-"
	benchTag          = "https://ingle.health/fhir/bench"
)

// hooks is a subscriber's server on the loopback interface.
type hooks struct {
	server  *http.Server
	url     string
	mu      sync.Mutex
	waiting map[string]chan time.Time // by id of the Patient that was written
	begun   time.Time
	slots   atomic.Int64 // of changes, spread over time
	run     string
}

// subscriptions measures how long after the answer to a write its subscriber is told,
// at changesSecond, over rest-hooks to a server of the bench.
func subscriptions(ctx context.Context, r *run) (asked, error) {
	h := &hooks{waiting: map[string]chan time.Time{}, run: fmt.Sprintf("b%x", time.Now().UnixMicro())}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return asked{}, err
	}
	h.url = "http://" + listener.Addr().String()
	h.server = &http.Server{Handler: http.HandlerFunc(h.take), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = h.server.Serve(listener) }() // until it is closed
	w := r.worker(5_000_000)
	defer w.wire.close()
	end := func() {
		w := r.worker(5_000_001)
		defer w.wire.close()
		for n := range subscribers {
			_, _ = w.wire.send(context.WithoutCancel(ctx), http.MethodDelete, "/Subscription/"+h.subscription(n), nil) // what stays finds nobody
		}
		_ = h.server.Close()
	}
	if err := h.subscribe(ctx, w); err != nil {
		end()
		return asked{}, err
	}
	h.begun = time.Now()
	return asked{step: h.step, end: end, note: fmt.Sprintf("from a write's answer to its subscriber; %d subscriptions, %d changes/s", subscribers, changesSecond)}, nil
}

func (h *hooks) subscription(n int) string { return fmt.Sprintf("%s-%d", h.run, n) }

// subscribe makes the subscriptions and waits until they are active.
func (h *hooks) subscribe(ctx context.Context, w *worker) error {
	for n := range subscribers {
		path := "/Subscription/" + h.subscription(n)
		body := fmt.Sprintf(`{"resourceType":"Subscription","id":%[1]q,"status":"requested","reason":"bench","criteria":"Patient?_tag=%[2]s|%[1]s","channel":{"type":"rest-hook","endpoint":%[3]q,
			"payload":"application/fhir+json","_payload":{"extension":[{"url":"%[4]spayload-content","valueCode":"id-only"}]}}}`, h.subscription(n), benchTag, h.url, backportExtension)
		a, err := w.wire.send(ctx, http.MethodPut, path, []byte(body))
		if err != nil {
			return err
		}
		if a.status != http.StatusCreated {
			return &refusal{path, a.status, string(a.body)}
		}
		for deadline := time.Now().Add(toldWithin); ; time.Sleep(50 * time.Millisecond) {
			a, err := w.wire.send(ctx, http.MethodGet, path, nil)
			if err != nil {
				return err
			}
			var s struct{ Status, Error string }
			if err := json.Unmarshal(a.body, &s); err != nil {
				return err
			}
			if s.Status == "active" {
				break
			}
			if s.Status != "requested" || time.Now().After(deadline) {
				return &refusal{path, a.status, "it is " + s.Status + ": " + s.Error}
			}
		}
	}
	return nil
}

// step writes a Patient in its time and waits until the subscriber is told.
func (h *hooks) step(ctx context.Context, w *worker) error {
	n := h.slots.Add(1)
	at := h.begun.Add(time.Duration(n) * time.Second / changesSecond)
	if late := time.Since(at); late > time.Second { // not to be made good for
		h.slots.Store(int64(time.Since(h.begun) * changesSecond / time.Second))
	}
	time.Sleep(time.Until(at))
	id := fmt.Sprintf("%s-p%d", h.run, n)
	told := make(chan time.Time, 1)
	h.mu.Lock()
	h.waiting[id] = told
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.waiting, id)
		h.mu.Unlock()
	}()
	body := fmt.Sprintf(`{"resourceType":"Patient","id":%q,"meta":{"tag":[{"system":%q,"code":%q}]},"gender":"unknown"}`, id, benchTag, h.subscription(int(n)%subscribers))
	a, err := w.wire.send(ctx, http.MethodPut, "/Patient/"+id, []byte(body))
	if err != nil {
		return err
	}
	answered := time.Now()
	if a.status != http.StatusCreated {
		return fmt.Errorf("PUT /Patient/%s: %d: %.300s", id, a.status, a.body)
	}
	w.wrote(1)
	select {
	case at := <-told:
		if w.count {
			w.times = append(w.times, max(0, at.Sub(answered)))
		}
		return nil
	case <-time.After(toldWithin):
		return errors.New("nobody was told of a change within " + toldWithin.String())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take is the handler of the subscriber's server.
func (h *hooks) take(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var b struct {
		Entry []struct{ FullURL string }
	}
	if json.Unmarshal(body, &b) != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range b.Entry {
		if told := h.waiting[e.FullURL[strings.LastIndexByte(e.FullURL, '/')+1:]]; told != nil {
			select {
			case told <- now:
			default: // told before
			}
		}
	}
}
