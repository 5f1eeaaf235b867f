// What a route needs of admission: paying for its work inside its own transaction (docs/proof-of-work.md, "Grants").
import type { Queries } from './db/connection.js';

export interface GrantSpending {
  readonly accountNo: number;
  readonly grantId: string;
  readonly cost: { readonly bytes: number; readonly blobs: number; readonly ids: number };
  readonly nowMs: number;
}

/** Throws ProtocolError `grant-invalid` or `grant-exhausted`, and the transaction around it then leaves no trace. */
export type SpendGrant = (tx: Queries, spending: GrantSpending) => void;
