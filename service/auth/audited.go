package auth

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/web"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

// agentOf is who uses a token, as the audit log has it.
func agentOf(a *identity.Access) audit.Agent {
	who := audit.Agent{User: a.User, Login: a.Login, Client: a.Client, Token: a.ID}
	if a.User == "" {
		if a.Client == "" {
			who.Login = a.ClientName // of a token that an administrator made
		}
		return who
	}
	if a.FHIRUser != (fhir.Key{}) {
		who.Is = a.FHIRUser.String()
	}
	for _, r := range a.Roles {
		who.Roles = append(who.Roles, string(r))
	}
	return who
}

// purposeOf is the purpose of use that is recorded: that by which access decides; of
// patients in their own records that; of an app without a user none but one that its
// token names.
func purposeOf(a *identity.Access, decides string) string {
	if a.User == "" {
		return a.Purpose
	}
	if own := string(a.FHIRUser.ID); !isStaff(a.Roles) && a.FHIRUser.Type == "Patient" && (a.Context.Patient == "" || a.Context.Patient == own) {
		return "PATRQT"
	}
	return decides
}

// auditsOf is what a token may read of the audit log: privacy officers and
// administrators all with user/AuditEvent.rs; patients, and who acts for them, what
// concerns the patient with patient/AuditEvent.rs. Nobody else anything.
func auditsOf(a *identity.Access) records.Audits {
	if a.User == "" {
		return records.Audits{}
	}
	may := func(level smart.Level) bool {
		return slices.ContainsFunc([]string(a.Scopes), func(text string) bool {
			s, err := smart.ParseScope(text)
			return err == nil && s.Level == level && (s.Type == "AuditEvent" || s.Type == smart.Any) && s.Query == "" &&
				s.Interactions&(smart.Read|smart.Search) == smart.Read|smart.Search
		})
	}
	if (slices.Contains(a.Roles, identity.PrivacyOfficer) || slices.Contains(a.Roles, identity.Administrator)) && may(smart.User) {
		return records.Audits{All: true}
	}
	if isStaff(a.Roles) || !may(smart.Patient) && !may(smart.User) {
		return records.Audits{}
	}
	if a.Context.Patient != "" {
		return records.Audits{Patients: []fhir.ID{fhir.ID(a.Context.Patient)}}
	}
	if a.FHIRUser.Type == "Patient" {
		return records.Audits{Patients: []fhir.ID{a.FHIRUser.ID}}
	}
	return records.Audits{}
}

// treats says whether the token is of somebody who treats patients, and is about
// that now.
func treats(a *identity.Access, purpose string) bool {
	return a.User != "" && (purpose == "TREAT" || purpose == "BTG") && slices.ContainsFunc(a.Roles, func(r identity.Role) bool { return r == identity.Practitioner || r == identity.Nurse })
}

// actsAt says what is done at which endpoint.
var actsAt = map[string]audit.Kind{
	"/auth/authorize": audit.Authorize, "/auth/request/{id}": audit.Authorize, "/auth/launch": audit.Authorize,
	"/auth/token": audit.TokenIssue, "/auth/introspect": audit.TokenInspect, "/auth/revoke": audit.TokenRevoke,
	"/auth/register": audit.Administer, "/auth/end-session": audit.SignOut, "/account/sign-out": audit.SignOut,
	"/account/sign-in": audit.SignIn, "/auth/passkey/begin": audit.SignIn, "/auth/passkey/finish": audit.SignIn, outsideBack: audit.SignIn,
	"/account/first/{secret}": audit.SignIn, "/account/invitation/{secret}": audit.SignIn,
}

// actingByGet are the endpoints where a GET that succeeds is more than a page shown.
var actingByGet = []string{"/auth/authorize", "/auth/end-session", "/auth/userinfo", outsideBack}

// stating are the interactions with app state, by method.
var stating = map[string]audit.Kind{
	http.MethodGet: audit.Search, http.MethodHead: audit.Search, http.MethodPost: audit.Create, http.MethodPut: audit.Update, http.MethodDelete: audit.Delete,
}

// kindOf is what is done at an endpoint by a method.
func kindOf(path, method string) audit.Kind {
	if k, ok := actsAt[path]; ok {
		return k
	}
	if k, ok := stating[method]; ok && strings.HasPrefix(path, appStatePath) {
		return k
	}
	for _, area := range []string{"/account/users", "/account/clients", "/account/policy"} {
		if strings.HasPrefix(path, area) {
			return audit.Administer
		}
	}
	return audit.Account
}

// observe has an event recorded before the answer leaves, of everything but metadata
// and pages that show nothing of anybody's record.
func (c *call) observe(e endpoint) {
	log := c.Door.Audit()
	if log == nil || e.cors == corsAny {
		return
	}
	states := strings.HasPrefix(e.path, appStatePath)
	c.act = &audit.Event{Kind: kindOf(e.path, c.r.Method), Target: strings.Trim(e.path, "/")}
	if states || strings.HasPrefix(e.path, "/account/") {
		if id := c.r.PathValue("id"); id != "" {
			c.act.Target = strings.Replace(c.act.Target, "{id}", bounded(id), 1)
		}
	}
	x := web.From(c.r.Context())
	if x == nil {
		return
	}
	trail := &audit.Trail{}
	c.r = c.r.WithContext(audit.WithTrail(c.r.Context(), trail))
	recorded := false
	x.Before = func(status int) error {
		read := c.r.Method == http.MethodGet || c.r.Method == http.MethodHead
		shown := read && status < 400 && !states && !slices.Contains(actingByGet, e.path) && !trail.Grew()
		if recorded || shown || c.r.Method == http.MethodOptions {
			return nil
		}
		recorded = true
		trail.Tell(c.act)
		if c.asks != nil {
			c.asks.Justify(c.r.Context(), c.act, "")
		}
		c.act.Status, c.act.Request, c.act.Agent.Address = status, x.ID, c.address().String()
		if err := log.Record(c.r.Context(), c.act); err != nil {
			return fault.Wrap(err, fault.Unavailable, fault.CodeTransient, "", "The audit log cannot be written, and without it nothing is done here. Try again later.")
		}
		return nil
	}
}

// refused notes why a request is refused, by a code: the words may hold what was
// sent.
func (c *call) refused(err error) {
	if c.act == nil {
		return
	}
	if r, ok := errors.AsType[*identity.Refused](err); ok {
		c.act.Why = append(c.act.Why, string(r.Code))
		return
	}
	body, _ := explain(err)
	c.act.Why = append(c.act.Why, string(body.Code))
}

// by notes who is signed in.
func (c *call) by(u *identity.User) {
	if c.act == nil || u == nil {
		return
	}
	a := &c.act.Agent
	a.User, a.Login, a.Roles = u.ID, u.Login, nil
	for _, r := range u.Roles {
		a.Roles = append(a.Roles, string(r))
	}
	if k := u.FHIRUser(); k != (fhir.Key{}) {
		a.Is = k.String()
	}
}

// through notes the app.
func (c *call) through(client string) {
	if c.act != nil {
		c.act.Agent.Client = bounded(client)
	}
	c.step.of(client)
}

// note adds to what is said of the act.
func (c *call) note(text string) {
	if c.act == nil || text == "" {
		return
	}
	if c.act.Note != "" {
		text = c.act.Note + "; " + text
	}
	c.act.Note = text
}

// signingIn notes how a sign-in went. A login is kept only if there is such a user:
// people type their passwords into the wrong field.
func (c *call) signingIn(in *identity.SignIn, login string, err error) {
	if c.act == nil {
		return
	}
	c.act.Kind = audit.SignIn
	if in != nil {
		c.by(in.User)
		c.note("by " + strings.Join(in.Methods, "+"))
		if in.Pending != "" {
			c.note("waits for a second factor")
		}
		return
	}
	if login != "" {
		if u, unknown := c.Identity.UserByLogin(c.r.Context(), login); unknown == nil {
			c.by(u)
		} else {
			c.note("no such user")
		}
	}
	for reason, word := range map[error]string{
		identity.ErrCredentials: "wrong-credentials", identity.ErrCode: "wrong-code", identity.ErrDisabled: "disabled", identity.ErrPending: "expired",
		identity.ErrLocked: "too-many-failed", identity.ErrUnlinked: "not-linked", identity.ErrOutside: "outside-provider",
	} {
		if errors.Is(err, reason) {
			c.act.Why = append(c.act.Why, word)
		}
	}
	if _, waits := errors.AsType[*identity.WaitError](err); waits {
		c.act.Why = append(c.act.Why, "too-many-failed")
	}
	c.act.Refused = true
}

// issued notes the token that was made, by its id, and what it allows.
func (c *call) issued(t *identity.Tokens) {
	if c.act != nil {
		c.act.Agent.Token = t.AccessID
		c.note("scope " + t.Scopes.String())
	}
	c.step.issued(t)
}

// bounded keeps what a client says of itself short.
func bounded(s string) string {
	if len(s) > 128 {
		return s[:128]
	}
	return s
}
