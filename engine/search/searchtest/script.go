// Package searchtest proves that an evaluator of search trees keeps the
// semantics that package search states. Its tests are plain-text scripts
// (testdata/*.txt): load resources, query, expect ids. The matcher in memory
// and the stores on every database run the same scripts.
//
// A script is a sequence of commands, one a line; indented lines go with the
// command before, blank lines and lines that begin with # mean nothing:
//
//	updated 2024-01-01T00:00:00Z     meta.lastUpdated of what is put from here on
//	now 2024-06-01T00:00:00Z         the time that prefix ap measures from
//	valueset http://x s|a s|b        the codes of a value set, for :in
//	fill http://x 1000 s|            so many more codes of a system, c0, c1 ...
//	hierarchy s parent child ...     codes of a system and what they subsume
//	put {"resourceType": ...}        create or replace a resource; JSON may go on in indented lines
//	delete Patient/p1
//	package x-1.0.0.tgz              lay a package of the shared test data over the release from here on
//	query Patient?name=eve           a URL below the base, not percent-encoded but for & and %
//	  ids p1 p2                      what it finds: in this order with _sort, else in any
//	  none                           that it finds nothing
//	  pages p1 p2 / p3               the pages that following Next gives
//	  total 3                        Found.Total; "-" for not computed
//	  error text                     that it is refused with a message containing text
//	query lenient Patient?foo=1      handling=lenient
//	  ignored foo                    the parameters that were left out
//
// Ids are of the type searched, or Type/id. A query with ids is moreover run
// page by page, with pages of one and of two, and has to give the same order.
//
// FHIR R4, R4B and R5 answer the same scripts. Where the releases differ, a
// command or an expectation says which it is for:
//
//	[R4 R4B] put {"resourceType":"Encounter", ...}
//	[R5] put {"resourceType":"Encounter", ...}
//	query Encounter?class=AMB
//	  [R4 R4B] ids e1
//	  [R5] ids e1 e2
//
// Brackets on a line of their own hold for all lines below that have none.
package searchtest

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/inglehealth/ingle/spec/definitions"
)

// Releases are those that scripts are about.
var Releases = []definitions.Release{definitions.R4, definitions.R4B, definitions.R5}

// command is one command of a script with its indented lines.
type command struct {
	releases
	line int
	verb string
	rest string
	more []expectation
}

// expectation is one indented line.
type expectation struct {
	releases
	line       int
	verb, rest string
}

// releases are those that a line is for; nil for all.
type releases []definitions.Release

func (r releases) has(one definitions.Release) bool { return r == nil || slices.Contains(r, one) }

// cutReleases cuts "[R4 R4B] " off a line.
func cutReleases(line string) (of releases, rest string, err error) {
	inside, ok := strings.CutPrefix(line, "[")
	if !ok {
		return nil, line, nil
	}
	inside, rest, ok = strings.Cut(inside, "]")
	of = releases{}
	for name := range strings.FieldsSeq(inside) {
		one := definitions.Release(name)
		if ok = ok && slices.Contains(Releases, one); ok {
			of = append(of, one)
		}
	}
	if !ok || len(of) == 0 {
		return nil, "", fmt.Errorf("%q does not begin with releases in brackets", line)
	}
	return of, strings.TrimSpace(rest), nil
}

// of gives the commands and expectations of a script that are for a release.
func of(script []command, release definitions.Release) []command {
	var out []command
	for _, c := range script {
		if !c.has(release) {
			continue
		}
		c.more = slices.DeleteFunc(slices.Clone(c.more), func(e expectation) bool { return !e.has(release) })
		out = append(out, c)
	}
	return out
}

// readScript reads the commands of a script.
func readScript(r io.Reader) ([]command, error) {
	var script []command
	var most releases
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		trimmed := strings.TrimSpace(text)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		indented := text[0] == ' ' || text[0] == '\t'
		if indented && len(script) == 0 {
			return nil, fmt.Errorf("line %d: indented without a command before", n)
		}
		if indented && script[len(script)-1].verb == "put" {
			script[len(script)-1].rest += "\n" + trimmed
			continue
		}
		of, trimmed, err := cutReleases(trimmed)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if trimmed == "" {
			most = of
			continue
		}
		if of == nil {
			of = most
		}
		verb, rest, _ := strings.Cut(trimmed, " ")
		rest = strings.TrimSpace(rest)
		if !indented {
			script = append(script, command{releases: of, line: n, verb: verb, rest: rest})
			continue
		}
		last := &script[len(script)-1]
		last.more = append(last.more, expectation{of, n, verb, rest})
	}
	return script, lines.Err()
}
