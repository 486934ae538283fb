package stack

import (
	"fmt"

	"github.com/pulumi/pulumi-gcp/sdk/v8/go/gcp/discoveryengine"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// dataStore is a data store of the system as its settings describe it.
type dataStore struct {
	key, location, content string
	id                     pulumi.StringInput
}

// dataStores lists the data stores whose names the program knows, each once: the one of all and those of the syncs.
func (a Args) dataStores() (list []dataStore) {
	if given(a.DataStore) && !a.everySyncHasAStore() {
		list = append(list, dataStore{"data-store", a.DataStoreLocation, a.DataStoreContent, a.DataStore})
	}
	for _, s := range a.Syncs {
		if s.DataStore != "" {
			list = append(list, dataStore{"data-store-" + s.Name, a.locationOf(s), a.contentOf(s), pulumi.String(s.DataStore)})
		}
	}
	return list
}

// provideSearch creates data stores and a search app over them, where they do not exist yet.
func (d *deployment) provideSearch() {
	d.searchApps = pulumi.String("").ToStringOutput()
	var ids pulumi.StringArray
	for _, store := range d.dataStores() {
		id := store.id
		if d.CreateDataStore {
			id = d.createDataStore(store)
		}
		if store.location == d.DataStoreLocation {
			ids = append(ids, id)
		}
	}
	if d.CreateSearchApp {
		d.createSearchApp(ids)
	}
}

// createDataStore declares a data store. Nearly every change of one replaces it, and would lose its documents: it is protected, and
// stays when the stack lets go of it.
func (d *deployment) createDataStore(store dataStore) (id pulumi.StringInput) {
	d.try(store.key, func() error {
		made, err := discoveryengine.NewDataStore(d.ctx, d.name+"-"+store.key, &discoveryengine.DataStoreArgs{
			Project: pulumi.String(d.Project), Location: pulumi.String(store.location), DataStoreId: store.id, DisplayName: store.id,
			IndustryVertical:          pulumi.String("GENERIC"),
			ContentConfig:             pulumi.String(map[string]string{"required": "CONTENT_REQUIRED", "none": "NO_CONTENT"}[store.content]),
			SolutionTypes:             pulumi.StringArray{pulumi.String("SOLUTION_TYPE_SEARCH")},
			DocumentProcessingConfig:  d.parsing(store.content),
			SkipDefaultSchemaCreation: optionalTrue(d.DataStoreSchema != ""),
		}, append(keeping(d.after(d.services[apiDiscoveryEngine])), pulumi.Protect(true))...)
		if err != nil {
			return err
		}
		id, d.stores = made.DataStoreId, append(d.stores, made)
		if store.key == "data-store" {
			d.DataStore = made.DataStoreId
		}
		return d.createSchema(store, made)
	})
	return id
}

// createSchema declares the schema that the documents of a data store must fit, before the first of them is imported: fields cannot
// change their type later.
func (d *deployment) createSchema(store dataStore, made *discoveryengine.DataStore) error {
	if d.DataStoreSchema == "" {
		return nil
	}
	schema, err := discoveryengine.NewSchema(d.ctx, d.name+"-"+store.key+"-schema", &discoveryengine.SchemaArgs{
		Project: pulumi.String(d.Project), Location: pulumi.String(store.location), DataStoreId: made.DataStoreId,
		SchemaId: pulumi.String("default_schema"), JsonSchema: pulumi.String(d.DataStoreSchema),
	}, append(keeping(d.after(made)), pulumi.Protect(true))...)
	d.stores = append(d.stores, schema)
	return err
}

// parsing is the parser of a data store's content. Images are read by the layout parser alone.
// https://cloud.google.com/generative-ai-app-builder/docs/parse-chunk-documents
func (d *deployment) parsing(content string) discoveryengine.DataStoreDocumentProcessingConfigPtrInput {
	if d.DataStoreParser == "" || content != "required" {
		return nil
	}
	parser := &discoveryengine.DataStoreDocumentProcessingConfigDefaultParsingConfigArgs{}
	switch d.DataStoreParser {
	case "digital":
		parser.DigitalParsingConfig = &discoveryengine.DataStoreDocumentProcessingConfigDefaultParsingConfigDigitalParsingConfigArgs{}
	case "ocr":
		parser.OcrParsingConfig = &discoveryengine.DataStoreDocumentProcessingConfigDefaultParsingConfigOcrParsingConfigArgs{}
	case "layout":
		parser.LayoutParsingConfig = &discoveryengine.DataStoreDocumentProcessingConfigDefaultParsingConfigLayoutParsingConfigArgs{}
	}
	return &discoveryengine.DataStoreDocumentProcessingConfigArgs{DefaultParsingConfig: parser}
}

func optionalTrue(value bool) pulumi.BoolPtrInput {
	if !value {
		return nil
	}
	return pulumi.Bool(true)
}

func (a Args) searchAppID() string {
	if a.SearchApp != "" {
		return a.SearchApp
	}
	return a.JobName
}

// createSearchApp declares the app that queries are sent to. It holds nothing of its own.
func (d *deployment) createSearchApp(stores pulumi.StringArray) {
	d.try("search app", func() error {
		app, err := discoveryengine.NewSearchEngine(d.ctx, d.name+"-search-app", &discoveryengine.SearchEngineArgs{
			Project: pulumi.String(d.Project), Location: pulumi.String(d.DataStoreLocation), CollectionId: pulumi.String("default_collection"),
			EngineId: pulumi.String(d.searchAppID()), DisplayName: pulumi.String(d.searchAppID()),
			IndustryVertical: pulumi.String("GENERIC"), DataStoreIds: stores,
			SearchEngineConfig: &discoveryengine.SearchEngineSearchEngineConfigArgs{SearchTier: pulumi.String("SEARCH_TIER_STANDARD")},
		}, d.after(append(d.stores, d.services[apiDiscoveryEngine])...)...)
		if err != nil {
			return err
		}
		d.searchApps = app.EngineId.ApplyT(func(id string) string {
			return fmt.Sprintf("projects/%s/locations/%s/collections/default_collection/engines/%s", d.Project, d.DataStoreLocation, id)
		}).(pulumi.StringOutput)
		return nil
	})
}
