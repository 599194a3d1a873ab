package app

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

//go:embed prevent.json
var preventFile []byte

// model is the base model of PREVENT (2023): coefficients of terms, by sex and
// outcome.
type model struct {
	Source       string
	Coefficients map[string]map[outcome][]float64
}

// outcome is what the risk is of, and in how many years.
type outcome string

// The outcomes: cardiovascular disease, which is atherosclerotic disease or heart
// failure.
const (
	cvd10   outcome = "cvd10"
	ascvd10 outcome = "ascvd10"
	hf10    outcome = "hf10"
	cvd30   outcome = "cvd30"
	ascvd30 outcome = "ascvd30"
	hf30    outcome = "hf30"
)

// values are the inputs of the model, all of them known.
type values struct {
	Female     bool
	Age        float64 // years
	Total, HDL float64 // cholesterol, mg/dL
	Systolic   float64 // mmHg
	EGFR       float64 // mL/min/1.73 m²
	BMI        float64 // kg/m²
	Diabetes   bool
	Smoker     bool // now
	Treated    bool // for blood pressure
	Statin     bool
	WithoutBMI bool // BMI is not known: then there is no risk of heart failure
}

// bound is what a value may be, for which the model was made.
type bound struct{ Low, High float64 }

var (
	ageBound      = bound{30, 79}
	longAgeBound  = bound{30, 59} // of the risk in 30 years
	totalBound    = bound{130, 320}
	hdlBound      = bound{20, 100}
	systolicBound = bound{90, 180}
	egfrBound     = bound{15, 140}
	bmiBound      = bound{18.5, 39.9}
)

func (b bound) has(v float64) bool { return v >= b.Low && v <= b.High }

func (b bound) String() string { return fmt.Sprintf("%g to %g", b.Low, b.High) }

func loadModel() *model {
	m := &model{}
	if err := json.Unmarshal(preventFile, m); err != nil {
		panic(err) // embedded
	}
	return m
}

// risk is a probability; ok is false where the model says nothing of such values.
func (m *model) risk(o outcome, v values) (p float64, ok bool) {
	sex := "male"
	if v.Female {
		sex = "female"
	}
	long := o == cvd30 || o == ascvd30 || o == hf30
	failure := o == hf10 || o == hf30
	switch {
	case !ageBound.has(v.Age) || long && !longAgeBound.has(v.Age):
		return 0, false
	case failure && (v.WithoutBMI || !bmiBound.has(v.BMI)):
		return 0, false
	case !totalBound.has(v.Total) || !hdlBound.has(v.HDL) || !systolicBound.has(v.Systolic) || !egfrBound.has(v.EGFR):
		return 0, false
	}
	var sum float64
	for i, t := range v.terms() {
		sum += m.Coefficients[sex][o][i] * t
	}
	return 1 / (1 + math.Exp(-sum)), true
}

// terms are what the coefficients are of, in the order of the file.
func (v values) terms() [24]float64 {
	a := (v.Age - 55) / 10
	n := 0.02586*(v.Total-v.HDL) - 3.5
	h := (0.02586*v.HDL - 1.3) / 0.3
	low, high := (min(v.Systolic, 110)-110)/20, (max(v.Systolic, 110)-130)/20
	kidneyLow, kidneyHigh := (min(v.EGFR, 60)-60)/-15, (max(v.EGFR, 60)-90)/-15
	bodyLow, bodyHigh := (min(v.BMI, 30)-25)/5, (max(v.BMI, 30)-30)/5
	if v.WithoutBMI { // only heart failure counts it
		bodyLow, bodyHigh = 0, 0
	}
	diabetes, smoker, treated, statin := one(v.Diabetes), one(v.Smoker), one(v.Treated), one(v.Statin)
	return [24]float64{
		1, a, a * a, n, h, low, high, diabetes, smoker, kidneyLow, kidneyHigh, treated, statin,
		treated * high, statin * n, a * n, a * h, a * high, a * diabetes, a * smoker, a * kidneyLow,
		bodyLow, bodyHigh, a * bodyHigh,
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// ckdEPI estimates the glomerular filtration rate of creatinine in mg/dL (CKD-EPI
// 2021, without race; Inker LA et al., N Engl J Med 2021;385:1737-1749).
func ckdEPI(creatinine, age float64, female bool) float64 {
	k, alpha, factor := 0.9, -0.302, 1.0
	if female {
		k, alpha, factor = 0.7, -0.241, 1.012
	}
	return 142 * math.Pow(min(creatinine/k, 1), alpha) * math.Pow(max(creatinine/k, 1), -1.2) * math.Pow(0.9938, age) * factor
}
