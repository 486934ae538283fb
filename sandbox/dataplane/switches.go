package dataplane

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/refusals"
	"vertexmetadata/sandbox/secretmanager"
	"vertexmetadata/sandbox/storage"
	"vertexmetadata/sandbox/switches"
)

// Switches are the behaviours of the services that can be turned on by name.
func (p *Plane) Switches() []switches.Switch {
	return slices.Concat(p.searchSwitches(), p.storageSwitches(), p.secretSwitches())
}

// searchSwitches are those of Vertex AI Search: the ways in which it may behave where its documentation is silent, and faults.
func (p *Plane) searchSwitches() []switches.Switch {
	var all discoveryengine.Behaviour
	// behave makes the Set of a switch that changes the one behaviour which all of them describe.
	behave := func(changes map[string]func(*discoveryengine.Behaviour)) func(string) error {
		values := map[string]func(){}
		for name, change := range changes {
			values[name] = func() {
				change(&all)
				p.Search.Behave(all)
			}
		}
		return switches.OneOf(values)
	}
	onOff := func(field func(*discoveryengine.Behaviour) *bool) func(string) error {
		return switches.OnOff(func(on bool) {
			*field(&all) = on
			p.Search.Behave(all)
		})
	}
	type b = discoveryengine.Behaviour
	const name = "discoveryengine."
	return []switches.Switch{
		{
			Name: name + "counts", Values: "all|changed|none|late", Help: "What an import counts: all documents, those that changed, nothing, or later.",
			Set: behave(map[string]func(*b){
				"all": func(b *b) { b.Counts = discoveryengine.CountAll }, "changed": func(b *b) { b.Counts = discoveryengine.CountChanged },
				"none": func(b *b) { b.Counts = discoveryengine.CountNothing }, "late": func(b *b) { b.Counts = discoveryengine.CountLate },
			}),
		},
		{
			Name: name + "metadata", Values: "v1|v1beta|v1alpha|unknown|absent", Help: "The type of an operation's metadata and response.",
			Set: behave(map[string]func(*b){
				"v1": func(b *b) { b.Metadata = discoveryengine.MetadataV1 }, "v1beta": func(b *b) { b.Metadata = discoveryengine.MetadataV1beta },
				"v1alpha": func(b *b) { b.Metadata = discoveryengine.MetadataV1alpha }, "unknown": func(b *b) { b.Metadata = discoveryengine.MetadataUnknown },
				"absent": func(b *b) { b.Metadata = discoveryengine.MetadataAbsent },
			}),
		},
		{
			Name: name + "listing", Values: "both|data-store|branch", Help: "Where operations are listed.",
			Set: behave(map[string]func(*b){
				"both": func(b *b) { b.Listing = discoveryengine.ListedOnBoth }, "data-store": func(b *b) { b.Listing = discoveryengine.ListedOnDataStore },
				"branch": func(b *b) { b.Listing = discoveryengine.ListedOnBranch },
			}),
		},
		{
			Name: name + "second-import", Values: "accepted|aborted|failed-precondition|resource-exhausted", Help: "How an import is answered while another runs.",
			Set: behave(map[string]func(*b){
				"accepted": func(b *b) { b.SecondImport = codes.OK }, "aborted": func(b *b) { b.SecondImport = codes.Aborted },
				"failed-precondition": func(b *b) { b.SecondImport = codes.FailedPrecondition },
				"resource-exhausted":  func(b *b) { b.SecondImport = codes.ResourceExhausted },
			}),
		},
		{
			Name: name + "error-folder", Values: "any|existing|none", Help: "Which folders for error files are accepted.",
			Set: behave(map[string]func(*b){
				"any": func(b *b) { b.ErrorFolder = discoveryengine.AnyFolder }, "existing": func(b *b) { b.ErrorFolder = discoveryengine.ExistingFolder },
				"none": func(b *b) { b.ErrorFolder = discoveryengine.NoFolder },
			}),
		},
		{
			Name: name + "error-lines", Values: "from-1|from-0|none", Help: "How errors number the lines of a file.",
			Set: behave(map[string]func(*b){
				"from-1": func(b *b) { b.ErrorLines = discoveryengine.LinesFromOne }, "from-0": func(b *b) { b.ErrorLines = discoveryengine.LinesFromZero },
				"none": func(b *b) { b.ErrorLines = discoveryengine.NoLines },
			}),
		},
		{Name: name + "anonymous-errors", Values: "on|off", Help: "Errors do not name the document.", Set: onOff(func(b *b) *bool { return &b.AnonymousErrors })},
		{Name: name + "no-samples", Values: "on|off", Help: "Only error files say what failed.", Set: onOff(func(b *b) *bool { return &b.NoSamples })},
		{Name: name + "drop-failed", Values: "on|off", Help: "A FULL import removes documents that it could not update.", Set: onOff(func(b *b) *bool { return &b.DropFailed })},
		{Name: name + "fixed-types", Values: "on|off", Help: "A field keeps the kind of value that it had first.", Set: onOff(func(b *b) *bool { return &b.FixedTypes })},
		{
			Name: name + "field-mask", Values: "honoured|ignored|refused", Help: "What becomes of a list's header that asks for some fields alone.",
			Set: behave(map[string]func(*b){
				"honoured": func(b *b) { b.FieldMask = discoveryengine.MaskHonoured }, "ignored": func(b *b) { b.FieldMask = discoveryengine.MaskIgnored },
				"refused": func(b *b) { b.FieldMask = discoveryengine.MaskRefused },
			}),
		},
		{
			Name: name + "imports-per-minute", Values: "COUNT", Help: "Imports from Cloud Storage over that are refused; 0 is no limit.",
			Set: switches.Count(func(n int) {
				all.ImportsPerMinute = n
				p.Search.Behave(all)
			}),
		},
		{Name: name + "latency", Values: "DURATION", Help: "Every import takes at least so long.", Set: switches.Duration(p.Search.SetLatency)},
		{
			Name: name + "reject", Values: "COUNT", Help: "So many percent of the documents are rejected, always the same ones.",
			Set: switches.Count(func(n int) { p.Search.FailDocuments(discoveryengine.Percent(n)) }),
		},
		{Name: name + "reject-webp", Values: "on|off", Help: "Images of type image/webp are rejected.", Set: switches.OnOff(p.Search.RejectWebP)},
		{
			Name: name + "failing-imports", Values: "COUNT", Help: "So many imports start well and end in failure.",
			Set: switches.Count(func(n int) {
				if n > 0 {
					p.Search.FailOperations(discoveryengine.OperationFault{Count: n})
				}
			}),
		},
		refusalSwitch(name, "discoveryengine.googleapis.com", nil, func(err error) { p.Search.Inject(discoveryengine.Fault{Err: err, Count: -1}) }),
	}
}

// secretSwitches are those of Secret Manager.
func (p *Plane) secretSwitches() []switches.Switch {
	return []switches.Switch{refusalSwitch("secretmanager.", "secretmanager.googleapis.com", map[string]error{
		"destroyed": refusals.SecretState("DESTROYED"), "disabled": refusals.SecretState("DISABLED"),
	}, func(err error) { p.Secrets.Inject(secretmanager.Fault{Err: err, Count: -1}) })}
}

// refusalSwitch refuses every call of a gRPC service for a reason that no role cures.
func refusalSwitch(name, api string, own map[string]error, refuse func(error)) switches.Switch {
	reasons := map[string]error{
		"api-disabled":  refusals.APIDisabled(api, ProjectNumber),
		"billing":       refusals.BillingDisabled(api, ProjectNumber),
		"key-denied":    refusals.KeyDenied(),
		"key-disabled":  refusals.KeyDisabled(),
		"quota-project": refusals.QuotaProject(api),
		"scopes":        refusals.Scopes(api),
		"vpc":           refusals.VPCServiceControls(api, "sandbox", false),
	}
	maps.Copy(reasons, own)
	set := map[string]func(){}
	for reason, err := range reasons {
		set[reason] = func() { refuse(err) }
	}
	return switches.Switch{
		Name: name + "refusal", Values: strings.Join(slices.Sorted(maps.Keys(set)), "|"), Help: "Every call is refused for that reason.", Set: switches.OneOf(set),
	}
}

// storageSwitches are those of Cloud Storage: what the owner of the bucket has set, and faults.
func (p *Plane) storageSwitches() []switches.Switch {
	var policy storage.Policy
	set := func(change func()) {
		change()
		p.Storage.SetPolicy(Bucket, policy)
	}
	onOff := func(field *bool) func(string) error {
		return switches.OnOff(func(on bool) { set(func() { *field = on }) })
	}
	every := func(fault storage.Fault) { // until the end, and of any request
		fault.Count = -1
		p.Storage.Inject(fault)
	}
	return []switches.Switch{
		{
			Name: "storage.retention", Values: "DURATION", Help: "Objects of the bucket cannot be changed or deleted before that age.",
			Set: switches.Duration(func(d time.Duration) { set(func() { policy.Retention = d }) }),
		},
		{Name: "storage.hold", Values: "on|off", Help: "New objects are under an event-based hold.", Set: onOff(&policy.DefaultHold)},
		{Name: "storage.requester-pays", Values: "on|off", Help: "Requests must name a project to bill.", Set: onOff(&policy.RequesterPays)},
		{Name: "storage.one-write-a-second", Values: "on|off", Help: "Faster writes of one name are throttled.", Set: onOff(&policy.OneWriteASecond)},
		{Name: "storage.latency", Values: "DURATION", Help: "Every request takes so long.", Set: switches.Duration(func(d time.Duration) { every(storage.Fault{Delay: d}) })},
		{
			Name: "storage.unavailable", Values: "COUNT", Help: "So many requests are refused with 503.",
			Set: switches.Count(func(n int) {
				if n > 0 {
					p.Storage.Inject(storage.Fault{Status: http.StatusServiceUnavailable, Count: n})
				}
			}),
		},
		{
			Name: "storage.refusal", Values: "billing|key-denied|key-disabled|vpc", Help: "Every request is refused for that reason.",
			Set: switches.OneOf(map[string]func(){
				"billing": func() { every(storage.BillingDisabled()) }, "key-denied": func() { every(storage.KeyDenied()) },
				"key-disabled": func() { every(storage.KeyDisabled()) }, "vpc": func() { every(storage.VPCServiceControls("sandbox")) },
			}),
		},
	}
}
