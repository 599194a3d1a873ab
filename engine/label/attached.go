package label

import (
	"encoding/base64"
	"strings"

	"github.com/inglehealth/ingle/spec/fhir"
)

// maxAttached bounds the text of an attachment that is looked at, in bytes of base64.
const maxAttached = 1 << 20

// attached is the text of an attachment, given its data; "" when it is no text.
func attached(data fhir.Node) string {
	if !strings.HasPrefix(data.Parent().Child("contentType").Text(), "text/") {
		return ""
	}
	text := data.Text()
	if len(text) > maxAttached {
		text = text[:maxAttached]
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil && len(plain) == 0 {
		return ""
	}
	return string(plain)
}
