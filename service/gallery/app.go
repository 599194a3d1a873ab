package gallery

import (
	"errors"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

// find reads the app of the address, if it is in the gallery for the visitor.
func find(v *pages.Visit) (*identity.Client, error) {
	c, err := v.Identity.Client(v.R.Context(), v.R.PathValue("id"))
	if errors.Is(err, identity.ErrNoClient) || err == nil && !shown(c, administers(v)) {
		return nil, fault.New(fault.NotFound, fault.CodeNotFound, "", "There is no such app in the gallery. It may wait for approval, or be suspended.")
	}
	return c, err
}

// appPage is what the page of an app shows.
type appPage struct {
	Client                 *identity.Client
	Here, Gallery          string
	Picture                template.HTML
	Publisher              string
	Tags                   []pages.Tag
	Contacts               []string
	Links                  []pages.Item
	Alone, Clinic          string  // where it is opened; "" for not
	Ready                  bool    // it may be used
	Asked, Beside          []asked // of records, and other things
	Use                    use
	UsedSince, UsedLast    string
	Rating                 rating
	Opinions               []opinion
	SignedIn, Admin, Mine  bool // Mine: the visitor has rated it
	SignIn, Token, Account string
	Stars                  []pages.Choice
	Words                  pages.Field
	Releases               []release
	Users                  int
}

type release struct{ Version, Since string }

var appTemplate = parse("app.html")

// app shows an app.
func (g *Gallery) app(v *pages.Visit) error {
	c, err := find(v)
	if err != nil {
		return err
	}
	f := frame(v, c.Name)
	f.Notice = notices[v.Query.Get("done")]
	return g.show(v, c, f, 0, "")
}

// notices say what a form did.
var notices = map[string]string{
	"approve": "The app is approved.", "suspend": "The app is suspended: what it was allowed ends at once.", "resume": "The app may act again.",
	"adopt": "The app is adopted: the gallery shows it first.", "release": "The app is adopted no more.",
	"rated": "Your rating is kept.", "withdrawn": "Your rating is removed.",
}

func (g *Gallery) show(v *pages.Visit, c *identity.Client, f pages.Frame, stars int, words string) error {
	ctx := v.R.Context()
	u, err := g.use(v, c.ID)
	if err != nil {
		return err
	}
	ratings, err := v.Identity.Ratings(ctx, c)
	if err != nil {
		return err
	}
	p := appPage{
		Client: c, Here: v.Path(Path + "/app/" + url.PathEscape(c.ID)), Gallery: v.Path(Path), Picture: picture(c), Publisher: publisher(c),
		Tags: append(stateTags(c), privilege(c, u)), Contacts: c.Contacts, Ready: c.Approved && !c.Suspended,
		Use: u, Rating: rate(ratings), Opinions: opinions(ratings), SignedIn: v.User != nil, Admin: administers(v),
		SignIn: v.SignIn(), Token: f.Token, Account: v.Path("/account/clients/app/" + url.PathEscape(c.ID)),
	}
	if u.Events > 0 {
		p.UsedSince, p.UsedLast = u.Since.UTC().Format("2 January 2006"), u.Last.UTC().Format("2 January 2006, 15:04 UTC")
	}
	for _, r := range c.Released {
		p.Releases = append(p.Releases, release{r.Version, r.Since.UTC().Format("2 January 2006")})
	}
	p.Asked, p.Beside = compare(c, u)
	p.link(v, c)
	for _, r := range ratings {
		if v.User != nil && r.User == v.User.ID {
			p.Mine = true
			if stars == 0 {
				stars, words = r.Stars, r.Words
			}
		}
	}
	p.Stars = pages.Choices(strconv.Itoa(stars), "5", "5, excellent", "4", "4, good", "3", "3, usable", "2", "2, poor", "1", "1, bad")
	if stars == 0 {
		p.Stars = slices.Insert(p.Stars, 0, pages.Choice{Name: "Choose", Chosen: true})
	}
	p.Words = pages.Field{ID: "words", Label: "In words", Hint: "Everybody can read it, without your name. Say nothing about anybody's health.", Value: words, Rows: 3, Optional: true, Error: f.Problem("words")}
	if p.Admin {
		grants, err := v.Identity.ClientGrants(ctx, c.ID)
		if err != nil {
			return err
		}
		people := map[string]bool{}
		for _, one := range grants {
			if one.Live(v.Now) {
				people[one.User] = true
			}
		}
		p.Users = len(people)
	}
	return v.Write(pages.StatusOf(f.Problems), f, appTemplate, p)
}

// link says where the app, and what belongs to it, is.
func (p *appPage) link(v *pages.Visit, c *identity.Client) {
	for _, l := range []pages.Item{{Name: "Home page", Address: c.URI}, {Name: "Privacy policy", Address: c.PolicyURI}, {Name: "Terms of use", Address: c.TermsURI}} {
		if l.Address != "" {
			p.Links = append(p.Links, l)
		}
	}
	if !p.Ready || c.LaunchURI == "" {
		if p.Ready {
			p.Alone = c.URI
		}
		return
	}
	if u, err := url.Parse(c.LaunchURI); err == nil {
		q := u.Query()
		q.Set("iss", v.Identity.FHIRBase())
		u.RawQuery = q.Encode()
		p.Alone = u.String()
	}
	clinic := slices.IndexFunc(v.House.Entrances, func(e pages.Entrance) bool { return e.Path == "/clinic" })
	if clinic >= 0 && (v.User == nil || v.House.Entrances[clinic].Open(v.User)) {
		p.Clinic = v.Path("/clinic") + "?" + url.Values{"app": {c.ID}}.Encode()
	}
}

// rate keeps, or removes, what the visitor thinks of an app.
func (g *Gallery) rate(v *pages.Visit) error {
	c, err := find(v)
	if err != nil {
		return err
	}
	v.Note(audit.Account, "rate the app "+c.ID)
	done := "rated"
	words := strings.ReplaceAll(v.Form.Get("words"), "\r\n", "\n")
	n, _ := strconv.Atoi(v.Form.Get("stars")) // 0 is refused
	if v.Form.Get("do") == "withdraw" {
		done, err = "withdrawn", v.Identity.WithdrawRating(v.R.Context(), c, v.User.ID)
	} else {
		err = v.Identity.Rate(v.R.Context(), c, v.User.ID, n, words)
	}
	if list := problems(err); list != nil {
		f := frame(v, c.Name)
		f.Problems = list
		return g.show(v, c, f, n, words)
	}
	if err != nil {
		return err
	}
	return v.See(v.Path(Path+"/app/"+url.PathEscape(c.ID)) + "?done=" + done)
}

// problems are what is wrong with a form; nil for what is no such error.
func problems(err error) []pages.Problem {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Unprocessable {
		return nil
	}
	var all []pages.Problem
	for _, i := range f.Issues {
		all = append(all, pages.Problem{Field: i.Path, Message: i.Message})
	}
	return all
}

// decide is what an administrator decides about an app.
func (g *Gallery) decide(v *pages.Visit) error {
	c, err := find(v)
	if err != nil {
		return err
	}
	ctx, do := v.R.Context(), v.Form.Get("do")
	decisions := map[string]func() error{
		"approve": func() error { return v.Identity.ApproveClient(ctx, c.ID) },
		"suspend": func() error { return v.Identity.SuspendClient(ctx, c.ID) },
		"resume":  func() error { return v.Identity.ResumeClient(ctx, c.ID) },
		"adopt":   func() error { return v.Identity.AdoptClient(ctx, c.ID, true) },
		"release": func() error { return v.Identity.AdoptClient(ctx, c.ID, false) },
	}
	decision, ok := decisions[do]
	if !ok {
		return fault.New(fault.Invalid, fault.CodeInvalid, "", "Nothing was decided: use one of the buttons of the page.")
	}
	v.Note(audit.Administer, do+" the app "+c.ID)
	if err := decision(); err != nil {
		return err
	}
	return v.See(v.Path(Path+"/app/"+url.PathEscape(c.ID)) + "?done=" + do)
}
