// Command generate trains the dictionary of package pack on synthetic
// resources that it makes up. It always writes the same file.
package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/store/pack/frame"
)

const (
	samplesEach = 60
	// dictionaryID is in every packed body. A new dictionary needs a new one.
	dictionaryID = 1001
)

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: generate FILE"))
	}
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // made-up resources have to be the same each time
	var samples [][]byte
	for range samplesEach {
		for _, t := range templates {
			samples = append(samples, []byte(fill(r, t)))
		}
	}
	d, err := frame.Train(dictionaryID, history(r), samples)
	if err != nil {
		fail(err)
	}
	if err := os.WriteFile(os.Args[1], d, 0o600); err != nil { //nolint:gosec // the file that the caller names
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "generate:", err)
	os.Exit(1)
}

// history is the text that packed bodies refer back to: all that the lists
// have, then each template, the most common last, where it costs least to
// reach.
func history(r *rand.Rand) []byte {
	var b []byte
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		for _, entry := range lists[name] {
			b = append(b, fill(r, entry)...)
		}
	}
	for _, t := range slices.Backward(templates) {
		b = append(b, fill(r, t)...)
	}
	return b
}

// fill replaces the holes {name} of a template.
func fill(r *rand.Rand, template string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{#")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		hole, after, _ := strings.Cut(rest, "}")
		b.WriteString(value(r, hole))
		template = after
	}
}

func value(r *rand.Rand, hole string) string {
	switch hole {
	case "uuid":
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint32()&0xffff, r.Uint64()&0xffffffffffff)
	case "date":
		return fmt.Sprintf("%d-%02d-%02d", 1940+r.IntN(87), 1+r.IntN(12), 1+r.IntN(28))
	case "instant":
		return fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d-0%d:00", r.IntN(27), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), 4+r.IntN(2))
	case "number":
		return fmt.Sprintf("%d.%d", r.IntN(300), r.IntN(10000))
	case "digits":
		return fmt.Sprintf("%d", 100000+r.IntN(900000))
	}
	list, ok := lists[hole]
	if !ok {
		fail(fmt.Errorf("no list %q", hole))
	}
	return fill(r, list[r.IntN(len(list))])
}
