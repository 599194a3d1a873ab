package ingle

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	conformance = "docs/conformance/smart-app-launch-2.2.md"
	// requirements is what the guide asks for, which is no part of the repository.
	requirements = "../shared/spec/smart-2.2-requirements.tsv"
	// requirementCount is how many there are for servers.
	requirementCount = 265
)

var (
	requirementRow = regexp.MustCompile(`^\| (\d+) \| [A-Z ]+ \| ([^|]+) \| (.+) \|$`)
	shownBy        = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)\\w+)`")
	noTest         = regexp.MustCompile(`^(Not done|Does not apply): .{20,}`)
)

// pointRow is a row of a page: a point of a guide and what shows it.
var pointRow = regexp.MustCompile(`^\| ([^|]+) \| (.+) \|$`)

// Each point of a guide that a page names has tests that exist, or a reason why there is
// none.
func TestEveryPointOfBulkDataIsShownByATestThatExists(t *testing.T) {
	checkPoints(t, "docs/conformance/bulk-data.md", 40)
}

func TestEveryPointOfIHEsProfilesIsShownByATestThatExists(t *testing.T) {
	checkPoints(t, "docs/conformance/ihe-consent-audit.md", 30)
}

func checkPoints(t *testing.T, page string, least int) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	points := 0
	for n, line := range strings.Split(string(text), "\n") {
		for _, m := range shownBy.FindAllStringSubmatch(line, -1) {
			if !hasTest(t, m[1], m[2]) {
				t.Errorf("%s:%d: there is no test %s.%s", page, n+1, m[1], m[2])
			}
		}
		row := pointRow.FindStringSubmatch(line)
		if row == nil || strings.HasPrefix(row[1], "Point") || strings.HasPrefix(row[1], "---") {
			continue
		}
		points++
		if !shownBy.MatchString(row[2]) && !noTest.MatchString(row[2]) {
			t.Errorf("%s:%d: neither a test nor a reason", page, n+1)
		}
	}
	if points < least {
		t.Errorf("only %d points", points)
	}
}

// The document names every requirement once, each with tests that exist or with a
// reason why there is none.
func TestEveryRequirementOfSMARTIsShownByATestThatExists(t *testing.T) {
	text, err := os.ReadFile(conformance)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	looked := map[string]bool{} // for tests that exist
	for n, line := range strings.Split(string(text), "\n") {
		for _, m := range shownBy.FindAllStringSubmatch(line, -1) {
			if looked[m[0]] = looked[m[0]] || hasTest(t, m[1], m[2]); !looked[m[0]] {
				t.Errorf("%s:%d: there is no test %s.%s", conformance, n+1, m[1], m[2])
			}
		}
		row := requirementRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		if slices.Contains(ids, row[1]) {
			t.Errorf("%s:%d: requirement %s is there twice", conformance, n+1, row[1])
		}
		ids = append(ids, row[1])
		if !shownBy.MatchString(row[3]) && !noTest.MatchString(row[3]) {
			t.Errorf("%s:%d: requirement %s has neither a test nor a reason", conformance, n+1, row[1])
		}
	}
	if len(ids) != requirementCount {
		t.Errorf("%d requirements, not %d", len(ids), requirementCount)
	}
	wanted, err := os.ReadFile(requirements)
	if errors.Is(err, os.ErrNotExist) {
		t.Logf("the guide's own list is not at %s: the ids are not compared", requirements)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(wanted)), "\n")[1:] {
		if id, _, _ := strings.Cut(line, "\t"); !slices.Contains(ids, id) {
			t.Errorf("requirement %s is missing", id)
		}
	}
}

// Every rule of the Subscriptions R5 Backport guide has tests that exist or a reason.
func TestEveryRuleOfTheSubscriptionGuideIsShownByATestThatExists(t *testing.T) {
	const page = "docs/conformance/subscriptions-backport.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	for n, line := range strings.Split(string(text), "\n") {
		row := requirementRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		rules++
		for _, m := range shownBy.FindAllStringSubmatch(row[3], -1) {
			if !hasTest(t, m[1], m[2]) {
				t.Errorf("%s:%d: there is no test %s.%s", page, n+1, m[1], m[2])
			}
		}
		if !shownBy.MatchString(row[3]) && !noTest.MatchString(row[3]) {
			t.Errorf("%s:%d: rule %s has neither a test nor a reason", page, n+1, row[1])
		}
	}
	if rules != 36 {
		t.Errorf("%d rules, not 36", rules)
	}
}
