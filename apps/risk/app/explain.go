package app

import (
	"fmt"
	"strings"
)

// part is what one input does to the risk: the risk were it at a favourable value, and
// everything else as it is.
type part struct {
	Label, Is, Favourable string
	Risk, Difference      string
	More                  bool // it raises the risk
}

// explain takes the risk of cardiovascular disease in ten years apart.
func explain(m *model, v values) []part {
	now, ok := m.risk(cvd10, v)
	if !ok {
		return nil
	}
	var all []part
	for _, c := range []struct {
		label, is, favourable string
		change                func(*values)
	}{
		{"Systolic blood pressure", fmt.Sprintf("%.0f mmHg", v.Systolic), "120 mmHg", func(v *values) { v.Systolic = 120 }},
		{"Total cholesterol", fmt.Sprintf("%.0f mg/dL", v.Total), "170 mg/dL", func(v *values) { v.Total = 170 }},
		{"HDL cholesterol", fmt.Sprintf("%.0f mg/dL", v.HDL), "60 mg/dL", func(v *values) { v.HDL = 60 }},
		{"Diabetes", said(v.Diabetes), "no", func(v *values) { v.Diabetes = false }},
		{"Smokes now", said(v.Smoker), "no", func(v *values) { v.Smoker = false }},
		{"Filtration rate of the kidneys", fmt.Sprintf("%.0f mL/min/1.73 m²", v.EGFR), "90 mL/min/1.73 m²", func(v *values) { v.EGFR = 90 }},
	} {
		other := v
		c.change(&other)
		p, ok := m.risk(cvd10, other)
		if !ok {
			continue
		}
		all = append(all, part{c.label, c.is, c.favourable, percent(p), points(now - p), now-p > .0005})
	}
	return all
}

// points is a difference of risks.
func points(difference float64) string {
	return strings.Replace(fmt.Sprintf("%+.1f", 100*difference), "-", "−", 1)
}

func said(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func percent(p float64) string { return fmt.Sprintf("%.1f %%", 100*p) }
