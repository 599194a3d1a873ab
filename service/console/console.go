// Package console is where a place is run: administrators and privacy officers see
// here who may do what, which apps there are, what patients decided, who looked at
// what, how much is used, and whether all is well.
//
// Users, apps, rules and broken glass are pages of the account, to which its menu
// leads.
package console

import (
	"context"
	"embed"
	"time"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/records/tenancy"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/service/web"
)

// Config is what the console shows beside the records.
type Config struct {
	House    *pages.House     // required
	Tenants  *records.Tenants // required: those of this process
	Version  string           // of the program
	Database string           // what it keeps records in, without passwords
	Begun    time.Time        // when the program was started
	// Disk is how many bytes are free where records are kept; nil where that is not for
	// this program to know.
	Disk func() (uint64, error)
	// Reset makes the records of a tenant, "" for the default one, those of a new sandbox.
	// Of the default tenant it is asked for only if Sandbox says that it is one.
	Reset   func(ctx context.Context, tenant string) error
	Sandbox bool
	// Office makes and ends tenants while the server runs. It is for administrators of
	// the default tenant.
	Office *tenancy.Office // required
	// FirstLink is a link by which somebody becomes the first administrator of a tenant;
	// "" where there is one, or the tenant is not served.
	FirstLink func(ctx context.Context, tenant string) (string, error)
}

// Path is where the console is.
const Path = "/console"

var (
	administrators = []identity.Role{identity.Administrator}
	officers       = []identity.Role{identity.PrivacyOfficer}
	both           = []identity.Role{identity.Administrator, identity.PrivacyOfficer}
)

// The groups of the menu.
const (
	people    = "People and apps"
	privacy   = "Privacy"
	traffic   = "Traffic"
	operation = "Operation"
)

// Entrance is the way to the console, with its menu.
func Entrance() pages.Entrance {
	return pages.Entrance{
		Name: "Console", Path: Path, Words: "Run the place: users and roles, apps, consents, the audit log, usage, jobs, subscriptions, limits, tenants, health and alerts.", Roles: both,
		Places: []pages.Place{
			{Name: "Overview", Path: Path},
			{Name: "Users", Path: "/account/users", Group: people, Roles: administrators},
			{Name: "Roles", Path: Path + "/roles", Group: people, Roles: administrators},
			{Name: "Apps", Path: "/account/clients", Group: people, Roles: administrators},
			{Name: "Rules", Path: "/account/policy", Group: people, Roles: administrators},
			{Name: "Consents", Path: Path + "/consents", Group: privacy},
			{Name: "Broken glass", Path: "/account/privacy", Group: privacy, Roles: officers},
			{Name: "Audit", Path: Path + "/audit", Group: privacy},
			{Name: "Keeping", Path: Path + "/keeping", Group: privacy},
			{Name: "Usage", Path: Path + "/usage", Group: traffic},
			{Name: "Limits", Path: Path + "/limits", Group: traffic, Roles: administrators},
			{Name: "Subscriptions", Path: Path + "/subscriptions", Group: traffic, Roles: administrators},
			{Name: "Health", Path: Path + "/health", Group: operation},
			{Name: "Alerts", Path: Path + "/alerts", Group: operation},
			{Name: "Jobs", Path: Path + "/jobs", Group: operation, Roles: administrators},
			{Name: "Packages", Path: Path + "/packages", Group: operation, Roles: administrators},
			{Name: "Tenants", Path: Path + "/tenants", Group: operation, Roles: administrators},
		},
	}
}

// Mount serves the console.
func Mount(site *web.Site, c Config) {
	r := &room{c}
	page := func(pattern string, roles []identity.Role, serve func(*visit) error) pages.Page {
		return pages.Page{Pattern: pattern, Roles: roles, Serve: func(v *pages.Visit) error { return serve(&visit{v, r}) }}
	}
	watch := page("GET /audit/verify/events", both, (*visit).watchVerification)
	watch.Live = true
	pages.Room{Name: "Console", Path: Path, House: c.House, Pages: []pages.Page{
		page("GET ", both, (*visit).overview),
		page("GET /roles", administrators, (*visit).roles),
		page("GET /roles/new", administrators, (*visit).newRole),
		page("GET /roles/role/{name}", administrators, (*visit).role),
		page("POST /roles/role/{name}", administrators, (*visit).changeRole),
		page("POST /roles/new", administrators, (*visit).changeRole),
		page("GET /consents", both, (*visit).consents),
		page("GET /consents/consent/{id}", officers, (*visit).consent),
		page("POST /consents/review", both, (*visit).reviewConsent),
		page("GET /audit", both, (*visit).audit),
		page("GET /audit/export", both, (*visit).exportEvents),
		page("GET /audit/event/{number}", both, (*visit).event),
		page("GET /audit/event/{number}/proof", both, (*visit).proof),
		page("GET /audit/checkpoint", both, (*visit).checkpoint),
		page("GET /audit/verify", both, (*visit).verification),
		watch,
		page("POST /audit/verify", both, (*visit).verify),
		page("GET /usage", both, (*visit).usage),
		page("GET /limits", administrators, (*visit).limits),
		page("POST /limits", administrators, (*visit).setLimit),
		page("POST /limits/remove", administrators, (*visit).removeLimit),
		page("GET /subscriptions", administrators, (*visit).subscriptions),
		page("POST /subscriptions", administrators, (*visit).changeSubscription),
		page("GET /keeping", both, (*visit).keeping),
		page("POST /keeping/hold", both, (*visit).setHold),
		page("POST /keeping/lift", both, (*visit).liftHold),
		page("POST /keeping/rules", both, (*visit).setRetention),
		page("GET /jobs", administrators, (*visit).jobList),
		page("POST /jobs/cancel", administrators, (*visit).cancelJob),
		page("GET /packages", administrators, (*visit).packages),
		page("GET /tenants", administrators, (*visit).tenants),
		page("POST /tenants", administrators, (*visit).resetDefault),
		page("POST /tenants/new", administrators, (*visit).makeTenant),
		page("GET /tenants/tenant/{name}", administrators, (*visit).tenant),
		page("POST /tenants/tenant/{name}", administrators, (*visit).changeTenant),
		page("GET /health", both, (*visit).health),
		page("GET /alerts", both, (*visit).alerts),
		page("POST /alerts/acknowledge", both, (*visit).acknowledgeAlert),
		page("POST /alerts/silence", both, (*visit).silenceAlert),
		page("POST /alerts/rules", administrators, (*visit).setAlertRules),
	}}.Mount(site)
}

// room is what all its pages know.
type room struct{ Config }

// visit is one request for a page of the console.
type visit struct {
	*pages.Visit
	room *room
}

//go:embed page/*.html
var files embed.FS

func parse(name string) *pages.Template { return pages.Parse(files, name) }

// frame begins a page that belongs to a place of the menu.
func (v *visit) frame(title, place string, density pages.Density) pages.Frame {
	f := v.Frame(title, v.Path(place), density)
	f.Notice = notices[v.Query.Get("done")]
	return f
}

// notices are what pages say was done, by the name in the address.
var notices = map[string]string{
	"cancelled": "It is ended. Who works on it stops within some seconds.",
	"saved":     "Saved. It holds at the next request of everybody.",
	"role":      "The role is as on a new server.",
	"gone":      "The role is gone.",
	"reviewed":  "Reviewed.",

	"subscription-off":   "The Subscription is off.",
	"subscription-retry": "It is tried again at once.",
	"subscription-try":   "The test was taken.",

	"ordered":      "The audit log is being verified.",
	"held":         "It is held from now on.",
	"lifted":       "The hold is lifted.",
	"limit":        "The limit is in force, in every process within two seconds.",
	"unlimited":    "The limit is removed.",
	"rules":        "The rules are saved. They are applied once a day.",
	"acknowledged": "You look after it: nobody is reminded of it.",
	"silenced":     "Saved. It is shown here all the same.",
	"limits":       "The limits are saved. They hold within seconds.",
	"reset":        "The sandbox's records are as on a new one.",

	"tenant-making":  "The tenant is being made.",
	"tenant-suspend": "The tenant is suspended: within seconds nobody reaches it.",
	"tenant-resume":  "The tenant is served again, within seconds.",
	"tenant-delete":  "The tenant is being deleted.",
	"tenant-gone":    "The tenant is gone.",
}

// done leads to a page that says what was done.
func (v *visit) done(path, what string) error { return v.See(v.Path(path) + "?done=" + what) }

// session is the visitor's session with all records.
func (v *visit) session() (*records.Session, error) { return v.Records("") }

// administers says whether the visitor is an administrator.
func (v *visit) administers() bool { return v.User.Has(identity.Administrator) }
