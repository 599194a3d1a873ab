package search

// ucumSystem is the code system of UCUM units.
const ucumSystem = "http://unitsofmeasure.org"

