// Deterministic CBOR as it is written (docs/format.md, "Structured data"), value by value: the rows of a manifest are
// hundreds of thousands, and building each as a value first costs more than writing it.
import { ok } from 'node:assert/strict';

const [unsigned, negative, byteString, textString, array] = [0, 1, 2, 3, 4];
const [falseByte, trueByte, nullByte] = [0xf4, 0xf5, 0xf6];
const headBytesMax = 9;
const firstBytes = 64 * 1024;

export class CborWriter {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #at = 0;

  /** What was written so far, a copy. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return taken;
  }

  integer(value: number): void {
    ok(Number.isSafeInteger(value), 'an integer is written');
    if (value >= 0) this.#head(unsigned, value);
    else this.#head(negative, -1 - value);
  }

  bytes(value: Uint8Array): void {
    this.#head(byteString, value.length);
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  text(value: string): void {
    const lengthBytes = Buffer.byteLength(value);
    this.#head(textString, lengthBytes);
    this.#reserve(lengthBytes);
    this.#at += this.#bytes.write(value, this.#at);
  }

  boolean(value: boolean): void {
    this.#simple(value ? trueByte : falseByte);
  }

  null(): void {
    this.#simple(nullByte);
  }

  /** The head of a list of so many values, which are written next. */
  list(length: number): void {
    this.#head(array, length);
  }

  #simple(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at] = byte;
    this.#at += 1;
  }

  /** The shortest form, which is the only valid one. */
  #head(major: number, value: number): void {
    this.#reserve(headBytesMax);
    const bytes = this.#bytes;
    const at = this.#at;
    const type = major << 5;
    if (value < 24) {
      bytes[at] = type | value;
      this.#at = at + 1;
    } else if (value < 0x100) {
      bytes[at] = type | 24;
      bytes[at + 1] = value;
      this.#at = at + 2;
    } else if (value < 0x1_0000) {
      bytes[at] = type | 25;
      bytes[at + 1] = value >>> 8;
      bytes[at + 2] = value;
      this.#at = at + 3;
    } else if (value < 0x1_0000_0000) {
      bytes[at] = type | 26;
      bytes.writeUInt32BE(value, at + 1);
      this.#at = at + 5;
    } else {
      bytes[at] = type | 27;
      bytes.writeUInt32BE(Math.floor(value / 0x1_0000_0000), at + 1);
      bytes.writeUInt32BE(value % 0x1_0000_0000, at + 5);
      this.#at = at + 9;
    }
  }

  #reserve(lengthBytes: number): void {
    if (this.#at + lengthBytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + lengthBytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
