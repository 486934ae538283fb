package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// oldStatistics is how long PostgreSQL 14 may take from the end of a transaction until every session sees what it changed:
// the session reports at most every half second, and the collector writes its file as seldom.
const oldStatistics = 600 * time.Millisecond

// FlushStatistics has what the session has changed so far counted in pg_stat_user_tables, which would otherwise take up to
// a minute. From PostgreSQL 15 that is a matter of a function; before, it takes a second.
func FlushStatistics(ctx context.Context, conn *pgx.Conn) error {
	major, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	if version, err := strconv.Atoi(major); err == nil && version < 15 {
		for range 2 { // until it may report again, and until that is written
			if _, err := conn.Exec(ctx, "SELECT pg_sleep($1)", oldStatistics.Seconds()); err != nil {
				return fmt.Errorf("wait for statistics: %w", err)
			}
		}
		return nil
	}
	if _, err := conn.Exec(ctx, "SELECT pg_stat_force_next_flush()"); err != nil {
		return fmt.Errorf("flush statistics: %w", err)
	}
	return nil
}
