package monitor

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/watch/metric"
)

// answering is a channel that answers each message with the next of some errors.
type answering struct{ errs []error }

func (a *answering) Check(context.Context, notify.Target) error { return errors.New("checked") }

func (a *answering) Send(context.Context, notify.Target, notify.Message) error {
	err := a.errs[0]
	a.errs = a.errs[1:]
	return err
}

func TestNotificationsAreCountedByChannelAndOutcome(t *testing.T) {
	away := errors.New("away")
	counts := metric.New()
	c := Counted(&answering{[]error{nil, nil, away, notify.Permanent(away), nil}}, counts)
	if err := c.Check(t.Context(), notify.Target{}); err == nil || err.Error() != "checked" {
		t.Errorf("a check is not passed on: %v", err)
	}
	hook, mail := notify.Target{Tenant: "ward", Code: "rest-hook"}, notify.Target{Tenant: "ward", Code: "email"}
	for i, target := range []notify.Target{hook, hook, hook, hook, mail} {
		if err := c.Send(t.Context(), target, notify.Message{}); (err != nil) != (i == 2 || i == 3) {
			t.Errorf("message %d: %v", i, err)
		}
	}
	var text strings.Builder
	if err := counts.WriteText(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`ingle_subscription_deliveries_total{tenant="ward",channel="rest-hook",outcome="taken"} 2`,
		`ingle_subscription_deliveries_total{tenant="ward",channel="rest-hook",outcome="failed"} 1`,
		`ingle_subscription_deliveries_total{tenant="ward",channel="rest-hook",outcome="given up"} 1`,
		`ingle_subscription_deliveries_total{tenant="ward",channel="email",outcome="taken"} 1`,
		`ingle_subscription_delivery_seconds_count{tenant="ward",channel="rest-hook"} 4`,
		`ingle_subscription_delivery_seconds_count{tenant="ward",channel="email"} 1`,
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("%s is missing from\n%s", line, text.String())
		}
	}
}
