package records_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/store"
)

func TestUsageIsTheSumOfAllProcessesAndRestarts(t *testing.T) {
	onEach(t, func(t *testing.T, db database) {
		now := time.Date(2026, 3, 1, 23, 59, 0, 0, time.UTC)
		var mu sync.Mutex
		clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
		open := func() *records.Door {
			return must(records.Open(t.Context(), records.Config{Store: db.open(t), Definitions: definitions.MustBuiltIn(definitions.R4), Base: base, Clock: clock}))(t)
		}
		one, other := open(), open()
		use := func(d *records.Door, client, user string) {
			d.CountUse(records.Usage{Client: client, User: user, Requests: 1, Resources: 10, Bytes: 100})
		}
		var counting sync.WaitGroup
		for _, d := range []*records.Door{one, other} {
			counting.Go(func() {
				for n := range 100 {
					use(d, "growth", "okafor")
					if n%25 == 0 {
						if err := d.FlushUsage(t.Context()); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		counting.Wait()
		use(one, "portal", "maria")
		one.CountUse(records.Usage{Client: "portal", User: "maria", Requests: 1, Refused: 1})
		if err := one.FlushUsage(t.Context()); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		now = now.Add(2 * time.Minute)
		mu.Unlock()
		use(other, "growth", "okafor")
		if err := other.FlushUsage(t.Context()); err != nil {
			t.Fatal(err)
		}
		again := open() // a process that starts
		use(again, "growth", "okafor")
		for _, test := range []struct {
			days   int
			client string
			want   string
		}{
			{7, "", "[{2026-03-02 growth okafor 2 20 200 0 0 0} {2026-03-01 growth okafor 200 2000 20000 0 0 0} {2026-03-01 portal maria 2 10 100 1 0 0}]"},
			{7, "portal", "[{2026-03-01 portal maria 2 10 100 1 0 0}]"},
			{1, "", "[{2026-03-02 growth okafor 2 20 200 0 0 0}]"},
			{7, "none", "[]"},
		} {
			if got := fmt.Sprint(must(inRole(t, again, "privacy-officer", "user/Patient.rs").Usage(t.Context(), test.days, test.client))(t)); got != test.want {
				t.Errorf("%d days of %q: %s", test.days, test.client, got)
			}
		}
		_, err := inRole(t, again, "practitioner", "user/*.cruds").Usage(t.Context(), 7, "")
		refused(t, err, fault.Forbidden, `the operation "usage"`)
		_, err = again.Usage(t.Context(), 0, "")
		refused(t, err, fault.Invalid, "1 to 366 days")
	})
}

// stuck does not write items until it is let go.
type stuck struct {
	store.Store
	until chan struct{}
}

func (s *stuck) WriteItems(ctx context.Context, epoch bool, changes ...store.ItemChange) error {
	<-s.until
	return s.Store.WriteItems(ctx, epoch, changes...)
}

func TestCountingWaitsForNoDatabaseAndIsBounded(t *testing.T) {
	s := &stuck{Store: newDatabase(t, "sqlite").open(t), until: make(chan struct{})}
	close(s.until)
	d := must(records.Open(t.Context(), records.Config{Store: s, Definitions: definitions.MustBuiltIn(definitions.R4), Base: base}))(t)
	s.until = make(chan struct{})
	flushed := make(chan error, 1)
	d.CountUse(records.Usage{Client: "first", Requests: 1})
	go func() { flushed <- d.FlushUsage(t.Context()) }()
	const users = 25_000
	for n := range users {
		d.CountUse(records.Usage{Client: "app", User: fmt.Sprint(n), Requests: 1})
	}
	close(s.until)
	if err := <-flushed; err != nil {
		t.Fatal(err)
	}
	rows := must(d.Usage(t.Context(), 1, ""))(t)
	sum := int64(0)
	for _, u := range rows {
		sum += u.Requests
	}
	if sum != users+1 || len(rows) > 20_001 || rows[0].User != "others" {
		t.Errorf("%d requests in %d rows, first %+v", sum, len(rows), rows[0])
	}
}

func TestAnAnswerCountsByItsStatus(t *testing.T) {
	var u records.Usage
	for _, status := range []int{200, 201, 304, 401, 403, 429, 400, 404, 422, 500, 503} {
		u.Answered(status)
	}
	if want := (records.Usage{Requests: 11, Refused: 3, Throttled: 1, Failed: 5}); u != want {
		t.Errorf("%+v, want %+v", u, want)
	}
}
