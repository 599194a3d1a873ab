package console

import (
	"cmp"
	"net/url"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/notify"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var subscriptionsTemplate = parse("subscriptions.html")

// subscriptionsShown is how many subscriptions a page lists.
const subscriptionsShown = 50

// subscribed is a Subscription as the page lists it.
type subscribed struct {
	notify.State
	Tag          pages.Tag
	Channel, For string
	Pending      int64 // events that were not taken
	Ended        bool
}

// subscriptions lists who is told of changes, and how that goes.
func (v *visit) subscriptions() error { return v.showSubscriptions(nil) }

func (v *visit) showSubscriptions(problems []pages.Problem) error {
	page := struct {
		pages.Frame
		List   []subscribed
		Pager  pages.Pager
		Change string
	}{Frame: v.frame("Subscriptions", Path+"/subscriptions", pages.Wide), Change: v.Path(Path + "/subscriptions")}
	page.Problems = problems
	if log := v.Door.Subscriptions(); log != nil {
		states, err := log.States(v.R.Context(), fhir.ID(v.Query.Get("after")), subscriptionsShown)
		if err != nil {
			return err
		}
		names := v.appNames()
		for _, s := range states {
			one, err := v.subscribed(s, names)
			if err != nil {
				return err
			}
			page.List = append(page.List, one)
		}
		if n := len(states); n == subscriptionsShown {
			page.Pager.After = page.Change + "?" + url.Values{"after": {string(states[n-1].Subscription)}}.Encode()
		}
	}
	return v.Write(pages.StatusOf(problems), page.Frame, subscriptionsTemplate, page)
}

// subscribed is what the page says of one. Of its endpoint that is the host alone: the
// rest may be a secret.
func (v *visit) subscribed(s notify.State, names func(string) (string, error)) (subscribed, error) {
	one := subscribed{State: s, Tag: pages.SubscriptionTags[s.Status], Channel: s.Code, Pending: max(s.Total-s.Taken, 0), Ended: s.Status == "off"}
	if u, err := url.Parse(s.Endpoint); err == nil && u.Host != "" {
		one.Channel += " to " + u.Host
	}
	app, err := names(s.Client)
	if err != nil {
		return one, err
	}
	one.For = cmp.Or(app, s.Client)
	if s.User != "" {
		who := used{Usage: records.Usage{User: s.User}}
		if err := v.nameUser(&who); err != nil {
			return one, err
		}
		if one.For != "" {
			one.For += " for "
		}
		one.For += who.Name
	}
	one.For = cmp.Or(one.For, "Whoever runs the server")
	return one, nil
}

// subscriptionsCounted bounds how many subscriptions the check looks at.
const subscriptionsCounted = 1000

// subscriptionCheck says whether those who want to be told of changes can be.
func (v *visit) subscriptionCheck() (check, error) {
	c := check{Name: "Subscriptions", State: well, Words: "Nobody is told of changes."}
	if v.administers() {
		c.Link = &pages.Item{Name: "The subscriptions", Address: v.Path(Path + "/subscriptions")}
	}
	log := v.Door.Subscriptions()
	if log == nil {
		return c, nil
	}
	states, err := log.States(v.R.Context(), "", subscriptionsCounted)
	on, failing, pending := 0, 0, int64(0)
	for _, s := range states {
		switch s.Status {
		case "off":
			continue
		case "error":
			failing++
		}
		on++
		pending += max(s.Total-s.Taken, 0)
	}
	if on > 0 {
		c.Words = pages.Count(int64(on), "subscription") + ", " + pages.Count(pending, "event") + " to be told."
	}
	if failing > 0 {
		c.State, c.Words = pages.Tag{Kind: "warn", Text: "failing"}, c.Words+" "+pages.Count(int64(failing), "subscriber")+" cannot be reached."
	}
	return c, err
}

// changeSubscription turns a Subscription off, retries what failed, or sends a test.
func (v *visit) changeSubscription() error {
	log, id := v.Door.Subscriptions(), fhir.ID(v.Form.Get("subscription"))
	if log == nil || !id.Valid() {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such Subscription.")
	}
	ctx, done := v.R.Context(), v.Form.Get("act")
	v.Note(audit.Administer, "Subscription/"+string(id)+" "+done)
	var err error
	switch done {
	case "off":
		err = log.Off(ctx, id, "turned off by an administrator of the server")
	case "retry":
		err = log.Retry(ctx, id)
	case "try":
		if _, err = log.State(ctx, id); err == nil {
			if failure := log.Try(ctx, id); failure != nil {
				return v.showSubscriptions([]pages.Problem{{Message: "The test was not taken: " + failure.Error() + "."}})
			}
		}
	default:
		return fault.New(fault.Invalid, fault.CodeValue, "", "A Subscription is turned off, tried again or tested.")
	}
	if list := pages.Problems(err); list != nil && fault.KindOf(err) != fault.NotFound {
		return v.showSubscriptions(list)
	}
	if err != nil {
		return err
	}
	return v.done(Path+"/subscriptions", "subscription-"+done)
}
