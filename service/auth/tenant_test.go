package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/identity"
)

func TestCookiesAreOfTheirTenantAndSecureWhereTheIssuerIs(t *testing.T) {
	for _, x := range []struct{ issuer, tenant, name, path, secure string }{
		{"https://ehr.example", "", "__Secure-ingle-session", "Path=/auth/x;", "Secure"},
		{"https://ehr.example/t/east", "east", "__Secure-ingle-session-east", "Path=/t/east/auth/x;", "Secure"},
		{"http://127.0.0.1:8080", "", "ingle-session", "Path=/auth/x;", ""},
	} {
		w := httptest.NewRecorder()
		c := call{tenant: &tenant{cookies: newCookies(x.issuer, x.tenant)}, w: w}
		c.setCookie(c.cookies.session, "v", "auth/x", time.Minute)
		line := w.Header().Get("Set-Cookie")
		if !strings.HasPrefix(line, x.name+"=v;") || !strings.Contains(line, x.path) || !strings.Contains(line, "HttpOnly") || !strings.Contains(line, "SameSite=Lax") ||
			!strings.Contains(line, "Max-Age=60") || strings.Contains(line, "Secure") != (x.secure != "") {
			t.Errorf("%s: %s", x.issuer, line)
		}
	}
}

func TestWhatMayWorkLaterIsToldSo(t *testing.T) {
	for _, err := range []error{identity.ErrBusy, fmt.Errorf("x: %w", identity.ErrConflict)} {
		if e, status := explain(err); status != http.StatusServiceUnavailable || e.Code != identity.TemporarilyUnavailable {
			t.Errorf("%v: %d %v", err, status, e)
		}
	}
	if e, status := explain(errors.New("the disk is full of patients")); status != 500 || e.Code != identity.ServerError || strings.Contains(e.Why, "patients") {
		t.Errorf("%d %v", status, e)
	}
}

func TestARedirectGoesToWhatItsFormMayLeadTo(t *testing.T) {
	for redirect, want := range map[string]string{
		"https://app.example/back?x=y": "https://app.example", "https://app.example:8443/back": "https://app.example:8443",
		"http://127.0.0.1:51000/cb": "http://127.0.0.1:51000", "http://[::1]:51000/cb": "http:", "com.example.app:/back": "com.example.app:", "com.example.app://back": "com.example.app:",
	} {
		if got := formTarget(redirect); got != want {
			t.Errorf("%s: %s", redirect, got)
		}
	}
}
