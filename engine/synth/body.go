package synth

import (
	"math"
	"time"
)

// byAge is how children and women differ from the usual.
func (l *life) byAge(key string, age float64) float64 {
	young := max(0, 18-age)
	switch key {
	case "heart-rate":
		return 2.6 * young
	case "respiration":
		return 0.03 * young * young * 2
	case "systolic":
		return -1.4 * young
	case "diastolic":
		return -1.2 * young
	case "creatinine":
		return -0.03*young - 0.1*l.female()
	case "peak-flow":
		return -25*young - 70*l.female()
	case "hemoglobin":
		return -0.9*l.female() - 0.1*young
	}
	return 0
}

func (l *life) female() float64 {
	if l.sex == "female" {
		return 1
	}
	return 0
}

// derived is the mean of a measure that follows from growth or from others;
// NaN for all others.
func (l *life) derived(key string, at time.Time, age float64) float64 {
	switch key {
	case "height":
		return l.grown("height", age, l.build.height)
	case "head":
		return l.grown("head", age, l.build.head)
	case "weight":
		if age < 20 {
			return l.grown("weight", age, l.build.weight)
		}
		height := l.value("height", at) / 100
		return (l.build.index + 0.03*(age-40)) * height * height
	case "bmi":
		height := l.value("height", at) / 100
		return l.value("weight", at) / (height * height)
	case "head-percentile":
		return percentile(l.standing("head", at, age))
	case "weight-for-length":
		return percentile(1.2*l.standing("weight", at, age) - 0.7*l.standing("height", at, age))
	case "bmi-percentile":
		return percentile(l.standing("bmi", at, age))
	case "cholesterol":
		return l.value("ldl", at) + l.value("hdl", at) + l.value("triglycerides", at)/5
	case "hematocrit":
		return 3 * l.value("hemoglobin", at)
	case "egfr":
		return filtration(l.value("creatinine", at), age, l.value("height", at), l.sex == "female")
	}
	return math.NaN()
}

// filtration is the estimated glomerular filtration rate in mL/min/1.73 m2 of
// the creatinine in mg/dL: CKD-EPI 2021 for adults, bedside Schwartz for
// children.
func filtration(creatinine, age, height float64, female bool) float64 {
	if age < 18 {
		return min(0.413*height/creatinine, 130)
	}
	k, a, factor := 0.9, -0.302, 1.0
	if female {
		k, a, factor = 0.7, -0.241, 1.012
	}
	x := creatinine / k
	return 142 * math.Pow(min(x, 1), a) * math.Pow(max(x, 1), -1.2) * math.Pow(0.9938, age) * factor
}

// percentile is how many of 100 people are below so many standard deviations.
func percentile(z float64) float64 {
	return max(1, min(99, 50*math.Erfc(-z/math.Sqrt2)))
}

// grown is the height in cm, weight in kg or head circumference in cm at an age
// in years of somebody at a place in the distribution.
func (l *life) grown(what string, age, place float64) float64 {
	median, spread := l.t.growth.at(what, l.sex, age)
	return median * (1 + place*spread)
}

// standing is where a measured value stands among those of the age, in standard
// deviations.
func (l *life) standing(what string, at time.Time, age float64) float64 {
	median, spread := l.t.growth.at(what, l.sex, age)
	return (l.value(what, at)/median - 1) / spread
}
