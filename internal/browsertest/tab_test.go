package browsertest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/proto"
)

// patience is how long a page may take.
const patience = time.Minute

// tab is one tab of a person, or a frame in it. Its methods end the test when the
// page has not what they look for, with a picture and the text of it.
type tab struct {
	t     testing.TB
	page  *rod.Page
	top   *rod.Page // the page of the frame, or the page
	site  string
	heard *heard
}

func open(t testing.TB, b *rod.Browser, site string) *tab {
	t.Helper()
	page, err := b.Page(proto.TargetCreateTarget{URL: "about:blank"})
	if err != nil {
		t.Fatal(err)
	}
	p := &tab{t: t, page: page, top: page, site: site, heard: &heard{}}
	if err := (proto.LogEnable{}).Call(page); err != nil {
		t.Fatal(err)
	}
	go page.EachEvent(func(e *proto.LogEntryAdded) {
		if strings.Contains(e.Entry.Text, "can escape its sandboxing") {
			return // what the chart's frame shows of this origin is the server's own
		}
		if e.Entry.Source == proto.LogLogEntrySourceSecurity || strings.Contains(e.Entry.Text, "Content Security Policy") || strings.Contains(e.Entry.Text, "Refused to") {
			p.heard.note(fmt.Sprintf("%s: %s", e.Entry.URL, e.Entry.Text))
		}
	}, func(e *proto.RuntimeExceptionThrown) {
		p.heard.note(fmt.Sprintf("%s: %s", e.ExceptionDetails.URL, e.ExceptionDetails.Text))
	}, func(e *proto.RuntimeConsoleAPICalled) {
		if e.Type == proto.RuntimeConsoleAPICalledTypeError {
			p.heard.note(fmt.Sprint(e.Args))
		}
	})()
	t.Cleanup(func() { p.quiet() })
	p.look(looks[0])
	return p
}

// quiet fails the test if a page has complained since it was last asked.
func (p *tab) quiet() {
	p.t.Helper()
	p.heard.Lock()
	defer p.heard.Unlock()
	for _, what := range p.heard.said {
		p.t.Errorf("the browser complains: %s", what)
	}
	p.heard.said = nil
}

// visit goes to a path of the server, or to an address.
func (p *tab) visit(path string) *tab {
	p.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = p.site + path
	}
	if err := p.page.Timeout(patience).Navigate(address); err != nil {
		p.fatalf("%s: %v", address, err)
	}
	p.wait("the page to be there", `() => document.readyState === "complete"`)
	return p
}

// get asks for a path as the person, without showing what comes; the caller closes
// the body.
func (p *tab) get(path string) *http.Response {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.site+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	cookies, err := p.page.Cookies([]string{p.site + path})
	if err != nil {
		p.fatalf("%v", err)
	}
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	r.Header.Set("Accept", "text/html")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer
}

// press presses the button or link with a name, and waits for the page it leads to.
func (p *tab) press(name string) *tab {
	p.t.Helper()
	p.leads(func() { p.click(name) })
	return p
}

// leads does something that leads to another page, and waits for that.
func (p *tab) leads(do func()) {
	p.t.Helper()
	p.eval(`() => { window.before = true }`)
	do()
	p.wait("another page", `() => !window.before && document.readyState === "complete"`)
}

// click clicks at the button, link or summary with a name, and does not wait.
func (p *tab) click(name string) {
	p.t.Helper()
	e := p.find(name, `name => {
		const said = e => (e.getAttribute("aria-label") || e.innerText || e.value || "").trim().replace(/\s+/g, " ")
		const all = [...document.querySelectorAll("button, a, summary, [role=option], input[type=submit]")].filter(e => e.checkVisibility())
		const open = document.querySelector("dialog[open]")
		const near = open ? all.filter(e => open.contains(e)) : all
		return near.find(e => said(e) === name) || near.find(e => said(e).startsWith(name)) || near.find(e => said(e).includes(name))
	}`)
	p.strike(e, name)
}

// strike clicks at an element, in the tab that is in front for it.
func (p *tab) strike(e *rod.Element, name string) {
	p.t.Helper()
	if _, err := p.top.Activate(); err != nil {
		p.fatalf("%q: %v", name, err)
	}
	if err := e.Timeout(patience).Click(proto.InputMouseButtonLeft, 1); err != nil {
		p.fatalf("%q cannot be pressed: %v", name, err)
	}
}

// pick clicks at the first element of a selector, and waits for what that leads to.
func (p *tab) pick(selector string) *tab {
	p.t.Helper()
	p.leads(func() { p.strike(p.element(selector), selector) })
	return p
}

// write types text into an element, key by key.
func (p *tab) write(selector, text string) *tab {
	p.t.Helper()
	if _, err := p.top.Activate(); err != nil {
		p.fatalf("%v", err)
	}
	if err := p.element(selector).Timeout(patience).Input(text); err != nil {
		p.fatalf("%s: %v", selector, err)
	}
	return p
}

// fill gives the field with a label a value: text, or the name of a choice.
func (p *tab) fill(label, value string) *tab {
	p.t.Helper()
	e := p.find(label, `name => {
		const said = e => e.innerText.trim().replace(/\s+/g, " ")
		const all = [...document.querySelectorAll("label")].filter(e => e.checkVisibility())
		const l = all.find(e => said(e) === name) || all.find(e => said(e).startsWith(name)) || all.find(e => said(e).includes(name))
		return l && (l.control || l.querySelector("input, select, textarea"))
	}`)
	got, err := e.Eval(`value => {
		this.focus()
		if (this.type === "checkbox" || this.type === "radio") { this.checked || this.click(); return "" }
		if (this.tagName === "SELECT") {
			const all = [...this.options], one = all.find(o => o.text.trim() === value) || all.find(o => o.value === value) || all.find(o => o.text.includes(value))
			if (!one) return "there are only: " + all.map(o => o.text).join(", ")
			this.value = one.value
		} else { this.value = value }
		this.dispatchEvent(new Event("input", { bubbles: true }))
		this.dispatchEvent(new Event("change", { bubbles: true }))
		return ""
	}`, value)
	if err != nil {
		p.fatalf("%q: %v", label, err)
	}
	if got.Value.Str() != "" {
		p.fatalf("%q cannot be %q: %s", label, value, got.Value.Str())
	}
	return p
}

// answerYes has the person say yes to the question that the next press asks.
func (p *tab) answerYes() *tab {
	wait, answer := p.page.HandleDialog()
	go func() {
		wait()
		_ = answer(&proto.PageHandleJavaScriptDialog{Accept: true}) // the press fails if it does not work
	}()
	return p
}

// find waits for what a function of a name gives.
func (p *tab) find(name, function string) *rod.Element {
	p.t.Helper()
	e, err := p.page.Timeout(patience).ElementByJS(rod.Eval(function, name))
	if err != nil {
		p.fatalf("there is no %q: %v", name, err)
	}
	return e.CancelTimeout()
}

// element waits for the first element of a selector.
func (p *tab) element(selector string) *rod.Element {
	p.t.Helper()
	e, err := p.page.Timeout(patience).Element(selector)
	if err != nil {
		p.fatalf("there is no %s: %v", selector, err)
	}
	return e.CancelTimeout()
}

// has says whether there is an element now.
func (p *tab) has(selector string) bool {
	p.t.Helper()
	return p.eval(`s => Boolean(document.querySelector(s))`, selector) == true
}

// see waits until the page says something.
func (p *tab) see(texts ...string) *tab {
	p.t.Helper()
	for _, text := range texts {
		p.wait(fmt.Sprintf("%q", text), `text => document.body.innerText.toLowerCase().replace(/\s+/g, " ").includes(text.toLowerCase())`, text)
	}
	return p
}

// reload visits a path again until the page says something: traces and the audit log are read some
// moments after it was written.
func (p *tab) reload(path, text string) *tab {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if p.visit(path); strings.Contains(strings.ToLower(p.text()), strings.ToLower(text)) {
			return p
		}
	}
	p.fatalf("the page never says %q", text)
	return nil
}

// miss fails the test if the page says something.
func (p *tab) miss(texts ...string) *tab {
	p.t.Helper()
	said := strings.ToLower(p.text())
	for _, text := range texts {
		if strings.Contains(said, strings.ToLower(text)) {
			p.errorf("the page says %q", text)
		}
	}
	return p
}

// text is what the page says.
func (p *tab) text() string {
	p.t.Helper()
	s, _ := p.eval(`() => document.body.innerText`).(string)
	return strings.Join(strings.Fields(s), " ")
}

// address is where the tab is.
func (p *tab) address() string {
	p.t.Helper()
	s, _ := p.eval(`() => location.href`).(string)
	return s
}

// frame is a frame of the page.
func (p *tab) frame(selector string) *tab {
	p.t.Helper()
	inner, err := p.element(selector).Frame()
	if err != nil {
		p.fatalf("%s: %v", selector, err)
	}
	return &tab{t: p.t, page: inner.Context(p.page.GetContext()), top: p.page, site: p.site, heard: p.heard}
}

// wait waits until a function of the page says yes.
func (p *tab) wait(what, function string, args ...any) {
	p.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		got, err := p.page.Timeout(patience).Eval(function, args...)
		if err == nil && got.Value.Bool() {
			return
		}
		if time.Now().After(end) {
			p.fatalf("waited in vain for %s: %v", what, err)
		}
	}
}

// eval is what a function gives in the page.
func (p *tab) eval(function string, args ...any) any {
	p.t.Helper()
	got, err := p.page.Timeout(patience).Eval(function, args...)
	if err != nil {
		p.fatalf("%v", err)
	}
	return got.Value.Val()
}

func (p *tab) fatalf(format string, args ...any) {
	p.t.Helper()
	p.errorf(format, args...)
	p.t.FailNow()
}

func (p *tab) errorf(format string, args ...any) {
	p.t.Helper()
	said := ""
	if got, err := p.page.Timeout(patience).Eval(`() => location.href + "\n" + document.body.innerText`); err == nil {
		said = got.Value.Str()
	}
	picture := "there is no picture"
	if shot, err := p.top.Timeout(patience).Screenshot(true, nil); err == nil {
		path, err := leave(cmp.Or(screenshots(), root+"/build/screenshots"), "failed-"+strings.NewReplacer("/", "-", " ", "-").Replace(p.t.Name()), shot)
		if err == nil {
			picture = path
		}
	}
	p.t.Errorf("%s\n%.3000s\n(%s)", fmt.Sprintf(format, args...), said, picture)
}

// screenshots is the folder for pictures of all pages, "" for none.
func screenshots() string {
	folder := os.Getenv("INGLE_SCREENSHOTS")
	if folder != "" && !filepath.IsAbs(folder) {
		folder = filepath.Join(root, folder)
	}
	return folder
}

// leave leaves a picture in a folder.
func leave(folder, name string, picture []byte) (path string, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	path = filepath.Join(folder, name+".png")
	return path, os.WriteFile(path, picture, 0o600)
}

// decode reads JSON that a page gave as text.
func decode(t testing.TB, text any, into any) {
	t.Helper()
	s, _ := text.(string)
	if err := json.Unmarshal([]byte(s), into); err != nil {
		t.Fatalf("%v: %s", err, s)
	}
}

// within waits until something is so.
func within(t testing.TB, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
