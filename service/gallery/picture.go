package gallery

import (
	"hash/fnv"
	"html/template"
	"strings"
	"unicode"

	"github.com/inglehealth/ingle/identity"
)

// The drawings by category, of 64 by 64, and the colours behind them. Ingle draws the
// pictures itself: a logo from the app's server would tell it who looks at the gallery.
var (
	drawings = map[string]string{
		"Children":         `<path d="M12 52V12M12 52h40" stroke-width="3"/><path d="M14 44c10-2 16-16 36-18M14 36c10-4 16-16 36-20" stroke-width="2.5"/><circle cx="22" cy="39" r="3"/><circle cx="35" cy="28" r="3"/><circle cx="46" cy="21" r="3"/>`,
		"Heart":            `<path d="M32 50C17 40 12 33 12 25a10 10 0 0 1 20-3 10 10 0 0 1 20 3c0 8-5 15-20 25z" stroke-width="3"/><path d="M15 31h10l4-7 6 14 4-7h10" stroke-width="3"/>`,
		"Charts":           `<path d="M18 13h28v38H18zM24 23h16M24 31h16M24 39h9" stroke-width="3"/>`,
		"Vital signs":      `<path d="M10 34h12l5-14 9 26 6-12h12" stroke-width="3"/>`,
		"For developers":   `<path d="M24 20 12 32l12 12M40 20l12 12-12 12M36 15l-8 34" stroke-width="3"/>`,
		"Decision support": `<path d="M32 12a14 14 0 0 0-8 25v6h16v-6a14 14 0 0 0-8-25zM26 50h12" stroke-width="3"/>`,
		"Medications":      `<path d="M18 38 38 18a9 9 0 0 1 12 12L30 50a9 9 0 0 1-12-12zM28 28l12 12" stroke-width="3"/>`,
		"Research":         `<path d="M26 12v14L14 50h36L38 26V12M23 12h18M20 40h24" stroke-width="3"/>`,
	}
	colours = []string{"#a33b06", "#1b568a", "#14622f", "#7a3f93", "#7a4d00", "#1b6a6a"}
)

// picture draws an app: what its first known category is, or its initial.
func picture(c *identity.Client) template.HTML {
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(c.Name)) // it never fails
	colour := colours[sum.Sum32()%uint32(len(colours))]
	inside := ""
	for _, category := range c.Categories {
		if d, ok := drawings[category]; ok && inside == "" {
			inside = `<g fill="none" stroke="#fffdfb" stroke-linecap="round" stroke-linejoin="round">` + d + `</g>`
		}
	}
	if inside == "" {
		inside = `<text x="32" y="43" text-anchor="middle" font-size="32" font-weight="700" fill="#fffdfb">` + template.HTMLEscapeString(initial(c.Name)) + `</text>`
	}
	return template.HTML(`<svg class="picture" viewBox="0 0 64 64" aria-hidden="true"><rect width="64" height="64" fill="` + colour + `"/>` + inside + `</svg>`) //nolint:gosec // constants, but for one escaped letter
}

// initial is the first letter or digit of a name.
func initial(name string) string {
	for _, r := range name {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return strings.ToUpper(string(r))
		}
	}
	return "?"
}
