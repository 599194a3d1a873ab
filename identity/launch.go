package identity

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/inglehealth/ingle/spec/fhir"
	"github.com/inglehealth/ingle/spec/smart"
)

const (
	kindLaunch   = "launch"
	launchPrefix = "igl_la_"
	maxContext   = 20 // elements of fhirContext
)

// LaunchFor is how long a launch is good.
const LaunchFor = 5 * time.Minute

// Launch is what an EHR says when it launches an app: the context, for one user
// and one client.
type Launch struct {
	Client  string        `json:"client"`
	User    string        `json:"user"`
	Context smart.Context `json:"context"`
	By      string        `json:"by,omitempty"` // client that registered it; "" for this server's own pages
	Created time.Time     `json:"created"`
	Expires time.Time     `json:"expires"`
	Used    time.Time     `json:"used,omitzero"`

	version int64
}

// ErrLaunch says that a launch handle is unknown, too old or was used before.
var ErrLaunch = errors.New("identity: the launch is unknown, has expired or was used before")

// RegisterLaunch keeps a launch for 5 minutes and returns the handle that the app
// gives back as launch. It sets By as given, Created and Expires. A *Refused says
// what of the context is not possible.
func (s *Service) RegisterLaunch(ctx context.Context, l Launch) (handle string, err error) {
	if err := checkContext(l.Context); err != nil {
		return "", err
	}
	c, err := s.Client(ctx, l.Client)
	if errors.Is(err, ErrNoClient) || err == nil && (c.usable() != nil || !c.May(AuthorizationCode)) {
		return "", Refuse(InvalidRequest, "client: no app that can be launched has this client_id")
	}
	if err != nil {
		return "", err
	}
	u, err := s.User(ctx, l.User)
	if errors.Is(err, ErrNotFound) || err == nil && u.Disabled {
		return "", Refuse(InvalidRequest, "user: there is no such user here, or it is disabled")
	}
	if err != nil {
		return "", err
	}
	l.Created = s.now()
	l.Expires, l.Used = l.Created.Add(LaunchFor), time.Time{}
	handle = newSecret(launchPrefix)
	var w changes
	w.put(kindLaunch, hashed(handle), 0, l, l.Expires.Add(RequestFor))
	return handle, s.write(ctx, &w)
}

// Launch returns what a handle stands for if it can still be used, by this
// client; ErrLaunch. Authorize uses it up.
func (s *Service) Launch(ctx context.Context, handle, client string) (*Launch, error) {
	l, err := s.readLaunch(ctx, handle)
	if err != nil {
		return nil, err
	}
	if l.Client != client || !l.Used.IsZero() || !s.now().Before(l.Expires) || s.ahead(l.Created) {
		return nil, ErrLaunch
	}
	return l, nil
}

func (s *Service) readLaunch(ctx context.Context, handle string) (*Launch, error) {
	if !strings.HasPrefix(handle, launchPrefix) || len(handle) > 128 {
		return nil, ErrLaunch
	}
	l := &Launch{}
	version, err := s.read(ctx, kindLaunch, hashed(handle), l)
	if errors.Is(err, ErrNotFound) {
		return nil, ErrLaunch
	}
	l.version = version
	return l, err
}

// takeLaunch uses a launch up. It may have expired while the user read.
func (s *Service) takeLaunch(ctx context.Context, w *changes, handle string) error {
	l, err := s.readLaunch(ctx, handle)
	if err != nil {
		return err
	}
	if !l.Used.IsZero() {
		return ErrAnswered
	}
	l.Used = s.now()
	w.put(kindLaunch, hashed(handle), l.version, l, l.Used.Add(RequestFor))
	return nil
}

// checkContext says what of a launch context SMART §3.0.3 does not allow.
func checkContext(c smart.Context) error {
	for name, id := range map[string]string{"patient": c.Patient, "encounter": c.Encounter} {
		if id != "" && !fhir.ID(id).Valid() {
			return Refuse(InvalidRequest, "%s: the id of a resource, without its type", name)
		}
	}
	if len(c.Items) > maxContext {
		return Refuse(InvalidRequest, "fhirContext: more than %d elements", maxContext)
	}
	for i, item := range c.Items {
		if err := checkItem(item); err != nil {
			return Refuse(InvalidRequest, "fhirContext[%d]: %v", i, err)
		}
	}
	if len(c.Intent) > 256 || len(c.Tenant) > 256 {
		return Refuse(InvalidRequest, "intent and tenant have up to 256 bytes")
	}
	if c.Style == "" {
		return nil
	}
	if u, err := parseURI(c.Style); err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
		return Refuse(InvalidRequest, "smart_style_url: an https address of up to %d bytes", maxURI)
	}
	return nil
}

func checkItem(item smart.ContextItem) error {
	if item.Reference == "" && item.Canonical == "" && len(item.Identifier) == 0 {
		return errors.New("it needs reference, canonical or identifier")
	}
	typ := item.Type
	if item.Reference != "" {
		t, id, ok := strings.Cut(item.Reference, "/")
		if !ok || !isTypeName(t) || !fhir.ID(id).Valid() {
			return errors.New("reference is Type/id")
		}
		if typ != "" && typ != t {
			return errors.New("type is another than that of reference")
		}
		typ = t
	}
	if typ != "" && !isTypeName(typ) {
		return errors.New("type is the name of a resource type")
	}
	if item.Canonical != "" && !isHTTP(item.Canonical) {
		return errors.New("canonical is an http address")
	}
	if len(item.Identifier) > 0 && item.Identifier[0] != '{' {
		return errors.New("identifier is an object")
	}
	if (typ == "Patient" || typ == "Encounter") && (item.Role == "" || item.Role == "launch") {
		return errors.New("there are parameters for Patient and Encounter; here they need a role other than launch")
	}
	if item.Role != "" && item.Role != "launch" && !isAbsolute(item.Role) {
		return errors.New("role is launch or an absolute URI")
	}
	return nil
}

// isAbsolute says whether text is an absolute URI (RFC 3986 §3): a URL or a URN.
func isAbsolute(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.IsAbs() && (u.Host != "" || u.Opaque != "")
}

// isHTTP says whether text is an absolute address of the web.
func isHTTP(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

func isTypeName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'A' && c <= 'Z' || i > 0 && c >= 'a' && c <= 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
