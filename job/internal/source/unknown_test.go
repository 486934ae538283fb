package source

import (
	"errors"
	"testing"
)

// TestUnknownErrorsHideThePassword: what no case of failure knows is reported as it is, without the password.
func TestUnknownErrorsHideThePassword(t *testing.T) {
	pg, err := Config{URL: "postgres://u:s3cr3t-p%25ss@h/d"}.parse()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"SASL said " + secret + " twice: " + secret: `connect to database "d" as user "u" at host h:5432: SASL said *** twice: ***`,
		"nothing of it": `connect to database "d" as user "u" at host h:5432: nothing of it`,
	} {
		if got := (&attempt{config: Config{URL: "postgres://u@h/d"}, pg: pg}).failure(t.Context(), errors.New(text)); got.Error() != want+": look into the server's log; the next run tries again" {
			t.Errorf("got  %v\nwant %s", got, want)
		}
	}
}
