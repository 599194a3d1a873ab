package validate

import (
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/engine/terminology"
	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// coding checks a Coding against its code system: the code must be one of it, and the
// display one of its names (R4 §2.24.0.2), unless the resource is in another language than
// English, in which few systems have names. Systems that are not at hand, or not whole, are
// taken for what they are said to be.
func (r *run) coding(n fhir.Node) {
	c := definitions.Coding{
		System: n.Child("system").Text(), Version: n.Child("version").Text(),
		Code: n.Child("code").Text(), Display: n.Child("display").Text(),
	}
	system := c.System + "|" + c.Version
	if c.System == "" || c.Code == "" || r.absent[system] {
		return
	}
	// Languages have no case (BCP 47 §2.1.1).
	if primary, _, _ := strings.Cut(languageOf(n), "-"); primary != "" && !strings.EqualFold(primary, "en") {
		c.Display = ""
	}
	v, err := r.systems().ValidateCode(r.ctx, terminology.ValidateRequest{
		OfSystem: true, Codings: []definitions.Coding{c}, Form: terminology.FormCoding, LenientDisplay: true,
	})
	if err != nil || len(v.Unknown) > 0 {
		if r.absent == nil {
			r.absent = map[string]bool{}
		}
		r.absent[system] = true
		return
	}
	for _, i := range v.Issues {
		switch {
		case i.MessageID == "UNKNOWN_CODE_IN_FRAGMENT": // it may be one of the rest
		case i.TxType == "invalid-code":
			severity := fault.Warning // without a version it may be of another one
			if c.Version != "" {
				severity = i.Severity
			}
			r.add(severity, fault.CodeInvalidCode, n, fmt.Sprintf("code %q is not one of %s", fault.Shorten(c.Code), fault.Shorten(c.System)))
		case i.TxType == "invalid-display":
			r.add(i.Severity, fault.CodeInvalid, n, fmt.Sprintf("display %q is not a name of code %q of %s, which is called %q", fault.Shorten(c.Display), fault.Shorten(c.Code), fault.Shorten(c.System), v.Coding.Display))
		}
	}
}

// systems is the service that knows code systems.
func (r *run) systems() *terminology.Service {
	if r.terms != nil {
		return r.terms
	}
	return r.v.systems
}

// languageOf is the language of the resource that n stands in, or of the one around that,
// "" when none says.
func languageOf(n fhir.Node) string {
	for ; !n.IsZero(); n = n.Parent() {
		if n.Type().Kind != definitions.Resource {
			continue
		}
		if language := n.Child("language").Text(); language != "" {
			return language
		}
	}
	return ""
}
