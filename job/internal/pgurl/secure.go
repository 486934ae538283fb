package pgurl

import (
	"crypto/tls"
	"net/netip"
	"os"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// secure makes the safe settings the default: TLS over TCP to another machine, and no password in clear text to a server
// whose certificate nobody verified.
func secure(base string, pairs []pair, config *pgconn.Config) (*pgconn.Config, error) {
	if !slices.ContainsFunc(Addresses(config), isRemote) {
		return config, nil
	}
	if !given(pairs, "sslmode", "PGSSLMODE") && !given(pairs, "ssl", "") && config.TLSConfig != nil {
		var err error
		if config, err = parse(base, append(slices.Clone(pairs), pair{"sslmode", "require"})); err != nil {
			return nil, explain(base, pairs, err)
		}
	}
	isOpen := func(f pgconn.FallbackConfig) bool { return isRemote(f) && !Verifies(f.TLSConfig) }
	if config.RequireAuth == "" && slices.ContainsFunc(Addresses(config), isOpen) {
		config.RequireAuth = "!password"
	}
	return config, nil
}

// versions are those of TLS by libpq's names. Go's own minimum is TLS 1.2, so older ones are not asked for.
var versions = map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}

// setVersions bounds the version of TLS.
func setVersions(config *pgconn.Config, pairs []pair) {
	for _, f := range Addresses(config) {
		for _, p := range pairs {
			switch {
			case f.TLSConfig == nil:
			case p.name == "ssl_min_protocol_version":
				f.TLSConfig.MinVersion = versions[p.value]
			case p.name == "ssl_max_protocol_version":
				f.TLSConfig.MaxVersion = versions[p.value]
			}
		}
	}
}

// Defaulted reports that TLS is required because nothing in the value or in the environment says otherwise.
func Defaulted(raw string) bool {
	pairs, _, err := split(raw)
	return err == nil && !given(pairs, "sslmode", "PGSSLMODE") && !given(pairs, "ssl", "")
}

// given reports that a parameter or its variable has a value.
func given(pairs []pair, name, variable string) bool {
	return slices.ContainsFunc(pairs, func(p pair) bool { return p.name == name }) || variable != "" && os.Getenv(variable) != ""
}

// Addresses are all that a connection may go to, in the order in which they are tried.
func Addresses(config *pgconn.Config) []pgconn.FallbackConfig {
	all := []pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}
	for _, f := range config.Fallbacks {
		all = append(all, *f)
	}
	return all
}

func isRemote(f pgconn.FallbackConfig) bool { return !Local(f.Host) }

// Local reports that what is sent to host stays on this machine: a Unix socket or a loopback address.
func Local(host string) bool {
	if network, _ := pgconn.NetworkAddress(host, 5432); network == "unix" || host == "localhost" {
		return true
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback()
	}
	return false
}

// Verifies reports that the server's certificate is verified, if not against its name.
func Verifies(config *tls.Config) bool {
	return config != nil && (!config.InsecureSkipVerify || config.VerifyPeerCertificate != nil || config.VerifyConnection != nil)
}

// Address writes host and port as a person would.
func Address(f pgconn.FallbackConfig) string {
	network, address := pgconn.NetworkAddress(f.Host, f.Port)
	if network == "unix" {
		return "socket " + address
	}
	return "host " + address
}
