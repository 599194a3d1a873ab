package access_test

import (
	"strings"
	"testing"

	"github.com/inglehealth/ingle/engine/access"
)

func TestDefaultsThatCannotHoldAreRefused(t *testing.T) {
	label := access.Labels([]string{"HIV"})[0]
	for want, d := range map[string]access.Defaults{
		"":                                {Permit: []string{}, Sealed: []string{}},
		"permit: it is missing":           {Sealed: []string{}},
		"sealed: it is missing":           {Permit: []string{}},
		`permit[1]: "CURE" is no purpose`: {Permit: []string{"TREAT", "CURE"}, Sealed: []string{}},
		"permit[1]: TREAT is given twice": {Permit: []string{"TREAT", "TREAT"}, Sealed: []string{}},
		`sealed[0]: "HIV" is no label`:    {Permit: []string{}, Sealed: []string{"HIV"}},
		"sealed[1]: N is what has no":     {Permit: []string{}, Sealed: []string{label, "http://terminology.hl7.org/CodeSystem/v3-Confidentiality|N"}},
		"permit: there are 51":            {Permit: make([]string, 51), Sealed: []string{}},
	} {
		err := d.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
	}
	shipped := access.Shipped()
	if err := shipped.Check(); err != nil {
		t.Error(err)
	}
	for _, name := range access.ImplicitPolicies() {
		if d, ok := access.Implicit(name); !ok || d.Check() != nil {
			t.Errorf("%s: %v, %v", name, ok, d.Check())
		}
	}
}
