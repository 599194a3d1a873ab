package clinic_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestAnAppOfTheGalleryIsOpenedInTheChartThatIsChosen(t *testing.T) {
	w := newWard(t)
	first, wanted := w.launchable("An app", "https://one.example/launch"), w.launchable("Wanted", "https://two.example/launch")
	b := w.as("noor")
	app := "app=" + url.QueryEscape(wanted.ID)
	to := "/clinic/patient/ann/apps?" + app
	b.Get("/clinic?"+app).Want(200).Has("Choose in whose chart", "Wanted", `name="app" value="`+wanted.ID+`"`)
	b.Get("/clinic?q=archer&" + app).Want(200).Has(`href="` + to + `"`)
	if found := b.Do("GET", "/clinic/find?q=archer&"+app, nil, "Accept", "application/json").Want(200); !strings.Contains(found.Body, `"address":"`+to+`"`) {
		t.Errorf("the proposal leads elsewhere: %s", found.Body)
	}
	page := b.Get(to).Want(200).Has("Wanted", "An app")
	if strings.Index(page.Body, `value="`+wanted.ID+`"`) > strings.Index(page.Body, `value="`+first.ID+`"`) {
		t.Error("the app does not come first")
	}
	b.Get("/clinic?app=none").Want(200).Lacks("Choose in whose chart")
}
