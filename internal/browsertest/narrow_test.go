package browsertest

import "testing"

// TestTheMenuOfANarrowPageLeadsEverywhere goes through each room on a telephone.
func TestTheMenuOfANarrowPageLeadsEverywhere(t *testing.T) {
	b := openBrowser(t)
	s := serve(t, databases["SQLite"](t))
	for _, one := range []struct {
		enter, see string
		menu       []string // places, in the order that somebody goes there
	}{
		{"Enter as Dr. Okafor", "Find a patient", []string{"Gallery", "Clinic"}},
		{"Enter as Maria", "Health problems", []string{"My record", "Results", "My apps", "Sharing choices", "Who looked", "Download", "Account", "Sign-in", "Portal"}},
		{"Enter as Dr. Lena Brandt", "Your apps", []string{"Register an app", "Query console", "Token inspector", "Read a trace", "Your apps"}},
		{"Enter as Inés Vega", "What waits", []string{"Consents", "Broken glass", "Audit", "Keeping", "Usage", "Health", "Alerts", "Overview"}},
	} {
		p := b.somebody(t, s)
		p.look(look{"light", 360})
		p.visit("/").press(one.enter).see(one.see)
		for _, place := range one.menu {
			if p.eval(`() => document.querySelector(".menu").open`) == true {
				t.Errorf("%s: the menu covers the page", p.address())
			}
			p.click("Menu")
			p.press(place)
			if here, _ := p.eval(`() => [...document.querySelectorAll(".menu [aria-current]")].map(e => e.textContent).join("|")`).(string); here == "" {
				t.Errorf("%s: the menu does not say where one is", p.address())
			}
		}
		p.click("Menu")
		p.picture("menu-of-" + one.enter)
		p.press("Sign out")
		if p.has(".who") {
			t.Errorf("%s is still signed in", one.enter)
		}
	}
}
