package searchtest

import (
	"testing"

	"github.com/inglehealth/ingle/internal/synthetic"
)

func TestTheMatcherInMemoryRunsEveryScript(t *testing.T) { Run(t, Memory) }

func TestResourcesAreFoundByWhatTheyHave(t *testing.T) {
	Comparison{
		Catalog: Catalog(t), Resources: synthetic.Patients(t, 2), Queries: 400, Seed: 1, Want: Memory(t), Got: Memory(t),
	}.Run(t)
}
