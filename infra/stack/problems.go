package stack

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// problem is one thing that is wrong with a setting. Its text may name other settings, as {key}.
type problem struct{ key, text string }

// problems collects what is wrong, to be reported at once.
type problems []problem

func (p *problems) add(key, format string, args ...any) {
	*p = append(*p, problem{key, fmt.Sprintf(format, args...)})
}

func (p *problems) require(ok bool, key, format string, args ...any) {
	if !ok {
		p.add(key, format, args...)
	}
}

// match lets an empty value pass: whether one is needed is a rule of its own.
func (p *problems) match(rule *regexp.Regexp, value, key, want string) {
	p.require(value == "" || rule.MatchString(value), key, "%q is not %s", value, want)
}

func (p *problems) between(value, low, high int, key string) {
	p.require(low <= value && value <= high, key, "%d is not between %d and %d", value, low, high)
}

func (p *problems) within(value, low, high time.Duration, key string) {
	p.require(low <= value && value <= high, key, "%s is not between %s and %s", value, low, high)
	p.require(value%time.Second == 0, key, "%s is not in whole seconds", value)
}

func (p *problems) oneOf(value, key string, allowed ...string) {
	p.require(slices.Contains(allowed, value), key, "%q is none of %s", value, strings.Join(slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" }), ", "))
}

// err names every problem by what its owner set: a setting of the stack, or a field of Args.
func (p problems) err(a *Args) error {
	if len(p) == 0 {
		return nil
	}
	var lines []string
	for _, one := range p {
		lines = append(lines, a.nameOf(one.key)+": "+a.naming(one.text))
	}
	if a.loaded {
		return errors.New("invalid settings; correct them with `pulumi config set` or in the stack's file:\n  " + strings.Join(lines, "\n  "))
	}
	return errors.New("invalid arguments:\n  " + strings.Join(lines, "\n  "))
}

var reference = regexp.MustCompile(`\{[a-z][A-Za-z]*\}`)

// naming writes {key} as the user who set it knows it.
func (a *Args) naming(text string) string {
	return reference.ReplaceAllStringFunc(text, func(key string) string {
		inner := key[1 : len(key)-1]
		if !declared(inner) {
			return key // a value that happens to have braces
		}
		return strings.TrimPrefix(a.nameOf(inner), Namespace+":")
	})
}

// nameOf is a setting as its owner knows it: vertex-metadata:jobName in a stack, JobName in a program.
func (a *Args) nameOf(key string) string {
	if strings.Contains(key, ":") {
		if a.loaded {
			return key
		}
		provider := strings.TrimPrefix(key, "gcp:")
		return strings.ToUpper(provider[:1]) + provider[1:] // Project, Region
	}
	if a.loaded {
		return Namespace + ":" + key
	}
	var fields Args
	for _, d := range Declared(&fields) {
		if d.Key == key {
			return fieldOf(&fields, d.into)
		}
	}
	return key
}

func declared(key string) bool {
	return slices.ContainsFunc(Declared(&Args{}), func(d Setting) bool { return d.Key == key })
}
