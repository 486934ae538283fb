// Package panics turns the panic of a goroutine into an error, so that a run which meets a mistake in the program still
// ends with its last line and its exit code: left alone, a panic writes dozens of lines that no log reader takes for one
// entry and exits with 2, which is the code for a wrong configuration.
//
// A run that stops there is no worse than one that was killed there, which loses nothing.
package panics

import (
	"fmt"
	"runtime/debug"
)

// Error is a panic that was caught.
type Error struct {
	Value any    // what panic was called with
	Stack []byte // of the goroutine, as the runtime prints it
}

func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Hint is what to do: nobody but the authors can correct it.
func (e *Error) Hint() string {
	return "report this mistake of the program with its stack trace; the next run tries again"
}

// Guard returns fn with an *Error for its panics. It holds for the goroutine that calls it, not for those that fn starts,
// and not for what the runtime ends the process for, such as a lack of memory.
func Guard(fn func() error) func() error {
	return func() (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = &Error{Value: value, Stack: debug.Stack()}
			}
		}()
		return fn()
	}
}
