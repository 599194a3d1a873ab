package fhirapi

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

// explainName is the parameter that asks for what a search did instead of its
// page.
const explainName = "_explain"

// cutExplain takes _explain out of pairs and says whether it is true.
func cutExplain(pairs []search.Pair) (kept []search.Pair, explain bool, err error) {
	for i, p := range pairs {
		if p.Name != explainName {
			continue
		}
		if p.Value != "true" && p.Value != "false" {
			return nil, false, fault.New(fault.Invalid, fault.CodeValue, "", "_explain is true or false, not %q.", fault.Shorten(p.Value))
		}
		kept = append(pairs[:i:i], pairs[i+1:]...)
		return kept, p.Value == "true", parameters{pairs: pairs}.once(explainName)
	}
	return pairs, false, nil
}

// explanation is what is shown of a search.
type explanation struct {
	*records.Explanation
	Address string // of the search, without the base
	Times   []stepTime
}

type stepTime struct {
	Name         string
	Milliseconds string
}

// explain answers with what a search did: a page for a browser, or Parameters.
func (c *call) explain(req records.SearchRequest) error {
	ctx, cancel, err := c.bounded(c.api.config.Patience)
	if err != nil {
		return err
	}
	defer cancel()
	found, err := c.session.Explain(ctx, req)
	if err != nil {
		return err
	}
	start := time.Now()
	b := c.newBundle("searchset")
	defer b.free()
	if err := b.searchset(searchAddress(c.Type, c.Within), found.Result, req.After); err != nil {
		return err
	}
	b.end()
	if _, err := c.renderBundle(b.buf, b.holds(), b.mixed); err != nil {
		return err
	}
	address := string(appendQuery([]byte(searchAddress(c.Type, c.Within)+"?"), req.Pairs))
	x := explanation{Explanation: found, Address: address, Times: []stepTime{
		{"parse", milliseconds(found.Parse)}, {"plan", milliseconds(found.Plan)}, {"fetch", milliseconds(found.Fetch)},
		{"include", milliseconds(found.Include)}, {"render", milliseconds(time.Since(start))},
	}}
	if c.format.browser {
		return web.WritePage(c.w, http.StatusOK, "What this search did", explainPage, x)
	}
	body, err := x.parameters()
	if err != nil {
		return err
	}
	return c.writeResource(http.StatusOK, body, c.door.Definitions("").Release, part{})
}

//go:embed page/explain.html
var explainText string

var explainPage = template.Must(template.New("explain").Funcs(template.FuncMap{
	"milliseconds": milliseconds, "arguments": arguments, "words": words,
}).Parse(explainText))

func milliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 3, 64)
}

// arguments are a statement's, with the names that numbers stand for.
func arguments(s records.ExplainedStatement) []string {
	out := make([]string, len(s.Args))
	for i, a := range s.Args {
		out[i] = fmt.Sprintf("%v", a)
		if text, ok := a.(string); ok {
			out[i] = strconv.Quote(text)
		}
		if id, ok := a.(int64); ok && s.Names[id] != "" {
			out[i] += " (" + s.Names[id] + ")"
		}
	}
	return out
}

// words is an expression on one line.
func words(x search.Expr) string { return line(search.Describe(x)) }

func line(n search.Node) string {
	if len(n.Parts) == 0 {
		return n.Text
	}
	parts := make([]string, len(n.Parts))
	for i, p := range n.Parts {
		parts[i] = line(p)
	}
	return n.Text + " (" + strings.Join(parts, "; ") + ")"
}
