package alerts

import (
	"fmt"
	"time"
)

// Unit is what the value of a rule counts.
type Unit string

// The units.
const (
	Percent Unit = "%"
	Seconds Unit = "s"
	Hours   Unit = "h"
	Days    Unit = "days"
	MiB     Unit = "MiB"
	Number  Unit = ""
)

// Rule says when there is something to look after. Rules are data: what is read comes
// in as Readings, and the limit is what administrators make of it.
type Rule struct {
	Name   string
	Title  string
	Means  string // what it says about the place
	Advice string // what to do
	Unit   Unit
	Limit  float64 // beyond it the rule fires
	Below  bool    // beyond is below, not above
	// For is how long it has to be beyond without a break.
	For time.Duration
	// Server says that it is about all tenants together: it is evaluated for the default
	// one alone.
	Server bool
}

// Names of rules.
const (
	Errors      = "errors"
	Latency     = "latency"
	AuditFull   = "audit-full"
	AuditLag    = "audit-lag"
	AuditCopy   = "audit-copy"
	Delivery    = "delivery"
	Silent      = "silent"
	Still       = "still"
	FeedHeld    = "feed-held"
	Disk        = "disk"
	JobFailed   = "job-failed"
	JobStuck    = "job-stuck"
	Certificate = "certificate"
	SigningKey  = "signing-key"
	Clock       = "clock"
	Backup      = "backup"
	SignIns     = "sign-ins"
)

// Rules are all there are, the most urgent first.
func Rules() []Rule {
	return []Rule{
		{Name: AuditFull, Title: "The disk of the audit log is full", Unit: Number, Limit: 0,
			Means:  "Events can be recorded into a reserve or a spool only: treatment goes on, bulk work and apps are refused. Of PostgreSQL without --audit-spool: everything is refused.",
			Advice: "Make room on the disk of the records, or of PostgreSQL. When there is room, all is admitted again within seconds."},
		{Name: Disk, Title: "The disk is nearly full", Unit: MiB, Limit: 2048, Below: true, Server: true,
			Means:  "When it is full, writes are refused.",
			Advice: "Make room where records are kept, or enlarge the disk."},
		{Name: Errors, Title: "Requests fail", Unit: Percent, Limit: 5, For: time.Minute,
			Means:  "That share of the requests of the last five minutes was answered with a failure of the server (5xx).",
			Advice: "Look for \"request failed\" in the log; ingle doctor says how database, disk and audit log are."},
		{Name: Latency, Title: "Requests are slow", Unit: Seconds, Limit: 2, For: 2 * time.Minute,
			Means:  "One request in a hundred of the last five minutes took that long, or longer.",
			Advice: "Look which route is slow in ingle_http_request_seconds; _explain=true shows what a search does. Is a bulk job running, or the disk slow?"},
		{Name: AuditLag, Title: "The audit log lags", Unit: Seconds, Limit: 30,
			Means:  "Events are recorded and wait that long for their number and signature.",
			Advice: "Look for \"not numbered\" in the log: the database is slow or away, or the disk is full."},
		{Name: AuditCopy, Title: "A copy of the audit log is away", Unit: Number, Limit: 0, For: 5 * time.Minute,
			Means:  "The copy named by --audit-log gets no events. Nothing is lost: it goes on where it was.",
			Advice: "Look whether the file can be written, or the syslog server answers."},
		{Name: Delivery, Title: "A subscriber cannot be told", Unit: Number, Limit: 4,
			Means:  "So many attempts in a row failed. Events are kept until it answers, or the subscription is given up.",
			Advice: "Ask who runs the subscriber; the console's page Subscriptions shows the last error, and tries again."},
		{Name: Still, Title: "A subscription stands still", Unit: Seconds, Limit: 300,
			Means:  "There are events that the subscriber has not been told for that long, without progress.",
			Advice: "Look at the subscription's last error. When no process has progress, restart one, and keep its log."},
		{Name: Silent, Title: "A source is silent", Unit: Hours, Limit: 24,
			Means:  "Nothing came for that long from what had something on most of the days before.",
			Advice: "Ask whoever runs the source whether it still sends. A source that was switched off can be silenced here."},
		{Name: FeedHeld, Title: "The change feed is held up", Unit: Seconds, Limit: 300,
			Means:  "A transaction of the database has been open that long: subscriptions and exports do not see what came after its begin.",
			Advice: "Find it in pg_stat_activity (docs/operations.md shows how) and end it; set idle_in_transaction_session_timeout."},
		{Name: JobFailed, Title: "A job failed", Unit: Number, Limit: 0,
			Means:  "So many jobs of that kind ended as failed within a day.",
			Advice: "The console's page Health shows why. Give the work again once its cause is mended."},
		{Name: JobStuck, Title: "A job is stuck", Unit: Seconds, Limit: 600,
			Means:  "A job has been due that long and nobody does it, or whoever did it is gone.",
			Advice: "Is a process running that does such work, with the same packages? Look for \"jobs cannot be leased\" in the log."},
		{Name: Certificate, Title: "The TLS certificate ends soon", Unit: Days, Limit: 21, Below: true, Server: true,
			Means:  "It is good for that many days. Then no client can connect.",
			Advice: "Renew it and put the files in the place of the old ones: they are read again within seconds."},
		{Name: SigningKey, Title: "The signing key is old", Unit: Days, Limit: 400,
			Means:  "The keys that id tokens are signed with were made that many days ago.",
			Advice: "ingle key rotate makes new ones; what the old ones signed stays good until it expires."},
		{Name: Clock, Title: "The clocks differ", Unit: Seconds, Limit: 5, For: time.Minute,
			Means:  "This machine's clock and the database's differ by so much. Tokens and events go by the machines' clocks.",
			Advice: "Have NTP set the clocks of both machines."},
		{Name: Backup, Title: "The last backup is old", Unit: Hours, Limit: 48,
			Means:  "The last backup that was completed was taken that many hours ago.",
			Advice: "Look why there was none since: ingle backup, or --backup-every of ingle serve and its log."},
		{Name: SignIns, Title: "Many sign-ins fail", Unit: Number, Limit: 100,
			Means:  "So many sign-ins failed in the last five minutes: somebody may be guessing passwords.",
			Advice: "Search the audit log for sign-ins that failed, by address. Accounts and addresses are slowed down by themselves."},
	}
}

// Told is a value in its unit.
func Told(value float64, unit Unit) string {
	text := fmt.Sprintf("%.3g", value)
	if value >= 1000 {
		text = fmt.Sprintf("%.0f", value)
	}
	switch unit {
	case Number:
		return text
	case Percent:
		return text + " %"
	}
	return text + " " + string(unit)
}

// RuleNamed finds a rule.
func RuleNamed(name string) (Rule, bool) {
	for _, r := range Rules() {
		if r.Name == name {
			return r, true
		}
	}
	return Rule{}, false
}

// beyond says whether a value is beyond the limit.
func (r Rule) beyond(value float64) bool {
	if r.Below {
		return value < r.Limit
	}
	return value > r.Limit
}

// Reading is what a rule watches, as it is now.
type Reading struct {
	Subject string // what it is about: a kind of job, a subscription; "" when there is but one
	Value   float64
}

// Readings are those of the rules that could be read. A rule that is missing leaves its
// alerts as they are.
type Readings map[string][]Reading
