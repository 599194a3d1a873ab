package main

import (
	"testing"

	"github.com/inglehealth/ingle/service/pages"
)

func TestTheTemplateOfEveryPageCanBeMade(t *testing.T) {
	n := 0
	for page := range pages.All() {
		if page.Name() == "" {
			t.Error("a template has no name")
		}
		n++
	}
	if n < 80 {
		t.Errorf("there are %d templates", n)
	}
}
