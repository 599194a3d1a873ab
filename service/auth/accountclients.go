package auth

import (
	"errors"
	"net/http"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

// developersPath is where developers register apps: a room of its own.
const developersPath = "/developers"

// clientsPage lists all apps.
type clientsPage struct {
	frame
	Clients []*identity.Client // those that wait for approval first
	Base    string             // before the id of each
	New     string
}

// clientsShown is how many apps a page lists.
const clientsShown = 1000

var errEnough = errors.New("auth: enough")

func (v *visit) clients() error {
	page := clientsPage{frame: v.frame("All apps", "/account/clients"), Base: v.url("/account/clients/app/"), New: v.url(developersPath + "/new")}
	var waiting, rest []*identity.Client
	err := v.Identity.Clients(v.r.Context(), "", func(c *identity.Client) error {
		if c.Approved {
			rest = append(rest, c)
		} else {
			waiting = append(waiting, c)
		}
		if len(waiting)+len(rest) >= clientsShown {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	page.Wide, page.Clients = true, append(waiting, rest...)
	return v.writeFrame(http.StatusOK, page.frame, clientsTemplate, page)
}

// clientPage shows one app to an administrator.
type clientPage struct {
	frame
	Client      *identity.Client
	May         []string // its scopes in words
	Kind        string
	OwnerName   string
	Exception   string
	PKCEExcept  bool // an exception is possible
	Users       int  // who allow it something
	Today, Last string
}

// dateForm is how a date stands in a form.
const dateForm = "2006-01-02"

// maxException is how long an app may be excepted from PKCE at most.
const maxException = 366 * 24 * time.Hour

// client shows an app to an administrator, who approves, suspends or deletes it,
// or excepts it from PKCE.
func (v *visit) client() error {
	ctx := v.r.Context()
	c, err := v.readClient()
	if err != nil {
		return err
	}
	if v.r.Method != http.MethodPost {
		return v.showClient(c, nil)
	}
	done := ""
	switch v.form.Get("do") {
	case "approve":
		done, err = "approved", v.Identity.ApproveClient(ctx, c.ID)
	case "suspend":
		done, err = "suspended", v.Identity.SuspendClient(ctx, c.ID)
	case "resume":
		done, err = "resumed", v.Identity.ResumeClient(ctx, c.ID)
	case "delete":
		if v.form.Get("confirm") == "" {
			return v.showClient(c, []problem{{Field: "confirm", Message: "Tick that the app is to be deleted for good."}})
		}
		if err := v.Identity.DeleteClient(ctx, c.ID); err != nil {
			return err
		}
		return v.done("/account/clients", "deleted")
	case "exception":
		if c.NoPKCEUntil, err = v.exception(); err == nil {
			done, err = "saved", v.Identity.UpdateClient(ctx, c)
		}
	default:
		err = identity.Refuse(identity.InvalidRequest, "do is approve, suspend, resume, delete or exception")
	}
	if list := problems(err); list != nil {
		return v.showClient(c, list)
	}
	if err != nil {
		return err
	}
	return v.done("/account/clients/app/"+c.ID, done)
}

// exception is the last moment of the day until which an app does without PKCE;
// zero for none.
func (v *visit) exception() (time.Time, error) {
	text := v.form.Get("until")
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(dateForm, text)
	until := day.Add(24 * time.Hour)
	if err != nil || !until.After(v.now) || until.Sub(v.now) > maxException {
		return time.Time{}, fault.New(fault.Unprocessable, fault.CodeValue, "until", "the last day is a date from today to a year from now, such as %s", v.now.AddDate(0, 3, 0).Format(dateForm))
	}
	return until, nil
}

// readClient reads the app that the address names.
func (v *visit) readClient() (*identity.Client, error) {
	c, err := v.Identity.Client(v.r.Context(), v.r.PathValue("id"))
	if errors.Is(err, identity.ErrNoClient) {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such app.")
	}
	return c, err
}

// kinds are ways of client authentication in words.
var kinds = map[identity.ClientAuth]string{
	identity.AuthNone: "Public: runs on phones or in browsers and has no secret", identity.AuthBasic: "Confidential, with a secret",
	identity.AuthPost: "Confidential, with a secret", identity.AuthAsymmetric: "Confidential, with a key pair",
}

func (v *visit) showClient(c *identity.Client, problems []problem) error {
	page := clientPage{
		frame: v.frame(c.Name, "/account/clients"), Client: c, Kind: kinds[c.Auth],
		PKCEExcept: c.Confidential() && c.May(identity.AuthorizationCode),
		Today:      v.now.Format(dateForm), Last: v.now.Add(maxException - 24*time.Hour).Format(dateForm),
	}
	page.Problems = problems
	if c.NoPKCEUntil.After(v.now) {
		page.Exception = c.NoPKCEUntil.Add(-time.Second).Format(dateForm)
	}
	page.May = pages.ScopeTexts(c.Scopes, false)
	var err error
	if page.OwnerName, err = v.ownerName(c); err != nil {
		return err
	}
	if page.Users, err = v.usersOf(c); err != nil {
		return err
	}
	return v.writeFrame(statusOfProblems(problems), page.frame, clientTemplate, page)
}

func (v *visit) ownerName(c *identity.Client) (string, error) {
	if c.Owner == "" {
		return "", nil
	}
	u, err := v.Identity.User(v.r.Context(), c.Owner)
	if errors.Is(err, identity.ErrNotFound) {
		return "a user who is gone", nil
	}
	if err != nil {
		return "", err
	}
	return u.Login, nil
}

// usersOf counts who allows an app something.
func (v *visit) usersOf(c *identity.Client) (int, error) {
	grants, err := v.Identity.ClientGrants(v.r.Context(), c.ID)
	users := map[string]bool{}
	for _, g := range grants {
		if g.Live(v.now) {
			users[g.User] = true
		}
	}
	return len(users), err
}
