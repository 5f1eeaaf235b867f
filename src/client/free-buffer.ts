// Gives the memory of a buffer back without waiting for the garbage collector (docs/decisions/0019-small-heaps.md): to V8 a buffer
// is a small object, so it lets tens of megabytes of dead ones pile up in a thread.
import { MessageChannel } from 'node:worker_threads';

const { port1: nowhere, port2 } = new MessageChannel();
// A closed port still takes what is transferred into it, and drops it at once.
nowhere.close();
port2.close();

/** `bytes` is empty from now on. It must be all of its memory, which nobody else may look at. */
export function freeBuffer(bytes: Uint8Array): void {
  nowhere.postMessage(undefined, [bytes.buffer as ArrayBuffer]);
}
