package desk

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
)

var requestsTemplate = pages.Parse(pageFiles, "requests.html", "page/head.html")

// requestRow is one request of an app, as the audit log has it. Outside of a sandbox it
// tells of no person and no resource: those are other people's.
type requestRow struct {
	*audit.Event
	Target, Why string
	Failed      bool
}

// requestsPage is the request log of an app.
type requestsPage struct {
	head
	Rows    []requestRow
	Pager   pages.Pager
	Failing bool // only those that failed are listed
	All     string
	OnlyBad string
	Use     pages.Bars
	None    bool // there is no audit log
}

// requestsShown is how many requests are on a page, and looks how many pages of the log
// are looked through for them.
const (
	requestsShown = 50
	looks         = 8
)

func showRequests(v *pages.Visit, c *identity.Client) error {
	h, err := heading(v, c, "/requests")
	if err != nil {
		return err
	}
	page := requestsPage{head: h, Failing: v.Query.Get("only") == "errors", All: h.Address + "/requests", OnlyBad: h.Address + "/requests?only=errors"}
	before, _ := strconv.ParseInt(v.Query.Get("before"), 10, 64)
	log := v.Door.Audit()
	page.None = log == nil
	if log != nil {
		next, err := eachRequest(v.R.Context(), log, c.ID, max(before, 0), requestsShown, func(e *audit.Event) bool {
			if page.Failing && e.Status < 400 && !e.Refused {
				return false
			}
			page.Rows = append(page.Rows, requestOf(e, h.Sandbox))
			return true
		})
		if err != nil {
			return err
		}
		if next > 0 {
			q := url.Values{"before": {strconv.FormatInt(next, 10)}}
			if page.Failing {
				q.Set("only", "errors")
			}
			page.Pager.After = page.All + "?" + q.Encode()
		}
		if before > 0 {
			page.Pager.Before = page.All
		}
	}
	if page.Use, err = useOf(v, c.ID); err != nil {
		return err
	}
	return v.Write(http.StatusOK, frame(v, "Requests of "+c.Name, "", pages.Wide), requestsTemplate, page)
}

// eachRequest calls f with the events of an app, the newest first, until f took limit
// of them, and returns where to go on; 0 for the end.
func eachRequest(ctx context.Context, log *audit.Log, client string, before int64, limit int, f func(*audit.Event) bool) (next int64, err error) {
	taken := 0
	for range looks {
		found, err := log.Find(ctx, audit.Query{Agent: client, Newest: true, Before: before, Limit: 250, Match: func(e *audit.Event) bool { return e.Agent.Client == client }})
		if err != nil {
			return 0, err
		}
		for _, e := range found.Events {
			if f(e) {
				taken++
			}
			if taken >= limit {
				return e.Number, nil
			}
		}
		if found.Next < 0 {
			return 0, nil
		}
		before = found.Next
	}
	return before, nil
}

func requestOf(e *audit.Event, sandbox bool) requestRow {
	r := requestRow{Event: e, Target: e.Target, Failed: e.Status >= 400 || e.Refused, Why: strings.Join(e.Why, ", ")}
	if sandbox {
		if e.Query != "" {
			r.Target += "?" + e.Query
		}
		return r
	}
	r.Target, _, _ = strings.Cut(e.Target, "/")
	if strings.HasPrefix(e.Target, "auth/") {
		r.Target = e.Target
	}
	return r
}

// useDays is of how many days the use is shown.
const useDays = 14

// useOf is how often the app asked for something, day by day.
func useOf(v *pages.Visit, client string) (pages.Bars, error) {
	rows, err := v.Door.Usage(v.R.Context(), useDays, client)
	if err != nil {
		return pages.Bars{}, err
	}
	days := map[string]*pages.Bar{}
	for _, u := range rows {
		b := days[u.Day]
		if b == nil {
			b = &pages.Bar{Name: u.Day}
			days[u.Day] = b
		}
		b.Value += u.Requests
		b.Bad += u.Refused
	}
	bars := pages.Bars{ID: "use", Title: "Requests by day", Unit: "request"}
	for _, b := range days {
		bars.Bars = append(bars.Bars, *b)
	}
	slices.SortFunc(bars.Bars, func(a, b pages.Bar) int { return strings.Compare(a.Name, b.Name) })
	return bars, nil
}
