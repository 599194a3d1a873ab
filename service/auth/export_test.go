package auth

import "strings"

// AccountRoutes are the routes of the account, as "GET /account".
func AccountRoutes() []string {
	var all []string
	for _, e := range accountEndpoints {
		for _, m := range strings.Split(e.methods, ", ") {
			all = append(all, m+" "+e.path)
		}
	}
	return all
}
