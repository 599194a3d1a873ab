package console

import (
	"errors"
	"net/http"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
)

var overviewTemplate = parse("overview.html")

// task is something that waits for the visitor.
type task struct {
	Name, Words, Address string
	Count                int
	More                 bool // than Count
}

// maxWaiting bounds what is counted.
const maxWaiting = 200

var errEnough = errors.New("console: enough")

// overview says what waits, and how the place is.
func (v *visit) overview() error {
	s, err := v.session()
	if err != nil {
		return err
	}
	page := struct {
		pages.Frame
		Tasks   []task
		Checks  []check
		Reads   string // address of the audit search
		Actions []pages.Item
	}{Frame: v.frame("Console", Path, pages.Wide)}
	if page.Tasks, err = v.tasks(s); err != nil {
		return err
	}
	if page.Checks, err = v.checks(); err != nil {
		return err
	}
	page.Actions = []pages.Item{
		{Name: "Find an access in the audit log", Address: v.Path(Path + "/audit")},
		{Name: "Verify the audit log", Address: v.Path(Path + "/audit/verify")},
	}
	if v.administers() {
		page.Actions = append(page.Actions, pages.Item{Name: "Make a user", Address: v.Path("/account/users/new")}, pages.Item{Name: "Register an app", Address: v.Path("/developers/new")})
	}
	return v.Write(http.StatusOK, page.Frame, overviewTemplate, page)
}

func (v *visit) tasks(s *records.Session) (all []task, err error) {
	ctx := v.R.Context()
	if v.administers() {
		apps := task{Name: "app", Words: "registered, waiting for approval", Address: v.Path("/account/clients")}
		err := v.Identity.Clients(ctx, "", func(c *identity.Client) error {
			if !c.Approved {
				apps.Count++
			}
			if apps.Count == maxWaiting {
				return errEnough
			}
			return nil
		})
		if apps.More = errors.Is(err, errEnough); err != nil && !apps.More {
			return nil, err
		}
		all = append(all, apps)
	}
	if v.User.Has(identity.PrivacyOfficer) {
		open, err := v.Identity.Glasses(ctx, true)
		if err != nil {
			return nil, err
		}
		all = append(all, task{Name: "emergency access", Words: "to review: somebody broke the glass", Address: v.Path("/account/privacy"), Count: len(open)})
	}
	unclear, next, err := s.UnclearConsents(ctx, "")
	if err != nil {
		return nil, err
	}
	all = append(all, task{Name: "consent", Words: "to look at: parts cannot be computed", Address: v.Path(Path + "/consents"), Count: len(unclear), More: next != ""})
	return all, nil
}
