package dataplane

import (
	"net/http"
	"time"

	"vertexmetadata/sandbox/discoveryengine"
	"vertexmetadata/sandbox/storage"
	"vertexmetadata/sandbox/switches"
)

// Switches are the behaviours of the services that can be turned on by name.
func (p *Plane) Switches() []switches.Switch {
	return []switches.Switch{
		{
			Name: "discoveryengine.latency", Values: "DURATION", Help: "Every import takes at least so long.",
			Set: switches.Duration(p.Search.SetLatency),
		},
		{
			Name: "discoveryengine.reject", Values: "COUNT", Help: "So many percent of the documents are rejected, always the same ones.",
			Set: switches.Count(func(n int) { p.Search.FailDocuments(discoveryengine.Percent(n)) }),
		},
		{
			Name: "discoveryengine.webp", Values: "on|off", Help: "off: images of type image/webp are rejected, as the documentation has it.",
			Set: switches.OnOff(func(on bool) { p.Search.RejectWebP(!on) }),
		},
		{
			Name: "discoveryengine.errors", Values: "named|anonymous", Help: "anonymous: a rejected document is named by its line number only.",
			Set: switches.OneOf(map[string]func(){
				"named": func() { p.Search.AnonymousErrors(false) }, "anonymous": func() { p.Search.AnonymousErrors(true) },
			}),
		},
		{
			Name: "discoveryengine.error-folder", Values: "on|off", Help: "on: an import fails whose error folder is not there.",
			Set: switches.OnOff(p.Search.RequireErrorFolder),
		},
		{
			Name: "discoveryengine.imports-per-minute", Values: "COUNT", Help: "Imports from Cloud Storage over that are refused; 0 is no limit.",
			Set: switches.Count(p.Search.LimitImports),
		},
		{
			Name: "discoveryengine.serial-imports", Values: "on|off", Help: "on: a second import meanwhile is refused with ABORTED.",
			Set: switches.OnOff(p.Search.SerialImports),
		},
		{
			Name: "discoveryengine.failing-imports", Values: "COUNT", Help: "So many imports begin well and end in failure.",
			Set: switches.Count(func(n int) {
				if n > 0 {
					p.Search.FailOperations(discoveryengine.OperationFault{Count: n})
				}
			}),
		},
		{
			Name: "storage.latency", Values: "DURATION", Help: "Every request takes so long.",
			Set: switches.Duration(func(d time.Duration) { p.Storage.Inject(storage.Fault{Delay: d, Count: -1}) }),
		},
		{
			Name: "storage.unavailable", Values: "COUNT", Help: "So many requests are refused with 503.",
			Set: switches.Count(func(n int) {
				if n > 0 {
					p.Storage.Inject(storage.Fault{Status: http.StatusServiceUnavailable, Count: n})
				}
			}),
		},
	}
}
