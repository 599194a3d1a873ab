package identity

import (
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatABrowserKeepsServesOnceForItsPurpose(t *testing.T) {
	h := openHouse(t, Config{})
	token, err := h.giveOut("a_", time.Minute, "body")
	if err != nil || strings.Contains(token, base64.RawURLEncoding.EncodeToString([]byte("body"))) {
		t.Fatal(err)
	}
	east := openHouse(t, Config{Issuer: "https://ehr.example/t/east", Secret: NewKeyFile(h.path)})
	var body string
	for name, err := range map[string]error{
		"another purpose": h.takeBack(h.ctx, "b_", time.Minute, "b_"+strings.TrimPrefix(token, "a_"), &body),
		"another tenant":  east.takeBack(h.ctx, "a_", time.Minute, token, &body),
		"made up":         h.takeBack(h.ctx, "a_", time.Minute, "a_AAAA", &body),
		"no base64":       h.takeBack(h.ctx, "a_", time.Minute, "a_\x00", &body),
		"empty":           h.takeBack(h.ctx, "a_", time.Minute, "", &body),
		"cut off":         h.takeBack(h.ctx, "a_", time.Minute, token[:len(token)-4], &body),
	} {
		if !errors.Is(err, errSpent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.takeBack(h.ctx, "a_", time.Minute, token, &body); err != nil || body != "body" {
		t.Fatalf("%q, %v", body, err)
	}
	for name, spelling := range map[string]string{"the same": token, "in two lines": token[:9] + "\n" + token[9:]} {
		if err := h.takeBack(h.ctx, "a_", time.Minute, spelling, &body); !errors.Is(err, errSpent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	late, err := h.giveOut("a_", time.Minute, "body")
	if err != nil {
		t.Fatal(err)
	}
	h.clock.jump(time.Minute)
	if err := h.takeBack(h.ctx, "a_", time.Minute, late, &body); !errors.Is(err, errSpent) {
		t.Errorf("too late: %v", err)
	}
	h.clock.jump(-time.Hour)
	if err := h.takeBack(h.ctx, "a_", time.Minute, late, &body); !errors.Is(err, errSpent) {
		t.Errorf("made an hour ahead: %v", err)
	}
}

func TestWhoOnlyBeginsCostsTheDatabaseNothing(t *testing.T) {
	c := &counting{Identity: sqliteStore(t)}
	h := openHouse(t, Config{Store: c, AllowPrivate: true, Secret: NewKeyFile(filepath.Join(t.TempDir(), "key"))})
	p := newOP(t, h.clock)
	if err := h.SetProvider(h.ctx, Provider{ID: "op", Issuer: p.URL, ClientID: "ingle"}); err != nil {
		t.Fatal(err)
	}
	before := c.writes.Load()
	if _, _, err := h.BeginPasskeySignIn(h.ctx, ""); err != nil {
		t.Fatal(err)
	}
	p.begin(t, h, nil)
	if n := c.writes.Load() - before; n != 0 {
		t.Errorf("%d writes", n)
	}
}
