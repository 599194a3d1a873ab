package validate

import (
	"regexp"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

var (
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	oidForm  = regexp.MustCompile(`^[0-2](\.(0|[1-9][0-9]*))+$`)
)

// urn checks the form of a UUID or OID in a uri: a UUID should have lower case letters.
// R4 §2.24.0.1 uri.
func (r *run) urn(n fhir.Node) {
	text := n.Text()
	if uuid, ok := strings.CutPrefix(text, "urn:uuid:"); ok && !uuidForm.MatchString(uuid) {
		if uuidForm.MatchString(strings.ToLower(uuid)) {
			r.add(fault.Warning, fault.CodeValue, n, "is a urn:uuid with upper case letters, which are others to who compares: "+fault.Shorten(text))
		} else {
			r.add(fault.ErrorLevel, fault.CodeValue, n, "is no urn:uuid: it needs 8-4-4-4-12 hexadecimal digits: "+fault.Shorten(text))
		}
	}
	if oid, ok := strings.CutPrefix(text, "urn:oid:"); ok && !oidForm.MatchString(oid) {
		r.add(fault.ErrorLevel, fault.CodeValue, n, "is no urn:oid: it needs numbers without leading zeros, with dots between them: "+fault.Shorten(text))
	}
}
