// Package refusal says what to do when one of Google's services refuses a call, or
// cannot be reached: one table, in rows.go, for all of them.
package refusal

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
)

// Service is one of Google's services.
type Service string

// The services that the job talks to, by the names of their APIs.
const (
	Storage Service = "storage.googleapis.com"
	Search  Service = "discoveryengine.googleapis.com"
	Secrets Service = "secretmanager.googleapis.com"
)

// Target is what a call was about; the remedies name it.
type Target struct {
	Service  Service
	Project  string // id or number; "" where it is not known
	Location string // of a data store
	Bucket   string
	StandIn  string // the variable that points the job at a stand-in; "" where none does
}

// What a caller may have to branch on is in the chain of an explained error.
var (
	// ErrBusy: the service has no room for the call now. Nothing was started; a later run tries again.
	ErrBusy = errors.New("the service is busy")
	// ErrUnavailable: nobody answered; whether the call was done is not known.
	ErrUnavailable = errors.New("the service is unavailable")
	// ErrRetained: a retention policy or a hold protects the object.
	ErrRetained = errors.New("object is protected by a retention policy or a hold")
	// ErrNotReadable: the documents of a data store can be neither listed nor read, because it has access control.
	ErrNotReadable = errors.New("the documents cannot be read")
)

// Advice is an error with its remedy: a refused call, or what this program itself finds.
type Advice struct {
	Text   string // what failed, on what and why
	Remedy string // what to do about it, as an imperative, or ""
	Causes []error
	// Config: it fails until somebody changes a setting, so trying again is useless.
	Config bool
}

func (e *Advice) Error() string { return e.Text }

// Hint is the remedy.
func (e *Advice) Hint() string { return e.Remedy }

// Unwrap returns the causes.
func (e *Advice) Unwrap() []error { return e.Causes }

// HintOf is what to do about err by the first error of its chain that knows it, or "".
func HintOf(err error) string {
	if hinter, ok := err.(interface{ Hint() string }); ok && hinter.Hint() != "" {
		return hinter.Hint()
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return HintOf(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, cause := range wrapper.Unwrap() {
			if hint := HintOf(cause); hint != "" {
				return hint
			}
		}
	}
	return ""
}

// Split returns what failed and why, in one line, and what to do about it, each once. Errors that were joined have a line each.
func Split(err error) (text, hint string) {
	hint = HintOf(err)
	return strings.TrimSuffix(strings.ReplaceAll(err.Error(), "\n", "; "), ": "+hint), hint
}

// Join is one error for several that stay until somebody changes a setting: every text, and each remedy once.
func Join(verb string, all []*Advice) *Advice {
	joined := &Advice{Config: true}
	var texts, remedies []string
	for _, a := range all {
		texts = append(texts, a.Text)
		if !slices.Contains(remedies, a.Remedy) {
			remedies = append(remedies, a.Remedy)
		}
		joined.Causes = append(joined.Causes, a)
	}
	joined.Text, joined.Remedy = verb+strings.Join(texts, "; "), strings.Join(remedies, "; ")
	return joined
}

// Explain turns the error of a call into `verb object: kind: the service's words`, and its
// remedy. is is what errors.Is shall find in it beside err.
func Explain(verb, object string, err error, t Target, is ...error) *Advice {
	a := read(err)
	r := find(a, t)
	text := verb + " " + object
	for _, part := range []string{r.kind, a.message} {
		if part != "" {
			text += ": " + part
		}
	}
	causes := append([]error{err}, is...)
	if r.is != nil {
		causes = append(causes, r.is)
	}
	return &Advice{Text: text, Remedy: a.fill(r.hint, t), Causes: causes}
}

// Known reports whether the table has a row for err other than those that go by the
// code alone.
func Known(err error, t Target) bool {
	r := find(read(err), t)
	return len(r.reasons) > 0 || r.text != ""
}

// row is one kind of refusal. It applies when the service and the code fit, and the
// reason or the text where it names any. The first that applies counts.
type row struct {
	service Service      // "": any
	codes   []codes.Code // none: any
	reasons []string     // google.rpc.ErrorInfo.reason, or the storage API's errors[].reason
	text    string       // a regular expression, upper and lower case alike
	foreign bool         // only where the request was billed to a project known to be another one
	kind    string
	hint    string // with {project}, {bucket}, …: see fill
	is      error  // in the chain of the explained error
}

func find(a answer, t Target) row {
	for i, r := range rows {
		if r.fits(a, t, patterns()[i]) {
			return r
		}
	}
	if a.code == codes.Unknown {
		return row{}
	}
	return row{kind: a.code.String()}
}

func (r *row) fits(a answer, t Target, text *regexp.Regexp) bool {
	switch {
	case r.service != "" && r.service != t.Service,
		len(r.codes) > 0 && !slices.Contains(r.codes, a.code),
		r.foreign && !a.foreign(t):
		return false
	case len(r.reasons) == 0 && text == nil:
		return true
	}
	return slices.ContainsFunc(r.reasons, a.hasReason) || text != nil && text.MatchString(a.message)
}

// patterns are compiled when the first refusal is read, not at every start.
var patterns = sync.OnceValue(func() []*regexp.Regexp {
	compiled := make([]*regexp.Regexp, len(rows))
	for i, r := range rows {
		if r.text != "" {
			compiled[i] = regexp.MustCompile("(?i)" + r.text)
		}
	}
	return compiled
})

// fill puts the names of what a call was about into a remedy.
func (a *answer) fill(hint string, t Target) string {
	suspect := cmp.Or(t.StandIn, "the network")
	if t.StandIn != "" && strings.Contains(hint, "{way}") {
		hint = "check {suspect}: nothing usable answers there" // no network to blame
	}
	return strings.NewReplacer(
		"{way}", "",
		"{suspect}", suspect,
		"{api}", string(t.Service),
		"{project}", cmp.Or(t.Project, "PROJECT"),
		"{consumer}", cmp.Or(strings.TrimPrefix(a.metadata["consumer"], "projects/"), "the one named"),
		"{bucket}", t.Bucket,
		"{location}", t.Location,
		"{uid}", cmp.Or(a.uid(), "of this error"),
	).Replace(hint)
}
