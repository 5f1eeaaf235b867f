// Statements that are prepared once for each connection. Building one anew costs ten times what running it does, and
// requests that are refused pay for nothing else: these stand before every check.
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
