package searchtest

import "testing"

func TestTheMatcherInMemoryRunsEveryScript(t *testing.T) { Run(t, Memory) }

func TestResourcesAreFoundByWhatTheyHave(t *testing.T) { Compare(t, Memory) }
