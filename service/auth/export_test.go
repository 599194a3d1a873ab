package auth

import "strings"

// AccountRoutes are the routes of the account, as "GET /account".
func AccountRoutes() []string { return routes(accountEndpoints) }

// Routes are all routes.
func Routes() []string { return routes(allEndpoints) }

func routes(endpoints []endpoint) (all []string) {
	for _, e := range endpoints {
		for _, m := range strings.Split(e.methods, ", ") {
			all = append(all, m+" "+e.path)
		}
	}
	return all
}
