package discoveryengine

import (
	"cloud.google.com/go/discoveryengine/apiv1/discoveryenginepb"

	"vertexmetadata/sandbox/rpcgate"
)

// What calls go through is the same for every gRPC sandbox.
type (
	// Authorize decides whether the bearer of a token may use a permission such as
	// discoveryengine.documents.import on a resource.
	Authorize = rpcgate.Authorize
	// Call is one call, as hooks see it.
	Call = rpcgate.Call
	// Hook is called with a call at a step of its way.
	Hook = rpcgate.Hook
	// Fault says what goes wrong with which calls.
	Fault = rpcgate.Fault
	// Injection is a fault in force.
	Injection = rpcgate.Injection
)

// permissions that a method needs, on the resource that it names.
var permissions = map[string]string{
	"ImportDocuments": "discoveryengine.documents.import",
	"PurgeDocuments":  "discoveryengine.documents.purge",
	"GetDocument":     "discoveryengine.documents.get",
	"ListDocuments":   "discoveryengine.documents.list",
	"CreateDocument":  "discoveryengine.documents.create",
	"UpdateDocument":  "discoveryengine.documents.update",
	"DeleteDocument":  "discoveryengine.documents.delete",
	"GetDataStore":    "discoveryengine.dataStores.get",
	"Search":          "discoveryengine.servingConfigs.search",
	"GetOperation":    "discoveryengine.operations.get",
	"WaitOperation":   "discoveryengine.operations.get",
	"ListOperations":  "discoveryengine.operations.list",
}

// resourceOf is what a request is about; an update names it only inside its document.
func resourceOf(request any) string {
	if update, ok := request.(*discoveryenginepb.UpdateDocumentRequest); ok {
		return update.GetDocument().GetName()
	}
	return rpcgate.ResourceOf(request)
}
