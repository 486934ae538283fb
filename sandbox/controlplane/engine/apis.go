package engine

// APIs is what the store has to know of the APIs that it serves.
type APIs struct {
	// Titles are what error messages call the APIs that can be enabled, by service.
	Titles map[string]string
	// AlwaysOn are the services that need not be enabled.
	AlwaysOn []string
	// Services are the prefixes of permissions that are not the name of their service, with its name.
	Services map[string]string
	// Prefixes are the segments that services write before the version of their paths.
	Prefixes map[string]string
	// Stored are, for the services whose names others write differently, how the store writes one.
	Stored map[string]func(name string) string
	// Written are, for the services whose names conditions write differently, how those write one of the store's.
	Written map[string]func(name string) string
	// Permissions are those of a role, and whether there is one of that name.
	Permissions func(role string) (permissions []string, known bool)
	// OwnRole is the role that a service agent has on its project by itself; empty: none that matters here.
	OwnRole func(member, project string) string
	// Account reports whether there is a service account, or a service agent, with that address.
	Account func(email string) bool
}
