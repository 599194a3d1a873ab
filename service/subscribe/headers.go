package subscribe

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// Bounds of the headers of a rest-hook.
const (
	maxHeaders     = 20
	maxHeaderBytes = 8 << 10
)

// ours are headers that say how a message is carried.
var ours = []string{
	"Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "User-Agent",
}

// headersOf reads the headers of a channel: "Name: value".
func headersOf(lines []string) (http.Header, error) {
	h := http.Header{}
	size := 0
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		switch {
		case !found || !isToken(name):
			return nil, refuse("header", "A header looks like this: Authorization: Bearer secret.")
		case !isFieldValue(value):
			return nil, refuse("header", "The value of the header %s holds characters that no header can hold.", name)
		}
		name = textproto.CanonicalMIMEHeaderKey(name)
		if slices.Contains(ours, name) || strings.HasPrefix(name, "Proxy-") {
			return nil, refuse("header", "The header %s is set by this server.", name)
		}
		h.Add(name, value)
		size += len(line)
	}
	if len(lines) > maxHeaders || size > maxHeaderBytes {
		return nil, refuse("header", "There are %d headers of %d bytes; up to %d of %d bytes are possible.", len(lines), size, maxHeaders, maxHeaderBytes)
	}
	return h, nil
}

// isToken says whether a text is a token (RFC 9110 §5.6.2).
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}

// isFieldValue says whether a text may be the value of a header (RFC 9110 §5.5).
func isFieldValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r >= 0x7f })
}
