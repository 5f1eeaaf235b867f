// What the program takes of chalk. The build makes one file of it (docs/decisions/0018-what-a-start-loads.md).
export { Chalk, type ChalkInstance, supportsColorStderr } from 'chalk';
