package access

import (
	"slices"
	"strings"
)

// part2 are the labels of records of the treatment of substance use (42 CFR Part 2),
// codes of v3-ActCode.
var part2 = []string{"42CFRPart2", "ETH", "ETHUD", "OPIOIDUD", "SUD"}

// sensitive are the codes of v3-ActCode that make information sensitive.
var sensitive = append([]string{"ALC", "HIV", "MH", "MHCAT", "PSY", "PSYTHPN", "SDV", "SEX", "SEXUALITY", "STD", "TBOO", "SICKLE", "GDIS", "DVD", "DRG", "B", "BH", "COGN", "EMOTDIS"}, part2...)

// isSensitive says whether a label, "system|code", is of sensitive information.
func isSensitive(label string) bool {
	system, code, _ := strings.Cut(label, "|")
	return system == actCodeSystem && slices.Contains(sensitive, code)
}

// Labels puts codes of v3-ActCode into the form of labels, "system|code".
func Labels(codes []string) []string {
	all := make([]string, len(codes))
	for i, c := range codes {
		all[i] = actCodeSystem + "|" + c
	}
	return all
}

// unlabelled are types of class owned that say who somebody is or what was decided:
// what they name is no fact of the patient's health. A Binary is hidden with
// whatever refers to it.
var unlabelled = []string{"Binary", "Consent", "Patient", "RelatedPerson", "Schedule"}

// MayBeSensitive says whether codes in resources of a type make them sensitive: in what
// belongs to patients, and in what that refers to.
func MayBeSensitive(typeName string) bool {
	c := classes[typeName]
	return c == owned && !slices.Contains(unlabelled, typeName) || c == referred
}
