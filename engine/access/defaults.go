package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// Defaults are what holds where no consent decides. Who has them does not change them.
type Defaults struct {
	// Permit are the purposes for which data may be seen, those that they comprise
	// included.
	Permit []string `json:"permit"`
	// Sealed are sensitive labels, "system|code": what has one is hidden from all
	// but whom a consent shows it by that label.
	Sealed []string `json:"sealed"`
}

// maxDefaults bounds the purposes and the labels of Defaults: each label is asked for
// in every query.
const maxDefaults = 50

// Shipped are the defaults of a new server: treatment, payment, operations and what
// is for the patient; records of the treatment of substance use only by consent (42
// CFR Part 2).
func Shipped() Defaults {
	return Defaults{Permit: []string{"TREAT", "HPAYMT", "HOPERAT", "PATRQT", "BTG"}, Sealed: Labels(part2)}
}

// Implicit are the defaults of an implicit policy of IHE PCF, by the end of its name:
// basic-normal permits treatment; all-normal every purpose that roles and apps may
// have; break-glass-only nothing but breaking the glass; deny nothing.
func Implicit(policy string) (Defaults, bool) {
	d := Defaults{Permit: []string{}, Sealed: Labels(part2)}
	switch policy {
	case "basic-normal":
		d.Permit = []string{"TREAT"}
	case "all-normal":
		d.Permit = []string{"TREAT", "HPAYMT", "HOPERAT", "PATRQT", "PUBHLTH", "HRESCH", "HMARKT", BreakGlass}
	case "break-glass-only":
		d.Permit = []string{BreakGlass}
	case "deny":
	default:
		return Defaults{}, false
	}
	return d, true
}

// ImplicitPolicies are the names that Implicit knows.
func ImplicitPolicies() []string {
	return []string{"basic-normal", "all-normal", "break-glass-only", "deny"}
}

// Check says what is wrong with defaults, and where, as a *fault.Error. Empty lists
// have to be there: they permit nothing, and seal nothing.
func (d *Defaults) Check() error {
	wrong := func(path, format string, args ...any) error {
		return fault.New(fault.Unprocessable, fault.CodeValue, path, format, args...)
	}
	for path, list := range map[string][]string{"permit": d.Permit, "sealed": d.Sealed} {
		switch {
		case list == nil:
			return wrong(path, "it is missing; an empty list says that there are none")
		case len(list) > maxDefaults:
			return wrong(path, "there are %d; up to %d are possible", len(list), maxDefaults)
		}
		for i, one := range list {
			if slices.Contains(list[:i], one) {
				return wrong(fmt.Sprintf("%s[%d]", path, i), "%s is given twice", fault.Shorten(one))
			}
		}
	}
	for i, one := range d.Permit {
		if !KnownPurpose(one) {
			return wrong(fmt.Sprintf("permit[%d]", i), "%q is no purpose of use of v3-ActReason, such as TREAT, HPAYMT, HOPERAT, HRESCH or BTG", fault.Shorten(one))
		}
	}
	for i, one := range d.Sealed {
		system, code, ok := strings.Cut(one, "|")
		if !ok || system == "" || code == "" || strings.ContainsAny(code, "| ,") {
			return wrong(fmt.Sprintf("sealed[%d]", i), "%q is no label: it looks like %s|ETH", fault.Shorten(one), actCodeSystem)
		}
		if system == confidentialitySystem && code == "N" {
			return wrong(fmt.Sprintf("sealed[%d]", i), "N is what has no confidentiality: permit no purpose instead")
		}
	}
	return nil
}

// permits says whether the default shows data for the asker's purpose.
func (d *Defaults) permits(a *Asker) bool { return a.Self || a.Purpose == "" || a.pursues(d.Permit) }

// sealed are the labels that are hidden from the asker unless a consent shows them.
func (d *Defaults) sealed(a *Asker) []string {
	if a.Self {
		return nil
	}
	var all []string
	for _, l := range d.Sealed {
		if !slices.Contains(a.Unsealed, l) {
			all = append(all, l)
		}
	}
	return all
}
