package clinic

import (
	"slices"
	"strings"
	"time"

	"github.com/inglehealth/ingle/audit"
	"github.com/inglehealth/ingle/identity"
	"github.com/inglehealth/ingle/service/pages"
	"github.com/inglehealth/ingle/spec/fault"
)

// mayBreakGlass says whether a role of the visitor is for emergencies.
func mayBreakGlass(v *pages.Visit) (bool, error) {
	roles, err := v.Identity.AccessRoles(v.R.Context())
	if err != nil {
		return false, err
	}
	for i := range roles {
		if slices.Contains(v.User.Roles, identity.Role(roles[i].Name)) && roles[i].MayBreakGlass() {
			return true, nil
		}
	}
	return false, nil
}

var emergencyTemplate = pages.Parse(pageFiles, "emergency.html")

// showEmergency asks for whom the glass is to be broken, and why.
func showEmergency(v *pages.Visit) error {
	return askEmergency(v, v.Query.Get("patient"), "", nil)
}

func askEmergency(v *pages.Visit, patient, reason string, problems []pages.Problem) error {
	may, err := mayBreakGlass(v)
	if err != nil {
		return err
	}
	if !may {
		return fault.New(fault.Forbidden, fault.CodeForbidden, "", "None of your roles allows breaking the glass: it takes one with the purpose BTG.")
	}
	policy, err := v.Identity.Policy(v.R.Context())
	if err != nil {
		return err
	}
	f := frame(v, "Break the glass", pages.Narrow)
	f.Banner, f.Problems = downtime(v), problems
	page := struct {
		Action, Token, Back, For string
		Fields                   []pages.Field
	}{Action: v.R.URL.Path, Token: v.Visitor.Token, Back: v.Path(Path), For: span(policy.GlassFor), Fields: []pages.Field{
		{ID: "patient", Label: "Patient", Hint: "The number of the patient, such as the MRN, or the id of the record.", Value: patient, Error: f.Problem("patient"), Short: true},
		{ID: "reason", Label: "Why you need this record now", Hint: "10 characters or more. The privacy officer reads it.", Value: reason, Error: f.Problem("reason"), Rows: 3},
	}}
	return v.Write(pages.StatusOf(problems), f, emergencyTemplate, page)
}

func span(d time.Duration) string {
	if d <= 0 {
		d = time.Hour
	}
	if d%time.Hour == 0 {
		return pages.Count(int(d/time.Hour), "hour")
	}
	return pages.Count(int(d/time.Minute), "minute")
}

// breakGlass opens the record of a patient in an emergency.
func breakGlass(v *pages.Visit) error {
	patient, reason := strings.TrimSpace(v.Form.Get("patient")), strings.TrimSpace(v.Form.Get("reason"))
	v.Note(audit.Operation, "break the glass")
	if patient == "" {
		return askEmergency(v, patient, reason, []pages.Problem{{Field: "patient", Message: "Say which patient."}})
	}
	g, err := v.House.Visitors.BreakGlassFor(v.R.Context(), v.Tenant, v.Visitor, patient, reason)
	if fault.KindOf(err) == fault.NotFound {
		return askEmergency(v, patient, reason, []pages.Problem{{Field: "patient", Message: "There is no patient with this number for whom you can break the glass."}})
	}
	if problems := pages.Problems(err); problems != nil {
		return askEmergency(v, patient, reason, problems)
	}
	if err != nil {
		return err
	}
	return v.See(v.URL(Path + "/patient/" + string(g.Patient) + "?done=glass"))
}

var glassTemplate = parse("glass.html")

// showGlass offers to break the glass for the patient of a chart, or to end that.
func showGlass(h *chart) error {
	if h.glass == nil {
		return h.See(h.URL(Path+"/emergency") + "?patient=" + string(h.id))
	}
	base, err := h.page("none")
	if err != nil {
		return err
	}
	return h.write(h.frame("Broken glass"), glassTemplate, struct {
		page
		Until time.Time
	}{base, h.glass.Until})
}

// mendGlass ends it.
func mendGlass(h *chart) error {
	h.Note(audit.Operation, "end broken glass")
	if err := h.House.Visitors.MendGlassFor(h.R.Context(), h.Tenant, h.Visitor, h.id); err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	return h.See(h.URL(Path))
}

// said are what a page says was done.
var said = map[string]string{
	"glass": "The glass is broken. The record is open to you until the time above.", "vital": "The vital sign is recorded.", "note": "The note is recorded.",
	"problem": "The problem is recorded.", "order": "The order is recorded.", "task": "The task is recorded.",
}
