package gallery

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
)

const (
	maxApps = 2000 // that are looked through
	perPage = 24
)

var errEnough = errors.New("gallery: enough apps")

// shown says whether an app is in the gallery for a visitor: one that people can open
// and that administrators let in; for administrators the others as well.
func shown(c *identity.Client, admin bool) bool {
	return c.May(identity.AuthorizationCode) && (admin || c.Approved && !c.Suspended)
}

// apps are those in the gallery, the adopted ones first, then by name.
func apps(v *pages.Visit) ([]*identity.Client, error) {
	var all []*identity.Client
	admin := administers(v)
	err := v.Identity.Clients(v.R.Context(), "", func(c *identity.Client) error {
		if shown(c, admin) {
			all = append(all, c)
		}
		if len(all) == maxApps {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b *identity.Client) int {
		if a.Adopted.IsZero() != b.Adopted.IsZero() {
			if b.Adopted.IsZero() {
				return -1
			}
			return 1
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return all, nil
}

// card is an app in the list.
type card struct {
	Name, Address, Description, Publisher string
	Picture                               template.HTML
	Categories                            []string
	Tags                                  []pages.Tag
	Rating                                rating
}

var listTemplate = parse("list.html")

// list shows the apps that a search finds.
func (g *Gallery) list(v *pages.Visit) error {
	all, err := apps(v)
	if err != nil {
		return err
	}
	q, category, state := strings.TrimSpace(v.Query.Get("q")), v.Query.Get("category"), v.Query.Get("state")
	page, err := strconv.Atoi(v.Query.Get("page"))
	if err != nil || page < 1 {
		page = 1
	}
	data := struct {
		Q, State, Here string
		Categories     []pages.Item
		States         []pages.Choice
		Cards          []card
		Found, All     int
		Pager          pages.Pager
	}{Q: q, State: state, Here: v.Path(Path), All: len(all)}
	address := func(category string, page int) string {
		values := url.Values{}
		for name, value := range map[string]string{"q": q, "category": category, "state": state} {
			if value != "" {
				values.Set(name, value)
			}
		}
		if page > 1 {
			values.Set("page", strconv.Itoa(page))
		}
		if len(values) == 0 {
			return v.Path(Path)
		}
		return v.Path(Path) + "?" + values.Encode()
	}
	data.Categories = []pages.Item{{Name: "All", Address: address("", 1), Here: category == ""}}
	for _, name := range categories(all) {
		data.Categories = append(data.Categories, pages.Item{Name: name, Address: address(name, 1), Here: name == category})
	}
	if administers(v) {
		data.States = pages.Choices(state, "", "All", "waiting", "Waiting for approval", "suspended", "Suspended", "adopted", "Adopted")
	}
	found := slices.DeleteFunc(slices.Clone(all), func(c *identity.Client) bool {
		return !matches(c, q) || category != "" && !slices.Contains(c.Categories, category) || !in(c, state)
	})
	data.Found = len(found)
	from := min((page-1)*perPage, len(found))
	until := min(from+perPage, len(found))
	if from > 0 {
		data.Pager.Before = address(category, page-1)
	}
	if until < len(found) {
		data.Pager.After = address(category, page+1)
	}
	for _, c := range found[from:until] {
		one, err := g.card(v, c)
		if err != nil {
			return err
		}
		data.Cards = append(data.Cards, one)
	}
	return v.Write(http.StatusOK, frame(v, "App gallery"), listTemplate, data)
}

func (g *Gallery) card(v *pages.Visit, c *identity.Client) (card, error) {
	u, err := g.use(v, c.ID)
	if err != nil {
		return card{}, err
	}
	ratings, err := v.Identity.Ratings(v.R.Context(), c)
	if err != nil {
		return card{}, err
	}
	return card{
		Name: c.Name, Address: v.Path(Path + "/app/" + url.PathEscape(c.ID)), Description: c.Description, Publisher: publisher(c),
		Picture: picture(c), Categories: c.Categories, Tags: append(stateTags(c), privilege(c, u)), Rating: rate(ratings),
	}, nil
}

// stateTags say what administrators decided.
func stateTags(c *identity.Client) []pages.Tag {
	var all []pages.Tag
	if !c.Adopted.IsZero() {
		all = append(all, pages.Tag{Kind: "good", Text: "Adopted here"})
	}
	if !c.Approved {
		all = append(all, pages.Tag{Kind: "warn", Text: "Waits for approval"})
	}
	if c.Suspended {
		all = append(all, pages.Tag{Kind: "bad", Text: "Suspended"})
	}
	return all
}

// publisher is who made an app, or else whose home page it names; "" when that is not
// known.
func publisher(c *identity.Client) string {
	if c.Publisher != "" {
		return c.Publisher
	}
	if u, err := url.Parse(c.URI); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return ""
}

// matches says whether an app has all words of a search.
func matches(c *identity.Client, q string) bool {
	text := strings.ToLower(strings.Join(append([]string{c.Name, c.Description, c.Publisher}, c.Categories...), "\n"))
	for word := range strings.FieldsSeq(strings.ToLower(q)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func in(c *identity.Client, state string) bool {
	switch state {
	case "waiting":
		return !c.Approved
	case "suspended":
		return c.Suspended
	case "adopted":
		return !c.Adopted.IsZero()
	}
	return true
}

// maxCategories bounds the list of categories.
const maxCategories = 40

// categories are those of the apps, by name.
func categories(all []*identity.Client) []string {
	seen := map[string]bool{}
	var names []string
	for _, c := range all {
		for _, name := range c.Categories {
			if !seen[name] && len(names) < maxCategories {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}
