package monitor

import (
	"context"
	"sync"
	"time"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/watch/metric"
)

// maxFeeds bounds the subscriptions of a tenant that are looked at.
const maxFeeds = 1000

// Subscriptions are the feeds that a tenant's subscribers are told by, those that are
// off left out.
func Subscriptions(ctx context.Context, door *records.Door) ([]Feed, error) {
	log := door.Subscriptions()
	if log == nil {
		return nil, nil
	}
	states, err := log.States(ctx, fhir.ID(""), maxFeeds)
	if err != nil {
		return nil, err
	}
	var all []Feed
	for _, s := range states {
		if s.Status == "off" {
			continue
		}
		all = append(all, Feed{Name: "Subscription/" + string(s.Subscription), Total: s.Total, Taken: s.Taken, Failures: s.Failures})
	}
	return all, nil
}

// feedsEvery is how old what is remembered of subscriptions may be.
const feedsEvery = time.Minute

// Remembered are the feeds of tenants, asked anew once a minute.
func Remembered(ask func(context.Context, *records.Door) ([]Feed, error)) func(context.Context, *records.Door) ([]Feed, error) {
	type asked struct {
		feeds []Feed
		at    time.Time
	}
	var mu sync.Mutex
	by := map[string]asked{}
	return func(ctx context.Context, door *records.Door) ([]Feed, error) {
		mu.Lock()
		defer mu.Unlock()
		if was, ok := by[door.Name()]; ok && time.Since(was.at) < feedsEvery {
			return was.feeds, nil
		}
		feeds, err := ask(ctx, door)
		if err == nil {
			by[door.Name()] = asked{feeds, time.Now()}
		}
		return feeds, err
	}
}

// Counted counts what a channel sends.
func Counted(c notify.Channel, counts *metric.Registry) notify.Channel {
	return counted{
		Channel: c,
		sent:    counts.Counter("ingle_subscription_deliveries_total", "Notifications that were sent to subscribers, by the channel and how that went: taken, failed, or given up.", "tenant", "channel", "outcome"),
		took:    counts.Histogram("ingle_subscription_delivery_seconds", "How long it took until a subscriber had taken a notification, or had not, in seconds.", "tenant", "channel"),
	}
}

type counted struct {
	notify.Channel
	sent *metric.Counter
	took *metric.Histogram
}

// Send implements notify.Channel.
func (c counted) Send(ctx context.Context, t notify.Target, m notify.Message) error {
	began := time.Now()
	err := c.Channel.Send(ctx, t, m)
	outcome := "taken"
	if err != nil {
		outcome = "failed"
		if notify.IsPermanent(err) {
			outcome = "given up"
		}
	}
	c.took.Observe(time.Since(began), t.Tenant, t.Code)
	c.sent.Add(1, t.Tenant, t.Code, outcome)
	return err
}
