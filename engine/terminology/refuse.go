package terminology

import (
	"errors"
	"fmt"
	"strings"

	"github.com/inglehealth/ingle/spec/fault"
)

// refuse makes an error with what tools of terminology look at: a code of
// HL7's tx-issue-type and the id of the message.
func refuse(kind fault.Kind, code fault.Code, path, txType, messageID, format string, args ...any) *fault.Error {
	return fault.Of(kind, []fault.Issue{{
		Severity: fault.ErrorLevel, Code: code, Path: path, TxType: txType, MessageID: messageID, Message: bounded(fmt.Sprintf(format, args...)),
	}})
}

// maxMessage bounds a message, in bytes, whatever is named in it.
const maxMessage = 4096

func bounded(message string) string {
	if len(message) <= maxMessage {
		return message
	}
	return strings.ToValidUTF8(message[:maxMessage], "") + "…"
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}
