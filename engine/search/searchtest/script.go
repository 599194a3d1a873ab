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
package searchtest

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// command is one command of a script with its indented lines.
type command struct {
	line int
	verb string
	rest string
	more []expectation
}

// expectation is one indented line.
type expectation struct {
	line       int
	verb, rest string
}

// readScript reads the commands of a script.
func readScript(r io.Reader) ([]command, error) {
	var script []command
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		text := lines.Text()
		trimmed := strings.TrimSpace(text)
		if trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		verb, rest, _ := strings.Cut(trimmed, " ")
		rest = strings.TrimSpace(rest)
		indented := text[0] == ' ' || text[0] == '\t'
		switch {
		case !indented:
			script = append(script, command{line: n, verb: verb, rest: rest})
		case len(script) == 0:
			return nil, fmt.Errorf("line %d: indented without a command before", n)
		case script[len(script)-1].verb == "put":
			script[len(script)-1].rest += "\n" + trimmed
		default:
			last := &script[len(script)-1]
			last.more = append(last.more, expectation{n, verb, rest})
		}
	}
	return script, lines.Err()
}
