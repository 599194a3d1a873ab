package identity

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// reopen opens the house's database with a key file.
func (h house) reopen(path string) error {
	_, err := Open(h.ctx, Config{Store: h.config.Store, Issuer: h.config.Issuer, Secret: NewKeyFile(path), Clock: h.clock.now})
	return err
}

func TestAKeyFileIsMadeAtTheFirstStartForItsOwnerOnly(t *testing.T) {
	h := openHouse(t, Config{})
	info, err := os.Stat(h.path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	if others, err := filepath.Glob(filepath.Join(filepath.Dir(h.path), ".*")); err != nil || len(others) != 0 {
		t.Errorf("left behind: %v", others)
	}
	if err := h.reopen(h.path); err != nil {
		t.Error(err)
	}
}

func TestAKeyFileThatIsLostWrongOpenOrDamagedIsRefusedWithAWayOut(t *testing.T) {
	h := openHouse(t, Config{})
	dir := t.TempDir()
	good, err := os.ReadFile(h.path)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	other := openHouse(t, Config{})
	for path, want := range map[string][]string{
		filepath.Join(dir, "lost"):                   {"is missing", "signing keys", "TOTP", "copy", "--key-file", "ingle key reset"},
		other.path:                                   {"is another one", "ingle key reset"},
		file("group", good, 0o640):                   {"mode 0640", "chmod 600"},
		file("world", good, 0o604):                   {"mode 0604", "chmod 600"},
		file("cut", good[:len(good)-9], 0o600):       {"damaged", "copy"},
		file("empty", nil, 0o600):                    {"damaged"},
		file("text", []byte("ingle-key-1 %"), 0o600): {"damaged"},
		dir:                                   {"is no file"},
		filepath.Join(h.path, "below-a-file"): {"not a directory"},
		file("another", []byte("ingle-key-2 x"), 0o600): {"damaged"},
	} {
		err := h.reopen(path)
		if !errors.Is(err, ErrKeyFile) {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v lacks %q", path, err, w)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "lost")); err == nil {
		t.Error("a new file was made where one was lost")
	}
}

func TestAKeyFileThatCannotBeMadeIsAnError(t *testing.T) {
	_, err := Open(t.Context(), Config{Store: sqliteStore(t), Issuer: "https://ehr.example", Secret: NewKeyFile(filepath.Join(t.TempDir(), "no", "such", "folder"))})
	if !errors.Is(err, ErrKeyFile) {
		t.Error(err)
	}
}

func TestProcessesThatStartAtOnceShareKeyFileAndSigningKeys(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		// The database is new to all but its migrations when these start.
		fresh := Config{Issuer: "https://ehr.example", Clock: a.clock.now}
		path := filepath.Join(t.TempDir(), "key")
		if _, err := ResetKeyFile(a.ctx, Config{Store: a.config.Store, Issuer: fresh.Issuer, Secret: NewKeyFile(path)}); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		services := make([]*Service, 4)
		for i := range services {
			wait.Go(func() {
				c := fresh
				c.Store, c.Secret = []house{a, b}[i%2].config.Store, NewKeyFile(path)
				s, err := Open(a.ctx, c)
				if err != nil {
					t.Error(err)
					return
				}
				services[i] = s
			})
		}
		wait.Wait()
		if t.Failed() {
			return
		}
		for _, s := range services {
			keys, err := s.SigningKeys(a.ctx)
			if err != nil || len(keys) != len(algorithms) {
				t.Fatalf("%d keys, %v", len(keys), err)
			}
			for _, other := range services {
				verify(t, a.ctx, other, sign(t, a.ctx, s, jose.RS256, a.clock.now()))
			}
		}
	})
}

func TestAKeyFileOfTwoFirstStartsIsOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var wait sync.WaitGroup
	files := make([]*KeyFile, 8)
	for i := range files {
		files[i] = NewKeyFile(path)
		wait.Go(func() {
			if err := files[i].create(); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, k := range files {
		if k.id != files[0].id {
			t.Error("two keys")
		}
	}
}

func TestAResetRemovesWhatOnlyTheLostFileCouldRead(t *testing.T) {
	h := openHouse(t, Config{})
	u, plain := h.user(t, "noor"), h.user(t, "plain")
	_, recovery := h.enrol(t, u.ID)
	if err := h.SetProvider(h.ctx, Provider{ID: "p", Issuer: "https://op.example", ClientID: "c", Secret: "s"}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.JWKS(h.ctx); err != nil { // makes the first keys
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "new")
	c := Config{Store: h.config.Store, Issuer: h.config.Issuer, Secret: NewKeyFile(path), Clock: h.clock.now}
	done, err := ResetKeyFile(h.ctx, c)
	if want := (KeyReset{SigningKeys: 2, TOTPSecrets: 1, Providers: 1}); err != nil || done != want {
		t.Fatalf("%+v, %v", done, err)
	}
	if err := h.reopen(h.path); !errors.Is(err, ErrKeyFile) {
		t.Errorf("the old file: %v", err)
	}
	after := h
	if after.Service, err = Open(h.ctx, c); err != nil {
		t.Fatal(err)
	}
	verify(t, h.ctx, after.Service, sign(t, h.ctx, after.Service, jose.ES384, h.clock.now()))
	after.signIn(t, plain.Login)
	in := after.pendingSignIn(t, "noor") // it is still asked for
	if _, err := after.SecondFactor(h.ctx, in.Pending, "000000", ward); !errors.Is(err, ErrCode) {
		t.Error(err)
	}
	if _, err := after.SecondFactor(h.ctx, in.Pending, recovery[0], ward); err != nil {
		t.Error(err)
	}
	if secret, _ := after.enrol(t, u.ID); secret == "" {
		t.Error("TOTP cannot be set up again")
	}
	p, err := after.provider(h.ctx, "p")
	if err != nil || p.Secret != "" || p.ClientID != "c" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestASealedSecretOpensOnlyForItsPurpose(t *testing.T) {
	k := NewKeyFile(filepath.Join(t.TempDir(), "key"))
	if err := k.create(); err != nil {
		t.Fatal(err)
	}
	sealed, err := k.seal("this", []byte("secret"))
	if err != nil || bytes.Contains(sealed, []byte("secret")) {
		t.Fatalf("%q, %v", sealed, err)
	}
	if got, err := k.open("this", sealed); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, f := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return k.open("that", sealed) },
		"changed":         func() ([]byte, error) { return k.open("this", changed) },
		"cut off":         func() ([]byte, error) { return k.open("this", sealed[:5]) },
	} {
		if got, err := f(); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func FuzzKeyFile(f *testing.F) {
	f.Add([]byte(keyFileText + keyFileLabel + strings.Repeat("A", 43) + "\n"))
	f.Add([]byte(keyFileLabel))
	path := filepath.Join(f.TempDir(), "key")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		k := NewKeyFile(path)
		if err := k.load(); err != nil {
			if !errors.Is(err, ErrKeyFile) {
				t.Error(err)
			}
			return
		}
		sealed, err := k.seal("p", []byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.open("p", sealed); err != nil || string(got) != "secret" {
			t.Error(err)
		}
	})
}
