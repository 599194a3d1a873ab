package validate

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
	"github.com/inglehealth/ingle/spec/fhir"
)

// attachment checks that an Attachment is as large as it says: size counts the
// bytes before they are encoded. R4 §2.24.0.9.
func (r *run) attachment(n fhir.Node) {
	data := n.Child("data")
	stated, err := strconv.ParseInt(n.Child("size").Text(), 10, 64)
	if err != nil || !data.HasValue() {
		return
	}
	text := strings.Join(strings.Fields(data.Text()), "")
	size := int64(base64.StdEncoding.DecodedLen(len(text)) - strings.Count(text[max(0, len(text)-2):], "="))
	if size != stated {
		r.add(fault.ErrorLevel, fault.CodeValue, n.Child("size"), fmt.Sprintf("is %d, but data holds %d bytes", stated, size))
	}
}
