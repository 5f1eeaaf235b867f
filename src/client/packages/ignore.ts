// What the program takes of ignore. The build makes one file of it (docs/decisions/0018-what-a-start-loads.md).
export { default as ignore } from 'ignore';
