package identity

import "fmt"

// Code is an error code of OAuth 2.0 or OpenID Connect.
type Code string

// The codes in use.
const (
	InvalidRequest          Code = "invalid_request"           // RFC 6749 §4.1.2.1, §5.2
	InvalidClient           Code = "invalid_client"            // RFC 6749 §5.2
	InvalidGrant            Code = "invalid_grant"             // RFC 6749 §5.2
	UnauthorizedClient      Code = "unauthorized_client"       // RFC 6749 §4.1.2.1, §5.2
	UnsupportedGrantType    Code = "unsupported_grant_type"    // RFC 6749 §5.2
	UnsupportedResponseType Code = "unsupported_response_type" // RFC 6749 §4.1.2.1
	InvalidScope            Code = "invalid_scope"             // RFC 6749 §4.1.2.1, §5.2
	AccessDenied            Code = "access_denied"             // RFC 6749 §4.1.2.1
	ServerError             Code = "server_error"              // RFC 6749 §4.1.2.1
	TemporarilyUnavailable  Code = "temporarily_unavailable"   // RFC 6749 §4.1.2.1
	InvalidTarget           Code = "invalid_target"            // RFC 8707 §2
	InvalidToken            Code = "invalid_token"             // RFC 6750 §3.1
	InsufficientScope       Code = "insufficient_scope"        // RFC 6750 §3.1
	InvalidRedirectURI      Code = "invalid_redirect_uri"      // RFC 7591 §3.2.2
	InvalidClientMetadata   Code = "invalid_client_metadata"   // RFC 7591 §3.2.2
	UnsupportedTokenType    Code = "unsupported_token_type"    // RFC 7009 §2.2.1
	LoginRequired           Code = "login_required"            // OpenID Connect Core §3.1.2.6
	InteractionRequired     Code = "interaction_required"      // OpenID Connect Core §3.1.2.6
	ConsentRequired         Code = "consent_required"          // OpenID Connect Core §3.1.2.6
	InvalidRequestObject    Code = "invalid_request_object"    // OpenID Connect Core §3.1.2.6
	RequestNotSupported     Code = "request_not_supported"     // OpenID Connect Core §3.1.2.6
	RequestURINotSupported  Code = "request_uri_not_supported" // OpenID Connect Core §3.1.2.6
	// OpenID Connect Core Error Code unmet_authentication_requirements 1.0 §2
	UnmetAuthentication Code = "unmet_authentication_requirements"
)

// Refused is a request that OAuth refuses: the code that the client is told and
// a sentence that says what to do.
type Refused struct {
	Code Code
	Why  string // of printable ASCII without quotes, as error_description must be
}

// Error implements error.
func (r *Refused) Error() string { return string(r.Code) + ": " + r.Why }

// Refuse makes a Refused. What of the description error_description cannot hold
// (RFC 6749 §5.2) becomes another character.
func Refuse(code Code, format string, args ...any) *Refused {
	text := []rune(fmt.Sprintf(format, args...))
	for i, c := range text {
		switch {
		case c == '"' || c == '\\':
			text[i] = '\''
		case c < ' ' || c > '~':
			text[i] = '?'
		}
	}
	return &Refused{code, string(text)}
}
