package identity

import (
	_ "embed"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/inglehealth/ingle/spec/fault"
)

// MinPassword is the least number of characters of a password. There are no
// rules of composition (NIST SP 800-63B §3.1.1.2).
const MinPassword = 12

const maxPassword = 1024 // bytes

//go:embed common.txt
var commonText string

// common are passwords of 12 characters and more that everybody tries first.
var common = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(commonText) {
		all[strings.TrimSpace(line)] = true
	}
	return all
})

// CheckPassword says which rule a password for a login breaks, as a
// *fault.Error; nil for none.
func CheckPassword(login, password string) error {
	p, err := precis.OpaqueString.String(password)
	if err != nil && password != "" || !utf8.ValidString(password) || len(password) > maxPassword {
		return fault.New(fault.Unprocessable, fault.CodeValue, "password", "a password has at most %d bytes and no control characters or unknown ones", maxPassword)
	}
	folded := strings.ToLower(p)
	one, _ := utf8.DecodeRuneInString(folded)
	switch {
	case utf8.RuneCountInString(p) < MinPassword:
		return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "password", "the password is too short: it needs %d characters; a few words are good", MinPassword)
	case login != "" && strings.ReplaceAll(folded, strings.ToLower(login), "") == "":
		return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "password", "the password is the login; choose another")
	case common()[folded] || strings.Trim(folded, string(one)) == "":
		return fault.New(fault.Unprocessable, fault.CodeBusinessRule, "password", "the password is one of those that are tried first; choose another")
	}
	return nil
}
