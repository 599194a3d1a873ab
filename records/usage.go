package records

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/smart"
	"github.com/inglehealth/ingle/store"
)

// Usage is how much a user did through an app on a day.
type Usage struct {
	Day       string `json:"-"`                // of UTC: "2026-03-01"
	Client    string `json:"client,omitempty"` // id of the app; "" for none, and for tokens of the server's administration
	User      string `json:"user,omitempty"`   // id of the user; "" for none
	Requests  int64  `json:"requests"`
	Resources int64  `json:"resources"`           // returned
	Bytes     int64  `json:"bytes"`               // of answers, as they were sent
	Refused   int64  `json:"refused"`             // requests answered with 401, 403 or 429
	Throttled int64  `json:"throttled,omitempty"` // those of them answered with 429: a limit was reached
	Failed    int64  `json:"failed"`              // requests answered with any other 4xx or 5xx
}

// Answered counts a request by the status of its answer.
func (u *Usage) Answered(status int) {
	u.Requests++
	if status == http.StatusTooManyRequests {
		u.Throttled++
	}
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusTooManyRequests:
		u.Refused++
	case status >= http.StatusBadRequest:
		u.Failed++
	}
}

const (
	kindUsage   = "usage"
	usageClient = "client" // name of the key of an item

	usageEvery = 5 * time.Second
	usageKept  = 400 * 24 * time.Hour
	// maxUsage bounds the pairs of app and user that a process counts in a day. Further
	// ones are counted together, as usageOthers.
	maxUsage    = 20_000
	usageOthers = "others"
	usageBatch  = 200 // rows written together
	// MaxUsageDays bounds the days that are asked for at once, and maxUsageRows what
	// they come to.
	MaxUsageDays = 366
	maxUsageRows = 50_000
)

// usage counts in memory, and writes what it has counted now and then. Each process
// has rows of its own, which hold its sums of the day, so that writing one again
// counts nothing twice and processes do not wait for each other.
type usage struct {
	process string
	mu      sync.Mutex
	days    map[string]map[usageKey]*counted
	size    int
}

type usageKey struct{ client, user string }

type counted struct {
	Usage
	dirty bool
}

func newUsage() *usage {
	return &usage{process: uuid.NewString(), days: map[string]map[usageKey]*counted{}}
}

// CountUse counts what was done. It waits for nothing but other counts.
func (d *Door) CountUse(u Usage) {
	x := d.usage
	day := d.config.Clock().UTC().Format(time.DateOnly)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.days[day] == nil {
		x.days[day] = map[usageKey]*counted{}
	}
	key := usageKey{u.Client, u.User}
	c := x.days[day][key]
	if c == nil && x.size >= maxUsage {
		key = usageKey{usageOthers, usageOthers}
		c = x.days[day][key]
	}
	if c == nil {
		c = &counted{Usage: Usage{Day: day, Client: key.client, User: key.user}}
		x.days[day][key] = c
		x.size++
	}
	c.add(u)
	c.dirty = true
}

func (u *Usage) add(other Usage) {
	u.Requests += other.Requests
	u.Resources += other.Resources
	u.Bytes += other.Bytes
	u.Refused += other.Refused
	u.Throttled += other.Throttled
	u.Failed += other.Failed
}

// FlushUsage writes what was counted and is not written. What was counted in a
// process that is killed since its last flush is lost.
func (d *Door) FlushUsage(ctx context.Context) error {
	for {
		some := d.usage.unwritten(usageBatch)
		if len(some) == 0 {
			d.usage.drop(d.config.Clock().UTC().Format(time.DateOnly))
			return nil
		}
		changes := make([]store.ItemChange, len(some))
		for i, u := range some {
			body, err := json.Marshal(u)
			if err != nil {
				return err
			}
			day, err := time.Parse(time.DateOnly, u.Day)
			if err != nil {
				return err
			}
			changes[i] = store.ItemChange{Expect: store.Any, Item: store.Item{
				Kind: kindUsage, ID: d.usage.id(u), Body: body, Expires: day.Add(usageKept), Keys: []store.ItemKey{{Name: usageClient, Value: u.Client}},
			}}
		}
		if err := d.store.WriteItems(ctx, false, changes...); err != nil {
			d.usage.failed(some)
			return err
		}
	}
}

// id of a row begins with the day, so that rows are in the order of days.
func (x *usage) id(u Usage) string {
	sum := sha256.Sum256([]byte(u.Client + "\x00" + u.User))
	return u.Day + "/" + hex.EncodeToString(sum[:12]) + "/" + x.process
}

func (x *usage) unwritten(limit int) (some []Usage) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, day := range x.days {
		for _, c := range day {
			if len(some) == limit {
				return some
			}
			if c.dirty {
				c.dirty = false
				some = append(some, c.Usage)
			}
		}
	}
	return some
}

func (x *usage) failed(some []Usage) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, u := range some {
		if c := x.days[u.Day][usageKey{u.Client, u.User}]; c != nil {
			c.dirty = true
		}
	}
}

// drop forgets days that are over and written.
func (x *usage) drop(today string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for day, of := range x.days {
		written := true
		for _, c := range of {
			written = written && !c.dirty
		}
		if day < today && written {
			x.size -= len(of)
			delete(x.days, day)
		}
	}
}

// flushing flushes now and then until ctx ends, and once more then.
func (d *Door) flushing(ctx context.Context) {
	for {
		stopped := sleep(ctx, usageEvery) != nil
		if err := d.FlushUsage(context.WithoutCancel(ctx)); err != nil {
			d.log.WarnContext(ctx, "what was used is not written yet", "error", err)
		}
		if stopped {
			return
		}
	}
}

// Usage sums what was used on the last days, today included, by all or through one
// app (client ""), as all processes have written it: the newest day first, and on a
// day those with most requests. For privacy officers.
func (s *Session) Usage(ctx context.Context, days int, client string) ([]Usage, error) {
	if err := s.operate(access.Usage, smart.Read); err != nil {
		return nil, err
	}
	return s.door.Usage(ctx, days, client)
}

// Usage is Session.Usage for the program itself: the pages show the developer of an
// app what it used.
func (d *Door) Usage(ctx context.Context, days int, client string) ([]Usage, error) {
	if days < 1 || days > MaxUsageDays {
		return nil, fault.New(fault.Invalid, fault.CodeValue, "", "usage is told of 1 to %d days, not %d", MaxUsageDays, days)
	}
	if err := d.FlushUsage(ctx); err != nil {
		return nil, d.fault(err)
	}
	sums := map[Usage]*Usage{} // by day, client and user
	after := d.config.Clock().UTC().AddDate(0, 0, 1-days).Format(time.DateOnly)
	const batch = 500
	for {
		var items []store.Item
		var err error
		if client == "" {
			items, err = d.store.ListItems(ctx, kindUsage, after, batch)
		} else {
			items, err = d.store.FindItems(ctx, kindUsage, store.ItemKey{Name: usageClient, Value: client}, after, batch)
		}
		if err != nil {
			return nil, d.fault(err)
		}
		for _, item := range items {
			var u Usage
			if err := json.Unmarshal(item.Body, &u); err != nil {
				return nil, fmt.Errorf("records: usage %s: %w", item.ID, err)
			}
			u.Day, _, _ = strings.Cut(item.ID, "/")
			key := Usage{Day: u.Day, Client: u.Client, User: u.User}
			if sums[key] == nil {
				if len(sums) == maxUsageRows {
					return nil, fault.New(fault.Unprocessable, fault.CodeTooCostly, "", "there are more than %d apps, users and days: ask for fewer days, or for one app", maxUsageRows)
				}
				sum := key
				sums[key] = &sum
			}
			sums[key].add(u)
		}
		if len(items) < batch {
			break
		}
		after = items[len(items)-1].ID
	}
	all := make([]Usage, 0, len(sums))
	for _, u := range sums {
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b Usage) int {
		return cmp.Or(strings.Compare(b.Day, a.Day), cmp.Compare(b.Requests, a.Requests), strings.Compare(a.Client, b.Client), strings.Compare(a.User, b.User))
	})
	return all, nil
}
