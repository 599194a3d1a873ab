package clinic

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fhir"
)

// recentCookie keeps ids of patients whose charts a user has opened, in the browser.
// What is shown of them is what the user may see now.
const (
	recentCookie = "ingle-clinic-recent"
	maxRecent    = 8
)

// recentIDs are the ids, the latest first; none when another user left them.
func recentIDs(v *pages.Visit) []string {
	k, err := v.R.Cookie(recentCookie)
	if err != nil {
		return nil
	}
	user, list, _ := strings.Cut(k.Value, ":")
	if user != v.User.ID {
		return nil
	}
	ids := slices.DeleteFunc(strings.Split(list, "."), func(id string) bool { return !shortID(id) })
	return ids[:min(len(ids), maxRecent)]
}

// shortID says whether an id can stand in the cookie.
func shortID(id string) bool { return fhir.ID(id).Valid() && !strings.Contains(id, ".") }

// remember puts a patient first.
func remember(v *pages.Visit, id fhir.ID) {
	if !shortID(string(id)) {
		return
	}
	ids := append([]string{string(id)}, slices.DeleteFunc(recentIDs(v), func(one string) bool { return one == string(id) })...)
	http.SetCookie(v.W, &http.Cookie{ //nolint:gosec // it is secure where the server is
		Name: recentCookie, Value: v.User.ID + ":" + strings.Join(ids[:min(len(ids), maxRecent)], "."), Path: v.Path(Path), MaxAge: 7 * 24 * 3600,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: strings.HasPrefix(v.Identity.Issuer(), "https:"),
	})
}

// recent are the patients themselves.
func recent(v *pages.Visit, s *records.Session) ([]found, error) {
	ids := recentIDs(v)
	if len(ids) == 0 {
		return nil, nil
	}
	result, err := s.Search(v.R.Context(), records.SearchRequest{Type: "Patient", Pairs: []search.Pair{{Name: "_id", Value: strings.Join(ids, ",")}}})
	if err != nil {
		return nil, err
	}
	all := make([]found, 0, len(ids))
	for _, id := range ids {
		for _, e := range result.Entries {
			if p, err := pages.ParseElement(e.JSON); err == nil && string(e.Key.ID) == id {
				all = append(all, foundPatient(v, p))
			}
		}
	}
	return all, nil
}

func number(n int) string { return strconv.Itoa(n) }
