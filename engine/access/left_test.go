package access

import (
	"testing"

	"github.com/inglehealth/ingle/engine/search"
)

func TestWhatConsentsAskOfTokensIsLeftByDeletes(t *testing.T) {
	for _, code := range append(clinicalCodes[:len(clinicalCodes):len(clinicalCodes)], labelParam) {
		if !search.LeavesToken(code) {
			t.Errorf("%s is not left", code)
		}
	}
	if search.LeavesToken("identifier") {
		t.Error("an identifier is left, which no consent asks")
	}
}
