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
	words = fmt.Sprintf("%s: %d resources accepted, %d refused", i.Phase, i.Accepted, i.Refused)
	if i.Waiting != "" && i.Ended.IsZero() {
		words += "; " + i.Waiting
	}
	return i.By.Name, words
}
