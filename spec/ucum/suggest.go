package ucum

import "strings"

// habits are what people write and UCUM does not know.
var habits = map[string]string{
	"mcg": "ug", "mcL": "uL", "mcl": "uL", "mcmol": "umol", "gm": "g", "gms": "g", "kgs": "kg", "cc": "mL",
	"hr": "h", "hrs": "h", "sec": "s", "secs": "s", "mins": "min", "yr": "a", "yrs": "a", "day": "d", "days": "d",
	"week": "wk", "weeks": "wk", "month": "mo", "months": "mo", "year": "a", "years": "a",
	"IU": "[iU]", "iU": "[iU]", "mIU": "m[iU]", "uIU": "u[iU]", "kIU": "k[iU]", "units": "U", "unit": "U",
	"in": "[in_i]", "inch": "[in_i]", "inches": "[in_i]", "ft": "[ft_i]", "yd": "[yd_i]", "mi": "[mi_i]",
	"lb": "[lb_av]", "lbs": "[lb_av]", "oz": "[oz_av]", "floz": "[foz_us]", "gal": "[gal_us]", "qt": "[qt_us]",
	"tsp": "[tsp_us]", "tbsp": "[tbs_us]", "mmHg": "mm[Hg]", "mmhg": "mm[Hg]", "cmH2O": "cm[H2O]", "inHg": "[in_i'Hg]",
	"degC": "Cel", "degF": "[degF]", "F": "[degF]", "bpm": "/min", "mph": "[mi_i]/h", "kph": "km/h", "psi": "[psi]",
	"ppm": "[ppm]", "ppb": "[ppb]", "mEq": "meq", "uEq": "ueq", "Eq": "eq", "mOsm": "mosm", "mOsmol": "mosm",
	"sqm": "m2", "cubicm": "m3", "lpf": "[LPF]", "hpf": "[HPF]", "cfu": "[CFU]", "CFU": "[CFU]", "percent": "%",
	"mM": "mmol/L", "uM": "umol/L", "nM": "nmol/L",
}

// suggest returns what may have been meant by an unknown symbol, or "".
func (t *table) suggest(symbol string) string {
	if s, ok := habits[symbol]; ok {
		return s
	}
	if number := symbol[:len(symbol)-len(strings.TrimLeft(symbol, "0123456789"))]; number != "" {
		if rest := symbol[len(number):]; rest != "" {
			if _, _, ok := t.symbol(rest); ok {
				return number + "." + rest
			}
		}
		return ""
	}
	if code, ok := t.folded[strings.ToLower(symbol)]; ok {
		return code
	}
	if code, ok := t.folded["["+strings.ToLower(symbol)+"]"]; ok {
		return code
	}
	for n := 1; n <= 2 && n < len(symbol); n++ { // a prefix before a unit in the wrong case
		if code, ok := t.folded[strings.ToLower(symbol[n:])]; ok {
			for _, prefix := range []string{symbol[:n], strings.ToLower(symbol[:n])} {
				if _, _, known := t.symbol(prefix + code); known {
					return prefix + code
				}
			}
		}
	}
	return t.names[strings.ToLower(symbol)]
}
