package desk

import (
	"embed"
	"strings"
	"text/template"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
)

//go:embed snippet/*.txt
var snippetFiles embed.FS

// snippet is code that works with an app as it is registered.
type snippet struct{ ID, Name, Text string }

// filling is what a snippet is filled with. Its texts are quoted by the templates, since
// they are the developer's own.
type filling struct {
	ID, Scope, Redirect, FHIR, Issuer string
	Secret, Keys, Backend             bool
}

var snippetTemplates = template.Must(template.New("").Funcs(template.FuncMap{"list": strings.Fields, "shell": shell}).ParseFS(snippetFiles, "snippet/*.txt"))

var languages = []struct{ id, name string }{{"javascript", "JavaScript (fhirclient)"}, {"python", "Python"}, {"go", "Go (client/smart)"}, {"curl", "curl"}}

// snippets are the code for an app, in every language.
func snippets(v *pages.Visit, c *identity.Client) []snippet {
	f := filling{
		ID: c.ID, Scope: c.Scopes.String(), FHIR: v.Identity.FHIRBase(), Issuer: v.Identity.Issuer(), Secret: c.SecretHash != "",
		Keys: c.Auth == identity.AuthAsymmetric, Backend: !c.May(identity.AuthorizationCode),
	}
	if len(c.Redirects) > 0 {
		f.Redirect = c.Redirects[0]
	}
	var all []snippet
	for _, l := range languages {
		var text strings.Builder
		if err := snippetTemplates.ExecuteTemplate(&text, l.id+".txt", f); err != nil {
			text.WriteString("// " + err.Error())
		}
		all = append(all, snippet{l.id, l.name, strings.TrimSpace(text.String()) + "\n"})
	}
	return all
}

// shell quotes a text for a shell.
func shell(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
