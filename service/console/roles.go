package console

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/engine/access"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

var (
	rolesTemplate = parse("roles.html")
	roleTemplate  = parse("role.html")
)

// grantWords say what one letter of a rule allows.
var grantWords = []struct{ Letter, Word string }{{"c", "create"}, {"r", "read"}, {"u", "update"}, {"d", "delete"}, {"s", "search"}}

// reachWords say whose data a rule reaches.
var reachWords = map[access.Reach]string{
	access.ReachAll: "of the whole organization", access.ReachDepartment: "of the user's departments", access.ReachOwn: "of the user's own patients",
}

// operationWords say what an operation is.
var operationWords = map[access.Operation]string{
	access.Hold: "Set and lift legal holds", access.Erase: "Erase patients", access.Retain: "Say after which time what is removed",
	access.Usage: "See who used how much", access.Consents: "Review unclear consents, and say what holds where none decides",
	access.Limit: "Set limits on use",
}

// shownRole is a role in words.
type shownRole struct {
	access.Role
	Address string
	Added   bool     // by an administrator
	Changed bool     // from what it was when the server was new
	Says    []string // its rules
	May     []string // its operations
}

// roles lists what each role allows.
func (v *visit) roles() error {
	all, err := v.Identity.AccessRoles(v.R.Context())
	if err != nil {
		return err
	}
	page := struct {
		pages.Frame
		Roles []shownRole
		New   string
	}{Frame: v.frame("Roles", Path+"/roles", pages.Wide), New: v.Path(Path + "/roles/new")}
	for _, r := range all {
		page.Roles = append(page.Roles, v.shown(r))
	}
	return v.Write(http.StatusOK, page.Frame, rolesTemplate, page)
}

func (v *visit) shown(r access.Role) shownRole {
	s := shownRole{Role: r, Address: v.Path(Path + "/roles/role/" + r.Name)}
	at := slices.IndexFunc(access.ShippedRoles(), func(one access.Role) bool { return one.Name == r.Name })
	s.Added = at < 0
	s.Changed = at >= 0 && !equalRoles(access.ShippedRoles()[at], r)
	for _, rule := range r.Rules {
		s.Says = append(s.Says, ruleWords(rule))
	}
	for _, o := range r.Operations {
		s.May = append(s.May, cmp.Or(operationWords[o], string(o)))
	}
	return s
}

func equalRoles(a, b access.Role) bool {
	return slices.Equal(roleLines(a), roleLines(b))
}

// roleLines say everything about a role.
func roleLines(r access.Role) []string {
	lines := []string{r.Title, strings.Join(r.Purposes, " "), strings.Join(r.Unseals, " ")}
	for _, o := range r.Operations {
		lines = append(lines, string(o))
	}
	for _, rule := range r.Rules {
		lines = append(lines, ruleWords(rule))
	}
	return lines
}

// ruleWords say what a rule allows: "Read and search Patient and Encounter of the whole
// organization".
func ruleWords(r access.RoleRule) string {
	var verbs []string
	for _, one := range grantWords {
		if strings.Contains(r.Interactions, one.Letter) {
			verbs = append(verbs, one.Word)
		}
	}
	words := pages.Sentence(listed(verbs))
	words = strings.TrimSuffix(words, ".") + " " + listed(kindsOf(r.Types)) + " " + cmp.Or(reachWords[r.Reach], string(r.Reach))
	if r.Filter != "" {
		words += ", where " + r.Filter
	}
	if len(r.Purposes) > 0 {
		words += ", for " + strings.Join(r.Purposes, ", ")
	}
	if len(r.Mask) > 0 {
		words += ", without " + strings.Join(maskLines(r), ", ")
	}
	return words
}

// kindWords say what kinds of types a rule can name in one word.
var kindWords = map[string]string{
	"owned": "the records of patients", "about": "what is said about records", "referred": "what records refer to",
	"directory": "the directory of people and places", "*": "every type",
}

func kindsOf(types []string) []string {
	var all []string
	for _, t := range types {
		all = append(all, cmp.Or(kindWords[t], t))
	}
	return all
}

func maskLines(r access.RoleRule) (all []string) {
	for _, p := range r.Mask {
		all = append(all, string(p))
	}
	return all
}

// listed joins words: "read, update and search".
func listed(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// newRole shows an empty form.
func (v *visit) newRole() error {
	return v.showRole(access.Role{Purposes: []string{"TREAT"}}, true, nil)
}

// role shows the rules of a role, to be changed.
func (v *visit) role() error {
	r, err := v.readRole()
	if err != nil {
		return err
	}
	return v.showRole(r, false, nil)
}

func (v *visit) readRole() (access.Role, error) {
	r, err := v.Identity.AccessRole(v.R.Context(), v.R.PathValue("name"))
	if errors.Is(err, identity.ErrNotFound) {
		err = fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such role with rules. Patients, proxies, administrators and app developers have none.")
	}
	return r, err
}

// changeRole saves a role, or makes it what it was.
func (v *visit) changeRole() error {
	name := v.R.PathValue("name")
	if name != "" {
		if _, err := v.readRole(); err != nil {
			return err
		}
	}
	if v.Form.Get("do") == "reset" && name != "" {
		v.Note(audit.Administer, "role "+name+" as on a new server")
		return v.resetRole(name)
	}
	r := v.formRole()
	if name != "" {
		r.Name = name
	}
	v.Note(audit.Administer, "role "+r.Name)
	err := v.setRole(r, name == "")
	if list := pages.Problems(err); list != nil {
		for i := range list {
			list[i].Field = roleField(list[i].Field)
		}
		return v.showRole(r, name == "", list)
	}
	if err != nil {
		return err
	}
	return v.done(Path+"/roles/role/"+r.Name, "saved")
}

func (v *visit) setRole(r access.Role, added bool) error {
	if added {
		taken, err := v.Identity.AllRoles(v.R.Context())
		if err != nil {
			return err
		}
		if slices.Contains(taken, identity.Role(r.Name)) {
			return fault.New(fault.Conflict, fault.CodeDuplicate, "name", "there is a role of that name already")
		}
	}
	own := v.Door.Session(records.Principal{ID: v.User.ID, Name: v.UserName()}, nil) // administrators set roles
	return own.SetAccessRole(v.R.Context(), r)
}

func (v *visit) resetRole(name string) error {
	err := v.Identity.ResetAccessRole(v.R.Context(), name)
	if list := pages.Problems(err); list != nil {
		r, err := v.readRole()
		if err != nil {
			return err
		}
		return v.showRole(r, false, list)
	}
	if err != nil {
		return err
	}
	if _, err := v.Identity.AccessRole(v.R.Context(), name); errors.Is(err, identity.ErrNotFound) {
		return v.done(Path+"/roles", "gone")
	}
	return v.done(Path+"/roles/role/"+name, "role")
}

// roleField is the field of the form that a path of a role is about.
func roleField(path string) string {
	rest, ok := strings.CutPrefix(path, "rules[")
	if !ok {
		path, _, _ = strings.Cut(path, "[")
		return path
	}
	at, field, _ := strings.Cut(rest, "].")
	field, _, _ = strings.Cut(field, "[")
	return field + "-" + at
}
