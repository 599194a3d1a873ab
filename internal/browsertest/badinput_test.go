package browsertest

import (
	"io"
	"net/http"
	"net/http/httptest"
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
				p.visit("/clinic/patient/" + id + place).helps(id + place).unharmed(id + place)
				if n, _ := p.eval(`() => document.querySelectorAll("*").length`).(float64); n > 5000 {
					t.Errorf("%s%s has %.0f elements", id, place, n)
				}
			}
			p.visit("/clinic/patient/" + id).inspect("clinic-" + id)
		}
		p.visit("/clinic/patient/many/results").inspect("clinic-many-results")
		p.visit("/clinic/patient/name-script/timeline").inspect("clinic-name-script-timeline")
	})
	t.Run("a link that was used", func(t *testing.T) {
		s.run(t, "user", "add", "twice", "--role", "patient", "--is", "Patient/walter")
		said := strings.Fields(s.run(t, "user", "invite", "twice"))
		link := said[len(said)-1]
		first := b.somebody(t, s).visit(link).choose("a password that was never used before")
		first.helps("a password is chosen")
		b.somebody(t, s).visit(link).helps("the link again").miss("Choose this password")
	})
	t.Run("patients whom the portal finds hard", func(t *testing.T) {
		for _, id := range []string{"empty", "name-script", "name-arabic", "name-chinese", "name-emoji", "name-long"} {
			name := id
			if id == "name-script" {
				name = hostile
			}
			p := b.newcomer(t, s, "is-"+id, name, "Patient/"+id)
			for _, place := range []string{"", "/record", "/record/problems", "/record/documents", "/record/allergies", "/results", "/looked", "/sharing", "/sharing/new", "/apps", "/file"} {
				p.visit("/portal/" + id + place).helps(id + place).unharmed(id + place)
			}
			p.visit("/portal/" + id).inspect("portal-" + id)
		}
	})
	t.Run("script in what the console shows", func(t *testing.T) {
		s.fhir(t, "PUT", "/Consent/script-consent", object{"resourceType": "Consent", "id": "script-consent", "status": "active", "scope": object{"text": hostile}, "category": []object{{"text": hostile}},
			"policy": []object{{"uri": "https://policy.example"}}, "patient": object{"reference": "Patient/name-script", "display": hostile}, "provision": object{"type": "deny", "code": []object{{"text": hostile}}}})
		s.fhir(t, "PUT", "/Subscription/script-subscription", object{"resourceType": "Subscription", "id": "script-subscription", "status": "requested", "reason": hostile, "criteria": "Patient?name=" + url.QueryEscape(hostile), "channel": object{"type": "websocket"}})
		s.run(t, "client", "add", hostile, "--id", "script-app", "--redirect", "https://app.example/back")
		s.run(t, "user", "add", "script-user", "--name", hostile, "--role", "nurse")
		vega := b.person(t, s, "vega")
		vega.visit("/console/keeping").fill("Patient or resource", "Patient/name-script").fill("Reason", hostile).press("Hold it").see("It is held").unharmed("a hold")
		for _, path := range []string{"/console/consents", "/console/consents?patient=name-script", "/console/consents/consent/script-consent", "/console/audit", "/console/audit?patient=name-script", "/console/usage", "/console/audit?user=" + url.QueryEscape(hostile)} {
			vega.visit(path).helps(path).unharmed(path)
		}
		admin := b.person(t, s, "admin")
		for _, path := range []string{"/console", "/console/subscriptions", "/console/limits", "/account/users", "/account/clients", "/account/clients/app/script-app", "/gallery", "/gallery/app/script-app"} {
			admin.visit(path).helps(path).unharmed(path)
		}
	})
	t.Run("script in a narrative", func(t *testing.T) {
		for _, div := range []string{`<script>window.harmed=1</script>`, `<img src="x" onerror="window.harmed=1"/>`, `<a href="javascript:window.harmed=1">x</a>`} {
			if status, _ := s.send(t, "PUT", "/Patient/narrative", object{"resourceType": "Patient", "id": "narrative", "text": object{"status": "generated", "div": `<div xmlns="http://www.w3.org/1999/xhtml">` + div + `</div>`}}); status/100 != 4 {
				t.Errorf("%s: %d", div, status)
			}
		}
	})
	t.Run("a session that ended elsewhere, in the middle of a form", func(t *testing.T) {
		for login, form := range map[string]string{"maria": "/portal/maria/sharing/new", "admin": "/console/limits", "brandt": "/developers/new"} {
			p := b.person(t, s, login).visit(form)
			p.another().visit("/account").press("Sign out")
			p.leads(func() { p.eval(`() => document.querySelector("main form[method=post]").submit()`) })
			p.see("not signed in any more").helps(form)
		}
	})
	t.Run("the same decision in two tabs", func(t *testing.T) {
		d := newDiary(t, s)
		d.id = "two-tabs"
		s.run(t, "client", "add", "Two tabs", "--id", d.id, "--redirect", d.redirect)
		p := b.person(t, s, "maria").visit(d.ask("launch/patient offline_access patient/Observation.rs"))
		p.pick("button[name=allow]").see("Back at the diary")
		d.allowed(t)
		p.visit("/portal/maria/apps/" + d.id)
		other := p.another().visit("/portal/maria/apps/" + d.id)
		for i, one := range []*tab{p, other} {
			one.leads(func() {
				one.eval(`() => { window.confirm = () => true; document.querySelector("form[data-confirm] button").click() }`)
			})
			one.helps("ended")
			if i == 0 {
				one.see("can use nothing any more")
			}
		}
		p.eval(`() => { history.back() }`)
		p.wait("the page before", `() => location.pathname.endsWith("/two-tabs") && document.readyState === "complete"`)
		p.helps("back at an app whose access was ended")
	})
	t.Run("an app that refuses frames", func(t *testing.T) {
		shy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Security-Policy", "frame-ancestors 'none'")
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!DOCTYPE html><html lang=en><title>Shy</title><h1>Alone at last</h1>") // the browser may have gone
		}))
		t.Cleanup(shy.Close)
		s.run(t, "client", "add", "Shy", "--id", "shy", "--redirect", shy.URL+"/back", "--launch", shy.URL+"/launch")
		p := b.person(t, s, "okafor").visit("/clinic/patient/maria/apps").see("Shy")
		p.pick(`form:has(input[name=app][value=shy]) button:not([name])`).see("does not let itself be shown inside another page", "Maria").inspect("clinic-app-shy")
	})
	t.Run("an app that is down", func(t *testing.T) {
		s.run(t, "client", "add", "Gone", "--id", "gone", "--redirect", "http://127.0.0.1:9/back", "--launch", "http://127.0.0.1:9/launch")
		p := b.person(t, s, "okafor").visit("/clinic/patient/maria/apps").see("Gone")
		p.pick(`form:has(input[name=app][value=gone]) button:not([name])`).see("cannot be reached").inspect("clinic-app-down")
	})
}

// unharmed fails the test if the page has run a script of what people wrote.
func (p *tab) unharmed(what string) *tab {
	p.t.Helper()
	if p.eval(`() => Boolean(window.harmed) || Boolean(document.querySelector("main img[src=x], main script"))`) == true {
		p.t.Errorf("%s: a script of what somebody wrote has come in", what)
	}
	return p
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
