package intake

import (
	"encoding/json"
	"fmt"

	"github.com/inglehealth/ingle/store"
)

// Kind is that of the jobs of imports.
const Kind = importKind

// Told says in short words who ordered an import and how far it is.
func Told(j store.Job) (by, words string) {
	var a arguments
	if json.Unmarshal(j.Args, &a) != nil {
		return "", ""
	}
	i, err := importOf(j.ID, j, &a)
	if err != nil {
		return "", ""
	}
	words = fmt.Sprintf("%d accepted, %d refused", i.Accepted, i.Refused)
	if !i.Ended.IsZero() {
		return i.By.Name, words
	}
	words = fmt.Sprintf("%s: %s", i.Phase, words)
	if i.Waiting != "" {
		words += "; " + i.Waiting
	}
	return i.By.Name, words
}
