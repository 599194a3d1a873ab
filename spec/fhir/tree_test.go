package fhir_test

import (
	"testing"

	"github.com/inglehealth/ingle/spec/definitions"
	"github.com/inglehealth/ingle/spec/fhir"
)

func parse(t testing.TB, src string) *fhir.Tree {
	t.Helper()
	tree, err := fhir.ParseJSON(definitions.MustBuiltIn(definitions.R4), []byte(src), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func same(t testing.TB, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
