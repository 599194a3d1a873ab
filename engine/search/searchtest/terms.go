package searchtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/engine/search"
)

// terms is the search.Terminology of a script: what its commands said.
type terms struct {
	sets    map[string][]search.Coding
	parents map[search.Coding][]search.Coding
}

// define reads "URL system|code ...": the codes of a value set.
func (t *terms) define(line string) error {
	fields := strings.Fields(line)
	if len(fields) == 0 {
		return fmt.Errorf("a value set needs its URL")
	}
	if t.sets == nil {
		t.sets = map[string][]search.Coding{}
	}
	t.sets[fields[0]] = nil
	for _, f := range fields[1:] {
		system, code, _ := strings.Cut(f, "|")
		t.sets[fields[0]] = append(t.sets[fields[0]], search.Coding{System: system, Code: code})
	}
	return nil
}

// fill reads "URL n system|": n more codes c0, c1 ... of a system.
func (t *terms) fill(line string) error {
	var url, system string
	var n int
	if _, err := fmt.Sscanf(line, "%s %d %s", &url, &n, &system); err != nil {
		return err
	}
	for i := range n {
		t.sets[url] = append(t.sets[url], search.Coding{System: strings.TrimSuffix(system, "|"), Code: fmt.Sprint("c", i)})
	}
	return nil
}

// relate reads "system parent child ...".
func (t *terms) relate(line string) error {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return fmt.Errorf("a hierarchy needs a system and a code")
	}
	if t.parents == nil {
		t.parents = map[search.Coding][]search.Coding{}
	}
	parent := search.Coding{System: fields[0], Code: fields[1]}
	t.parents[parent] = append(t.parents[parent], nil...)
	for _, f := range fields[2:] {
		child := search.Coding{System: fields[0], Code: f}
		t.parents[child] = append(t.parents[child], parent)
	}
	return nil
}

// Codes implements search.Terminology.
func (t *terms) Codes(valueSet string, limit int) (*search.CodeList, error) {
	codes, ok := t.sets[valueSet]
	if !ok {
		return nil, fmt.Errorf("there is no value set %s", valueSet)
	}
	if len(codes) > limit {
		return nil, fmt.Errorf("value set %s has more than %d codes", valueSet, limit)
	}
	return search.NewCodeList(codes), nil
}

// Above implements search.Terminology.
func (t *terms) Above(system, code string, _ int) ([]string, error) {
	start := search.Coding{System: system, Code: code}
	if _, ok := t.parents[start]; !ok {
		return nil, fmt.Errorf("the code %s|%s is not known", system, code)
	}
	codes := []string{code}
	for i := 0; i < len(codes); i++ {
		for _, p := range t.parents[search.Coding{System: system, Code: codes[i]}] {
			if !slices.Contains(codes, p.Code) {
				codes = append(codes, p.Code)
			}
		}
	}
	return codes, nil
}

// Below implements search.Terminology.
func (t *terms) Below(system, code string, limit int) ([]string, error) {
	if _, err := t.Above(system, code, limit); err != nil {
		return nil, err
	}
	var codes []string
	for c := range t.parents {
		if above, _ := t.Above(system, c.Code, limit); c.System == system && slices.Contains(above, code) {
			codes = append(codes, c.Code)
		}
	}
	return codes, nil
}
