package search

import (
	"context"
	"errors"
	"testing"

	"github.com/inglehealth/ingle/spec/fault"
)

// failing is a Terminology that cannot answer.
type failing struct{ err error }

func (f failing) Codes(string, int) (*CodeList, error)        { return nil, f.err }
func (f failing) Below(string, string, int) ([]string, error) { return nil, f.err }
func (f failing) Above(string, string, int) ([]string, error) { return nil, f.err }

func TestATerminologyThatFailsIsNoFaultOfTheRequest(t *testing.T) {
	c := r4(t)
	away := fault.New(fault.Unavailable, fault.CodeTransient, "", "try again")
	for _, k := range []struct {
		err  error
		kind fault.Kind
	}{{away, fault.Unavailable}, {context.DeadlineExceeded, fault.Internal}, {errors.New("not known"), fault.Invalid}, {fault.New(fault.NotFound, fault.CodeNotFound, "", "none"), fault.Invalid}} {
		for _, name := range []string{"code:in", "code:not-in", "code:below", "code:above"} {
			_, err := c.Parse("Observation", []Pair{{name, "urn:s|a"}}, ParseOptions{Terminology: failing{k.err}})
			if err == nil || fault.KindOf(err) != k.kind || k.kind == fault.Internal && !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s with %v: %v", name, k.err, err)
			}
		}
	}
	if _, err := c.Parse("Observation", []Pair{{"code:in", "urn:s"}}, ParseOptions{}); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
}
