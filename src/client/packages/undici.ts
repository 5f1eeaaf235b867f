// What the program takes of undici: two modules, not all of it (docs/decisions/0017-parts-of-undici.md).
// The build makes one file of it (docs/decisions/0018-what-a-start-loads.md).
export { default as request } from 'undici/lib/api/api-request.js';
export { default as Pool } from 'undici/lib/dispatcher/pool.js';
