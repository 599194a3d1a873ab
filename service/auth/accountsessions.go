package auth

import (
	"errors"
	"net/http"
	"strings"

	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/spec/fault"
)

// sessionsPage shows where the user is signed in.
type sessionsPage struct {
	frame
	Sessions []signedInDevice
}

type signedInDevice struct {
	identity.Session
	Name string
	Here bool
}

func (v *visit) sessions() error {
	all, err := v.Identity.Sessions(v.r.Context(), v.session.UserID)
	if err != nil {
		return err
	}
	page := sessionsPage{frame: v.frame("Devices that are signed in", "/account/sessions")}
	for _, s := range all {
		page.Sessions = append(page.Sessions, signedInDevice{s, deviceName(s.Device), s.ID == v.session.ID})
	}
	return v.writeFrame(http.StatusOK, page.frame, sessionsTemplate, page)
}

// endSession ends one session of the user, or all but this one.
func (v *visit) endSession() error {
	ctx, id := v.r.Context(), v.form.Get("session")
	if v.form.Get("all") != "" {
		if err := v.Identity.EndSessions(ctx, v.session.UserID, v.session.ID); err != nil {
			return err
		}
		return v.done("/account/sessions", "others-ended")
	}
	err := v.Identity.EndSession(ctx, v.session.UserID, id)
	if errors.Is(err, identity.ErrSession) {
		return fault.New(fault.NotFound, fault.CodeNotFound, "", "That device is signed out already.")
	}
	if err != nil {
		return err
	}
	if id == v.session.ID {
		v.dropCookie(v.cookies.session, "")
		return v.see(v.url("/account/sign-in"))
	}
	return v.done("/account/sessions", "session-ended")
}

// signOut ends the session of the visit.
func (v *visit) signOut() error {
	err := v.Identity.EndSession(v.r.Context(), v.session.UserID, v.session.ID)
	if err != nil && !errors.Is(err, identity.ErrSession) {
		return err
	}
	v.dropCookie(v.cookies.session, "")
	return v.see(v.url("/account/sign-in"))
}

// deviceName says in words what a User-Agent is: "Firefox on Windows".
func deviceName(agent string) string {
	find := func(names ...[2]string) string {
		for _, n := range names {
			if strings.Contains(agent, n[0]) {
				return n[1]
			}
		}
		return ""
	}
	browser := find([2]string{"Edg/", "Edge"}, [2]string{"OPR/", "Opera"}, [2]string{"Firefox/", "Firefox"},
		[2]string{"Chrome/", "Chrome"}, [2]string{"Safari/", "Safari"})
	system := find([2]string{"iPhone", "iPhone"}, [2]string{"iPad", "iPad"}, [2]string{"Android", "Android"},
		[2]string{"Windows", "Windows"}, [2]string{"Mac OS", "macOS"}, [2]string{"Linux", "Linux"})
	switch {
	case browser == "" && system == "":
		return "An unknown device"
	case browser == "":
		return "A device with " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}
