// What the program takes of cborg. The build makes one file of it (docs/decisions/0018-what-a-start-loads.md).
export { decode, encode } from 'cborg';
