package browsertest

import (
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/proto"

	"github.com/inglehealth/ingle/internal/clienttest"
)

// axeFile is where scripts/install-test-deps puts axe-core.
const axeFile = root + "/internal/clienttest/node_modules/axe-core/axe.min.js"

// browser is one Chromium. Each of its people has cookies of their own.
type browser struct{ rod *rod.Browser }

// openBrowser starts one, which the end of the test closes. Where
// scripts/install-test-deps was not run, the test fails with CI=true and is skipped
// loudly otherwise.
func openBrowser(t testing.TB) *browser {
	t.Helper()
	path, err := clienttest.Chromium()
	if err == nil {
		_, err = os.Stat(axeFile)
	}
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("%v: scripts/install-test-deps installs it", err)
	default:
		t.Skipf("NOT TESTED IN A BROWSER: %v; scripts/install-test-deps installs it", err)
	}
	l := launcher.New().Bin(path).Leakless(false).Headless(true).NoSandbox(true).Set("disable-gpu").Set("disable-dev-shm-usage").
		Set("disable-site-isolation-trials").Set("disable-features", "IsolateOrigins,site-per-process,IsolateSandboxedIframes,TranslateUI"). // frames of others can be asked, too
		Set("force-color-profile", "srgb").Set("hide-scrollbars").UserDataDir(t.TempDir()).
		Set("js-flags", "--no-opt --no-maglev") // no script runs long enough to be worth compiling well
	control, err := l.Launch()
	if err != nil {
		t.Fatal(err)
	}
	b := rod.New().ControlURL(control)
	if err := b.Connect(); err != nil {
		l.Kill()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			l.Kill()
		}
		l.Cleanup()
	})
	return &browser{b}
}

// somebody is a person who has signed in nowhere yet, at a page of the server.
func (b *browser) somebody(t testing.TB, s *server) *tab {
	t.Helper()
	own, err := b.rod.Incognito()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The browser forgets a person by disposing of the context.
		if err := (proto.TargetDisposeBrowserContext{BrowserContextID: own.BrowserContextID}).Call(own); err != nil {
			t.Log(err)
		}
	})
	return open(t, own, s.url)
}

// person is somebody who has entered with one click of the sandbox.
func (b *browser) person(t testing.TB, s *server, login string) *tab {
	t.Helper()
	p := b.somebody(t, s)
	p.visit("/account/sign-in?next=%2Faccount")
	p.pick(`button[name=as][value="` + login + `"]`)
	return p
}

// newcomer is somebody whom an administrator has invited, and who has chosen a password: a
// patient, whose record is that of a resource.
func (b *browser) newcomer(t testing.TB, s *server, login, name, is string) *tab {
	t.Helper()
	said := strings.Fields(s.run(t, "user", "add", login, "--name", name, "--role", "patient", "--is", is))
	const password = "a long password that nobody guesses"
	p := b.somebody(t, s).visit(said[len(said)-1]).choose(password)
	if p.has("#password") {
		p.write("#login", login).write("#password", password).pick("form:has(#password) button")
	}
	return p
}

// choose chooses a password at the page of an invitation.
func (p *tab) choose(password string) *tab {
	p.t.Helper()
	p.eval(`password => { for (const e of document.querySelectorAll("input[type=password]")) e.value = password }`, password)
	return p.press("Choose this password")
}

// another is a second tab of the same person.
func (p *tab) another() *tab {
	p.t.Helper()
	return open(p.t, p.page.Browser(), p.site)
}

// heard is what a page said that no page should: scripts that failed and
// violations of the Content-Security-Policy.
type heard struct {
	sync.Mutex
	said []string
}

func (h *heard) note(what string) {
	h.Lock()
	defer h.Unlock()
	h.said = append(h.said, what)
}
