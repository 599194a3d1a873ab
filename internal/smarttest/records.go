package smarttest

import (
	"embed"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/spec/smart"
)

//go:embed records
var records embed.FS

// read answers GET [base]/Patient/maria, and searches by patient of the types that
// records has, without looking at other parameters.
func (s *Server) read(w http.ResponseWriter, r *http.Request) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a := s.good(token)
	if !ok || a == nil {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, "invalid_token", "")
		return
	}
	kind, id, isRead := strings.Cut(strings.TrimPrefix(r.URL.Path, "/fhir/"), "/")
	want := "patient/" + kind + ".s"
	if isRead {
		want = "patient/" + kind + ".r"
	}
	if !a.grant.scopes.Covered(want) && !a.grant.scopes.Covered(strings.Replace(want, string(smart.Patient), string(smart.System), 1)) {
		refuse(w, http.StatusForbidden, "insufficient_scope", want)
		return
	}
	if s.Records != nil {
		s.readOwn(w, r, isRead)
		return
	}
	file := "records/" + kind + ".json"
	if isRead {
		file = "records/" + kind + "-" + id + ".json"
	}
	body, err := records.ReadFile(file)
	if err != nil || !isRead && r.URL.Query().Get("patient") != s.Patient {
		refuse(w, http.StatusNotFound, "not-found", r.URL.String())
		return
	}
	answer(w, http.StatusOK, json.RawMessage(body))
}

// readOwn answers of Records.
func (s *Server) readOwn(w http.ResponseWriter, r *http.Request, isRead bool) {
	body, ok := s.Records[strings.TrimPrefix(r.URL.Path, "/fhir/")]
	switch {
	case isRead && !ok:
		refuse(w, http.StatusNotFound, "not-found", r.URL.Path)
	case isRead:
		answer(w, http.StatusOK, json.RawMessage(body))
	case !ok || r.URL.Query().Get("patient") != s.Patient:
		answer(w, http.StatusOK, json.RawMessage(`{"resourceType":"Bundle"}`))
	default:
		answer(w, http.StatusOK, json.RawMessage(`{"resourceType":"Bundle","entry":[`+body+`]}`))
	}
}
