// What the program takes of @hpke/core. The build makes one file of it (docs/decisions/0018-what-a-start-loads.md).
export { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
