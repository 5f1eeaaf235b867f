// Loaded before a program: writes one byte for each call of the file system, in every thread, to a file named after the call.
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const { join } = require('node:path');

const { writeSync, openSync } = fs;
for (const name of process.env.COUNTED_FILE_CALLS.split(',')) {
  const call = fs[name];
  const counts = openSync(join(process.env.COUNTS_FOLDER, name), 'a');
  fs[name] = (...args) => {
    writeSync(counts, '.');
    return call(...args);
  };
}
syncBuiltinESMExports();
