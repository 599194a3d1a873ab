package kit_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/apps/kit/kittest"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestTheNameIsLeftToAnEHRThatShowsIt(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "<h1>Maria Elena Delgado</h1>")
	s.NoBanner = true
	b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "<h1>Chart</h1>").Lacks(t, "Maria Elena Delgado")
}

func TestTheLookOfTheEHRIsTakenOverAsFarAsItIsHarmless(t *testing.T) {
	s := smarttest.New(t)
	s.Look = `{"color_background":"#102030","color_text":"red;} body{background:url(//evil)","dim_border_radius":"6px","font_family_body":"Georgia, serif","color_highlight":7}`
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	p := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "/style.css")
	own := b.Get(p.Address+"/style.css").Want(t, http.StatusOK, "--back: #102030;", "--round: 6px;", "color-scheme: dark", "--body: Georgia, serif;")
	if strings.Contains(own.Text, "evil") || strings.Contains(own.Text, "--mark") {
		t.Errorf("the style is\n%s", own.Text)
	}
	kittest.Open(t).Get(p.Address+"/style.css").Want(t, http.StatusNotFound, "not open in this browser")
	for look, want := range map[string]string{`{"color_background":"#fff","color_text":"#111"}`: "color-scheme: light", `{"color_background":"teal","color_text":"#111","dim_font_size":"15px"}`: "--size: 15px"} {
		s.Look = look
		p := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK)
		if own := b.Get(p.Address+"/style.css").Want(t, http.StatusOK, want); strings.Contains(look, "teal") && strings.Contains(own.Text, "--text") {
			t.Errorf("text has a colour on a background that is not known:\n%s", own.Text)
		}
	}
	s.Look = "no JSON"
	b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "Maria Elena Delgado")
}
