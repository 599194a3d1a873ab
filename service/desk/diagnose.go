package desk

import (
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/smart"
)

// finding is what a step of a trace comes to, for people.
type finding struct {
	What   string // what happened
	Bad    bool   // it failed, or will
	Why    string // of what is bad: what is wrong
	Fix    string // and how it is set right
	Adds   string // a redirect address that can be registered to set it right
	Notice string // what deserves care though it works
}

// server is where the traced server is.
type server struct{ FHIR, Issuer string }

// diagnose explains a step. before are the steps that came before it.
func diagnose(at server, s identity.Step, before []identity.Step) finding {
	f := finding{What: what(s), Bad: s.Status >= 400 || s.Answer["error"] != "" || s.Answer["cors"] == "refused"}
	switch {
	case s.Answer["cors"] == "refused":
		f.Why = "The page at " + s.Origin + " asked, and the origin is not that of a redirect address of a registered app. The browser hides the answer from the page (CORS)."
		f.Fix = "Register a redirect address at " + s.Origin + ", or serve the app from the origin of the one that is registered."
	case s.Injected != "" && f.Bad:
		f.Why, f.Fix = "This error was injected: "+s.Injected+".", "The app should tell its user in plain words, and offer to begin again. End the simulation to have it work."
		if s.Status == http.StatusUnauthorized {
			f.Fix = "The app should refresh the token, or ask for a new authorization, whatever expires_in said. End the simulation to have it work."
		}
	case !f.Bad:
		f.Notice = careful(s, before)
	case s.Path == "/auth/authorize", strings.HasPrefix(s.Path, "/auth/request"):
		f.authorize(at, s)
	case strings.HasPrefix(s.Path, "/fhir"):
		f.fhir(s)
	default:
		f.token(at, s, before)
	}
	if f.Bad && f.Why == "" {
		f.Why = sentences(s)
	}
	if f.Bad && f.Fix == "" {
		f.Fix = "Compare what was sent with what the answer says."
	}
	return f
}

// what says what a step did.
func what(s identity.Step) string {
	switch {
	case s.Path == "/auth/authorize":
		return "The app asked for an authorization"
	case strings.HasPrefix(s.Path, "/auth/request"):
		page := s.Answer["page"]
		words := map[string]string{"sign-in": "the sign-in page", "patient": "the choice of a patient", "encounter": "the choice of a visit", "consent": "the question what the app may do"}
		switch {
		case s.Answer["code"] != "":
			return "The user allowed it, and the browser was led back to the app with a code"
		case s.Answer["error"] != "":
			return "The browser was led back to the app with an error"
		case s.Method == http.MethodPost && words[page] != "":
			return "The user answered " + words[page]
		case words[page] != "":
			return "The user was shown " + words[page]
		}
		return "The authorization went on"
	case s.Path == "/auth/token":
		switch s.Sent["grant_type"] {
		case "authorization_code":
			return "The app exchanged the code for tokens"
		case "refresh_token":
			return "The app refreshed its token"
		case "client_credentials":
			return "The service asked for a token"
		}
		return "The app asked for tokens"
	case s.Path == "/auth/introspect":
		return "A token was inspected"
	case s.Path == "/auth/revoke":
		return "A token was revoked"
	case s.Path == "/auth/userinfo":
		return "The app asked who the user is"
	case s.Method == http.MethodOptions:
		return "A browser asked whether a page may call " + s.Path
	}
	return s.Method + " " + s.Path
}

// careful is what works and yet deserves care.
func careful(s identity.Step, before []identity.Step) string {
	switch {
	case s.Path == "/auth/authorize" && s.Sent["state"] == "":
		return "There is no state. Send a random one and compare it when the browser comes back, or others can slip their own code in (RFC 6749 §10.12)."
	case s.Path == "/auth/authorize" && smart.Scopes(strings.Fields(s.Sent["scope"])).Has(smart.OpenID) && s.Sent["nonce"] == "":
		return "openid is asked for without a nonce. Send one and compare it with that of the id_token."
	case s.Path == "/auth/token" && s.Sent["grant_type"] == "authorization_code":
		return missingScopes(s, before)
	case s.Injected != "":
		return "The simulation was at work: " + s.Injected + "."
	}
	return ""
}

// missingScopes tells which of the scopes asked for were not granted.
func missingScopes(s identity.Step, before []identity.Step) string {
	granted := smart.Scopes(strings.Fields(s.Answer["scope"]))
	for i := len(before) - 1; i >= 0; i-- {
		b := before[i]
		if b.Path != "/auth/authorize" || b.Answer["error"] != "" {
			continue
		}
		var missing []string
		for _, scope := range strings.Fields(b.Sent["scope"]) {
			if !granted.Covered(scope) {
				missing = append(missing, scope)
			}
		}
		if len(missing) == 0 {
			return ""
		}
		why := "they are not registered for the app, the server does not know them, or the user said no to them"
		if b.Injected != "" {
			why = b.Injected
		}
		return "Asked for and not granted: " + strings.Join(missing, " ") + ". Either " + why + ". An app reads the scope of the answer and does without."
	}
	return ""
}

// authorize explains what is wrong with an authorization request.
func (f *finding) authorize(at server, s identity.Step) {
	asked, why := s.Sent, s.Answer["error_description"]
	registered, mismatch := s.Answer["registered"]
	switch {
	case s.Stray || strings.Contains(why, "is not registered (client_id)"):
		f.Why = "The client_id " + quoted(asked["client_id"]) + " is none that is registered here."
		f.Fix = "Send the client_id that the page of the app shows, exactly."
	case asked["redirect_uri"] == "" && s.Path == "/auth/authorize" && mismatch:
		f.Why, f.Fix = "There is no redirect_uri.", "Send the redirect_uri to which the browser is led back: "+registered+"."
	case mismatch:
		f.Why = "redirect_uri mismatch: the app asked to go back to " + quoted(asked["redirect_uri"]) + ", and registered is " + strings.ReplaceAll(quoted(registered), "\n", " and ") + ". They must be equal, to the letter: scheme, host, port, path and slash at the end. So the user saw an error page, and nothing went back to the app."
		f.Fix, f.Adds = "Change the app to send a registered address, or register the one that it sends.", asked["redirect_uri"]
	case strings.Contains(why, "PKCE"), strings.Contains(why, "code_challenge"):
		f.Why = "PKCE is missing or wrong: " + sentences(s)
		f.Fix = "Send code_challenge, the base64url of the SHA-256 of a random code_verifier, and code_challenge_method=S256; send the code_verifier with the code (RFC 7636). Libraries do it when told: pkceMode: \"required\" in fhirclient, code_challenge_method=\"S256\" in Authlib."
	case strings.HasPrefix(why, "aud"):
		f.Why = "aud " + orNothing(asked["aud"]) + " is not the FHIR server whose tokens are issued here."
		f.Fix = "Send aud=" + at.FHIR + ": the iss of the launch, to the letter."
	case s.Answer["error"] == string(identity.InvalidScope):
		f.Why = sentences(s)
		f.Fix = "Ask for scopes that the app is registered for, written as SMART has them: patient/Observation.rs, launch/patient, openid fhirUser. The page of the app shows them and lets you register others."
	case strings.HasPrefix(why, "launch is unknown"):
		f.Why = "The launch parameter is not, or no longer, good: it lives five minutes, for one app, and is used once."
		f.Fix = "Launch again, and send the launch parameter that the launch address got, unchanged, with the scope launch."
	case strings.Contains(why, "for another user"):
		f.Why = "The app was launched for one user, and another one is signed in in this browser."
		f.Fix = "Open the launch in a private window and sign in there as the user of the launch, or launch as yourself."
	case strings.HasPrefix(why, "response_type"):
		f.Why, f.Fix = sentences(s), "Send response_type=code. There is no implicit flow."
	case strings.Contains(why, "not yet approved"), strings.Contains(why, "is suspended"):
		f.Why, f.Fix = sentences(s), "An administrator approves apps, in the console."
	case s.Answer["error"] == string(identity.AccessDenied):
		f.Why, f.Fix = sentences(s), "The app should say so to its user and offer to begin again."
	}
}

// token explains what is wrong with a request for tokens.
func (f *finding) token(at server, s identity.Step, before []identity.Step) {
	why := s.Answer["error_description"]
	switch {
	case s.Answer["error"] == string(identity.InvalidClient):
		f.Why = "The client could not be authenticated: " + sentences(s)
		f.Fix = "Prove who the app is in the way that it is registered for, which its page shows: public apps send client_id alone; those with a secret send it by HTTP Basic or in the body, once; those with a key pair send a client_assertion signed for " + at.Issuer + "/auth/token, with a jti that is new, that expires within five minutes."
	case s.Answer["error"] == string(identity.InvalidToken):
		f.Why, f.Fix = "The access token is unknown, has expired or was revoked.", "Send the token as Authorization: Bearer, and get a new one when it is refused."
	case s.Sent["grant_type"] == "":
		f.Why, f.Fix = sentences(s), "Send grant_type=authorization_code, refresh_token or client_credentials in a form (application/x-www-form-urlencoded), not as JSON."
	case strings.Contains(why, "code_verifier"):
		f.Why = "PKCE: the code_verifier is missing, or is not the one whose hash was sent as code_challenge."
		f.Fix = "Keep the code_verifier from the authorization request until the code is exchanged: in the session of the browser, not in a variable that a reload loses."
	case strings.Contains(why, "redirect_uri"):
		f.Why, f.Fix = sentences(s), "Send the redirect_uri of the authorization request again, to the letter."
	case s.Answer["error"] == string(identity.InvalidGrant) && s.Sent["grant_type"] == "authorization_code":
		f.Why = "The code is not, or no longer, good: " + sentences(s)
		f.Fix = "A code lives for a minute and is used once. " + seenBefore(s, before)
	case s.Answer["error"] == string(identity.InvalidGrant):
		f.Why = "The refresh token is not, or no longer, good: " + sentences(s)
		f.Fix = "Refresh tokens change with each use: keep the latest one, and let only one request at a time refresh. When none is left, begin a new authorization."
	case s.Answer["error"] == string(identity.InvalidScope):
		f.Why, f.Fix = sentences(s), "Ask for scopes that the app is registered for, and that the user allowed."
	case s.Answer["error"] == string(identity.UnauthorizedClient):
		f.Why, f.Fix = sentences(s), "Use the grant types that the app is registered for: a backend service client_credentials, others authorization_code."
	}
}

// seenBefore says whether a code was exchanged before.
func seenBefore(s identity.Step, before []identity.Step) string {
	for _, b := range before {
		if b.Path == s.Path && b.Sent["code"] != "" && b.Sent["code"] == s.Sent["code"] {
			return "This one was sent before: a page that was reloaded, or a library that exchanges it as well. The tokens that it gave have ended."
		}
	}
	return "Exchange it at once, and take it as it came, decoded once."
}

// fhir explains what is wrong with a request of the FHIR API.
func (f *finding) fhir(s identity.Step) {
	switch {
	case s.Status == http.StatusUnauthorized && s.Scheme == "":
		f.Why, f.Fix = "There is no access token.", "Send it as Authorization: Bearer."
	case s.Status == http.StatusUnauthorized:
		f.Why, f.Fix = "The access token is unknown, has expired or was revoked.", "Refresh it and repeat the request, once; without a refresh token begin a new authorization."
	case s.Status == http.StatusForbidden:
		f.Why, f.Fix = sentences(s), "Ask for a scope that allows it, such as patient/"+typeOf(s.Path)+".rs to read and search, and look whether the user's role or the patient's consent allows it, too."
	case s.Status == http.StatusNotFound, s.Status == http.StatusGone:
		f.Why, f.Fix = sentences(s), "The resource is not there, or not for this user, app and patient: both look the same. Look at the patient of the token."
	case s.Status == http.StatusTooManyRequests:
		f.Why, f.Fix = sentences(s), "Wait as long as Retry-After says."
	case s.Status == http.StatusBadRequest, s.Status == http.StatusUnprocessableEntity:
		f.Why, f.Fix = sentences(s), "Set right what the OperationOutcome names; the query console proposes parameters and explains what they do."
	}
}

// typeOf is the resource type of a path of the FHIR API.
func typeOf(path string) string {
	t, _, _ := strings.Cut(strings.TrimPrefix(path, "/fhir/"), "/")
	if t == "" || strings.ContainsAny(t, "$_?") {
		return "*"
	}
	return t
}

// sentences is the error that was answered, for people.
func sentences(s identity.Step) string {
	why := s.Answer["error_description"]
	if why == "" {
		why = s.Answer["error"]
	}
	if why == "" {
		return "The server answered with status " + http.StatusText(s.Status) + "."
	}
	why = strings.ToUpper(why[:1]) + why[1:]
	if !strings.HasSuffix(why, ".") {
		why += "."
	}
	return why
}

func quoted(text string) string { return "“" + text + "”" }

func orNothing(text string) string {
	if text == "" {
		return "is missing and"
	}
	return quoted(text)
}
