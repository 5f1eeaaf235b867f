// TUN devices (Linux, Documentation/networking/tuntap.rst): what the kernel sends there is read here packet by packet, and what is
// written here the kernel takes as received.
import { openSync } from 'node:fs';

const tunSetInterface = 0x400454ca;
const modeTun = 0x0001;
const withoutHeader = 0x1000;
const nameBytesMax = 16;
const requestBytes = 40;
const packetBytesMax = 65_536;
const pollIn = 1;

/** `koffi` is an optional package: undefined where it is missing. */
export async function loadCalls() {
  let koffi;
  try {
    ({ default: koffi } = await import('koffi'));
  } catch {
    return undefined;
  }
  const c = koffi.load(null);
  return {
    errno: () => koffi.errno(),
    ioctl: c.func('int ioctl(int file, unsigned long request, void *argument)'),
    read: c.func('long read(int file, void *memory, size_t length)'),
    write: c.func('long write(int file, const void *memory, size_t length)'),
    poll: c.func('int ppoll(void *files, unsigned long count, const void *timeout, const void *mask)'),
  };
}

/** Makes a device; it is gone when the process ends. */
export function openTun(calls, name) {
  const file = openSync('/dev/net/tun', 'r+');
  // O_NONBLOCK, which Node gives no name to: FIONBIO sets it afterwards.
  const isNonBlocking = Buffer.alloc(4);
  isNonBlocking.writeInt32LE(1);
  calls.ioctl(file, 0x5421, isNonBlocking);
  const request = Buffer.alloc(requestBytes);
  request.write(name, 'latin1');
  request.writeUInt16LE(modeTun | withoutHeader, nameBytesMax);
  if (calls.ioctl(file, tunSetInterface, request) !== 0) {
    throw new Error(`the kernel makes no TUN device (error ${calls.errno()})`);
  }
  const memory = Buffer.alloc(packetBytesMax);
  return {
    file,
    /** The next packet; undefined where none waits. */
    read() {
      const length = Number(calls.read(file, memory, memory.length));
      return length > 0 ? Buffer.from(memory.subarray(0, length)) : undefined;
    },
    write(packet) {
      calls.write(file, packet, packet.length);
    },
  };
}

/** A function that waits until one of the devices has a packet, at most the given milliseconds. */
export function createWait(calls, devices) {
  const files = Buffer.alloc(8 * devices.length);
  for (const [at, { file }] of devices.entries()) {
    files.writeInt32LE(file, 8 * at);
    files.writeInt16LE(pollIn, 8 * at + 4);
  }
  const timeout = Buffer.alloc(16);
  return (ms) => {
    timeout.writeBigInt64LE(BigInt(Math.floor(ms / 1000)), 0);
    timeout.writeBigInt64LE(BigInt(Math.floor((ms % 1000) * 1e6)), 8);
    calls.poll(files, devices.length, timeout, null);
  };
}
