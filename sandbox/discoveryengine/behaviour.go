package discoveryengine

import (
	"time"

	"google.golang.org/grpc/codes"
)

// Behaviour is how the service behaves where its documentation is silent. The zero value is one way in which it may;
// Worlds are others. What a client builds on must hold in all of them.
type Behaviour struct {
	// Counts are what the metadata of a done import count.
	Counts Counts
	// Metadata are of which version's type.
	Metadata Metadata
	// Listing is where an operation is listed.
	Listing Listing
	// Unlisted is the error of the other list; OK: it is empty.
	Unlisted codes.Code
	// SecondImport refuses an import while another runs on the same data store. OK: it is accepted.
	SecondImport codes.Code
	// ImportsPerMinute is the quota of imports from Cloud Storage: 5 in the real service, by its documentation. 0: none.
	ImportsPerMinute int
	// ErrorFolder is which folders for error files are taken.
	ErrorFolder ErrorFolder
	// ErrorLines is how errors number the lines of a file.
	ErrorLines ErrorLines
	// AnonymousErrors leaves the document's id out of the messages of failed documents.
	AnonymousErrors bool
	// NoSamples leaves the response without error samples, so that only error files say what failed.
	NoSamples bool
	// DropFailed makes a FULL import remove a document that it mentioned but failed to update; else it is kept as it was.
	DropFailed bool
	// FixedTypes makes a data store refuse a document with a value of another kind than the field had first.
	FixedTypes bool
	// FieldMask is what becomes of a header that asks for some fields of the answer alone.
	FieldMask FieldMask
}

// Counts are what an import counts.
type Counts int

// The ways to count.
const (
	CountAll     Counts = iota // every document of the import
	CountChanged               // those that were not there, or differed
	CountNothing               // 0, failures included
	CountLate                  // 0 in the first answer that says that the operation is done
)

// FieldMask is what becomes of the header x-goog-fieldmask.
type FieldMask int

// The treatments of a mask, of which only a list of documents knows.
const (
	MaskHonoured FieldMask = iota
	MaskIgnored
	MaskRefused
)

// Metadata is the type of an operation's metadata and response.
type Metadata int

// The types.
const (
	MetadataV1 Metadata = iota
	MetadataV1beta
	MetadataV1alpha
	MetadataUnknown // of a type that no client knows
	MetadataAbsent
)

// Listing is where operations are listed.
type Listing int

// The lists.
const (
	ListedOnBoth Listing = iota
	ListedOnDataStore
	ListedOnBranch
)

// ErrorFolder is which folders for error files an import takes.
type ErrorFolder int

// The rules.
const (
	AnyFolder      ErrorFolder = iota // an empty one, existing or not
	ExistingFolder                    // one that exists as an object, which is what a folder strictly is
	NoFolder                          // none at all
)

// ErrorLines is how errors number lines.
type ErrorLines int

// The ways to number them.
const (
	LinesFromOne ErrorLines = iota
	LinesFromZero
	NoLines
)

// World is a behaviour with a name.
type World struct {
	Name string
	Behaviour
}

// Worlds are the ways in which the service may behave, each unknown by itself, and the worst of all at once. The tests of
// what must not depend on them run in each.
func Worlds() []World {
	return []World{
		{"as documented", Behaviour{}},
		{"counts only what changed", Behaviour{Counts: CountChanged}},
		{"counts nothing", Behaviour{Counts: CountNothing}},
		{"counts late", Behaviour{Counts: CountLate}},
		{"operations on the data store alone", Behaviour{Listing: ListedOnDataStore}},
		{"operations on the data store alone, none to list on the branch", Behaviour{Listing: ListedOnDataStore, Unlisted: codes.Unimplemented}},
		{"operations on the branch alone", Behaviour{Listing: ListedOnBranch}},
		{"operations on the branch alone, none to list on the data store", Behaviour{Listing: ListedOnBranch, Unlisted: codes.InvalidArgument}},
		{"metadata of v1beta", Behaviour{Metadata: MetadataV1beta}},
		{"metadata of v1alpha", Behaviour{Metadata: MetadataV1alpha}},
		{"metadata of an unknown type", Behaviour{Metadata: MetadataUnknown}},
		{"metadata absent", Behaviour{Metadata: MetadataAbsent}},
		{"second import ABORTED", Behaviour{SecondImport: codes.Aborted}},
		{"second import FAILED_PRECONDITION", Behaviour{SecondImport: codes.FailedPrecondition}},
		{"second import RESOURCE_EXHAUSTED", Behaviour{SecondImport: codes.ResourceExhausted}},
		{"error folder must exist", Behaviour{ErrorFolder: ExistingFolder}},
		{"error folder refused", Behaviour{ErrorFolder: NoFolder}},
		{"error lines from 0", Behaviour{ErrorLines: LinesFromZero, AnonymousErrors: true}},
		{"error lines from 1", Behaviour{AnonymousErrors: true}},
		{"errors name nothing", Behaviour{ErrorLines: NoLines, AnonymousErrors: true}},
		{"errors in files alone", Behaviour{NoSamples: true}},
		{"FULL drops failed documents", Behaviour{DropFailed: true}},
		{"field types are fixed", Behaviour{FixedTypes: true}},
		{"field masks ignored", Behaviour{FieldMask: MaskIgnored}},
		{"everything unhelpful", Behaviour{
			Counts: CountNothing, Metadata: MetadataAbsent, Listing: ListedOnDataStore, Unlisted: codes.NotFound,
			SecondImport: codes.FailedPrecondition, ErrorFolder: NoFolder, ErrorLines: NoLines, AnonymousErrors: true, DropFailed: true, FieldMask: MaskRefused,
		}},
	}
}

// Behave replaces the behaviour. An operation counts, and looks, as the behaviour was when it started.
func (s *Server) Behave(b Behaviour) { s.set(func(w *switches) { w.Behaviour = b }) }

// SetClock replaces the clock by which the quota of imports counts a minute; nil is the real one.
func (s *Server) SetClock(now func() time.Time) { s.set(func(w *switches) { w.clock = now }) }

// AnonymousErrors is Behaviour.AnonymousErrors.
func (s *Server) AnonymousErrors(on bool) {
	s.set(func(w *switches) { w.Behaviour.AnonymousErrors = on })
}

// RequireErrorFolder is Behaviour.ErrorFolder: ExistingFolder or AnyFolder.
func (s *Server) RequireErrorFolder(on bool) {
	s.set(func(w *switches) { w.ErrorFolder = pick(on, ExistingFolder, AnyFolder) })
}

// LimitImports is Behaviour.ImportsPerMinute.
func (s *Server) LimitImports(perMinute int) {
	s.set(func(w *switches) { w.ImportsPerMinute = perMinute })
}

// SerialImports refuses an import with ABORTED while another runs on the same data store and one of the two
// is FULL.
func (s *Server) SerialImports(on bool) { s.set(func(w *switches) { w.serialImports = on }) }

// behaviour is the one in force.
func (s *Server) behaviour() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.switches.Behaviour
}
