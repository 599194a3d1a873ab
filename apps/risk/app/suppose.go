package app

import (
	"net/url"
	"strings"
)

// suppose replaces what somebody wrote into the form. Text that is no value is kept
// and said to be none.
func suppose(all []*input, form url.Values) {
	for _, i := range all {
		if !form.Has(i.Name) {
			continue
		}
		value := strings.TrimSpace(form.Get(i.Name))
		if value == i.Value || value == "" {
			continue
		}
		if len(value) > 20 {
			value = value[:20]
		}
		i.Value, i.From, i.When, i.Why, i.Asked = value, "supposed", "", "", true
		switch {
		case i.Yes && value != "yes" && value != "no":
			i.Why = "Say yes or no"
		case i.Name == "sex" && value != "female" && value != "male":
			i.Why = "The model knows female and male"
		}
		i.check()
	}
}

// modelled are the values of inputs that are known; missing names the others. BMI may
// be missing.
func modelled(all []*input) (v values, missing []string) {
	by := map[string]*input{}
	for _, i := range all {
		by[i.Name] = i
		if !i.Known() && i.Name != "bmi" {
			missing = append(missing, i.Label)
		}
	}
	yes := func(name string) bool { return by[name].Value == "yes" }
	return values{
		Female: by["sex"].Value == "female", Age: by["age"].float(), Total: by["total"].float(), HDL: by["hdl"].float(),
		Systolic: by["systolic"].float(), EGFR: by["egfr"].float(), BMI: by["bmi"].float(), WithoutBMI: !by["bmi"].Known(),
		Diabetes: yes("diabetes"), Smoker: yes("smoker"), Treated: yes("treated"), Statin: yes("statin"),
	}, missing
}
