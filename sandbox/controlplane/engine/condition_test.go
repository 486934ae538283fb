package engine

import "testing"

func TestCondition(t *testing.T) {
	at := map[string]string{"name": "projects/p/instances/a", "service": "sqladmin.googleapis.com", "type": "x"}
	for _, test := range []struct {
		expression string
		want       bool
	}{
		{`resource.name == 'projects/p/instances/a' && resource.service == "sqladmin.googleapis.com"`, true},
		{`resource.name == 'projects/p/instances/b' || resource.type != "y"`, true},
		{`resource.name.startsWith("projects/p/") && !resource.name.endsWith('/a')`, false},
		{`!(resource.type == 'x' || resource.type == 'y')`, false},
		{`resource.type == 'x' || resource.type == 'y' && resource.type == 'z'`, true},
	} {
		holds, err := parseCondition(test.expression)
		if err != nil {
			t.Errorf("%s: %v", test.expression, err)
			continue
		}
		if got := holds(at); got != test.want {
			t.Errorf("%s = %v", test.expression, got)
		}
	}
	for _, broken := range []string{
		"", "resource.name", "resource.name ==", "resource.name == resource.type", "== 'x'", "(resource.name == 'x'", "resource.name.startsWith 'x'",
		"resource.name == 'x' resource.name == 'x'", "resource.name == 'it\\'s'", "request.auth == 'x'", "&& resource.name == 'x'",
	} {
		if _, err := parseCondition(broken); err == nil {
			t.Errorf("%q parses", broken)
		}
	}
}
