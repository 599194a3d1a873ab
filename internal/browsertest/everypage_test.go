package browsertest

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestEveryPageIsGoodToEverybodyInEveryLook(t *testing.T) {
	b := openBrowser(t)
	s := serve(t, databases["SQLite"](t), "--subscription-allow", "127.0.0.1")
	crowd(t, s)
	bustle(t, b, s)
	visitor := b.somebody(t, s)
	visitor.visit("/").see("Welcome to the sandbox").inspect("start")
	people := append([]string{""}, visitor.list(`() => [...document.querySelectorAll("button[name=as]")].map(e => e.value)`, "/account/sign-in?next=/account")...)
	seen := map[string]bool{} // by anybody
	for _, login := range people {
		t.Run("as "+login, func(t *testing.T) {
			c := &crawl{seen: seen, own: map[string]bool{}, who: login}
			if c.who == "" {
				c.who, c.tab = "nobody", b.somebody(t, s)
			} else {
				c.tab = b.person(t, s, login)
			}
			begin := []string{"/", "/design"}
			if login == "okafor" {
				begin = append(begin, "/clinic/patient/maria") // the first patient of the list has little data
			}
			c.from(begin...)
		})
	}
	t.Run("with 5,000 results of one's own", func(t *testing.T) {
		c := &crawl{seen: map[string]bool{}, own: map[string]bool{}, who: "petra", tab: b.newcomer(t, s, "petra", "Petra Manifold", "Patient/many")}
		c.from("/portal/many", "/portal/many/results", "/portal/many/trend?code=8867-4", "/portal/many/looked", "/portal/many/file")
	})
	t.Run("proposals while one types", func(t *testing.T) {
		p := b.person(t, s, "okafor").visit("/clinic").write("#q", "del")
		p.element("[role=option]")
		p.inspect("clinic-proposals")
	})
	for _, kind := range []string{"/developers/app/*", "/developers/app/*/launch", "/developers/app/*/trace", "/developers/app/*/requests", "/developers/app/*/data", "/developers/app/*/subscriptions", "/console/tenants", "/console/tenants/tenant/*", "/console/alerts", "/portal/*/apps/*", "/gallery/app/*"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(k string) bool { return strings.HasSuffix(k, kind) }) {
			t.Errorf("no link leads to a page like %s", kind)
		}
	}
	if len(seen) < 10 {
		t.Errorf("there are only the pages %v", seen)
	}
}

// list is what a function gives at a page.
func (p *tab) list(function, path string) []string {
	p.t.Helper()
	var all []string
	decode(p.t, p.visit(path).eval(`() => JSON.stringify((`+function+`)())`), &all)
	return all
}

// crawl inspects the pages that links lead to, of each kind the first.
type crawl struct {
	tab  *tab
	who  string
	seen map[string]bool // kinds of pages inspected, by whomever
	own  map[string]bool // kinds of pages that this person has been at
}

// links are the addresses of pages of this server that the page links to.
const links = `() => [...new Set([...document.querySelectorAll("main a[href], header a[href], nav a[href]")]
	.filter(e => !e.hasAttribute("download") && e.origin === location.origin && e.target !== "_blank").map(e => e.pathname + e.search))]`

func (c *crawl) from(paths ...string) {
	for len(paths) > 0 && len(c.own) < 80 {
		path := paths[0]
		paths = paths[1:]
		kind := kindOf(path)
		if c.own[kind] {
			continue
		}
		c.own[kind] = true
		if strings.HasPrefix(path, "/fhir") || !c.isPage(path) {
			continue
		}
		paths = append(paths, c.tab.list(links, path)...)
		name := c.who + strings.NewReplacer("/", "-", "?", "-", "*", "x", "&", "-", "=", "-").Replace(kind)
		if name = strings.TrimRight(name, "-"); !c.seen[c.mark(kind)] {
			c.seen[c.mark(kind)] = true
			c.tab.inspect(name)
		}
	}
}

// mark is what stands for a kind of page that was inspected: the start page, the first
// page of each room, the gallery, the console and the account are another page for each person.
func (c *crawl) mark(kind string) string {
	each := func(room string) bool { return strings.HasPrefix(kind, room) }
	if strings.Count(kind, "/") == 1 || slices.ContainsFunc([]string{"/account", "/console", "/gallery"}, each) && !strings.Contains(kind, "sign-in") {
		return c.who + " " + kind
	}
	return kind
}

// isPage says whether there is a page, and no file.
func (c *crawl) isPage(path string) bool {
	t := c.tab.t
	answer := c.tab.get(path)
	if err := answer.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode >= http.StatusBadRequest {
		t.Errorf("a link leads %s to %s: %s", c.who, path, answer.Status)
		return false
	}
	return strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html") && !strings.HasPrefix(answer.Header.Get("Content-Disposition"), "attachment")
}

// kindOf is what addresses of the same kind of page have in common: ids and values
// do not count.
func kindOf(path string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	for i := 1; i < len(parts); i++ {
		if slices.Contains(holders, parts[i-1]) {
			parts[i] = "*"
		}
	}
	kind := "/" + strings.Join(parts, "/")
	var names []string
	for name := range u.Query() {
		if slices.Contains(places, name) {
			return "/" + strings.Join(parts, "/") // another part of the same list
		}
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) > 0 {
		kind += "?" + strings.Join(names, "&")
	}
	return kind
}

// places are parameters that say which part of a list is shown.
var places = []string{"after", "before", "page", "encounter"}

// holders are the parts of addresses after which an id stands.
var holders = []string{"patient", "patients", "app", "apps", "users", "user", "clients", "client",
	"document", "report", "event", "events", "consent", "entry", "choice", "code", "looked", "sharing", "portal", "tenant", "role", "person"}
