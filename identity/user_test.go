package identity

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

func TestALoginIsUniqueButForCase(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "Noor@ehr.example")
	_, err := h.CreateUser(h.ctx, User{Login: "noor@EHR.example"})
	if f := (*fault.Error)(nil); !errors.As(err, &f) || f.Kind != fault.Conflict || f.Issues[0].Path != "login" {
		t.Errorf("%v", err)
	}
	got, err := h.UserByLogin(h.ctx, "NOOR@EHR.EXAMPLE")
	if err != nil || got.ID != u.ID {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := h.UserByLogin(h.ctx, "two words"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestOfTwoProcessesOneGetsALogin(t *testing.T) {
	two(t, func(t *testing.T, a, b house) {
		var wait sync.WaitGroup
		var made atomic.Int64
		for i := range 12 {
			h := []house{a, b}[i%2]
			wait.Go(func() {
				_, err := h.CreateUser(h.ctx, User{Login: "noor"})
				f := (*fault.Error)(nil)
				switch {
				case err == nil:
					made.Add(1)
				case !errors.As(err, &f) || f.Kind != fault.Conflict:
					t.Error(err)
				}
			})
		}
		wait.Wait()
		all, err := a.Users(a.ctx, "", 10)
		if made.Load() != 1 || len(all) != 1 || err != nil {
			t.Errorf("%d made, %v, %v", made.Load(), all, err)
		}
	})
}

func TestUsersAreListedByRoleAndResource(t *testing.T) {
	h := openHouse(t, Config{})
	doctor, err := h.CreateUser(h.ctx, User{Login: "doctor", Roles: []Role{Practitioner, Administrator},
		Links: []Link{{Type: "Practitioner", ID: "d", PractitionerRole: "r"}, {Type: "Patient", ID: "p"}}})
	if err != nil {
		t.Fatal(err)
	}
	patient, err := h.CreateUser(h.ctx, User{Login: "patient", Roles: []Role{Patient}, Links: []Link{{Type: "Patient", ID: "p"}}})
	if err != nil {
		t.Fatal(err)
	}
	ids := func(users []User, err error) []string {
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, u := range users {
			all = append(all, u.ID)
		}
		return all
	}
	if got := ids(h.Users(h.ctx, "", 10)); !slices.Equal(got, []string{doctor.ID, patient.ID}) {
		t.Error(got)
	}
	if got := ids(h.Users(h.ctx, doctor.ID, 10)); !slices.Equal(got, []string{patient.ID}) {
		t.Error(got)
	}
	if got := ids(h.UsersWithRole(h.ctx, Administrator, "", 10)); !slices.Equal(got, []string{doctor.ID}) {
		t.Error(got)
	}
	if got := ids(h.UsersLinked(h.ctx, fhir.Key{Type: "Patient", ID: "p"}, "", 10)); !slices.Equal(got, []string{doctor.ID, patient.ID}) {
		t.Error(got)
	}
	if k := doctor.FHIRUser(); k.String() != "Practitioner/d" {
		t.Error(k)
	}
	if k := (&User{}).FHIRUser(); k != (fhir.Key{}) {
		t.Error(k)
	}
}

func TestAUserThatBreaksARuleIsRefused(t *testing.T) {
	h := openHouse(t, Config{})
	long := strings.Repeat("n", maxName+1)
	for want, u := range map[string]User{
		"login: a login has":         {Login: ""},
		"without spaces":             {Login: "two words"},
		"1 to 128":                   {Login: strings.Repeat("n", maxLogin+1)},
		"letters, digits":            {Login: "a\x00b"},
		"name: a name has":           {Login: "a", Name: long},
		"at most 200":                {Login: "a", Name: "\xff"},
		`roles: "chief" is no role`:  {Login: "a", Roles: []Role{"chief"}},
		"given twice":                {Login: "a", Roles: []Role{Nurse, Nurse}},
		"links: a user has at most":  {Login: "a", Links: make([]Link, maxLinks+1)},
		`"PractitionerRole/r" is no`: {Login: "a", Links: []Link{{Type: "PractitionerRole", ID: "r"}}},
		`"Patient/" is no`:           {Login: "a", Links: []Link{{Type: "Patient"}}},
		"only a Practitioner has":    {Login: "a", Links: []Link{{Type: "Patient", ID: "p", PractitionerRole: "r"}}},
		"named by its id":            {Login: "a", Links: []Link{{Type: "Practitioner", ID: "p", PractitionerRole: "r/1"}}},
		"linked twice":               {Login: "a", Links: []Link{{Type: "Patient", ID: "p"}, {Type: "Patient", ID: "p"}}},
	} {
		_, err := h.CreateUser(h.ctx, u)
		if f := (*fault.Error)(nil); !errors.As(err, &f) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, not %s", err, want)
		}
	}
}

func TestAChangeOfWhatWasReadBeforeIsRefused(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	first, second := *u, *u
	first.Name, second.Name = "first", "second"
	if _, err := h.UpdateUser(h.ctx, first); err != nil {
		t.Fatal(err)
	}
	if _, err := h.UpdateUser(h.ctx, second); !errors.Is(err, ErrConflict) {
		t.Error(err)
	}
	got, err := h.User(h.ctx, u.ID)
	if err != nil || got.Name != "first" || got.Generation != u.Generation {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestALoginCanBeRenamedAndIsFreeThen(t *testing.T) {
	h := openHouse(t, Config{})
	u := h.user(t, "noor")
	h.user(t, "taken")
	u.Login = "Taken"
	if _, err := h.UpdateUser(h.ctx, *u); err == nil {
		t.Error("a login of another user")
	}
	u.Login = "lamp"
	renamed, err := h.UpdateUser(h.ctx, *u)
	if err != nil {
		t.Fatal(err)
	}
	h.signIn(t, "lamp")
	if _, err := h.UserByLogin(h.ctx, "noor"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	renamed.Login = "LAMP"
	if _, err := h.UpdateUser(h.ctx, *renamed); err != nil {
		t.Errorf("another case: %v", err)
	}
	h.user(t, "noor")
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	h := openHouse(t, Config{})
	for _, id := range []string{"", "nobody", "a\x00b", "\xff"} {
		if _, err := h.User(h.ctx, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if err := h.SetPassword(h.ctx, id, password); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
		if _, err := h.Invite(h.ctx, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
}
