package auth

import (
	"cmp"
	"strings"

	"github.com/inglehealth/ingle/identity"
)

// sandboxUser is one of those as whom anybody may sign in.
type sandboxUser struct {
	Login, Name string
	Words       string // what the user is
}

// sandboxUsers are those that the sign-in page offers.
func (c *call) sandboxUsers() ([]sandboxUser, error) {
	users, err := c.Identity.SandboxUsers(c.r.Context())
	if err != nil {
		return nil, err
	}
	var all []sandboxUser
	for _, u := range users {
		all = append(all, sandboxUser{u.Login, cmp.Or(u.Name, u.Login), rolesInWords(u.Roles)})
	}
	return all, nil
}

// rolesInWords are the names of roles, for people to read.
func rolesInWords(roles []identity.Role) string {
	var words []string
	for _, r := range roles {
		words = append(words, strings.ReplaceAll(string(r), "-", " "))
	}
	return strings.Join(words, ", ")
}
