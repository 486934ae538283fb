// Package column describes the columns of the source query: what PostgreSQL sends of them, and so how they become JSON.
package column

// Kind says what the text form of a column's values is, and what it becomes in a document. The zero Kind is Text.
type Kind uint8

// The kinds of columns.
const (
	Text    Kind = iota // any type, in PostgreSQL's text form: a JSON string
	Number              // integers, floats and numeric: the text is the JSON number; NaN, infinities and what no double can hold are refused
	Bool                // t or f
	JSON                // json, jsonb, and arrays and composites turned into json: nested JSON, rewritten on one line
	Numbers             // JSON made of an array of numbers, or of such arrays: a string in it is NaN or an infinity, and refused
	// Timestamp: with or without time zone, always UTC, as YYYY-MM-DD HH:MM:SS[.ffffff][+00]. It is written as RFC 3339, years
	// beyond 9999 and BC likewise; any other form stays as it is.
	Timestamp
)

// Column is one column of the query's result.
type Column struct {
	Name string
	Kind Kind
	// Shape says, for JSON, where a string stands for what is none.
	Shape *Shape
	// Type is the column's type as SQL names it, and Wide says that its numbers can have more digits than a double holds.
	Type string
	Wide bool
	// Vector says that it holds pgvector's vectors, of Dimensions numbers; 0: not declared.
	Vector     bool
	Dimensions int
}

// Shape says where in a JSON value a string stands for something else: PostgreSQL's to_json writes NaN and the infinities
// of a number as strings, and types that it does not know by their text. At most one of its members is set; nil is a value
// without such places.
type Shape struct {
	Number  bool
	Vector  bool              // an array of numbers
	Elem    *Shape            // of an array
	Members map[string]*Shape // of an object
}
