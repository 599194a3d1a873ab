package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/apps/chart/app"
	"github.com/inglehealth/ingle/apps/kit/kittest"
	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

func TestAStandaloneLaunchShowsTheChart(t *testing.T) {
	s := smarttest.New(t)
	self, client := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	b.Get(self).Want(t, http.StatusOK, "ingle client approve "+client.ID, s.URL+"/account", `href="/launch?iss=`)
	p := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK,
		"<h1>Maria Elena Delgado</h1>", "1964-03-17", "female",
		"Diabetes mellitus type 2", "active", "2016-05-02", "resolved",
		"Heart rate", "72.0 /min", "2024-11-12", "Systolic 148 mmHg, Diastolic 92 mmHg",
		"patient/Observation.rs", "<dt>patient</dt><dd>maria</dd>", s.Base+"/Patient/maria")
	if !strings.HasPrefix(p.Address, self+"/open/") {
		t.Errorf("the browser ends at %s", p.Address)
	}
	for _, text := range []string{"61 /min", "Body height", "Pregnancy", "Ortega"} { // older, entered in error, an old name
		if strings.Contains(p.Text, text) {
			t.Errorf("%q is shown", text)
		}
	}
}

func TestAnEHRLaunchShowsTheChart(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)+"&launch=launch-1").Want(t, http.StatusOK, "Maria Elena Delgado", "<code>launch</code>")
}

func TestOnlyTheOneServerMayLaunchIt(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	evil := smarttest.New(t)
	for _, query := range []string{
		"", "?iss=", "?iss=" + url.QueryEscape(evil.Base), "?iss=" + url.QueryEscape(s.Base) + "&iss=" + url.QueryEscape(evil.Base),
		"?iss=" + url.QueryEscape(s.Base) + "&launch=", "?iss=" + url.QueryEscape(s.Base) + "&launch=a&launch=b",
	} {
		kittest.Open(t).Get(self+"/launch"+query).Want(t, http.StatusBadRequest, "<h1>")
	}
	if n := s.Count("/authorize") + evil.Count("/authorize") + evil.Count("/fhir/.well-known/smart-configuration"); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestWhatTheUserDidNotAllowIsSaid(t *testing.T) {
	s := smarttest.New(t)
	s.Grants = smart.Scopes{"launch/patient", "patient/Patient.r", "patient/Observation.rs"}
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "You did not allow the app to read conditions.", "Heart rate").
		Lacks(t, "/refresh") // there is no refresh token
}

func TestAUserWhoDeniesIsToldThatNothingWasRead(t *testing.T) {
	s := smarttest.New(t)
	s.Redirect = func(answer url.Values) { answer.Del("code"); answer.Set("error", "access_denied") }
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusForbidden, "It has read nothing")
}

func TestALaunchWithoutAPatientSaysSo(t *testing.T) {
	s := smarttest.New(t)
	s.Patient = ""
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "No patient", "patient/Patient.r")
}

func TestARegistrationThatWaitsWorksOnceItIsApproved(t *testing.T) {
	s := smarttest.New(t)
	s.Approval = true
	self, client := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	b.Get(kittest.Standalone(self, s)).Want(t, http.StatusBadRequest, "waits for approval")
	s.Approve(client.ID)
	b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "Maria Elena Delgado")
}

func TestTheTokenIsRefreshedByAButton(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	at := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, `/refresh"`).Address
	before := s.Count("/token")
	b.Press(at+"/refresh", nil).Want(t, http.StatusOK, "Maria Elena Delgado")
	if n := s.Count("/token") - before; n != 1 {
		t.Errorf("%d requests for tokens", n)
	}
}

func TestAfterRevokingReadingFailsWith401(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	at := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, `/revoke"`).Address
	b.Press(at+"/revoke", nil).Want(t, http.StatusOK, "401 Unauthorized", "GET "+s.Base+"/Patient/maria")
	b.Get(at+"/revoked").Want(t, http.StatusOK, "401 Unauthorized")
	b.Get(at).Want(t, http.StatusOK, "Open Chart")
}

func TestAPermissionThatTheServerEndedIsSaidToHaveEnded(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	at := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK).Address
	s.EndTokens()
	s.EndGrants()
	for range 2 {
		b.Get(at).Want(t, http.StatusUnauthorized, "The permission has ended")
	}
	b.Press(at+"/revoke", nil).Want(t, http.StatusUnauthorized, "The permission has ended")
}

func TestLeavingForgetsTheChart(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	at := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK).Address
	b.Press(at+"/leave", nil).Want(t, http.StatusOK, "Open Chart")
	b.Get(at).Want(t, http.StatusOK, "Open Chart")
}

func TestTwoTabsCanBeginAtOnce(t *testing.T) {
	s := smarttest.New(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	first, second := b.Callback(kittest.Standalone(self, s)), b.Callback(kittest.Standalone(self, s))
	one := b.Get(first).Want(t, http.StatusOK, "Maria Elena Delgado").Address
	other := b.Get(second).Want(t, http.StatusOK, "Maria Elena Delgado").Address
	if one == other {
		t.Error("both tabs show the same session")
	}
	b.Press(other+"/leave", nil).Want(t, http.StatusOK)
	b.Get(one).Want(t, http.StatusOK, "Maria Elena Delgado")
}
