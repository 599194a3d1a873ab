package main

const description = `Ingle: an open SMART on FHIR platform in one binary.

  ingle serve --sandbox                 a server with a few synthetic patients in it, to try
  ingle serve --data ./records          a server that keeps its records in ./records (SQLite)
  ingle import --data ./records *.ndjson.gz
  ingle export --data ./records --to ./files
  ingle backup --data ./records --to ./backups
  ingle migrate --from ./records --to postgres://ingle@localhost/ingle
  ingle tenant clone rehearsal --data ./records
  ingle user add okafor --role practitioner --is Practitioner/okafor
  ingle client add "Growth chart" --redirect http://127.0.0.1/callback
  ingle token create --scope 'system/*.rs' --ttl 1h
  ingle audit verify --data ./records
  ingle synth --patients 100 --out ./patients
  ingle doctor https://ehr.example/fhir
  ingle bench --url http://127.0.0.1:8080/fhir

Every flag can be given in the environment, too: --base-url as INGLE_BASE_URL.`

// commandLine is the one definition of all flags and their environment
// variables.
type commandLine struct {
	Serve          serveCommand          `cmd:"" help:"Start the server."`
	Import         importCommand         `cmd:"" help:"Load files of resources: NDJSON, Bundles, gzipped or not."`
	Export         exportCommand         `cmd:"" help:"Write the records to NDJSON files, one for each type."`
	Migrate        migrateCommand        `cmd:"" help:"Move all records, with their history, between SQLite and PostgreSQL, and prove that nothing is lost."`
	Backup         backupCommand         `cmd:"" help:"Copy everything to one file while the server works."`
	Restore        restoreCommand        `cmd:"" help:"Make records of a backup, after checking it to the last byte."`
	Tenant         tenantCommand         `cmd:"" help:"Tenants that are made while servers run: made, copied, suspended, deleted."`
	Reindex        reindexCommand        `cmd:"" help:"Compute the search index of stored resources anew, for example after loading a package with search parameters."`
	Relabel        relabelCommand        `cmd:"" help:"Find anew which stored resources are sensitive, for example by other rules."`
	User           userCommand           `cmd:"" help:"Users: who may sign in. These commands work while a server runs, too."`
	Client         clientCommand         `cmd:"" help:"Clients: apps and services that are registered."`
	Role           roleCommand           `cmd:"" help:"Roles, and which of them need a second factor."`
	Key            keyCommand            `cmd:"" help:"Keys that id tokens are signed with."`
	Provider       providerCommand       `cmd:"" help:"Outside OpenID Connect providers through which users sign in."`
	Server         serverCommand         `cmd:"" help:"Other resource servers that take this server's tokens."`
	Token          tokenCommand          `cmd:"" help:"Access tokens for scripts."`
	Audit          auditCommand          `cmd:"" help:"The audit log: verify it, export it, prove what is in it."`
	Consent        consentCommand        `cmd:"" help:"Consents that cannot be computed, and wait for a review."`
	ConsentDefault consentDefaultCommand `cmd:"" help:"What holds where no consent of a patient decides."`
	Hold           holdCommand           `cmd:"" help:"Legal holds: what is not deleted, expunged or erased."`
	Erase          eraseCommand          `cmd:"" help:"Erase a patient for good."`
	Retention      retentionCommand      `cmd:"" help:"Rules by which old resources are expunged."`
	Alert          alertCommand          `cmd:"" help:"Alerts: what fires, and the rules by which it does."`
	Limit          limitCommand          `cmd:"" help:"How much apps, users and addresses may ask for."`
	Usage          usageCommand          `cmd:"" help:"Show who used how much, by day, app and user."`
	Synth          synthCommand          `cmd:"" help:"Make synthetic patients of any number, as NDJSON or Bundles."`
	Bench          benchCommand          `cmd:"" help:"Measure a FHIR server, this one or any other, from outside."`
	Doctor         doctorCommand         `cmd:"" help:"Look at any SMART on FHIR server from outside, and say what is wrong and what to do."`
	Version        versionCommand        `cmd:"" help:"Show the version, the FHIR releases and what is loaded with --package."`
}

// storeFlags say where records are kept.
type storeFlags struct {
	Data     string   `placeholder:"DIR" help:"Folder of the SQLite databases, made if it is not there. Default: ./ingle-data"`
	Database string   `placeholder:"URL" help:"PostgreSQL instead of SQLite: postgres://user@host/database. Several processes may share it."`
	Tenant   []string `placeholder:"NAME" sep:"," help:"A further tenant at /t/NAME/fhir with a database file or schema of its own. May be repeated."`

	watching watching // of serve
}

// definitionFlags say which FHIR is spoken.
type definitionFlags struct {
	FHIR    []string `name:"fhir" default:"R4" sep:"," help:"FHIR releases that may be stored, by the fhirVersion of a request's Content-Type; the first is that of requests that name none. R4 and R4B are built in; others come as core packages with --package."`
	Package []string `type:"existingfile" placeholder:"FILE.tgz" sep:"none" help:"A FHIR package to load: a guide such as US Core, or another release. May be repeated; a guide that builds on another one comes after it."`
}

// indexFlags say what is indexed beyond the search parameters of definitions.
type indexFlags struct {
	IndexContent bool `help:"Index all text of resources, for the search parameter _content. Give it to serve, import, reindex and migrate alike, and run reindex after adding it."`
}

// labelFlags say by which rules sensitive resources are found.
type labelFlags struct {
	Labels string `placeholder:"FILE|off|shipped" help:"By which rules resources get sensitivity labels: of a file, none, or those of a new server. They are kept with the records. Default: as they are."`
}

// policyFlags are records.Policy.
type policyFlags struct {
	IDs             string `name:"ids" enum:"client,server" default:"client" help:"Who chooses ids: with 'client', PUT to an id that does not exist creates it; with 'server' it is refused (${enum})."`
	References      string `enum:"enforce,allow-dangling" default:"enforce" help:"References to resources of this server that do not exist: refused, or accepted (${enum})."`
	DeleteReferred  bool   `help:"Allow deleting a resource that others refer to. Otherwise that is a conflict."`
	MetaSource      string `enum:"keep,fill,replace" default:"keep" help:"meta.source: as the client wrote it; filled in when absent; always replaced (${enum})."`
	MultipleDelete  bool   `help:"Let a conditional delete remove several matches. Otherwise more than one is refused."`
	KeepUnchanged   bool   `help:"Make a new version even when an update changes nothing."`
	AllowExpunge    bool   `help:"Allow $$expunge, which removes history for good."`
	AllowReindex    bool   `help:"Allow $$reindex, which has resources indexed anew in the background."`
	Validation      string `enum:"full,structure" default:"full" help:"What is checked before a write: 'full' adds cardinality, required bindings and invariants to the structure (${enum})."`
	UnknownSearch   string `enum:"refuse,ignore" default:"refuse" help:"Unknown search parameters when a request has no Prefer: handling (${enum})."`
	Explain         bool   `default:"true" negatable:"" help:"Answer _explain=true of searches: what was done, with SQL and plan."`
	DefaultPageSize int    `default:"20" help:"_count of a search that names none."`
	MaxPageSize     int    `default:"1000" help:"The highest _count."`
	MaxEntries      int    `default:"50000" help:"The most entries of a batch or transaction."`
}
