package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

// settings are the program's, as Pulumi.yaml declares them.
type settings struct {
	project        string // of the images and of the federation
	repository     string
	repositoryID   string
	branch         string
	location       string
	stacks         []stack
	deployerRoles  []string
	grantableRoles []string
}

// stack is a stack of the main program and the project that it is deployed to.
type stack struct{ name, project string }

var (
	repositoryForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+$`)
	numberForm     = regexp.MustCompile(`^[0-9]+$`)
	stackForm      = regexp.MustCompile(`^([a-z][a-z0-9-]{0,17}[a-z0-9])=([a-z][a-z0-9-]{4,28}[a-z0-9])$`)
	branchForm     = regexp.MustCompile(`^[A-Za-z0-9._/-]+$`)
	locationForm   = regexp.MustCompile(`^[a-z]+(-[a-z]+[0-9])?$`)
	roleForm       = regexp.MustCompile(`^(roles|(projects|organizations)/[a-z0-9-]+/roles)/[A-Za-z0-9._]+$`)
)

// load reads the settings and names every problem at once.
func load(ctx *pulumi.Context) (settings, error) {
	own := config.New(ctx, "")
	s := settings{
		project: config.Get(ctx, "gcp:project"), repository: own.Get("repository"), repositoryID: own.Get("repositoryId"),
		branch: own.Get("branch"), location: own.Get("location"),
	}
	var list []string
	problems := []error{
		own.GetObject("stacks", &list),
		own.GetObject("deployerRoles", &s.deployerRoles),
		own.GetObject("grantableRoles", &s.grantableRoles),
		matching("gcp:project", s.project, regexp.MustCompile(`^[a-z][a-z0-9-]{4,28}[a-z0-9]$`), "the id of a project"),
		matching("repository", s.repository, repositoryForm, "OWNER/NAME"),
		matching("repositoryId", s.repositoryID, numberForm, "the repository's number: gh api repos/OWNER/NAME --jq .id"),
		matching("branch", s.branch, branchForm, "the name of a branch"),
		matching("location", s.location, locationForm, "a location such as asia-northeast1"),
	}
	if len(list) == 0 {
		problems = append(problems, errors.New(`stacks: is not set; give a list of NAME=PROJECT: pulumi config set --path 'stacks[0]' dev=MY-PROJECT`))
	}
	for _, text := range list {
		problems = append(problems, matching("stacks", text, stackForm, "NAME=PROJECT; a name has 2 to 19 small letters, digits and hyphens"))
		name, project, _ := strings.Cut(text, "=")
		if slices.ContainsFunc(s.stacks, func(other stack) bool { return other.name == name }) {
			problems = append(problems, fmt.Errorf("stacks: %s is there twice", name))
		}
		s.stacks = append(s.stacks, stack{name, project})
	}
	for _, role := range s.deployerRoles {
		problems = append(problems, matching("deployerRoles", role, roleForm, "a role such as roles/cloudsql.admin"))
	}
	for _, role := range s.grantableRoles {
		problems = append(problems, matching("grantableRoles", role, roleForm, "a role such as roles/cloudsql.client"))
	}
	if n := len(grantableRoles) + len(s.grantableRoles); n > 10 {
		problems = append(problems, fmt.Errorf("grantableRoles: %d roles with those of every stack; Google takes 10 in one condition", n))
	}
	if err := errors.Join(problems...); err != nil {
		return settings{}, fmt.Errorf("invalid settings; correct them with `pulumi config set`:\n%w", err)
	}
	return s, nil
}

func matching(name, value string, form *regexp.Regexp, want string) error {
	switch {
	case value == "":
		return fmt.Errorf("%s: is not set; give %s", name, want)
	case !form.MatchString(value):
		return fmt.Errorf("%s: %q is not %s", name, value, want)
	}
	return nil
}
