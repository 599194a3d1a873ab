package browsertest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/go-rod/rod/lib/proto"
)

// TestTheREADMEsPicturesShowThePages makes the pictures of docs/images: in
// $INGLE_IMAGES, or where nobody keeps them.
func TestTheREADMEsPicturesShowThePages(t *testing.T) {
	folder := os.Getenv("INGLE_IMAGES")
	if folder == "" {
		folder = t.TempDir()
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	b := openBrowser(t)
	s := serve(t, databases["SQLite"](t))
	p := b.somebody(t, s).visit("/").press("Enter as Dr. Okafor")
	p.visit("/clinic/patient/maria").see("Allergies").show(folder, "chart")
	p.press("Cardiovascular risk").framedApp().see("10 years")
	p.show(folder, "app")
	d := newDiary(t, s)
	d.id = "diary"
	s.run(t, "client", "add", "Sugar diary", "--id", d.id, "--redirect", d.redirect)
	maria := b.person(t, s, "maria").visit(d.ask("launch/patient patient/Observation.rs patient/Condition.rs"))
	maria.pick("button[name=allow]").see("Back at the diary")
	d.allowed(t)
	if status, _ := d.curl(t, "/Observation?patient=maria"); status != "200" {
		t.Fatal(status)
	}
	maria.reload("/portal/maria/apps/"+d.id, "Got for you").show(folder, "portal")
	maria.visit("/gallery").show(folder, "gallery")
}

// show leaves a picture of the upper part of the page.
func (p *tab) show(folder, name string) {
	p.t.Helper()
	size := &proto.EmulationSetDeviceMetricsOverride{Width: 1200, Height: 800, DeviceScaleFactor: 1}
	if err := p.page.SetViewport(size); err != nil {
		p.fatalf("%v", err)
	}
	quality := 85
	shot, err := p.page.Timeout(patience).Screenshot(false, &proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatWebp, Quality: &quality})
	if err != nil {
		p.fatalf("%v", err)
	}
	if len(shot) > 200_000 {
		p.t.Errorf("the picture %s is of %d bytes", name, len(shot))
	}
	if err := os.WriteFile(filepath.Join(folder, name+".webp"), shot, 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.look(looks[0])
}
