package gallery_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/internal/placetest"
	"github.com/inglehealth/ingle/records"
	"github.com/inglehealth/ingle/service/gallery"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/smart"
)

// place is a server with a gallery and four people.
type place struct {
	*placetest.Place
	clock placetest.Clock
}

func open(t *testing.T) *place {
	t.Helper()
	p := &place{}
	logins := []string{"maria", "okafor", "admin"}
	p.Place = placetest.Open(t, placetest.Config{
		House: &pages.House{Sandbox: true, Entrances: []pages.Entrance{
			{Name: "Clinic", Path: "/clinic", Roles: []identity.Role{identity.Practitioner}}, {Name: gallery.Name, Path: gallery.Path},
		}},
		Records:  func(c *records.Config) { c.Clock = p.clock.Time },
		Identity: func(c *identity.Config) { c.Sandbox = logins },
		Mount:    func(p *placetest.Place) { gallery.New(p.House).Mount(p.Site) },
	})
	for i, role := range []identity.Role{identity.Patient, identity.Practitioner, identity.Administrator} {
		p.User(identity.User{Login: logins[i], Name: logins[i], Roles: []identity.Role{role}})
	}
	return p
}

// app registers one.
func (p *place) app(c identity.Client) {
	p.T.Helper()
	c.Auth, c.Redirects = identity.AuthNone, []string{"https://app.example/callback"}
	if _, err := p.Identity.CreateClient(p.T.Context(), &c); err != nil {
		p.T.Fatal(err)
	}
}

// did notes that an app did something.
func (p *place) did(client string, kind audit.Kind, target string, status int) {
	p.T.Helper()
	e := &audit.Event{Kind: kind, Status: status, Target: target, Agent: audit.Agent{Client: client, User: "somebody"}}
	if err := p.Log.Record(p.T.Context(), e); err != nil {
		p.T.Fatal(err)
	}
	if err := p.Log.Seal(p.T.Context()); err != nil {
		p.T.Fatal(err)
	}
}

// browser is somebody's, which follows redirects.
type browser struct{ placetest.Browser }

// as is a browser in which somebody is signed in; "" for nobody.
func (p *place) as(login string) browser {
	p.T.Helper()
	b := browser{p.Browser()}
	b.HTTP.CheckRedirect = nil
	if login != "" {
		b.send("POST", "/account/sign-in", "same-origin", url.Values{"as": {login}, "next": {"/gallery"}}).want(http.StatusOK)
	}
	return b
}

// answer is what a browser shows.
type answer struct {
	placetest.Answer
	b browser
}

func (b browser) get(path string) answer { return b.send("GET", path, "none", nil) }

func (b browser) send(method, path, from string, form url.Values) answer {
	b.T.Helper()
	return answer{b.Do(method, path, form, "Accept", "text/html", "Sec-Fetch-Site", from), b}
}

// press sends a form of the page, with its token.
func (a answer) press(path string, pairs ...string) answer {
	a.T.Helper()
	form := url.Values{"token": {a.Hidden().Get("token")}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return a.b.send("POST", path, "same-origin", form)
}

func (a answer) want(status int, texts ...string) answer {
	a.T.Helper()
	a.Want(status).Has(texts...)
	return a
}

var heart = identity.Client{
	ID: "heart", Name: "Heart", Description: "Shows the heart.", Publisher: "Cardia", Categories: []string{"Heart"}, Approved: true, Release: "1.2", Contacts: []string{"help@cardia.example"},
	URI: "https://cardia.example", PolicyURI: "https://cardia.example/privacy", LaunchURI: "https://cardia.example/launch?x=1",
	Scopes: smart.Scopes{"launch/patient", "patient/Observation.rs", "patient/Condition.rs", "patient/MedicationRequest.cruds"},
}

func TestEverybodySeesTheAppsThatAreLetIn(t *testing.T) {
	p := open(t)
	p.as("").get("/gallery").want(http.StatusOK, "No apps yet")
	p.app(heart)
	p.app(identity.Client{ID: "w", Name: "Waiting", Scopes: smart.Scopes{"patient/*.rs"}})
	p.app(identity.Client{ID: "s", Name: "Stopped", Approved: true, Suspended: true})
	p.as("").get("/gallery").want(http.StatusOK, "Heart", "Shows the heart.", "by Cardia", "Not used here yet", `<svg class="picture"`).Lacks("Waiting", "Stopped")
	p.as("").get("/gallery/app/heart").want(http.StatusOK, "help@cardia.example", "1.2", "1 March 2026", "Privacy policy",
		"https://cardia.example/launch?iss="+url.QueryEscape(p.URL+"/fhir")+"&x=1", "/clinic?app=heart", "patient/Observation.rs", "to rate it").Lacks("Decide", "Your rating</label>")
	for _, path := range []string{"/gallery/app/w", "/gallery/app/s", "/gallery/app/none"} {
		p.as("").get(path).want(http.StatusNotFound, "There is no such app in the gallery")
		p.as("maria").get(path).want(http.StatusNotFound)
	}
	p.as("admin").get("/gallery").want(http.StatusOK, "Waiting", "Stopped", "Waits for approval", "Suspended")
	p.as("admin").get("/gallery?state=waiting").want(http.StatusOK, "Waiting").Lacks("/gallery/app/s\"", "/gallery/app/heart\"")
	p.as("maria").get("/gallery/app/heart").want(http.StatusOK).Lacks("/clinic?app=heart") // the clinic is not for her
}

func TestAppsAreFoundByWordsAndCategories(t *testing.T) {
	p := open(t)
	p.app(heart)
	for i := range 30 {
		p.app(identity.Client{ID: fmt.Sprint("n", i), Name: fmt.Sprintf("Number %02d", i), Approved: true, Categories: []string{"Numbers"}})
	}
	b := p.as("")
	b.get("/gallery?q=CARDIA+shows").want(http.StatusOK, "Heart", "1 of 31").Lacks("Number 00")
	b.get("/gallery?category=Heart").want(http.StatusOK, "Heart").Lacks("Number 00")
	b.get("/gallery?q=nothing+like+it").want(http.StatusOK, "No app is like that")
	b.get("/gallery?category=Numbers").want(http.StatusOK, "Number 00", "Number 23", "Next page").Lacks("Number 24")
	b.get("/gallery?category=Numbers&page=2").want(http.StatusOK, "Number 24", "Number 29", "Earlier page").Lacks("Number 23", "Next page")
	b.get("/gallery?page=99999999999999999999").want(http.StatusOK)
	b.get("/gallery?page=-1&state=what&category=%00").want(http.StatusOK)
}

func TestWhatAnAppUsesIsHeldAgainstWhatItAsksFor(t *testing.T) {
	p := open(t)
	p.app(heart)
	p.app(identity.Client{ID: "all", Name: "Everything", Approved: true, Scopes: smart.Scopes{"patient/*.rs"}})
	p.app(identity.Client{ID: "good", Name: "Sparing", Approved: true, Scopes: smart.Scopes{"openid", "patient/Observation.rs"}})
	p.did("heart", audit.Search, "Observation", 200)
	p.did("heart", audit.Create, "MedicationRequest", 201)
	p.did("heart", audit.Search, "Condition", 403)
	p.did("good", audit.Search, "Observation", 200)
	p.did("somebody", audit.Delete, "MedicationRequest/1", 204)
	p.as("").get("/gallery").want(http.StatusOK, "2 permissions of 3 not used", "Asks for all kinds of records", "Uses all that it asks for")
	p.as("").get("/gallery/app/heart").want(http.StatusOK, "In its last 2 requests for records", "Refused: 1.",
		`data-name="It really">searches</td>`, `creates <span class="soft">(not all of it)</span>`, "has not used it", "It also asks to:")
}

func TestEverybodyWhoIsSignedInRatesOnce(t *testing.T) {
	p := open(t)
	p.app(heart)
	page := p.as("maria").get("/gallery/app/heart").want(http.StatusOK, "Nobody has rated it yet", "Rate it")
	page.press("/gallery/app/heart/rating", "stars", "4", "words", "Good <script>alert(1)</script>").want(http.StatusOK, "Your rating is kept", "4.0 of 5 stars, by 1 person", "Good <script>")
	p.as("okafor").get("/gallery/app/heart").press("/gallery/app/heart/rating", "stars", "1").want(http.StatusOK, "2.5 of 5 stars, by 2 people")
	again := p.as("maria").get("/gallery/app/heart").want(http.StatusOK, "Change my rating", `<option value="4" selected`)
	if strings.Contains(again.Body, "<script>alert") {
		t.Error("words of a rating are markup")
	}
	again.press("/gallery/app/heart/rating", "stars", "3").want(http.StatusOK, "2.0 of 5 stars, by 2 people")
	again.press("/gallery/app/heart/rating", "stars", "9", "words", "kept in the form").want(http.StatusUnprocessableEntity, "choose one to five stars", "kept in the form")
	again.press("/gallery/app/heart/rating", "stars", "3", "words", strings.Repeat("x", 1001)).want(http.StatusUnprocessableEntity, "up to 1000 bytes")
	again.press("/gallery/app/heart/rating", "do", "withdraw").want(http.StatusOK, "Your rating is removed", "1.0 of 5 stars, by 1 person")
	p.as("").get("/gallery").want(http.StatusOK, "1.0 of 5 stars, by 1 person")
	p.as("").send("POST", "/gallery/app/heart/rating", "same-origin", url.Values{"stars": {"5"}}).want(http.StatusUnauthorized)
}

func TestAnAdministratorApprovesSuspendsAndAdopts(t *testing.T) {
	p := open(t)
	waiting := heart
	waiting.Approved = false
	p.app(waiting)
	p.app(identity.Client{ID: "a", Name: "Another", Approved: true})
	admin := p.as("admin")
	page := admin.get("/gallery/app/heart").want(http.StatusOK, "it waits for approval", "Approve")
	page.press("/gallery/app/heart/decision", "do", "approve").want(http.StatusOK, "The app is approved.", "Open the app")
	page.press("/gallery/app/heart/decision", "do", "adopt").want(http.StatusOK, "The app is adopted", "Adopted here")
	listed := p.as("").get("/gallery").want(http.StatusOK, "Adopted here")
	if strings.Index(listed.Text(), ">Heart</a>") > strings.Index(listed.Text(), ">Another</a>") {
		t.Error("what is adopted does not come first")
	}
	page.press("/gallery/app/heart/decision", "do", "release").want(http.StatusOK, "adopted no more")
	page.press("/gallery/app/heart/decision", "do", "suspend").want(http.StatusOK, "it is suspended")
	p.as("").get("/gallery/app/heart").want(http.StatusNotFound)
	page.press("/gallery/app/heart/decision", "do", "resume").want(http.StatusOK, "The app may act again")
	page.press("/gallery/app/heart/decision", "do", "dance").want(http.StatusBadRequest, "Nothing was decided")

	for _, login := range []string{"maria", "okafor"} {
		p.as(login).get("/gallery/app/heart").press("/gallery/app/heart/decision", "do", "suspend").want(http.StatusForbidden)
	}
	p.as("").send("POST", "/gallery/app/heart/decision", "same-origin", url.Values{"do": {"suspend"}}).want(http.StatusUnauthorized)
	admin.send("POST", "/gallery/app/heart/decision", "cross-site", url.Values{"do": {"suspend"}}).want(http.StatusForbidden)
	admin.send("POST", "/gallery/app/heart/decision", "same-origin", url.Values{"do": {"suspend"}}).want(http.StatusForbidden) // without the token
	if c, err := p.Identity.Client(t.Context(), "heart"); err != nil || c.Suspended {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestWhatAppsSayOfThemselvesIsNeverMarkup(t *testing.T) {
	p := open(t)
	bad := `<img src=x onerror=alert(1)>`
	p.app(identity.Client{ID: "x", Name: bad, Description: bad, Publisher: bad, Categories: []string{bad}, Release: bad, Contacts: []string{bad}, Approved: true})
	p.app(identity.Client{ID: "y", Name: "مرحبا 🫀", Approved: true, Description: strings.Repeat("long ", 300)})
	b := p.as("admin")
	for _, path := range []string{"/gallery", "/gallery/app/x", "/gallery/app/y", "/gallery?q=" + url.QueryEscape(bad) + "&category=" + url.QueryEscape(bad)} {
		if a := b.get(path).want(http.StatusOK); strings.Contains(a.Body, "<img") {
			t.Errorf("%s has markup of an app", path)
		}
	}
}
