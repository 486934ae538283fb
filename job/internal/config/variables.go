package config

// Variable is one variable of the environment.
type Variable struct {
	Name    string
	Default string
	Needed  bool   // always; others are needed depending on each other
	Secret  bool   // its value comes from Secret Manager in the cloud
	Meaning string // one line of the reference

	set setter
}

// locations are those of Vertex AI Search.
var locations = []string{"global", "us", "eu"}

// Variables are all that the job reads, in the order of the reference, docs/ENVIRONMENT.md.
var Variables = variables(&Config{})

// variables is the one place where a variable is declared, together with the field of c that it sets.
func variables(c *Config) []Variable {
	return []Variable{
		{Name: "GCS_BUCKET", Needed: true, Secret: true, Meaning: "bucket for the snapshot and the job's state", set: name(&c.Bucket, bucketName, "a bucket's name", "the name alone, without gs://")},
		{Name: "PROJECT_ID", Needed: true, Secret: true, Meaning: "project id or number of the password secret and of the data store", set: name(&c.Project, resourceID, "a project's id or number", "the id or number alone, without projects/")},
		{Name: "DATA_STORE_ID", Needed: true, Secret: true, Meaning: "Vertex AI Search data store; not needed where each of SYNCS has one", set: name(&c.DataStore, resourceID, "a data store's id", "the id alone, without the path before it")},
		{Name: "DB_NAME", Secret: true, Meaning: "database", set: noURL(&c.DatabaseName)},
		{Name: "DB_USER", Secret: true, Meaning: "database role", set: noURL(&c.DatabaseUser)},
		{Name: "SECRET_ID", Secret: true, Meaning: "secret that holds the database password; not needed with DB_IAM_AUTH", set: name(&c.SecretID, resourceID, "a secret's id", "the id alone, without the path before it")},
		{Name: "VERSION_ID", Default: "latest", Secret: true, Meaning: "version of that secret", set: name(&c.SecretVersion, resourceID, "a version", "a number, an alias or latest")},
		{Name: "GCP_PROJECT", Secret: true, Meaning: "used only in the form project:region:instance, as CLOUD_SQL_INSTANCE when that is not set"},
		{Name: "GEMINI_API_KEY", Secret: true, Meaning: "accepted and not used: this version writes no embeddings"},
		{Name: "CLOUD_SQL_INSTANCE", Meaning: "Cloud SQL connection name, project:region:instance", set: text(&c.Instance)},
		{Name: "CLOUD_SQL_SOCKET_DIR", Default: "/cloudsql", Meaning: "directory of the Cloud SQL sockets", set: noURL(&c.SocketDir)},
		{Name: "CLOUD_SQL_IP_TYPE", Meaning: "private, psc or public: connect by Google's connector at that address of the instance; empty: by the mounted socket", set: choice(&c.IPType, "", "private", "psc", "public")},
		{Name: "DB_IAM_AUTH", Default: "false", Meaning: "true: log in to the database with the account's own token in place of a password; SECRET_ID is not needed", set: parsed(&c.IAMAuth, boolean, "true or false")},
		{Name: "GCP_LOCATION", Default: "global", Meaning: "location of the data store: global, us or eu", set: choice(&c.Location, locations...)},
		{Name: "DATABASE_URL", Meaning: "libpq URL; when set, neither Cloud SQL nor Secret Manager is used. Over the network TLS is required unless it has an sslmode", set: databaseURL(&c.DatabaseURL)},
		{Name: "STORAGE_EMULATOR_HOST", Meaning: "address of a stand-in for Cloud Storage; on Cloud Run a loopback address only", set: standIn(&c.StorageEmulatorHost, &c.StandIns)},
		{Name: "DISCOVERYENGINE_ENDPOINT", Meaning: "host:port of a stand-in for Vertex AI Search, plaintext; on Cloud Run a loopback address only", set: standIn(&c.DiscoveryEngineEndpoint, &c.StandIns)},
		{Name: "SECRETMANAGER_ENDPOINT", Meaning: "host:port of a stand-in for Secret Manager, plaintext; on Cloud Run a loopback address only", set: standIn(&c.SecretManagerEndpoint, &c.StandIns)},
		{Name: "SYNC_QUERY", Meaning: "SELECT to use in place of the default query", set: query(&c.Query)},
		{Name: "SYNC_QUERY_FILE", Meaning: "file that holds it, UTF-8"},
		{Name: "SYNC_MIME_TYPES", Default: "image/jpeg,image/png,image/webp", Meaning: "accepted values of content_mime_type, separated by commas", set: mimeTypes(&c.MIMETypes)},
		{Name: "CONTENT_BUCKETS", Meaning: "buckets that content_uri may name, separated by commas; empty: any", set: buckets(&c.ContentBuckets)},
		{Name: "SYNCS", Meaning: "JSON list of several syncs, each with its own query and data store; empty: one sync"},
		{Name: "MAX_DOCUMENT_BYTES", Default: "1048576", Meaning: "largest document line that is sent, in bytes", set: parsed(&c.MaxDocumentBytes, whole(1), aboveZero)},
		{Name: "IMPORT_WAIT", Default: "2m", Meaning: "how long a run waits for its import before it ends as pending; 0: it checks once", set: parsed(&c.ImportWait, duration, aDuration)},
		{Name: "FULL_SYNC_INTERVAL", Default: "24h", Meaning: "age of the last full sync at which the next is due; 0: every run is one", set: parsed(&c.FullSyncInterval, duration, aDuration)},
		{Name: "RESCAN_INTERVAL", Default: "1h", Meaning: "age of the last scan at which the tables are read although their statistics show no change; 0: they are read every time", set: parsed(&c.RescanInterval, duration, aDuration)},
		{Name: "MAX_DELETE_RATIO", Default: "0.5", Meaning: "share of the documents that one run may delete, 0 to 1 or in percent", set: parsed(&c.MaxDeleteRatio, share, aShare)},
		{Name: "MAX_CHANGE_RATIO", Default: "1", Meaning: "share of the documents that one run may change, 0 to 1 or in percent; 1: no limit", set: parsed(&c.MaxChangeRatio, share, aShare)},
		{Name: "MAX_FAILED", Default: "1%", Meaning: "failed documents that a run tolerates: a number of them, such as 25, or a share, such as 1% or 0.01", set: parsed(&c.MaxFailed, limit, "a number of documents, such as 25, or a share of them, such as 1% or 0.01")},
		{Name: "STATEMENT_TIMEOUT", Default: "10m", Meaning: "longest time that the source query may take; 0: the default", set: parsed(&c.StatementTimeout, timeout, "0 or a duration from 1ms to 576h, such as 90s, 2m or 24h")},
		{Name: "LOG_LEVEL", Default: "info", Meaning: "info or debug", set: choice(&c.LogLevel, "info", "debug")},
		{Name: "EMBEDDING_MODEL", Meaning: "not supported in this version; must be empty", set: unsupported},
		{Name: "CLOUD_RUN_TASK_INDEX", Default: "0", Meaning: "set by Cloud Run: number of this task, from 0", set: parsed(&c.Task, whole(0), "a whole number")},
		{Name: "CLOUD_RUN_TASK_COUNT", Default: "1", Meaning: "set by Cloud Run: how many tasks divide the syncs between them", set: parsed(&c.Tasks, whole(1), aboveZero)},
		{Name: "CLOUD_RUN_TASK_ATTEMPT", Default: "0", Meaning: "set by Cloud Run: how often this task was tried before", set: parsed(&c.Attempt, whole(0), "a whole number")},
		{Name: "CLOUD_RUN_EXECUTION", Meaning: "set by Cloud Run: name of the execution", set: text(&c.Execution)},
	}
}
