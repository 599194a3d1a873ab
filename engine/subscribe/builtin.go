package subscribe

import (
	_ "embed" // the topics
	"encoding/json"
	"fmt"
	"sync"
)

//go:embed topics.json
var topics []byte

// BuiltIn are the topics that every server has, in order. They must not be changed.
var BuiltIn = sync.OnceValue(func() []Topic {
	var all []json.RawMessage
	if err := json.Unmarshal(topics, &all); err != nil {
		panic(fmt.Sprintf("subscribe: the topics of this program: %v", err))
	}
	built := make([]Topic, len(all))
	for i, one := range all {
		t, ok, err := Read(one)
		if err != nil || !ok {
			panic(fmt.Sprintf("subscribe: the topics of this program: %v", err))
		}
		built[i] = t
	}
	return built
})
