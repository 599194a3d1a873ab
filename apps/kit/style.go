package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// style is what of an EHR's look the app takes over (SMART App Launch §6.2,
// smart_style_url): custom properties of its stylesheet and their values.
type style map[string]string

// looks are the properties of the EHR that the app knows, with its own names and
// what their values look like.
var looks = map[string]struct {
	own  string
	form *regexp.Regexp
}{
	"color_background":     {"--back", colour},
	"color_highlight":      {"--mark", colour},
	"color_modal_backdrop": {"--shade", colour},
	"color_error":          {"--bad", colour},
	"color_success":        {"--good", colour},
	"color_text":           {"--text", colour},
	"dim_border_radius":    {"--round", length},
	"dim_font_size":        {"--size", length},
	"dim_spacing_size":     {"--gap", length},
	"font_family_body":     {"--body", family},
	"font_family_heading":  {"--heading", family},
}

var (
	colour = regexp.MustCompile(`^(#[0-9A-Fa-f]{3,8}|rgba?\([0-9., %]{5,40}\)|[a-z]{3,20})$`)
	length = regexp.MustCompile(`^[0-9]{1,3}(\.[0-9]{1,3})?(px|rem|em|pt)$`)
	family = regexp.MustCompile(`^[A-Za-z0-9 ,'-]{1,200}$`)
)

// fetchStyle reads the EHR's style. A page without it is as good: so there is no error.
func (a *App) fetchStyle(ctx context.Context, address string) style {
	base, err := url.Parse(a.client.Server.Base)
	if err != nil {
		return nil
	}
	at, err := base.Parse(address)
	if err != nil || address == "" || at.Scheme != "https" && at.Host != base.Host {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, 3*time.Second)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil) //nolint:gosec // the server that the user trusts names it
	if err != nil {
		return nil
	}
	resp, err := http.DefaultClient.Do(req) //nolint:gosec // it gets at most 64 KiB, of which only colours and sizes are used
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil || resp.StatusCode != http.StatusOK {
		return nil
	}
	return parseStyle(body)
}

func parseStyle(body []byte) style {
	var told map[string]any
	if json.Unmarshal(body, &told) != nil {
		return nil
	}
	s := style{}
	for name, look := range looks {
		if value, ok := told[name].(string); ok && look.form.MatchString(value) {
			s[look.own] = value
		}
	}
	if palette(s["--back"]) == "" { // colours on an unknown background could not be read
		for _, look := range looks {
			if look.form == colour {
				delete(s, look.own)
			}
		}
	}
	return s
}

// writeOwnStyle is the stylesheet of one session.
func (a *App) writeOwnStyle(w http.ResponseWriter, r *http.Request) error {
	s, ok := a.sessions.get(r.PathValue("session"))
	if !ok || s.browser != a.browser(r) {
		return Problem{http.StatusNotFound, "Nothing here", "This session is not open in this browser."}
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	fmt.Fprintln(w, ":root {")
	fmt.Fprint(w, palette(s.style["--back"]))
	for _, name := range slices.Sorted(maps.Keys(s.style)) {
		fmt.Fprintf(w, "  %s: %s;\n", name, s.style[name])
	}
	fmt.Fprintln(w, "}")
	return nil
}

// The colours that go with a background of the EHR's, of which it says nothing.
const (
	onLight = "  color-scheme: light; --text: #231b15; --soft: #5c5047; --panel: #f5f1ed; --line: #8a7a6d; --faint: #e2dcd6; --on-mark: #ffffff; --c2: #1b6a8f; --band: #e3eedd;\n"
	onDark  = "  color-scheme: dark; --text: #f3eae3; --soft: #c9bbb0; --panel: #241d18; --line: #95857a; --faint: #42362d; --on-mark: #1b120c; --c2: #7cc7e8; --band: #26331f;\n"
)

// palette are the colours that can be read on a background, whatever the user's system
// prefers; "" when the background is not one whose lightness can be told.
func palette(background string) string {
	var r, g, b uint8
	switch len(background) {
	case len("#rgb"):
		if n, _ := fmt.Sscanf(background, "#%1x%1x%1x", &r, &g, &b); n != 3 {
			return ""
		}
		r, g, b = r*17, g*17, b*17
	case len("#rrggbb"):
		if n, _ := fmt.Sscanf(background, "#%2x%2x%2x", &r, &g, &b); n != 3 {
			return ""
		}
	default:
		return ""
	}
	if 299*int(r)+587*int(g)+114*int(b) > 128_000 { // the luma of ITU-R BT.601
		return onLight
	}
	return onDark
}
