package browsertest

import "testing"

// TestPeopleReachWhatTheyCameFor is the journeys, in one sandbox on each database.
func TestPeopleReachWhatTheyCameFor(t *testing.T) {
	b := openBrowser(t)
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, database(t))
			t.Run("a newcomer", func(t *testing.T) { newcomer(t, b, s) })
			t.Run("a developer", func(t *testing.T) { developer(t, b, s) })
			t.Run("a clinician", func(t *testing.T) { clinician(t, b, s) })
			t.Run("a patient", func(t *testing.T) { patient(t, b, s) })
			t.Run("an administrator", func(t *testing.T) { administrator(t, b, s) })
		})
	}
}
