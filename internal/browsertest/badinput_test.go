package browsertest

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestNothingLeavesAnybodyWithABlankPage(t *testing.T) {
	b := openBrowser(t)
	s := serve(t, databases["SQLite"](t))
	crowd(t, s)
	t.Run("a wrong password", func(t *testing.T) {
		p := b.somebody(t, s).visit("/account/sign-in?next=/clinic")
		p.write("#login", "okafor").write("#password", "not the password").pick("form:has(#password) button").see("There is a problem").inspect("wrong-password")
	})
	t.Run("a link that was used, or never was", func(t *testing.T) {
		p := b.somebody(t, s)
		for _, path := range []string{"/account/link/nothing", "/account/invitation?code=nothing", "/auth/request/nothing", "/auth/authorize", "/nowhere", "/clinic/nowhere"} {
			p.visit(path).helps(path)
		}
	})
	t.Run("somebody who may not", func(t *testing.T) {
		p := b.person(t, s, "maria")
		for _, path := range []string{"/clinic", "/console", "/developers", "/portal/walter", "/portal/nobody"} {
			p.visit(path).helps(path)
		}
	})
	t.Run("a session that ended elsewhere", func(t *testing.T) {
		p := b.person(t, s, "okafor").visit("/clinic/patient/maria").see("Allergies")
		p.another().visit("/account").press("Sign out")
		p.press("Results").see("Sign in")
		p.pick(`button[name=as][value="okafor"]`).see("Maria") // back where one was
	})
	t.Run("two tabs and the back button", func(t *testing.T) {
		p := b.person(t, s, "okafor").visit("/clinic/patient/walter/add/vital")
		other := p.another().visit("/clinic/patient/walter/add/vital")
		for _, one := range []*tab{p, other} {
			one.fill("What was measured", "Heart rate").fill("Value", "71").press("Add to the chart").see("Allergies")
		}
		p.leads(func() { p.eval(`() => { history.back() }`) })
		p.helps("back")
	})
	t.Run("a form of another site", func(t *testing.T) {
		p := b.person(t, s, "okafor")
		var cookies []string
		kept, err := p.page.Cookies([]string{s.url})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range kept {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
		for _, path := range []string{"/clinic/patient/maria/add/vital", "/account/sign-out", "/portal/maria/sharing/new", "/developers/new", "/console/audit/verify"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(url.Values{"kind": {"heart-rate"}, "value": {"71"}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Cookie": strings.Join(cookies, "; "), "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"} {
				r.Header.Set(name, value)
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if answer.Body.Close(); answer.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s", path, answer.Status)
			}
		}
	})
	t.Run("patients whom pages find hard", func(t *testing.T) {
		p := b.person(t, s, "okafor")
		for _, id := range []string{"empty", "many", "name-script", "name-arabic", "name-chinese", "name-emoji", "name-long"} {
			for _, place := range []string{"", "/results", "/timeline", "/list/problems", "/list/documents"} {
				p.visit("/clinic/patient/" + id + place).helps(id + place)
				if p.eval(`() => Boolean(window.harmed)`) == true {
					t.Errorf("%s%s ran a script of the record", id, place)
				}
				if n, _ := p.eval(`() => document.querySelectorAll("*").length`).(float64); n > 5000 {
					t.Errorf("%s%s has %.0f elements", id, place, n)
				}
			}
			p.visit("/clinic/patient/" + id).inspect("clinic-" + id)
		}
		p.visit("/clinic/patient/many/results").inspect("clinic-many-results")
		p.visit("/clinic/patient/name-script/timeline").inspect("clinic-name-script-timeline")
	})
	t.Run("an app that is down, or refuses frames", func(t *testing.T) {
		s.run(t, "client", "add", "Gone", "--id", "gone", "--redirect", "http://127.0.0.1:9/back", "--launch", "http://127.0.0.1:9/launch")
		p := b.person(t, s, "okafor").visit("/clinic/patient/maria/apps").see("Gone")
		p.pick(`form:has(input[name=app][value=gone]) button:not([name])`).see("cannot be reached").inspect("clinic-app-down")
	})
}

// helps says whether the page says something that helps: a heading and words, and
// nothing of the program.
func (p *tab) helps(what string) *tab {
	p.t.Helper()
	p.wait("a heading", `() => document.querySelector("h1") && document.querySelector("main").innerText.trim().length > 20`)
	p.miss("goroutine ", "runtime error", ".go:", "template:")
	p.quiet()
	if beyond, _ := p.eval(edge).(string); beyond != "" {
		p.t.Errorf("%s: beyond the edge: %s", what, beyond)
	}
	return p
}
