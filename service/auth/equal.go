package auth

import "crypto/subtle"

// equal compares secrets in a time that tells nothing.
func equal(a, b string) bool { return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
