package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/inglehealth/ingle/apps/growth/app"
	"github.com/inglehealth/ingle/apps/kit/kittest"
	"github.com/inglehealth/ingle/client/smart"
	"github.com/inglehealth/ingle/internal/smarttest"
)

// measured is an Observation with a quantity.
func measured(code, value, unit, day, more string) string {
	return `{"resource":{"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}]},"effectiveDateTime":"` + day +
		`","valueQuantity":{"value":` + value + `,"code":"` + unit + `"}` + more + `}}`
}

// child is a boy of whom a BMI of 15.4 at five years is known, the median.
func child(t *testing.T) *smarttest.Server {
	s := smarttest.New(t)
	s.Patient = "c"
	born := time.Now().AddDate(-6, 0, 0)
	day := func(days float64) string { return born.Add(time.Duration(days*24) * time.Hour).Format(time.DateOnly) }
	s.Records = map[string]string{
		"Patient/c": `{"name":[{"family":"Probe"}],"birthDate":"` + born.Format(time.DateOnly) + `","gender":"male"}`,
		"Observation": strings.Join([]string{
			measured("29463-7", "3346", "g", day(0), ""),                                                              // the median of newborn boys
			measured("39156-5", "15.41914163", "kg/m2", day(60.5*30.4375), ""),                                        // the median of the CDC
			measured("39156-5", "18.6", "kg/m2", day(66*30.4375), ""),                                                 // above the 97th
			measured("8302-2", "1.1", "m", day(70*30.4375), ""), measured("29463-7", "20", "kg", day(70*30.4375), ""), // of one day
			measured("8302-2", "9999", "parsec", day(71*30.4375), ""), measured("8310-5", "36.9", "Cel", day(71*30.4375), `,"referenceRange":[{"low":{"value":36.1},"high":{"value":37.2}}]`), // of no unit that is known
		}, ","),
	}
	return s
}

func TestAChildIsShownBesideThePercentiles(t *testing.T) {
	s := child(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	p := kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK,
		"Body mass index", "0 days", "3.3", ">5 y</td>", `15.4</td><td class="number">50</td>`, "(!)", "16.5", "110",
		"WHO Child Growth Standards (2006)", "CDC Growth Charts (2000)", `class="norm middle"`, "97th", "36.1 to 37.2 °C", `aria-label="Weight by age, in kg`)
	p.Lacks(t, "parsec", "9999", "NaN")
}

func TestAnAdultHasTrendsAndNoPercentiles(t *testing.T) {
	s := smarttest.New(t)
	s.Patient = "a"
	var all []string
	for i := range 50 {
		all = append(all, fmt.Sprintf(`{"resource":{"status":"final","code":{"coding":[{"code":"85354-9"}]},"effectiveDateTime":"2020-01-%02dT10:00:00Z","component":[
			{"code":{"coding":[{"code":"8480-6"}]},"valueQuantity":{"value":%d,"code":"mm[Hg]"}},{"code":{"coding":[{"code":"8462-4"}]},"valueQuantity":{"value":80,"code":"mm[Hg]"}}]}}`, i%28+1, 100+i))
	}
	all = append(all, measured("29463-7", "80", "kg", "2021-01-01", ""), `{"resource":{"status":"entered-in-error","code":{"coding":[{"code":"29463-7"}]},"effectiveDateTime":"2022-01-01","valueQuantity":{"value":666,"code":"kg"}}}`)
	s.Records = map[string]string{"Patient/a": `{"name":[{"text":"Pat"}],"birthDate":"1970-01-01","gender":"female"}`, "Observation": strings.Join(all, ",")}
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "Blood pressure", "/ 80", "Weight", "80 kg", "Older ones are in the curve only", "the record has no reference range").
		Lacks(t, "Percentile", "666")
}

func TestAValueThatChangesOnTheServerIsSeen(t *testing.T) {
	s := child(t)
	self, _ := kittest.Start(t, app.Plan(), s)
	b := kittest.Open(t)
	p := b.Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "Latest: <strong>36.9 °C")
	s.Records["Observation"] += "," + measured("8310-5", "38.4", "Cel", time.Now().Format(time.DateOnly), "")
	b.Get(p.Address).Want(t, http.StatusOK, "Latest: <strong>38.4 °C")
}

func TestWithoutBirthDateOrSexThereAreValuesOnly(t *testing.T) {
	s := child(t)
	s.Records["Patient/c"] = strings.Replace(s.Records["Patient/c"], "male", "other", 1)
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "The references know girls and boys", "16.5", "No reference knows this sex and age").Lacks(t, "97th<")
	s.Records["Patient/c"] = `{}`
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "The day of birth is not known", "A patient without a name", "36.9 °C")
}

func TestWhatIsNotThereOrNotAllowedIsSaid(t *testing.T) {
	s := child(t)
	s.Records["Observation"] = ""
	self, _ := kittest.Start(t, app.Plan(), s)
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "No vital signs are recorded")
	s.Grants = smart.Scopes{"launch/patient", "patient/Patient.r"}
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "You did not allow the app to read measurements")
	s.Patient = ""
	kittest.Open(t).Get(kittest.Standalone(self, s)).Want(t, http.StatusOK, "No patient")
}
