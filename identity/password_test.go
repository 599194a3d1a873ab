package identity

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inglehealth/ingle/spec/fault"
)

func TestPasswordsAreHashedWithArgon2id(t *testing.T) {
	h := hasherOf(t, Cost{})
	hash, err := h.hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error(hash)
	}
	for text, want := range map[string]bool{password: true, password + " ": false, "": false, strings.Repeat("x", maxPassword+1): false} {
		if ok, stale, err := h.verify(t.Context(), text, hash); ok != want || stale || err != nil {
			t.Errorf("%q: %v, %v, %v", text, ok, stale, err)
		}
	}
	again, err := h.hash(t.Context(), password)
	if err != nil || again == hash {
		t.Errorf("without salt: %v", err)
	}
}

// hasherOf is that of a Service with a cost.
func hasherOf(t *testing.T, c Cost) *hasher {
	t.Helper()
	s, err := newService(Config{Store: sqliteStore(t), Secret: NewKeyFile(filepath.Join(t.TempDir(), "key")), Issuer: "https://ehr.example", Passwords: c})
	if err != nil {
		t.Fatal(err)
	}
	return s.hasher
}

func TestPasswordsAreHashedAtTheCostThatIsSaid(t *testing.T) {
	hash, err := hasherOf(t, Cost{Memory: 128, Time: 3, Threads: 1}).hash(t.Context(), password)
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=128,t=3,p=1$") {
		t.Error(hash, err)
	}
}

func TestACostThatNoHashMayHaveIsRefused(t *testing.T) {
	for _, c := range []Cost{{Memory: 64, Threads: 1}, {Memory: 64, Time: 1}, {Memory: mostMemory + 1, Time: 1, Threads: 1}, {Memory: 64, Time: mostTime + 1, Threads: 1}} {
		_, err := newService(Config{Store: sqliteStore(t), Secret: NewKeyFile(filepath.Join(t.TempDir(), "key")), Issuer: "https://ehr.example", Passwords: c})
		if err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

func TestTwoSpellingsOfAPasswordAreOne(t *testing.T) {
	h := cheap()
	hash, err := h.hash(t.Context(), "Käse und Brötchen")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.verify(t.Context(), "Ka\u0308se\u00a0und Bro\u0308tchen", hash); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestAPasswordIsHashedAnewWhenTheCostHasChanged(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	old := h.credentials(t, u.ID).Password
	h.hasher.cost.Time++
	h.signIn(t, "noor")
	renewed := h.credentials(t, u.ID).Password
	if renewed == old || !strings.Contains(renewed, "t=2") {
		t.Errorf("%s, then %s", old, renewed)
	}
	h.signIn(t, "noor")
	if h.credentials(t, u.ID).Password != renewed {
		t.Error("hashed anew without need")
	}
}

func (h house) credentials(t *testing.T, user string) credentials {
	t.Helper()
	a, err := h.account(h.ctx, user)
	if err != nil {
		t.Fatal(err)
	}
	return a.has
}

func TestOnlySoManyPasswordsAreHashedAtOnce(t *testing.T) {
	h := cheap()
	for range hashesAtOnce {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	results := make(chan error)
	const more = 5
	for range hashesAtOnce + hashesQueued + more {
		go func() {
			_, err := h.hash(ctx, password)
			results <- err
		}()
	}
	for range more {
		if err := <-results; !errors.Is(err, ErrBusy) {
			t.Error(err)
		}
	}
	cancel()
	for range hashesAtOnce + hashesQueued {
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if n := h.waiting.Load(); n != 0 {
		t.Errorf("%d wait still", n)
	}
}

func TestPasswordRules(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "too short",
		"elevenchars":                          "too short",
		"ééééééééééé":                          "too short",
		"éáéáéáéáéáéá":                         "",
		"twelve chars":                         "",
		"all lower case and no digits":         "",
		"noor@ehr.example":                     "is the login",
		"Noor@Ehr.Examplenoor@ehr.example":     "is the login",
		"passwordpassword":                     "tried first",
		"PASSWORD1234":                         "tried first",
		"zzzzzzzzzzzzzzzzz":                    "tried first",
		"ßßßßßßßßßßßßß":                        "tried first",
		"bell\arings in the house":             "control characters",
		"\xff\xfe not text at all":             "control characters",
		strings.Repeat("long and ", 200):       "at most",
		"🐴🔋 correct staple":                    "",
		"   \u00a0 spaces are characters, too": "",
	} {
		err := CheckPassword("noor@ehr.example", text)
		var f *fault.Error
		switch {
		case want == "" && err != nil, want != "" && (!errors.As(err, &f) || f.Issues[0].Path != "password" || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAHashThatCannotBeReadIsAnError(t *testing.T) {
	h := cheap()
	for _, hash := range []string{
		"x", "$argon2i$v=19$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=18$m=64,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=64,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=64,t=1,p=0$AAAA$AAAA", "$argon2id$v=19$m=64,t=1,p=1$AAAA$", "$argon2id$v=19$m=64,t=1,p=1$%$%",
	} {
		if _, _, err := h.verify(t.Context(), password, hash); err == nil {
			t.Error(hash)
		}
	}
}

func FuzzDecodeHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c29tZSBzYWx0IHNvbWUg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$argon2id$v=19$m=-1,t=2,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		c, salt, sum, err := decodeHash(text)
		if err != nil {
			return
		}
		if c.Memory > mostMemory || c.Time > mostTime || len(sum) > 64 {
			t.Errorf("beyond the bounds: %+v", c)
		}
		c2, salt2, sum2, err := decodeHash(encodeHash(c, salt, sum))
		if err != nil || c2 != c || string(salt2) != string(salt) || string(sum2) != string(sum) {
			t.Errorf("%v", err)
		}
	})
}

func FuzzCheckPassword(f *testing.F) {
	f.Add("noor", password)
	f.Add("", "\xff")
	f.Fuzz(func(t *testing.T, login, text string) {
		if err := CheckPassword(login, text); err == nil && len(prepared(text)) < MinPassword {
			t.Errorf("%q passes", text)
		}
	})
}

func FuzzCanonicalLogin(f *testing.F) {
	for _, s := range []string{"noor", "NOOR@ehr.example", "Ｎｏｏｒ", "a b", "ǅ", "\u0130", "ⅷ", "ß", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, login string) {
		canonical, err := canonicalLogin(login)
		if err != nil {
			return
		}
		if again, err := canonicalLogin(canonical); err != nil || again != canonical {
			t.Errorf("%q: %q, then %q, %v", login, canonical, again, err)
		}
		if canonical == "" || len(canonical) > maxLogin || strings.ContainsAny(canonical, " \x00") {
			t.Errorf("%q", canonical)
		}
	})
}

func TestUsersWhoShareAPasswordAreHashedOnceAndSignIn(t *testing.T) {
	h := openHouse(t, Config{})
	var users []string
	for _, login := range []string{"noor", "ada"} {
		u, err := h.CreateUser(h.ctx, User{Login: login, Name: login})
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, u.ID)
	}
	if err := h.SetPasswordOf(h.ctx, users, password); err != nil {
		t.Fatal(err)
	}
	hashes := map[string]bool{}
	for _, id := range users {
		a, err := h.account(h.ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if ok, _, err := h.hasher.verify(h.ctx, password, a.has.Password); err != nil || !ok {
			t.Errorf("%s: the password is not the user's: %v", a.user.Login, err)
		}
		hashes[a.has.Password] = true
	}
	if len(hashes) != 1 {
		t.Errorf("the password was hashed %d times", len(hashes))
	}
	if err := h.SetPasswordOf(h.ctx, users, "short"); err == nil {
		t.Error("a password that breaks a rule is set")
	}
}
