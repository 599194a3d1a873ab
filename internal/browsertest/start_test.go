package browsertest

import "testing"

func TestEveryDoorOfTheStartPageOpensWithOneClick(t *testing.T) {
	b := openBrowser(t)
	s := serve(t, databases["SQLite"](t))
	p := b.somebody(t, s).visit("/").see("Welcome to the sandbox").inspect("start")
	names := p.eval(`() => [...document.querySelectorAll(".doors button[name=as]")].map(e => e.innerText).join("|")`)
	t.Log(names)
	p.visit("/design").inspect("design")
	b.person(t, s, "admin").visit("/account").see("Sign out").inspect("account")
}
