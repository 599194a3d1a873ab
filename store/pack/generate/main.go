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

	"github.com/klauspost/compress/zstd"
)

const (
	samplesEach = 60
	// dictionaryID is in every packed body. A new dictionary needs a new one.
	dictionaryID = 1002
)

func main() {
	if len(os.Args) != 2 {
		fail(errors.New("usage: generate FILE"))
	}
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // made-up resources have to be the same each time
	var samples [][]byte
	for range samplesEach {
		for _, t := range templates {
			samples = append(samples, []byte(fill(r, t)), []byte(fill(r, plain(t))))
		}
	}
	d, err := zstd.BuildDict(zstd.BuildDictOptions{
		ID: dictionaryID, Contents: samples, History: history(r), Offsets: [3]int{1, 4, 8}, Level: zstd.SpeedFastest,
	})
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
		b = append(append(b, fill(r, t)...), fill(r, plain(t))...)
	}
	return b
}

// plain is a template without profiles, its meta where clients that send none get
// it: at the end.
func plain(template string) string {
	before, rest, _ := strings.Cut(template, `,"meta":{`)
	_, after, _ := strings.Cut(rest, `]}`)
	return before + strings.TrimSuffix(after, "}") + `,"meta":{"versionId":"1","lastUpdated":"2026-05-17T09:41:27.318Z"}}`
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

var zones = [...]string{"+00:00", "-04:00", "-05:00", "Z"}

func value(r *rand.Rand, hole string) string {
	switch hole {
	case "uuid":
		return "\x01" // what stands for a UUID in a text; see ids.go
	case "date":
		return fmt.Sprintf("%d-%02d-%02d", 1940+r.IntN(87), 1+r.IntN(12), 1+r.IntN(28))
	case "instant":
		return fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:%02d%s", r.IntN(27), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), zones[r.IntN(len(zones))])
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
