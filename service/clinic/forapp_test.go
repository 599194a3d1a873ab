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
	b.get("/clinic?"+app).want(200).has("Choose in whose chart", "Wanted", `name="app" value="`+wanted.ID+`"`)
	b.get("/clinic?q=archer&" + app).want(200).has(`href="` + to + `"`)
	if found := b.do("GET", "/clinic/find?q=archer&"+app, nil, "Accept", "application/json").want(200); !strings.Contains(found.body, `"address":"`+to+`"`) {
		t.Errorf("the proposal leads elsewhere: %s", found.body)
	}
	page := b.get(to).want(200).has("Wanted", "An app")
	if strings.Index(page.body, `value="`+wanted.ID+`"`) > strings.Index(page.body, `value="`+first.ID+`"`) {
		t.Error("the app does not come first")
	}
	b.get("/clinic?app=none").want(200).hasNot("Choose in whose chart")
}
