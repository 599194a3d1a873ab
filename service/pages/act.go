package pages

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// act is what a visit does, for the audit log.
type act struct {
	event   audit.Event
	noted   bool
	session *records.Session // nil while no records are asked
	broken  []records.Glass
}

// observe has an event recorded before the answer leaves, of every visit that shows
// or changes records, was noted, or was refused. Of an answer that leaves piece by piece further
// events tell what came after.
func (v *Visit) observe() {
	v.act = &act{event: audit.Event{Kind: audit.Read, Target: strings.Trim(v.R.URL.Path, "/")}}
	if v.R.Method == http.MethodPost {
		v.act.event.Kind = audit.Operation
	}
	log := v.Door.Audit()
	x := web.From(v.R.Context())
	if log == nil || x == nil {
		return
	}
	trail := &audit.Trail{}
	v.R = v.R.WithContext(audit.WithTrail(v.R.Context(), trail))
	recorded := false
	x.Before = func(status int) error {
		post := v.R.Method == http.MethodPost && !recorded
		if !trail.Grew() && !post && (recorded || status < 400 && !v.act.noted) {
			return nil
		}
		e := v.act.event
		e.Status, e.Request, e.Agent.Address = status, x.ID, web.AddressOf(v.R)
		if len(v.R.URL.RawQuery) <= 4096 {
			e.Query = v.R.URL.RawQuery
		}
		if recorded {
			e.Note = "continued"
		}
		trail.Tell(&e)
		if v.act.session != nil {
			v.act.session.Justify(v.R.Context(), &e, "")
		}
		if v.act.throughGlass(&e) {
			e.Agent.Purpose = "BTG"
		}
		recorded = true
		if err := log.Record(v.R.Context(), &e); err != nil {
			return fault.Wrap(err, fault.Unavailable, fault.CodeTransient, "",
				"The audit log cannot be written, and without it nothing is shown. If this was to change something, look whether it did, and try again later.")
		}
		return nil
	}
	x.After = func(status int, bytes int64) {
		u := records.Usage{Client: strings.ToLower(v.Room.Name), Bytes: bytes}
		if v.User != nil {
			u.User = v.User.ID
		}
		u.Answered(status)
		v.Door.CountUse(u)
	}
}

// by notes who is signed in.
func (a *act) by(u *identity.User) {
	who := &a.event.Agent
	who.User, who.Login = u.ID, u.Login
	for _, r := range u.Roles {
		who.Roles = append(who.Roles, string(r))
	}
	if k := u.FHIRUser(); k != (fhir.Key{}) {
		who.Is = k.String()
	}
}

// as notes by which session records are asked.
func (a *act) as(s *records.Session) {
	p := s.Principal()
	a.event.Agent, a.broken, a.session = p.Agent, p.Broken, s
}

// throughGlass says whether an event is about a patient for whom the glass is broken.
func (a *act) throughGlass(e *audit.Event) bool {
	return slices.ContainsFunc(a.broken, func(g records.Glass) bool {
		return slices.ContainsFunc(e.Patients, func(p audit.Patient) bool { return p.Key == "Patient/"+string(g.Patient) })
	})
}

// refused notes why nothing came of it, by a code.
func (a *act) refused(f *fault.Error) {
	if a != nil {
		a.event.Why = append(a.event.Why, string(f.Issues[0].Code))
	}
}

// Note says for the audit log what a visit does, in short words and without clinical
// data; kind is what is done. A visit that is noted is recorded.
func (v *Visit) Note(kind audit.Kind, words string) {
	v.act.event.Kind, v.act.event.Note, v.act.noted = kind, words, true
}

// Equal compares secrets in a time that tells nothing.
func Equal(a, b string) bool { return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Local is a path of this server below one of the rooms that a browser may be led to;
// fallback for any other.
func Local(path, fallback string, rooms ...string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || u.Fragment != "" || strings.Contains(u.Path, "//") || strings.Contains(path, `\`) || strings.Contains(u.Path, "..") {
		return fallback
	}
	if slices.ContainsFunc(rooms, func(room string) bool { return u.Path == room || strings.HasPrefix(u.Path, room+"/") }) {
		return u.String()
	}
	return fallback
}
