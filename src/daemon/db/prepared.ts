// Statements that are prepared once for each connection: building one anew costs ten times what running it does. That is
// most of what a small request costs, and all that one which is refused pays for.
import type { Queries } from './connection.js';

/** Gives the statement that `prepare` makes, made at the first use of each connection. */
export function preparedOnce<T>(prepare: (db: Queries) => T): (db: Queries) => T {
  const statements = new WeakMap<Queries, T>();
  return (db) => {
    let statement = statements.get(db);
    if (statement === undefined) {
      statement = prepare(db);
      statements.set(db, statement);
    }
    return statement;
  };
}

/**
 * `count` zeros as JSON. `json_each` makes numbered rows of them in less than half the time of a recursive query; bytes of
 * another parameter are cut by that number (`key`).
 */
export function numbered(count: number): string {
  return count === 0 ? '[]' : `[${'0,'.repeat(count - 1)}0]`;
}
