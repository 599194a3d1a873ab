package sqldb

import (
	"testing"
	"unsafe"
)

func TestANameThatIsRememberedDoesNotKeepTheBodyItStoodIn(t *testing.T) {
	body := `{"system":"https://long.example/of/a/long/body"}`
	system := body[11:30]
	names := NewNames(Dialect{})
	names.Add(SystemSpace, system, 7)
	if id, ok := names.Known(SystemSpace, system); id != 7 || !ok {
		t.Fatalf("%d, %v", id, ok)
	}
	for k := range names.numbers {
		if unsafe.StringData(k.text) == unsafe.StringData(system) {
			t.Error("the name is a part of the body")
		}
	}
}
