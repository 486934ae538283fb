package refusal

import "google.golang.org/grpc/codes"

// Codes that a refusal comes with, depending on the service.
var (
	refused = []codes.Code{codes.PermissionDenied, codes.InvalidArgument, codes.FailedPrecondition}
	denied  = []codes.Code{codes.PermissionDenied}
	missing = []codes.Code{codes.NotFound}
	invalid = []codes.Code{codes.InvalidArgument}
	away    = []codes.Code{codes.Unavailable, codes.DeadlineExceeded}
	// unread: the call did not get as far as the service.
	unread = []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Unknown, codes.Unauthenticated, codes.Internal}
)

const signIn = "give the job a service account, or run: gcloud auth application-default login"

// rows is the table: the first that applies counts, so what a service says in detail comes
// before what its code alone says. The texts are those of public error reports.
// testdata/remedies.golden shows the table and what it makes of true refusals.
var rows = []row{
	// Who answers: a page may have any words of the rows below.
	{
		text: `^a web page |invalid character '<'|unexpected content-type|unexpected end of JSON input|stopped after \d+ redirects|malformed HTTP`,
		kind: "something else than the service answered", hint: "{way}check HTTPS_PROXY, NO_PROXY, and any proxy or firewall between the job and {api}; the next run tries again", is: ErrUnavailable,
	},

	// Who asks, and on whose bill.
	{
		codes: denied, text: `requires a quota project|quota project, which is not set`,
		kind: "no quota project", hint: "run: gcloud auth application-default set-quota-project {project}",
	},
	{
		codes: denied, reasons: []string{"SERVICE_DISABLED"}, foreign: true,
		kind: "no quota project", hint: "run: gcloud auth application-default set-quota-project {project}; the request was billed to project {consumer}",
	},
	{
		codes: denied, reasons: []string{"USER_PROJECT_DENIED"}, text: `required permission to use project`,
		kind: "quota project denied", hint: "grant roles/serviceusage.serviceUsageConsumer on the project named, or run: gcloud auth application-default set-quota-project {project}",
	},
	{
		reasons: []string{"SERVICE_DISABLED", "accessNotConfigured"}, text: `has not been used in project`,
		kind: "API disabled", hint: "run: gcloud services enable {api} --project {project}; if the project named is another one: gcloud auth application-default set-quota-project {project}",
	},
	{
		reasons: []string{"ACCESS_TOKEN_SCOPE_INSUFFICIENT", "insufficientPermissions"}, text: `insufficient (authentication )?scopes`,
		kind: "token scopes too narrow", hint: "use credentials with the scope cloud-platform: on a VM set it for the instance, elsewhere run: gcloud auth application-default login",
	},
	{
		text: `invalid_grant|invalid_rapt|rapt_required|reauth(entication)? (related|is needed|required)|token has been expired or revoked`,
		kind: "credentials expired", hint: "run: gcloud auth application-default login; for a key file, create a new key",
	},
	{
		text: `could not find default credentials|credentials not found|metadata: GCE metadata`,
		kind: "no credentials", hint: signIn,
	},
	{
		reasons: []string{"ACCOUNT_STATE_INVALID"}, text: `service account .*(disabled|deleted|does not exist)|account (has been|is) (disabled|deleted)`,
		kind: "account disabled", hint: "enable the service account that the job runs as, or deploy the job with one that exists",
	},

	// What no role cures.
	{
		reasons: []string{"SECURITY_POLICY_VIOLATED", "VPC_SERVICE_CONTROLS", "vpcServiceControls"},
		text:    `vpcServiceControlsUniqueIdentifier|prohibited by organization's policy|service perimeter`,
		kind:    "blocked by VPC Service Controls", hint: "give the unique identifier {uid} to the administrator of the service perimeter and ask for access to {api}; no role helps",
	},
	{
		service: Storage, codes: denied, text: `ip filter`,
		kind: "blocked by the bucket's IP filter", hint: "add the job's network to the IP filter of bucket {bucket}; no role helps",
	},
	{
		codes: denied, text: `deny policy|access boundary`,
		kind: "access denied by a policy", hint: "ask who runs the deny policies and access boundaries of project {project} to allow the account the job runs as; no role helps",
	},
	{
		codes: refused, reasons: []string{"KEY_DISABLED", "KEY_DESTROYED", "KMS_KEY_DISABLED"},
		text: `(kms|cmek|crypto_?key|encryption key).*(disabled|destroy|not enabled|not usable|unusable)`,
		kind: "encryption key unusable", hint: "enable or restore the key version: gcloud kms keys versions enable, or restore; data under a destroyed key is lost",
	},
	{
		codes: refused, text: `\bkms\b|cloudkms|cmek|crypto_?key|encryption key`,
		kind: "encryption key denied", hint: "grant roles/cloudkms.cryptoKeyEncrypterDecrypter on the key to the service agent of {api} in project {project}",
	},
	{
		reasons: []string{"BILLING_DISABLED", "accountDisabled", "UserProjectAccountProblem"}, text: `billing (account|to be enabled|is disabled|disabled|has been disabled)|has billing disabled|not configured billing|enable billing`,
		kind: "billing disabled", hint: "link an active billing account to the project: gcloud billing projects link {project} --billing-account ID",
	},
	{
		service: Storage, reasons: []string{"UserProjectMissing"}, text: `requester pays`,
		kind: "bucket is requester pays", hint: "run: gcloud storage buckets update gs://{bucket} --no-requester-pays, or set GCS_BUCKET to another one",
	},

	// Objects.
	{
		service: Storage, codes: refused, reasons: []string{"retentionPolicyNotMet"}, text: `retention policy|object retention|retained until`,
		kind: "protected by a retention policy", hint: "set GCS_BUCKET to a bucket without a retention policy, or delete the object when its time is over", is: ErrRetained,
	},
	{
		service: Storage, codes: refused, reasons: []string{"objectUnderActiveHold"}, text: `under active|(event-based|temporary) hold`,
		kind: "protected by a hold", hint: "release the hold, and turn the bucket's default hold off: gcloud storage buckets update gs://{bucket} --no-default-event-based-hold", is: ErrRetained,
	},
	{
		service: Storage, codes: missing, text: `bucket does not exist|bucket doesn't exist|no such bucket`,
		kind: "bucket does not exist", hint: "create bucket {bucket}, or set GCS_BUCKET to one that exists",
	},

	// Secrets.
	{
		service: Secrets, codes: refused, text: `destroyed`,
		kind: "secret version destroyed", hint: "add a version with the password (gcloud secrets versions add) and set VERSION_ID to it, or to latest",
	},
	{
		service: Secrets, codes: refused, text: `disabled`,
		kind: "secret version disabled", hint: "enable the version (gcloud secrets versions enable), or set VERSION_ID to one that is",
	},
	{
		service: Secrets, codes: []codes.Code{codes.FailedPrecondition},
		kind: "secret version not usable", hint: "enable the version, or set VERSION_ID to one that is",
	},

	// Data stores.
	{
		service: Search, codes: invalid, text: `API endpoint`,
		kind: "wrong endpoint", hint: "set GCP_LOCATION (now {location}) to where the data store is: global, us or eu",
	},
	{
		service: Search, codes: append(refused, codes.Unimplemented), text: `connector|third[- ]party|federated`,
		kind: "data store is filled by a connector", hint: "create a data store without a connector and set DATA_STORE_ID to it",
	},
	{
		service: Search, codes: append(refused, codes.Unimplemented), text: `\bacls?\b|acl_enabled|access control`,
		kind: "data store has access control", hint: "create a data store without access control lists and set DATA_STORE_ID to it", is: ErrNotReadable,
	},
	{
		service: Search, codes: refused, text: `\bschema\b|field .*\btype\b.*(chang|conflict|mismatch)`,
		kind: "schema conflict", hint: "cast the column in the query to the type that the data store's schema has, or create a data store and set DATA_STORE_ID to it; a field's type cannot be changed",
	},
	{
		service: Search, codes: []codes.Code{codes.ResourceExhausted}, text: `quota`,
		kind: "quota used up", hint: "wait for the next run; if this stays, raise the quota of {api} in project {project}", is: ErrBusy,
	},

	// The way there.
	{
		codes: unread, text: `x509|certificate|tls: |tls handshake`,
		kind: "TLS failed", hint: "{way}check the clock, the CA certificates and any proxy that intercepts TLS between the job and {api}", is: ErrUnavailable,
	},
	{
		codes: unread, text: `proxyconnect|proxy authentication|\b407\b|via proxy`,
		kind: "proxy failed", hint: "{way}check HTTPS_PROXY and NO_PROXY", is: ErrUnavailable,
	},
	{
		codes: unread, text: `no such host|name resolver|server misbehaving|dial tcp: lookup`,
		kind: "host name not found", hint: "{way}check the DNS of the network: private networks need Private Google Access for {api}", is: ErrUnavailable,
	},
	{
		codes: unread, text: `connection refused|network is unreachable|no route to host|i/o timeout|connection reset|dial tcp`,
		kind: "cannot be reached", hint: "{way}check the network and its firewall; the next run tries again", is: ErrUnavailable,
	},

	// By the code alone.
	{
		service: Storage, codes: denied,
		kind: "access denied", hint: "grant roles/storage.objectAdmin on bucket {bucket} to the account the job runs as",
	},
	{
		service: Search, codes: denied,
		kind: "access denied", hint: "grant roles/discoveryengine.editor on project {project} to the account the job runs as",
	},
	{
		service: Secrets, codes: denied,
		kind: "access denied", hint: "grant roles/secretmanager.secretAccessor on the secret to the account the job runs as",
	},
	{codes: []codes.Code{codes.Unauthenticated}, kind: "not signed in", hint: signIn},
	{service: Storage, codes: missing, kind: "object does not exist"},
	{
		service: Search, codes: missing,
		kind: "not found", hint: "check DATA_STORE_ID or data_store in SYNCS, PROJECT_ID and GCP_LOCATION (now {location})",
	},
	{service: Search, codes: []codes.Code{codes.Unimplemented}, kind: "not supported by the data store", is: ErrNotReadable},
	{service: Secrets, codes: missing, kind: "not found", hint: "check PROJECT_ID, SECRET_ID and VERSION_ID"},
	{codes: invalid, kind: "invalid argument"},
	{
		codes: []codes.Code{codes.Aborted, codes.ResourceExhausted},
		kind:  "the service is busy", hint: "wait for the next run, which tries again", is: ErrBusy,
	},
	{
		codes: away,
		kind:  "the service is unavailable", hint: "wait for the next run, which tries again; check {suspect} if this stays", is: ErrUnavailable,
	},
}
