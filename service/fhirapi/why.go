package fhirapi

import (
	"context"
	_ "embed" // the page
	"encoding/json"
	"html/template"
	"net/http"

	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
)

func whyOperation() *operation {
	return &operation{
		name: "why", url: "https://ingle.health/fhir/OperationDefinition/why", instance: true, run: (*call).why, serve: (*call).serveWhy,
		doc: "Which scope, role and consent shows a resource to a user (parameter user, a login or reference) with an app (client) for a purpose, or hides it; without them, to who asks.",
	}
}

// asking reads whose access an operation is about, and opens that session.
func (c *call) asking(p parameters) (*records.Session, records.Disclosure, error) {
	if c.api.config.Ask == nil {
		return nil, records.Disclosure{}, fault.New(fault.NotSupported, fault.CodeNotSupported, "", "This server asks nobody who they are, so that there are no rules to tell of.")
	}
	return c.api.config.Ask(c.r, c.door, p.text("user"), p.text("client"), p.text("purpose"))
}

func (c *call) whyOf(ctx context.Context, in *invocation) (*records.Why, error) {
	p, err := c.parametersOf(in)
	if err != nil {
		return nil, err
	}
	if err := p.only("why", "user", "client", "purpose"); err != nil {
		return nil, err
	}
	s, to, err := c.asking(p)
	if err != nil {
		return nil, err
	}
	return s.Why(ctx, in.key(), to)
}

// why answers with Parameters: shown, and a reason for each ground.
func (c *call) why(ctx context.Context, in *invocation) ([]byte, error) {
	w, err := c.whyOf(ctx, in)
	if err != nil {
		return nil, err
	}
	all := []parameter{texts("resource", w.Key.String()), flag("shown", w.Shown)}
	for _, g := range w.Grounds {
		one := parameter{Name: "reason", Part: []parameter{texts("kind", string(g.Kind)), flag("shows", g.Shows), texts("text", g.Text)}}
		if g.Path != "" {
			one.Part = append(one.Part, texts("consent", g.Consent.String()), texts("path", g.Path))
		}
		all = append(all, one)
	}
	in.release = c.door.Definitions("").Release
	return json.Marshal(parametersResource(all))
}

//go:embed page/why.html
var whyText string

var whyPage = template.Must(template.New("why").Parse(whyText))

// serveWhy answers a browser with a page.
func (c *call) serveWhy() error {
	if err := c.format.acceptable(); err != nil {
		return err
	}
	in, err := c.invocation()
	if err != nil {
		return err
	}
	ctx, cancel, err := c.bounded(c.api.config.Evaluation)
	if err != nil {
		return err
	}
	defer cancel()
	if c.format.browser {
		w, err := c.whyOf(ctx, in)
		if err != nil {
			return err
		}
		return web.WritePage(c.w, http.StatusOK, "Why", whyPage, w)
	}
	body, err := c.why(ctx, in)
	if err != nil {
		return err
	}
	return c.writeBundle(http.StatusOK, body, in.release, false)
}
