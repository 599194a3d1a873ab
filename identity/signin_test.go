package identity

import (
	"testing"
)

func TestAUserSignsInAndHasASession(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor", Practitioner)
	cookie, n := h.signIn(t, "Noor")
	got, err := h.Session(h.ctx, cookie)
	if err != nil {
		t.Fatal(err)
	}
	if got.User.ID != u.ID || got.ID != n.ID || got.Device != ward.Device || got.Address != "203.0.113.7" {
		t.Errorf("%+v", got)
	}
}
