package app

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
}

// revoke gives the token back and tries to read with it once more.
func (a *App) revoke(w http.ResponseWriter, r *http.Request, source *smart.Source) error {
	ctx := r.Context()
	token, err := source.Token(ctx)
	if err != nil {
		return err
	}
	if err := a.client.Revoke(ctx, token); err != nil {
		return err
	}
	key := a.cookie(r, chartCookie)
	a.charts.drop(key)
	since, err := a.probe(ctx, token)
	if err != nil {
		return err
	}
	a.endings.put(key, since)
	http.Redirect(w, r, "/revoked", http.StatusSeeOther)
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
	since, ok := a.endings.get(a.cookie(r, chartCookie))
	if !ok {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	return write(w, http.StatusOK, "revoked", since)
}
