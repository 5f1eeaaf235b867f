// How a state of this machine is told (docs/cli.md, "doctor"): one check, one line. Checks change nothing: they make no folder
// and no vault, write nothing and unlock nothing.

export interface Check {
  readonly check: string;
  /** `note`: works, but costs something or may surprise. */
  readonly state: 'ok' | 'note' | 'fail';
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

/** Beyond what any check waits for by itself. */
const checkMsMax = 15_000;

export const ok = (check: string, message: string): Check => ({ check, state: 'ok', message });
export const note = (check: string, message: string, hint?: string): Check => ({ check, state: 'note', message, hint });
export const fail = (check: string, message: string, hint?: string): Check => ({ check, state: 'fail', message, hint });

/** One check that neither hangs nor ends the others: what goes wrong in it is what it found. */
export async function examine<T>(check: string, work: () => T | Promise<T>): Promise<T | Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Check>((resolve) => {
    timer = setTimeout(() => {
      resolve(fail(check, `no answer within ${String(checkMsMax / 1000)} s`));
    }, checkMsMax);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (error) {
    const hint = error instanceof Error && 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
    return fail(check, error instanceof Error ? error.message : String(error), hint);
  } finally {
    clearTimeout(timer);
  }
}
