package records

import (
	"strconv"
	"strings"
)

// ETag is the weak entity tag of a version: W/"3".
func ETag(version int64) string { return `W/"` + versionText(version) + `"` }

// versionText is meta.versionId.
func versionText(version int64) string { return strconv.FormatInt(version, 10) }

// ParseETags splits the value of If-Match or If-None-Match into version ids;
// "*" stands for itself. Weak, strong and unquoted forms are accepted.
func ParseETags(header string) []string {
	var tags []string
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimSpace(part)
		part = strings.TrimPrefix(part, "W/")
		if part = strings.Trim(part, `"`); part != "" {
			tags = append(tags, part)
		}
	}
	return tags
}
