package identity

import (
	"strings"
	"testing"
	"time"
)

// newApp registers a client of an id.
func newApp(t *testing.T, h house, id, release string) *Client {
	t.Helper()
	c := &Client{ID: id, Name: "App", Auth: AuthNone, Redirects: []string{"https://app.example/callback"}, Approved: true, Release: release}
	if _, err := h.CreateClient(h.ctx, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEachUserRatesAnAppOnce(t *testing.T) {
	h := openHouse(t, Config{})
	c, other := newApp(t, h, "a", "1.0"), newApp(t, h, "b", "")
	for i, r := range []struct {
		user  string
		stars int
		words string
	}{{"ann", 2, "slow"}, {"bob", 4, ""}, {"ann", 5, " better\nnow "}} {
		h.clock.jump(time.Minute)
		if err := h.Rate(h.ctx, c, r.user, r.stars, r.words); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := h.Rate(h.ctx, other, "ann", 1, ""); err != nil {
		t.Fatal(err)
	}
	all, err := h.Ratings(h.ctx, c)
	if err != nil || len(all) != 2 || all[0].User != "ann" || all[0].Stars != 5 || all[0].Words != "better\nnow" || all[0].Release != "1.0" || all[1].User != "bob" {
		t.Errorf("%+v, %v", all, err)
	}
	if err := h.WithdrawRating(h.ctx, c, "ann"); err != nil {
		t.Fatal(err)
	}
	if all, err = h.Ratings(h.ctx, c); err != nil || len(all) != 1 || all[0].User != "bob" {
		t.Errorf("after the withdrawal: %+v, %v", all, err)
	}
}

func TestAnAppThatIsRegisteredAnewBeginsWithoutRatings(t *testing.T) {
	h := openHouse(t, Config{})
	c := newApp(t, h, "a", "")
	if err := h.Rate(h.ctx, c, "ann", 1, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.DeleteClient(h.ctx, "a"); err != nil {
		t.Fatal(err)
	}
	h.clock.jump(time.Minute)
	if all, err := h.Ratings(h.ctx, newApp(t, h, "a", "")); err != nil || len(all) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestARatingHasOneToFiveStarsAndPlainWords(t *testing.T) {
	h := openHouse(t, Config{})
	c := newApp(t, h, "a", "")
	for _, r := range []struct {
		stars int
		words string
	}{{0, ""}, {6, ""}, {3, strings.Repeat("x", 1001)}, {3, "a\x00b"}, {3, "\u202Eabc"}, {3, "\xff"}} {
		if err := h.Rate(h.ctx, c, "ann", r.stars, r.words); err == nil {
			t.Errorf("%d stars and %q are kept", r.stars, r.words)
		}
	}
}

func TestAGalleryLearnsOfReleasesAndAdoption(t *testing.T) {
	h := openHouse(t, Config{})
	c := newApp(t, h, "a", "1.0")
	for _, release := range []string{"1.0", "1.1", "1.1", "2.0"} {
		h.clock.jump(time.Hour)
		c.Release = release
		if err := h.UpdateClient(h.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.AdoptClient(h.ctx, "a", true); err != nil {
		t.Fatal(err)
	}
	c, err := h.Client(h.ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, r := range c.Released {
		versions = append(versions, r.Version)
	}
	if got := strings.Join(versions, " "); got != "2.0 1.1 1.0" || !c.Adopted.Equal(h.clock.now()) {
		t.Errorf("releases %s, adopted %v", got, c.Adopted)
	}
	if err := h.AdoptClient(h.ctx, "a", false); err != nil {
		t.Fatal(err)
	}
	if c, err = h.Client(h.ctx, "a"); err != nil || !c.Adopted.IsZero() {
		t.Errorf("adopted %v, %v", c.Adopted, err)
	}
}

func TestWhatAnAppSaysOfItselfIsKeptAndBounded(t *testing.T) {
	h := openHouse(t, Config{})
	m := Metadata{
		Name: "App", Auth: AuthNone, Redirects: []string{"https://app.example/callback"}, SoftwareID: "x", Release: "3",
		Description: "Shows <b>things</b>", Publisher: "Somebody", Categories: []string{"Heart"}, OwnBanner: true,
	}
	c, _, err := h.Register(h.ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Metadata(); got.SoftwareID != "x" || got.Release != "3" || got.Description != m.Description || got.Publisher != "Somebody" || len(got.Categories) != 1 || !got.OwnBanner {
		t.Errorf("%+v", got)
	}
	for name, change := range map[string]func(*Metadata){
		"description":      func(m *Metadata) { m.Description = strings.Repeat("x", 2001) },
		"publisher":        func(m *Metadata) { m.Publisher = "a\nb" },
		"software_id":      func(m *Metadata) { m.SoftwareID = "\u202Ex" },
		"software_version": func(m *Metadata) { m.Release = strings.Repeat("1", 51) },
		"categories":       func(m *Metadata) { m.Categories = []string{"a", "b", "c", "d", "e", "f"} },
	} {
		wrong := m
		change(&wrong)
		if _, _, err := h.Register(h.ctx, wrong); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
