package console

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
)

var usageTemplate = parse("usage.html")

// usageShown is how many apps or users a chart has.
const usageShown = 15

// used is what an app or a user did.
type used struct {
	records.Usage
	Name, Link string
	Failures   string // address of what was refused or failed, in the audit log
}

type usagePage struct {
	pages.Frame
	Spans        []pages.Item
	Sum          records.Usage
	Days         pages.Chart
	Apps, Users  pages.Bars
	Rows         []used
	More         int // apps that are not listed
	Client, Name string
	All          string // address of all apps together
}

// usage shows how much was used on the last days, by app and by user.
func (v *visit) usage() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	page := usagePage{Frame: v.frame("Usage", Path+"/usage", pages.Wide), Client: v.Query.Get("app"), All: v.usageAddress("", v.Query.Get("days"))}
	days, err := strconv.Atoi(cmp.Or(v.Query.Get("days"), "30"))
	if err != nil || days < 1 || days > records.MaxUsageDays {
		page.Problems = append(page.Problems, pages.Problem{Message: "Usage is told of 1 to " + strconv.Itoa(records.MaxUsageDays) + " days."})
		days = 30
	}
	for _, n := range []int{1, 7, 30, 90, records.MaxUsageDays} {
		page.Spans = append(page.Spans, pages.Item{Name: pages.Count(n, "day"), Address: v.usageAddress(page.Client, strconv.Itoa(n)), Here: n == days})
	}
	all, err := s.Usage(v.R.Context(), days, page.Client)
	if err != nil {
		return err
	}
	names := v.appNames()
	if page.Name, err = names(page.Client); err != nil {
		return err
	}
	page.Days = v.usageDays(all, days)
	apps, users := map[string]*used{}, map[string]*used{}
	for _, u := range all {
		add(&page.Sum, u)
		count(apps, u.Client, u)
		count(users, u.User, u)
	}
	for id, one := range apps {
		if one.Name, err = names(id); err != nil {
			return err
		}
		one.Name = cmp.Or(one.Name, "No app")
		if id != "" && one.Refused+one.Failed > 0 {
			one.Failures = v.Path(Path+"/audit") + "?" + url.Values{"app": {id}, "outcome": {"bad"}}.Encode()
		}
		if id != "" && page.Client == "" {
			one.Link = v.usageAddress(id, strconv.Itoa(days))
		}
	}
	page.Rows = ranked(apps)
	page.Apps = bars("apps", "Requests by app", page.Rows)
	byUser := ranked(users)
	for i := range byUser[:min(usageShown, len(byUser))] {
		if err := v.nameUser(&byUser[i]); err != nil {
			return err
		}
	}
	page.Users = bars("users", "Requests by user", byUser)
	if n := len(page.Rows); n > 100 {
		page.Rows, page.More = page.Rows[:100], n-100
	}
	return v.Write(pages.StatusOf(page.Problems), page.Frame, usageTemplate, page)
}

func (v *visit) usageAddress(client, days string) string {
	q := url.Values{}
	if client != "" {
		q.Set("app", client)
	}
	if days != "" {
		q.Set("days", days)
	}
	if len(q) == 0 {
		return v.Path(Path + "/usage")
	}
	return v.Path(Path+"/usage") + "?" + q.Encode()
}

// count adds to what one app or user did.
func count(all map[string]*used, id string, u records.Usage) {
	if all[id] == nil {
		all[id] = &used{Usage: records.Usage{Client: u.Client, User: u.User}}
	}
	add(&all[id].Usage, u)
}

func add(sum *records.Usage, u records.Usage) {
	sum.Requests += u.Requests
	sum.Resources += u.Resources
	sum.Bytes += u.Bytes
	sum.Refused += u.Refused
	sum.Throttled += u.Throttled
	sum.Failed += u.Failed
}

// usageDays is the chart of requests by day, with the days when there were none.
func (v *visit) usageDays(all []records.Usage, days int) pages.Chart {
	requests, refused, failed := map[string]int64{}, map[string]int64{}, map[string]int64{}
	for _, u := range all {
		requests[u.Day] += u.Requests
		refused[u.Day] += u.Refused
		failed[u.Day] += u.Failed
	}
	c := pages.Chart{ID: "days", Title: "Requests by day", Series: []pages.Series{{Name: "requests"}, {Name: "refused"}, {Name: "failed"}}}
	if len(all) == 0 || days == 1 {
		return pages.Chart{}
	}
	today := v.Now.UTC().Truncate(24 * time.Hour)
	for i := days - 1; i >= 0; i-- {
		at := today.AddDate(0, 0, -i)
		day := at.Format(time.DateOnly)
		for j, n := range []int64{requests[day], refused[day], failed[day]} {
			c.Series[j].Points = append(c.Series[j].Points, pages.Point{Time: at, Value: float64(n), Text: pages.Number(n)})
		}
	}
	return c
}

// ranked are those with most requests first.
func ranked(all map[string]*used) (list []used) {
	for _, one := range all {
		list = append(list, *one)
	}
	slices.SortFunc(list, func(a, b used) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Client, b.Client), cmp.Compare(a.User, b.User))
	})
	return list
}

// nameUser says who a user is.
func (v *visit) nameUser(u *used) error {
	if u.User == "" {
		u.Name = "No user"
		return nil
	}
	who, err := v.Identity.User(v.R.Context(), u.User)
	if errors.Is(err, identity.ErrNotFound) {
		u.Name = "A user who is gone"
		return nil
	}
	if err != nil {
		return err
	}
	u.Name = cmp.Or(who.Name, who.Login)
	u.Link = v.Path(Path+"/audit") + "?" + url.Values{"user": {who.Login}}.Encode()
	return nil
}

func bars(id, title string, list []used) pages.Bars {
	b := pages.Bars{ID: id, Title: title, Bad: "refused or failed"}
	for _, u := range list[:min(usageShown, len(list))] {
		b.Bars = append(b.Bars, pages.Bar{Name: u.Name, Value: u.Requests, Bad: u.Refused + u.Failed, Link: u.Link})
	}
	return b
}
