package searchtest

import "testing"

func TestTheMatcherInMemoryRunsEveryScript(t *testing.T) { Run(t, Memory) }
