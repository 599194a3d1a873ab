package kit

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/inglehealth/ingle/client/smart"
)

// ending is what a revocation gave: what reading is answered with since.
type ending struct {
	Address string
	Status  int
	Words   string // of the status
	browser string
}

// revoke gives the token back and tries to read with it once more.
func (a *App) revoke(v *Visit) error {
	token := v.Token()
	if err := a.client.Revoke(v.Context(), token); err != nil {
		return err
	}
	a.sessions.drop(v.key)
	since, err := a.probe(v.Context(), token)
	if err != nil {
		return err
	}
	since.browser = v.session.browser
	a.endings.put(v.key, since)
	http.Redirect(v.W, v.R, v.Address()+"/revoked", http.StatusSeeOther)
	return nil
}

// probe reads with a token as it is, without renewing it.
func (a *App) probe(ctx context.Context, token *smart.Token) (ending, error) {
	e := ending{Address: strings.TrimSuffix(a.client.Server.Base, "/") + "/Patient/" + url.PathEscape(token.Context.Patient)}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Address, nil)
	if err != nil {
		return e, err
	}
	req.Header.Set("Authorization", "Bearer "+token.Access)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return e, err
	}
	defer resp.Body.Close()
	e.Status, e.Words = resp.StatusCode, http.StatusText(resp.StatusCode)
	return e, nil
}

func (a *App) revoked(w http.ResponseWriter, r *http.Request) error {
	since, ok := a.endings.get(r.PathValue("session"))
	if !ok || since.browser != a.browser(r) {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	return a.write(w, http.StatusOK, "revoked", struct {
		Frame
		Ending ending
	}{Frame{Title: "Permission given back"}, since})
}
