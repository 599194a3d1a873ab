package browsertest

import (
	"fmt"
	"os"
	"strings"

	"github.com/go-rod/rod/lib/proto"
)

// look is a scheme of colours and a width in CSS pixels.
type look struct {
	scheme string
	width  int
}

var looks = []look{{"light", 1440}, {"dark", 1440}, {"light", 360}, {"dark", 360}}

// audited are the looks at which axe-core reads a page: both schemes, both widths.
var audited = map[look]bool{looks[0]: true, looks[3]: true}

// most is how many bytes of scripts and styles a page may load.
const most = 100_000

func (l look) String() string {
	return l.scheme + "-" + map[bool]string{true: "wide", false: "narrow"}[l.width > 1000]
}

// look shows the page so.
func (p *tab) look(l look) {
	p.t.Helper()
	height := 900
	if l.width < 600 {
		height = 740
	}
	if err := p.top.SetViewport(&proto.EmulationSetDeviceMetricsOverride{Width: l.width, Height: height, DeviceScaleFactor: 1}); err != nil {
		p.fatalf("%v", err)
	}
	scheme := []*proto.EmulationMediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
	if err := (proto.EmulationSetEmulatedMedia{Features: scheme}).Call(p.top); err != nil {
		p.fatalf("%v", err)
	}
}

// inspect looks at the page that is shown in every look, and leaves pictures of it where they are wanted:
// nothing may be beyond the edge, axe-core may find nothing serious, scripts and
// styles are small, and the browser has nothing to complain about.
func (p *tab) inspect(name string) *tab {
	p.t.Helper()
	for _, l := range looks {
		p.look(l)
		if beyond, _ := p.eval(edge).(string); beyond != "" {
			p.t.Errorf("%s, %s: beyond the edge: %s (%s)", name, l, beyond, p.address())
		}
		if high, _ := p.eval(framed).(float64); l.width < 600 && high > framedMost {
			p.t.Errorf("%s, %s: what is around the page takes %.0f pixels above it", name, l, high)
		}
		p.picture(name + "-" + l.String())
		if audited[l] {
			p.unfold(name, l)
		}
	}
	p.look(looks[0])
	if size, _ := p.eval(weight).(float64); size > most {
		p.t.Errorf("%s loads %.0f bytes of scripts and styles", name, size)
	}
	p.quiet()
	return p
}

// unfold has axe-core read the page with all that can be opened open, and each dialog, and
// leaves it as it was.
func (p *tab) unfold(name string, l look) {
	p.t.Helper()
	p.eval(`() => { for (const e of document.querySelectorAll("details:not([open])")) if (e.checkVisibility()) { e.open = true; e.dataset.unfolded = "" } }`)
	if beyond, _ := p.eval(edge).(string); beyond != "" {
		p.t.Errorf("%s, %s, unfolded: beyond the edge: %s (%s)", name, l, beyond, p.address())
	}
	if p.has("[data-unfolded]:not(.menu)") {
		p.picture(name + "-unfolded-" + l.String())
	}
	p.audit(name+", "+l.String(), "document")
	p.eval(`() => { for (const e of document.querySelectorAll("[data-unfolded]")) { e.open = false; delete e.dataset.unfolded } }`)
	dialogs, _ := p.eval(`() => document.querySelectorAll("dialog").length`).(float64)
	for i := range int(dialogs) {
		p.eval(`i => { const e = document.querySelectorAll("dialog")[i]; e.open || e.showModal() }`, i)
		p.picture(fmt.Sprintf("%s-dialog-%d-%s", name, i, l))
		p.audit(fmt.Sprintf("%s, %s, dialog %d", name, l, i), fmt.Sprintf(`document.querySelectorAll("dialog")[%d]`, i))
		p.eval(`i => document.querySelectorAll("dialog")[i].close()`, i)
	}
}

// edge names what is wider than the window, if the page can be scrolled to the side.
const edge = `() => {
	const wide = document.documentElement.clientWidth
	if (document.documentElement.scrollWidth <= wide) return ""
	const scrolls = e => { for (let a = e.parentElement; a && a !== document.body; a = a.parentElement) if (getComputedStyle(a).overflowX !== "visible") return true; return false }
	return document.documentElement.scrollWidth + " > " + wide + ": " + [...document.body.querySelectorAll("*")]
		.filter(e => e.getBoundingClientRect().right > wide + 1 && !scrolls(e)).slice(0, 3).map(e => e.outerHTML.slice(0, 120)).join(" | ")
}`

// framed is how many pixels the frame of a page takes above it but for a banner: the mark of a sandbox and
// the line with the menu. On narrow pages it may be framedMost.
const (
	framed     = `() => [...document.querySelectorAll("body > .sandbox, body > .top, body > .places")].reduce((n, e) => n + e.getBoundingClientRect().height, 0)`
	framedMost = 90
)

// weight is the size of the page's scripts and styles, unpacked.
const weight = `() => performance.getEntriesByType("resource").filter(e => /\.(js|css)(\?|$)/.test(e.name)).reduce((n, e) => n + e.decodedBodySize, 0)`

// picture leaves a picture of the page, of its first 4,000 pixels at most, where they are wanted.
func (p *tab) picture(name string) {
	p.t.Helper()
	folder := screenshots()
	if folder == "" {
		return
	}
	size, err := p.top.Timeout(patience).Eval(`() => [document.documentElement.clientWidth, Math.min(4000, document.documentElement.scrollHeight)]`)
	if err != nil {
		p.fatalf("%v", err)
	}
	shot, err := p.top.Timeout(patience).Screenshot(false, &proto.PageCaptureScreenshot{
		Format: proto.PageCaptureScreenshotFormatPng, CaptureBeyondViewport: true, OptimizeForSpeed: true,
		Clip: &proto.PageViewport{Width: size.Value.Get("0").Num(), Height: size.Value.Get("1").Num(), Scale: 1},
	})
	if err != nil {
		p.fatalf("%v", err)
	}
	if _, err := leave(folder, name, shot); err != nil {
		p.t.Fatal(err)
	}
}

// audit has axe-core read a part of the page, an expression.
func (p *tab) audit(name, part string) {
	p.t.Helper()
	axe, err := os.ReadFile(axeFile)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.eval(`() => typeof axe`) != "object" {
		if _, err := (proto.RuntimeEvaluate{Expression: string(axe)}).Call(p.page); err != nil {
			p.fatalf("%v", err)
		}
	}
	var found []struct{ ID, Impact, Help, Nodes string }
	decode(p.t, p.eval(`async () => {
		const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
		const { violations } = await axe.run(`+part+`, { runOnly: rules, resultTypes: ["violations"], iframes: false, preload: false })
		return JSON.stringify(violations.map(v => ({ ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.slice(0, 3).map(n => n.html + " " + n.failureSummary).join("\n\t") })))
	}`), &found)
	for _, v := range found {
		if v.Impact == "serious" || v.Impact == "critical" {
			p.t.Errorf("%s: %s: %s\n\t%s", name, v.ID, v.Help, strings.ReplaceAll(v.Nodes, "\n", "\n\t"))
		} else {
			p.t.Logf("%s: %s (%s): %s\n\t%s", name, v.ID, v.Impact, v.Help, v.Nodes)
		}
	}
}
