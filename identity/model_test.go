package identity

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// modelSession is what a session should be.
type modelSession struct {
	cookie  string
	id      string
	made    int // how often the user had changed by then
	created time.Time
	seen    time.Time
	ended   bool
}

// TestSessionsAreGoodExactlyWhileTheyShouldBe does anything in any order, in two
// processes, and compares every session with a model.
func TestSessionsAreGoodExactlyWhileTheyShouldBe(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		number := 0
		rapid.Check(t, func(rt *rapid.T) {
			number++
			h := func() house { return []house{a, b}[rapid.IntRange(0, 1).Draw(rt, "process")] }
			must := func(err error) {
				if err != nil {
					rt.Fatal(err)
				}
			}
			login := "user-" + time.Duration(number).String()
			secret, disabled, changed := password, false, 0
			u, err := a.CreateUser(a.ctx, User{Login: login})
			must(err)
			must(a.SetPassword(a.ctx, u.ID, secret))
			var sessions []*modelSession
			update := func(f func(u *User)) {
				p := h()
				u, err := p.User(p.ctx, u.ID)
				must(err)
				f(u)
				_, err = p.UpdateUser(p.ctx, *u)
				must(err)
			}
			some := func() *modelSession {
				if len(sessions) == 0 {
					rt.Skip()
				}
				return rapid.SampledFrom(sessions).Draw(rt, "session")
			}
			good := func(m *modelSession) bool {
				now := a.clock.now()
				return !m.ended && !disabled && m.made == changed && now.Before(m.created.Add(DefaultSessionLife)) && now.Sub(m.seen) < DefaultSessionIdle
			}
			rt.Repeat(map[string]func(*rapid.T){
				"sign in": func(*rapid.T) {
					p := h()
					in, err := p.SignIn(p.ctx, login, secret, ward)
					if disabled {
						if !errors.Is(err, ErrDisabled) {
							rt.Fatalf("disabled: %v", err)
						}
						must(p.Unlock(p.ctx, u.ID))
						return
					}
					must(err)
					cookie, n, err := p.NewSession(p.ctx, in, ward)
					must(err)
					now := a.clock.now()
					sessions = append(sessions, &modelSession{cookie: cookie, id: n.ID, made: changed, created: now, seen: now})
				},
				"new password": func(*rapid.T) {
					secret = map[string]string{password: "another lamp in it", "another lamp in it": password}[secret]
					p := h()
					must(p.SetPassword(p.ctx, u.ID, secret))
					changed++
				},
				"another role": func(*rapid.T) {
					update(func(u *User) { u.Roles = map[bool][]Role{true: nil, false: {Nurse}}[u.Has(Nurse)] })
					changed++
				},
				"another name": func(*rapid.T) { update(func(u *User) { u.Name += "x" }) },
				"disable": func(*rapid.T) {
					if !disabled {
						changed++
					}
					update(func(u *User) { u.Disabled = true })
					disabled = true
				},
				"enable": func(*rapid.T) {
					update(func(u *User) { u.Disabled = false })
					disabled = false
				},
				"end one": func(*rapid.T) {
					m, p := some(), h()
					if err := p.EndSession(p.ctx, u.ID, m.id); err != nil && !m.ended && !errors.Is(err, ErrSession) {
						rt.Fatal(err)
					}
					m.ended = true
				},
				"end all": func(*rapid.T) {
					p := h()
					must(p.EndSessions(p.ctx, u.ID, ""))
					for _, m := range sessions {
						m.ended = true
					}
				},
				"wait":  func(*rapid.T) { a.clock.jump(time.Duration(rapid.IntRange(1, 40).Draw(rt, "minutes")) * time.Minute) },
				"sweep": func(*rapid.T) { must(h().Sweep(a.ctx)) },
				"use": func(*rapid.T) {
					m := some()
					_, err := h().Session(a.ctx, m.cookie)
					if (err == nil) != good(m) || err != nil && !errors.Is(err, ErrSession) {
						rt.Fatalf("%+v: %v", m, err)
					}
					if err == nil && a.clock.now().Sub(m.seen) > seenInterval {
						m.seen = a.clock.now()
					}
				},
				"": func(*rapid.T) {
					listed, err := h().Sessions(a.ctx, u.ID)
					must(err)
					for _, m := range sessions {
						_, err := h().SessionByID(a.ctx, m.id)
						in := slices.ContainsFunc(listed, func(n Session) bool { return n.ID == m.id })
						if (err == nil) != good(m) || in != good(m) {
							rt.Fatalf("%+v: %v, listed %v", m, err, in)
						}
					}
				},
			})
		})
	})
}
