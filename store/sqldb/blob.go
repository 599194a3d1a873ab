package sqldb

import "strings"

// IsHash says whether name is a blob's: the hexadecimal SHA-256 of its content.
func IsHash(name string) bool {
	return len(name) == 64 && strings.Trim(name, "0123456789abcdef") == ""
}
